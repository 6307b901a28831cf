"""How uncertain a probability of success is: the posterior deviation of kernel regression, wider for tasks unlike known ones.

It depends on which tasks are known of which agent, and on how much their outcomes vary, not on which estimator is used.
"""

import numpy as np
from numpy.typing import NDArray

from delegate_cli.planning import kernel
from delegate_cli.planning.estimators.base import Arrays, rates
from delegate_cli.planning.features import Floats, Tasks

PENALTY = 4.0  # the ratio of an outcome's noise to the variance of success over tasks
_LANDMARKS = 300
_LEAST = 0.02


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
        known = kept["noise"] * (share + left)
        far = (1 - trust)[:, None]
        found: Floats = np.sqrt((1 - far) * known + far * kept["between"])
        return found


def fit_spread(tasks: Tasks, success: Floats, labels: NDArray[np.int64]) -> Spread:
    """From the known tasks and their families; coordinates are turned so that one number each says how well it is known."""
    fitted = kernel.fit_map(tasks, _LANDMARKS)
    coordinates = fitted(tasks)
    strength, turn = np.linalg.eigh(coordinates.T @ coordinates)
    known = ~np.isnan(success)
    own = rates(success)
    return Spread(
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
        }
    )


def _between(success: Floats, labels: NDArray[np.int64], rate: float) -> float:
    """Variance of an agent's rate over families, each shrunk to the agent's, as an unseen family's may lie."""
    means = []
    for label in np.unique(labels):
        inside = success[(labels == label) & ~np.isnan(success)]
        means.append((inside.sum() + PENALTY * rate) / (len(inside) + PENALTY))
    return float(max(np.var(means), _LEAST**2))
