"""Two delegators on the same tasks: the figures of both, their differences, and whether the first is real."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from delegate_cli.confidence.metrics import expected_calibration_error
from delegate_cli.evaluation import compare
from delegate_cli.evaluation.measures import measure
from delegate_cli.evaluation.run import Outcome, run_tasks
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.evaluation.variants import Progress
from delegate_cli.pipeline import Delegator

FIGURES = ("top1", "top3", "ece", "log_loss")


def contest(
    pair: Sequence[Delegator], names: tuple[str, str], tasks: Sequence[LabelledTask], progress: Progress
) -> dict[str, Any]:
    """Both sides' figures, B − A of each, and the verdict on top-1, as JSON."""
    for each in pair:
        each.ready()  # what that has to say comes before the bar
    outcomes, total = [], len(pair) * len(tasks)
    for before, each in zip(range(0, total, len(tasks)), pair, strict=True):
        outcomes.append(run_tasks(each, tasks, _counted(progress, before, total))[0])
    first, second = outcomes
    return {
        "tasks": len(tasks),
        "fits": sum(outcome.fits for outcome in first),
        "a": figures(names[0], first, len(pair[0].roster)),
        "b": figures(names[1], second, len(pair[1].roster)),
        "difference": differences(first, second),
        **judged(first, second, names),
    }


def _counted(progress: Progress, before: int, total: int) -> Callable[[int], None]:
    return lambda done: progress("deciding", before + done, total)


def figures(name: str, outcomes: Sequence[Outcome], agents: int) -> dict[str, Any]:
    """What is shown of one side."""
    found = measure(outcomes, agents, 0.0)
    given = found["handed_over"]
    return {
        "name": name,
        "agents": agents,
        **{key: found[key] for key in FIGURES},
        "handed_over": given["coverage"],
        "error": given["error"],
    }


def differences(first: Sequence[Outcome], second: Sequence[Outcome]) -> dict[str, Any]:
    """B − A of every figure with its paired interval."""
    a, b = (_Columns([outcome for outcome in side if outcome.fits]) for side in (first, second))
    return {
        "top1": compare.mean_difference(a.right, b.right),
        "top3": compare.mean_difference(a.third, b.third),
        "ece": compare.difference(a.ece, b.ece, len(a.right)),
        "log_loss": compare.mean_difference(_surprise(first), _surprise(second)),
    }


class _Columns:
    """Outcomes of tasks that somebody fits, as arrays from which each draw's figures follow."""

    def __init__(self, inside: Sequence[Outcome]) -> None:
        self.right = np.array([outcome.right for outcome in inside], dtype=float)
        self.third = np.array([outcome.in_three for outcome in inside], dtype=float)
        self._stated = np.array([outcome.probability for outcome in inside])

    def ece(self, rows: Any) -> float:
        return expected_calibration_error(self._stated[rows], self.right[rows])


def _surprise(outcomes: Sequence[Outcome]) -> Any:
    return -np.log([max(outcome.gold_probability, 1e-12) for outcome in outcomes])


def judged(first: Sequence[Outcome], second: Sequence[Outcome], names: tuple[str, str]) -> dict[str, Any]:
    """McNemar's test on top-1, the verdict, and the sentence that says it."""
    right = [[outcome.right for outcome in side if outcome.fits] for side in (first, second)]
    pairs = compare.Pairs.of(*right)
    gap = compare.mean_difference(*right)
    if gap is None:
        return {
            "mcnemar": None,
            "verdict": None,
            "tasks_needed": None,
            "summary": "No agent fits any task: nothing to compare.",
        }
    low, high = gap["low"], gap["high"]
    found = compare.verdict(pairs)
    return {
        "mcnemar": {"only_a": pairs.only_a, "only_b": pairs.only_b, "p": compare.mcnemar(pairs.only_a, pairs.only_b)},
        "verdict": found.value,
        "tasks_needed": compare.tasks_needed(pairs) if found is compare.Verdict.TOO_FEW else None,
        "summary": compare.sentence(pairs, low, high, names),
    }
