"""Does what was learnt hold for tasks of families that were not learnt from? Families are left out, and the loss is looked at.

Learned choice loses where tasks are unlike the known ones: on 14 families of questions and nine models up to 5 points, beside
always taking the best. So predictions are drawn to the agents' rates from some distance on, the largest at which families that
were left out hardly lose.
"""

import numpy as np
from numpy.typing import NDArray

from delegate_cli.planning import kernel, novelty
from delegate_cli.planning.estimators.base import rates
from delegate_cli.planning.estimators.likeness import Penalties, solve
from delegate_cli.planning.features import Floats, Tasks
from delegate_cli.planning.novelty import Bounds

# Shares of the known tasks, held out: up to the distance of the first predictions hold, from that of the second on they do not.
# The third is the mean loss of a left-out family, in success, up to which a pair is taken; the first that keeps to it is. The
# widest is only for tables where next to nothing is lost.
PAIRS = (
    (1.0, 1.5, 0.0015),
    (0.95, 1.0, 0.0015),
    (0.7, 0.9, 0.003),
    (0.6, 0.8, 0.003),
    (0.5, 0.7, 0.003),
    (0.4, 0.6, 0.003),
    (0.2, 0.4, 0.003),
)
_CAREFUL = (0.7, 0.9)
_ODD = 0.5  # the same share beyond the largest plain distance, from which on a task is unlike every family
_NEVER = Bounds(-2e9, -1e9, -2e9, -1e9)
_GROUPS, _FOLDS = 8, 4
_LANDMARKS = 400
_PENALTIES = Penalties(1.5, 3.0)


def fit_bounds(tasks: Tasks, success: Floats, labels: NDArray[np.int64]) -> tuple[Bounds, Floats]:
    """Where trust fades, and the trust in each known task as if it were not known, shape (tasks,).

    Nothing is trusted where nothing that was learnt holds for other families.
    """
    fold = np.random.default_rng(2).permutation(len(labels)) % min(_FOLDS, len(labels))
    known = novelty.distances(tasks, labels, fold)
    bounds = _chosen(tasks, success, labels, known)
    return bounds, bounds.trust(known)


def _chosen(tasks: Tasks, success: Floats, labels: NDArray[np.int64], known: Floats) -> Bounds:
    groups = _groups(labels)
    if len(np.unique(groups)) < 3:  # nothing can be said of other families: be careful
        return _bounds(known, *_CAREFUL)
    apart = novelty.distances(tasks, labels, groups)
    departure, own = _left_out(tasks, success, groups)
    for near, far, allowed in PAIRS:
        bounds = _bounds(known, near, far)
        gain = _gain(own, own + bounds.trust(apart)[:, None] * departure, success)
        losses = [min(0.0, float(gain[groups == group].mean())) for group in np.unique(groups)]
        if np.mean(losses) >= -allowed:
            return bounds
    return _NEVER


def _bounds(known: Floats, near: float, far: float) -> Bounds:
    relative, plain = known.T
    return Bounds(_bound(relative, near), _bound(relative, far), _bound(plain, 1.0), _bound(plain, 1.0 + _ODD))


def _bound(known: Floats, share: float) -> float:
    """A quantile of the distances; of a share above 1, so much of the way from the median to the largest beyond that."""
    largest = float(known.max())
    if share > 1:
        return largest + (share - 1) * (largest - float(np.median(known)))
    return float(np.quantile(known, share))


def _groups(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Families put together into at most _GROUPS of about equal size; the largest first, so that each has a large one."""
    size = np.zeros(_GROUPS)
    place = {}
    counts = np.bincount(labels)
    for label in np.argsort(-counts, kind="stable"):
        if counts[label]:
            place[int(label)] = int(size.argmin())
            size[place[int(label)]] += counts[label]
    return np.array([place[int(label)] for label in labels])


def _left_out(tasks: Tasks, success: Floats, groups: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Of each task, predicted without its group: how success departs from the rates, and the rates, shape (tasks, agents)."""
    departure, own = np.zeros_like(success), np.zeros_like(success)
    for group in np.unique(groups):
        train, test = np.flatnonzero(groups != group), np.flatnonzero(groups == group)
        fitted = kernel.fit_map(tasks.rows(train), _LANDMARKS)
        own[test] = rates(success[train])
        weights = solve(fitted(tasks.rows(train)), success[train] - rates(success[train]), _PENALTIES)
        departure[test] = fitted(tasks.rows(test)) @ weights
    return departure, own


def _gain(own: Floats, predicted: Floats, success: Floats) -> Floats:
    """Of each task, what predictions gain over the rates: in success of the chosen agent, else in squared error."""
    if success.shape[1] > 1 and not np.isnan(success).any():
        rows = np.arange(len(success))
        chosen: Floats = success[rows, predicted.argmax(axis=1)] - success[rows, own.argmax(axis=1)]
        return chosen
    error = (own - success) ** 2 - (predicted - success) ** 2
    return np.asarray(np.nanmean(error, axis=1))
