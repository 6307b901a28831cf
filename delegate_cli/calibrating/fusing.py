"""Labelled tasks that a model was asked about → weights and threshold of the joined probabilities, kept where no worse.

Every task is predicted by what was fitted without it, as in `fit`. Knows nothing of files or endpoints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.advice import FusionFit, fuse, trust, unfitted
from delegate_cli.calibrating.fit import (
    Judged,
    Verdict,
    excess_and_coverage,
    figures,
    folds_of,
    useless_for,
    verdict,
    weight_of,
)
from delegate_cli.confidence import fusion, threshold
from delegate_cli.confidence.fusion import Rows, Weights
from delegate_cli.loaded import Ranking
from delegate_cli.opinion import Advice, masses

Floats = NDArray[np.float64]
ALONE = Weights(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class Consulted:
    """A labelled task with the head's ranking and the model's advice; no `gold` places: nobody fits."""

    alone: Ranking
    advice: Advice
    gold: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FusionCalibration:
    """What labelled tasks came to: the fit, verdicts, and figures of the head alone, with the default weights, and after."""

    fit: FusionFit
    nobody: int
    verdicts: Mapping[str, Verdict]
    head: Mapping[str, float | None]
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]

    @property
    def applied(self) -> bool:
        """Whether anything differs from the default."""
        return any(each.applied for each in self.verdicts.values())

    def as_dict(self) -> dict[str, Any]:
        """The figures, and the weights in use."""
        verdicts = {name: asdict(each) for name, each in self.verdicts.items()}
        facts = {"tasks": self.fit.tasks, "nobody": self.nobody, "applied": self.applied}
        columns = {"head": dict(self.head), "before": dict(self.before), "after": dict(self.after)}
        return {**facts, "weights": asdict(self.fit.weights), "parts": verdicts, **columns}


def calibrate(
    tasks: Sequence[Consulted], agents: int, usual: float, target_error: float, none_share: float | None = None
) -> FusionCalibration:
    """Fit the weights on all tasks, if fitted on the other folds they were no worse for the tasks of each; then the threshold.

    Args:
        agents: in the roster.
        usual: the head's threshold at this target error.
        none_share: of real tasks that nobody fits, in (0, 1); by default the file's own.
    """
    alone, before = judge(tasks, [ALONE] * len(tasks)), judge(tasks, [fusion.DEFAULT] * len(tasks))
    each = weight_of(before.somebody, none_share)
    useless = useless_for(alone, agents)
    judged, weights, verdicts = before, fusion.DEFAULT, {"weights": Verdict(False, useless)}
    folds = np.array(folds_of(tasks))
    if not useless:
        tried = [fitted(tasks, folds != out, each) for out in range(max(folds) + 1)]
        after = judge(tasks, [tried[fold] for fold in folds])
        verdicts["weights"] = verdict(each * (after.surprise - before.surprise))
        if verdicts["weights"].applied:
            judged, weights = after, fitted(tasks, np.ones(len(tasks), dtype=bool), each)
    columns = (judged.top, judged.right & judged.somebody, _curve_weight(judged, each), alone.top)
    rows = np.column_stack(columns).astype(np.float64)
    grey = (alone.top < usual) | (alone.none >= 0.5)
    old = np.array([unfitted(target_error, usual, is_grey) for is_grey in grey])
    cuts, verdicts["threshold"] = _cuts(rows, judged, each, folds, grey, usual, target_error, old, useless)
    kept = rows if verdicts["threshold"].applied else np.zeros((0, 4))
    found = FusionFit(weights, kept, len(tasks))
    three = (
        figures(alone, np.full(len(tasks), usual), each),
        figures(before, old, each),
        figures(judged, cuts, each),
    )
    return FusionCalibration(found, int((~alone.somebody).sum()), verdicts, *three)


def judge(tasks: Sequence[Consulted], weights: Sequence[Weights]) -> Judged:
    """What each task is given, each with its own weights."""
    rows = []
    for task, own in zip(tasks, weights, strict=True):
        ranking = fuse(task.alone, task.advice, own)
        hit = ranking.probability[np.isin(ranking.places, task.gold)].sum() if len(task.gold) else ranking.none
        right = ranking.places[0] in task.gold
        rows.append((-np.log(max(hit, 1e-12)), ranking.probability[0], right, ranking.none, len(task.gold) > 0))
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return Judged(columns[0], columns[1], columns[2] > 0, columns[3], columns[4] > 0)


def fitted(tasks: Sequence[Consulted], chosen: NDArray[np.bool_], each: Floats) -> Weights:
    """Weights fitted on the chosen tasks."""
    train = [task for task, use in zip(tasks, chosen, strict=True) if use]
    rows = Rows.of(
        [masses(task.alone, task.advice.places) for task in train],
        [task.advice.answer.probability for task in train],
        [trust(task.advice) for task in train],
    )
    gold = np.zeros(rows.head.shape, dtype=bool)
    for row, task in enumerate(train):
        gold[row, : len(task.advice.places)] = np.isin(task.advice.places, task.gold)
        gold[row, -1] = not len(task.gold)
    return fusion.fit(rows, gold, each[chosen])


def _curve_weight(judged: Judged, each: Floats) -> Floats:
    """Tasks that somebody fits weigh exactly 1, by which the curve knows them; the others as much in proportion."""
    inside = each[judged.somebody].max(initial=1e-9)
    weight: Floats = np.where(judged.somebody, 1.0, np.nextafter(each / inside, 2.0))
    return weight


def _cuts(
    rows: Floats,
    judged: Judged,
    each: Floats,
    folds: NDArray[np.int64],
    grey: NDArray[np.bool_],
    usual: float,
    target_error: float,
    old: Floats,
    useless: str,
) -> tuple[Floats, Verdict]:
    """The threshold of each task, by what was fitted without its fold, and whether it is kept."""
    if useless or len(rows) < threshold.MIN_REQUESTS:
        return old, Verdict(False, useless or f"{len(rows)} tasks, {threshold.MIN_REQUESTS} are needed")
    new = np.empty(len(rows))
    for fold in range(max(folds) + 1):
        without = FusionFit(fusion.DEFAULT, rows[folds != fold], 0)
        for is_grey in (False, True):
            here = (folds == fold) & (grey == is_grey)
            new[here] = without.threshold(target_error, usual, is_grey)
    was, would = (excess_and_coverage(judged, each, cuts, target_error)[0] for cuts in (old, new))
    if would > was:
        return old, Verdict(False, "more errors among tasks handed over")
    return new, Verdict(True, "no more errors among tasks handed over")
