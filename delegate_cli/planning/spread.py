"""How uncertain a probability of success is: the posterior deviation of kernel regression, wider for tasks unlike known ones.

It depends on which tasks are known of which agent and on how much their outcomes vary. Its size is learnt: where predictions
are off, held-out residuals of neighbouring tasks agree, and by how much they agree is how far off predictions are.
"""

import numpy as np
from numpy.typing import NDArray

from delegate_cli.planning import kernel
from delegate_cli.planning.estimators.base import Arrays, rates
from delegate_cli.planning.features import Floats, Tasks

PENALTY = 4.0  # the ratio of an outcome's noise to the variance of success over tasks
_LANDMARKS = 300
_LEAST = 0.02
_NEAREST = 3
_SIZES = (0.05, 1.0)


class Spread:
    """Deviations of probabilities."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays
        self._map = kernel.Map(*(arrays[name] for name in ("vectors", "forms", "middle", "width", "turn")))

    def __call__(self, tasks: Tasks, trust: Floats) -> Floats:
        """Standard deviations, shape (tasks, agents). Without trust it is how far families of tasks lie apart."""
        kept = self.arrays
        squared = self._map(tasks) ** 2
        left = np.maximum(1 - squared.sum(axis=1), 0)[:, None] / PENALTY  # what no landmark tells
        share = squared @ (1 / (np.outer(kept["strength"], kept["known"]) + PENALTY))
        known = kept["size"] * kept["noise"] * (share + left)
        far = (1 - trust)[:, None]
        found: Floats = np.sqrt((1 - far) * known + far * kept["between"])
        return found


def fit_spread(
    tasks: Tasks, success: Floats, labels: NDArray[np.int64], held: Floats | None = None, fold: NDArray[np.int64] | None = None
) -> Spread:
    """From the known tasks and their families; coordinates are turned so that one number each says how well it is known.

    Args:
        held: predictions of each task without its fold, shape (tasks, agents); without them the deviation is wide.
        fold: which fold that was, shape (tasks,).
    """
    fitted = kernel.fit_map(tasks, _LANDMARKS)
    coordinates = fitted(tasks)
    strength, turn = np.linalg.eigh(coordinates.T @ coordinates)
    known = ~np.isnan(success)
    own = rates(success)
    spread = Spread(
        {
            "vectors": fitted.vectors,
            "forms": fitted.forms,
            "middle": fitted.middle,
            "width": fitted.width,
            "turn": fitted.turn @ turn,
            "strength": np.maximum(strength, 0),
            "known": known.mean(axis=0),
            "noise": np.maximum(own * (1 - own), _LEAST),
            "between": np.array([_between(success[:, agent], labels, own[agent]) for agent in range(len(own))]),
            "size": np.ones(1),
        }
    )
    if held is not None and fold is not None:
        usual = float((spread(tasks, np.ones(len(labels))) ** 2).mean())
        spread.arrays["size"] = np.clip(np.array([_agreement(tasks, success - held, fold) / usual]), *_SIZES)
    return spread


def _agreement(tasks: Tasks, residuals: Floats, fold: NDArray[np.int64]) -> float:
    """Mean product of the residuals of neighbouring tasks that were held out together, and one standard error more.

    Outcomes of two tasks vary on their own, so that what residuals share is what the prediction misses for both.
    """
    products = []
    for each in np.unique(fold):
        rows = np.flatnonzero(fold == each)
        if len(rows) <= _NEAREST:
            continue
        alike = kernel.between(tasks.rows(rows))
        np.fill_diagonal(alike, -1.0)
        near = np.argpartition(-alike, _NEAREST - 1, axis=1)[:, :_NEAREST]
        inside = residuals[rows]
        products.append((inside[:, None, :] * inside[near]).reshape(-1, residuals.shape[1]))
    values = np.concatenate(products).ravel() if products else np.empty(0)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return float("inf")
    return float(values.mean() + values.std() / np.sqrt(len(values) / _NEAREST))


def _between(success: Floats, labels: NDArray[np.int64], rate: float) -> float:
    """Variance of an agent's rate over families, each shrunk to the agent's, as an unseen family's may lie."""
    means = []
    for label in np.unique(labels):
        inside = success[(labels == label) & ~np.isnan(success)]
        means.append((inside.sum() + PENALTY * rate) / (len(inside) + PENALTY))
    return float(max(np.var(means), _LEAST**2))
