"""Kernel regression on meaning and form in two stages: how hard a task is for all agents, then where each of them departs.

Both are ridge regressions on the coordinates of a `kernel.Map`, which is the mean of a Gaussian process with that kernel. Few
outcomes of an agent move it little from what all agents' outcomes say of the task; few outcomes at all leave each at its rate.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate_cli.planning import kernel
from delegate_cli.planning.estimators.base import Arrays, rates
from delegate_cli.planning.features import Floats, Tasks

SHARED = (1.5, 3.0)  # penalties of the shared difficulty that are tried
OWN = (1.5, 3.0, 6.0)  # penalties of the departures
_TRIED_ON = 3000  # tasks, with as many as _FEW landmarks: penalties hardly depend on how many there are
_FEW = 500
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Penalties:
    """Of the shared difficulty and of each agent's departure."""

    shared: float
    own: float


class Likeness:
    """The fitted two stages, joined into one weight for each landmark and agent."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def predict(self, tasks: Tasks) -> Floats:
        """Shape (tasks, agents)."""
        kept = self.arrays
        alike = kernel.likeness(tasks, kept["vectors"], kept["forms"], kept["middle"], kept["width"])
        found: Floats = kept["rates"] + alike @ kept["weights"]
        return found


def fit_likeness(tasks: Tasks, success: Floats) -> Likeness:
    """With the penalties that predict held-out tasks best."""
    penalties = choose(tasks, success)
    fitted = kernel.fit_map(tasks)
    own = rates(success)
    weights = fitted.turn @ solve(fitted(tasks), success - own, penalties)
    kept = {"vectors": fitted.vectors, "forms": fitted.forms, "middle": fitted.middle, "width": fitted.width}
    chosen = np.array((penalties.shared, penalties.own))
    return Likeness({**kept, "rates": own, "weights": weights, "penalties": chosen})


def choose(tasks: Tasks, success: Floats) -> Penalties:
    """The penalties with the least squared error on held-out tasks, five-fold."""
    rng = np.random.default_rng(1)
    chosen = np.sort(rng.permutation(len(success))[:_TRIED_ON])
    tasks, success = tasks.rows(chosen), success[chosen]
    fold = rng.permutation(len(success)) % min(_FOLDS, len(success))
    coordinates = kernel.fit_map(tasks, _FEW)(tasks)
    error = np.zeros((len(SHARED), len(OWN)))
    for held in range(int(fold.max()) + 1):
        train, test = fold != held, fold == held
        own = rates(success[train])
        for row, shared in enumerate(SHARED):
            common = _common(coordinates[train], success[train] - own, shared)
            for column, penalty in enumerate(OWN):
                weights = common[:, None] + _departures(coordinates[train], success[train] - own, common, penalty)
                missed = success[test] - own - coordinates[test] @ weights
                error[row, column] += float(np.nansum(missed**2))
    row, column = divmod(int(error.argmin()), len(OWN))
    return Penalties(SHARED[row], OWN[column])


def solve(coordinates: Floats, above: Floats, penalties: Penalties) -> Floats:
    """Weights of shape (coordinates, agents) for success above the agents' rates, NaN where not known."""
    common = _common(coordinates, above, penalties.shared)
    return common[:, None] + _departures(coordinates, above, common, penalties.own)


def _shared(above: Floats) -> tuple[Floats, Floats]:
    """Of each task how much better than usual it went on average, and how many agents did it, both of shape (tasks,)."""
    known = ~np.isnan(above)
    count = known.sum(axis=1).astype(np.float64)
    return np.where(known, above, 0).sum(axis=1) / np.maximum(count, 1), count


def _common(coordinates: Floats, above: Floats, penalty: float) -> Floats:
    """The shared difficulty: a task counts with as many agents as did it, over all agents."""
    mean, count = _shared(above)
    return _ridge(coordinates, mean[:, None], count / above.shape[1], penalty)[:, 0]


def _departures(coordinates: Floats, above: Floats, common: Floats, penalty: float) -> Floats:
    """Where each agent departs from the others on the same task, or, where it did it alone, from the shared difficulty.

    Agents with the same tasks are solved at once.
    """
    mean, count = _shared(above)
    left = above - np.where(count > 1, mean, coordinates @ common)[:, None]
    found = np.zeros((coordinates.shape[1], above.shape[1]))
    groups: dict[bytes, list[int]] = {}
    for agent in range(above.shape[1]):
        groups.setdefault(np.isnan(left[:, agent]).tobytes(), []).append(agent)
    for agents in groups.values():
        rows = ~np.isnan(left[:, agents[0]])
        found[:, agents] = _ridge(coordinates[rows], left[rows][:, agents], np.ones(int(rows.sum())), penalty)
    return found


def _ridge(inputs: Floats, targets: Floats, weight: NDArray[np.float64], penalty: float) -> Floats:
    """Weighted ridge regression; solved on the shorter side."""
    root = np.sqrt(weight)[:, None]
    scaled = np.asarray(inputs * root, dtype=np.float64)
    targets = np.asarray(targets * root, dtype=np.float64)
    if len(scaled) < scaled.shape[1]:
        dual = np.linalg.solve(scaled @ scaled.T + penalty * np.eye(len(scaled)), targets)
        return np.asarray(scaled.T @ dual, dtype=np.float64)
    primal = np.linalg.solve(scaled.T @ scaled + penalty * np.eye(scaled.shape[1]), scaled.T @ targets)
    return np.asarray(primal, dtype=np.float64)
