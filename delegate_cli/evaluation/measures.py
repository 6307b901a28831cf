"""Outcomes → figures. Shares are in [0, 1]; intervals are 95 %: Wilson for shares, bootstrap for the rest.

Calibration error, Brier score, log loss and risk are over tasks that somebody fits, unless a name says otherwise.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from delegate_cli.confidence.intervals import mean, share
from delegate_cli.confidence.metrics import BINS, auroc, chance_calibration_error, expected_calibration_error
from delegate_cli.evaluation.run import Outcome

COVERAGES = (0.5, 0.7, 0.8, 0.9)
_WORST = 5
_CURVE = 100  # points at most


def measure(outcomes: Sequence[Outcome], agents: int, seconds: float) -> dict[str, Any]:
    """Every figure of `delegate eval`, as JSON; None where there is nothing to measure."""
    inside = [outcome for outcome in outcomes if outcome.fits]
    outside = [outcome for outcome in outcomes if not outcome.fits]
    right = np.array([outcome.right for outcome in inside], dtype=bool)
    stated = np.array([outcome.probability for outcome in inside])
    every = np.array([outcome.probability for outcome in outcomes])
    every_right = np.array([outcome.right for outcome in outcomes], dtype=bool)
    return {
        "tasks": len(outcomes),
        "agents": agents,
        "fits": len(inside),
        "nobody": len(outside),
        "top1": share(right.sum(), len(inside)),
        "top3": share(sum(outcome.rank is not None and outcome.rank <= 3 for outcome in inside), len(inside)),
        "mrr": mean([1 / outcome.rank if outcome.rank else 0.0 for outcome in inside]),
        "macro_f1": macro_f1(inside),
        "random_top1": number(np.mean([len(outcome.task.agents) / agents for outcome in inside])) if inside else None,
        "ece": number(expected_calibration_error(stated, right)),
        "ece_by_chance": number(chance_calibration_error(stated)),
        "ece_all": number(expected_calibration_error(every, every_right)),
        "brier": number(((stated - right) ** 2).mean()) if inside else None,
        "log_loss": number(-np.log([max(outcome.gold_probability, 1e-12) for outcome in outcomes]).mean()),
        "auroc_right": number(auroc(stated, right)),
        "none_auroc": number(auroc([each.none for each in outcomes], [not each.fits for each in outcomes])),
        "false_accept": share(sum(outcome.handed_over for outcome in outside), len(outside)),
        "reliability": reliability(stated, right),
        "risk_coverage": risk_coverage(stated, right),
        "risk_coverage_curve": risk_coverage_curve(stated, right),
        "handed_over": handed_over(outcomes),
        "levels": by_level(inside),
        "confused": confused(inside),
        "confusion": confusion(inside),
        "seconds": round(seconds, 3),
        "tasks_per_second": round(len(outcomes) / seconds, 1) if seconds > 0 else None,
    }


def number(value: Any) -> float | None:
    """A finite number, else None."""
    return float(value) if math.isfinite(value) else None


def macro_f1(inside: Sequence[Outcome]) -> float | None:
    """Mean F1 over the agents that some task belongs to; a task of several right agents counts for the first by id."""
    if not inside:
        return None
    pairs = [(_gold(outcome), outcome.first) for outcome in inside]
    gold, chosen = Counter(pair[0] for pair in pairs), Counter(pair[1] for pair in pairs)
    hits = Counter(pair[0] for pair in pairs if pair[0] == pair[1])
    return float(np.mean([2 * hits[agent] / (gold[agent] + chosen[agent]) for agent in gold]))


def reliability(stated: Any, right: Any) -> list[dict[str, Any]]:
    """The bins of the calibration error: how many tasks, what probability was stated on average, what share was right."""
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    found = []
    for step in range(BINS):
        here = place == step
        count = int(here.sum())
        found.append(
            {
                "from": step / BINS,
                "to": (step + 1) / BINS,
                "count": count,
                "probability": number(stated[here].mean()) if count else None,
                "right": share(right[here].sum(), count),
            }
        )
    return found


def risk_coverage_curve(stated: Any, right: Any) -> list[dict[str, float]]:
    """The share of wrong ones among the most confident tasks, at coverages spread evenly from one task to all."""
    count = len(stated)
    wrong = np.cumsum(~right[np.argsort(-stated, kind="stable")])
    ends = np.unique(np.linspace(1, count, min(count, _CURVE)).round().astype(int))
    return [{"coverage": int(end) / count, "error": int(wrong[end - 1]) / int(end)} for end in ends]


def risk_coverage(stated: Any, right: Any) -> list[dict[str, Any]]:
    """The share of wrong ones among the most confident tasks, at several coverages."""
    order = np.argsort(-stated, kind="stable")
    found = []
    for coverage in COVERAGES:
        count = round(coverage * len(order))
        error = share((~right[order[:count]]).sum(), count)
        found.append({"coverage": coverage, "error": error})
    return found


def handed_over(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Coverage and error at the threshold of the decisions; `error_all` counts tasks that nobody fits as wrong ones."""
    inside = [outcome for outcome in outcomes if outcome.fits]
    given = [outcome for outcome in inside if outcome.handed_over]
    every = [outcome for outcome in outcomes if outcome.handed_over]
    return {
        "threshold": outcomes[0].decision.threshold if outcomes else None,
        "coverage": share(len(given), len(inside)),
        "error": share(sum(not outcome.right for outcome in given), len(given)),
        "error_all": share(sum(not outcome.right for outcome in every), len(every)),
    }


def by_level(inside: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Accuracy at each rubric level."""
    found = []
    for level in range(1, 6):
        here = [outcome.right for outcome in inside if outcome.level == level]
        found.append({"level": level, "accuracy": share(sum(here), len(here))})
    return found


def confused(inside: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The pairs of agents that are taken for each other most often, with two real tasks each."""
    pairs: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in inside:
        if not outcome.right and outcome.first is not None:
            pair = sorted((_gold(outcome), outcome.first))
            pairs.setdefault((pair[0], pair[1]), []).append(outcome)
    worst = sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))[:_WORST]
    return [
        {
            "agents": list(pair),
            "count": len(found),
            "tasks": [{"task": each.task.task, "right": sorted(each.task.agents), "chosen": each.first} for each in found[:2]],
        }
        for pair, found in worst
    ]


def confusion(inside: Sequence[Outcome]) -> dict[str, Any]:
    """The tasks of the agents in the most confused pairs: a row for the right agent, a column for the chosen one.

    The worst pair comes first. `others` counts the tasks of each row that went to an agent outside the list.
    """
    agents = list(dict.fromkeys(agent for pair in confused(inside) for agent in pair["agents"]))
    counts = Counter((_gold(outcome), outcome.first) for outcome in inside)
    rows = [[counts[right, chosen] for chosen in agents] for right in agents]
    totals = Counter(_gold(outcome) for outcome in inside)
    return {
        "agents": agents,
        "counts": rows,
        "others": [totals[agent] - sum(row) for agent, row in zip(agents, rows, strict=True)],
    }


def _gold(outcome: Outcome) -> str:
    """The agent that a task counts for: the chosen one where it is right, else the first right one by id."""
    return outcome.first if outcome.right and outcome.first else min(outcome.task.agents)


def failed_gates(figures: dict[str, Any], gates: dict[str, float | None]) -> list[str]:
    """Which gates (`min_top1`, `min_top3`, `max_ece`, `max_error`) are not met, in words.

    `max_error` is the error among all tasks handed over; where none was, there is no error.
    """
    values = {
        "min_top1": _value(figures["top1"]),
        "min_top3": _value(figures["top3"]),
        "max_ece": figures["ece"],
        "max_error": _value(figures["handed_over"]["error_all"]) or 0.0,
    }
    missed = []
    for name, bound in gates.items():
        if bound is None:
            continue
        value = values[name]
        if value is None or (value < bound if name.startswith("min_") else value > bound):
            what = name[4:]
            shown = "unknown: no task that an agent fits" if value is None else f"{value:.4f}"
            missed.append(f"{what} is {shown}, the gate --{name.replace('_', '-')} is {bound:g}")
    return missed


def _value(figure: dict[str, Any] | None) -> float | None:
    return None if figure is None else float(figure["value"])
