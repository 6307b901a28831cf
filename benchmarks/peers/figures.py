"""Answers → figures: one code for every peer, so that no number depends on how a peer counts.

Shares are in [0, 1]. Top-1, top-3, calibration and coverage are over tasks that some agent fits; the AUROC of `none` is over
all.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from delegate_cli.confidence.metrics import auroc, expected_calibration_error, wilson

COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class Figures:
    """One row of a table. None: there is nothing to measure, or the peer does not claim it."""

    tasks: int
    fits: int
    top1: float | None
    interval: float | None  # half the width of the 95 % Wilson interval of top1
    top3: float | None
    ece: float | None
    none_auroc: float | None
    error: float | None  # share of wrong ones among the COVERAGE of tasks that the peer is surest of
    p50_ms: float
    cold_s: float
    build_s: float
    memory_mib: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def figures(rows: Sequence[dict[str, Any]], gold: Sequence[frozenset[str]], timing: dict[str, float]) -> Figures:
    """Every figure from a peer's answers (`ranking`, `confidence`, `none`, `seconds` each) and the right agents, task by task.

    Args:
        timing: `cold`, `build` in seconds and `memory` in MiB, which are not in the answers.
    """
    fits = np.array([bool(agents) for agents in gold])
    right = np.array([hit(row["ranking"][:1], agents) for row, agents in zip(rows, gold, strict=True)], dtype=bool)
    third = np.array([hit(row["ranking"][:3], agents) for row, agents in zip(rows, gold, strict=True)], dtype=bool)
    inside = int(fits.sum())
    low, high = wilson(int(right[fits].sum()), inside)
    claims = all(row["confidence"] is not None for row in rows)
    confidence = np.array([row["confidence"] for row in rows], dtype=float) if claims else None
    sure = np.array(surest(rows))
    return Figures(
        tasks=len(rows),
        fits=inside,
        top1=float(right[fits].mean()) if inside else None,
        interval=(high - low) / 2 if inside else None,
        top3=float(third[fits].mean()) if inside else None,
        ece=expected_calibration_error(confidence[fits], right[fits]) if confidence is not None and inside else None,
        none_auroc=auroc(nobody(rows), ~fits) if 0 < inside < len(rows) else None,
        error=error_at(sure[fits], right[fits]) if inside else None,
        p50_ms=1e3 * float(np.median([row["seconds"] for row in rows])),
        cold_s=timing["cold"],
        build_s=timing["build"],
        memory_mib=timing["memory"],
    )


def hit(ranking: Sequence[Sequence[Any]], agents: frozenset[str]) -> bool:
    return any(agent in agents for agent, _ in ranking)


def surest(rows: Sequence[dict[str, Any]]) -> list[float]:
    """How sure a peer is of its first agent: that agent's own score. An empty ranking is the least sure of all."""
    scores = [row["ranking"][0][1] if row["ranking"] else None for row in rows]
    lowest = min((score for score in scores if score is not None), default=0.0)
    return [lowest - 1 if score is None else score for score in scores]


def nobody(rows: Sequence[dict[str, Any]]) -> list[float]:
    """The peer's own score for nobody; without one, how little sure it is of its first agent."""
    if all(row["none"] is not None for row in rows):
        return [row["none"] for row in rows]
    return [-score for score in surest(rows)]


def error_at(score: Any, right: Any, coverage: float = COVERAGE) -> float:
    """The share of wrong ones among the surest tasks. Where equal scores straddle the cut, their mean counts for each.

    Args:
        score: how sure the peer is, any unit, shape (tasks,).
        right: whether its first agent is right, shape (tasks,).
    """
    score, wrong = np.asarray(score, dtype=float), 1.0 - np.asarray(right, dtype=float)
    count = max(1, round(coverage * len(score)))
    cut = np.sort(score)[::-1][count - 1]
    above, level = score > cut, score == cut
    share = (count - above.sum()) / level.sum()
    return float((wrong[above].sum() + share * wrong[level].sum()) / count)


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of what there is."""
    there = [value for value in values if value is not None]
    return float(np.mean(there)) if there else None
