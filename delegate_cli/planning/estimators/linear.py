"""Linear estimators on vector and form: ridge regression, and the same with the agents' weights factorised.

Factorisation is the matrix-factorisation router of the literature (Ong et al. 2024, RouteLLM): success is an agent's row
of factors times a linear map of the task. Here it is solved in closed form, as reduced-rank regression (Izenman 1975).
"""

import numpy as np

from delegate_cli.planning.estimators.base import Arrays, filled, joined, rates
from delegate_cli.planning.features import Floats, Tasks
from delegate_cli.planning.kernel import scale

PENALTY = 20.0
RANK = 3  # factors; at most one less than there are agents


class Linear:
    """Rate of each agent plus a linear function of the task."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def predict(self, tasks: Tasks) -> Floats:
        """Shape (tasks, agents)."""
        kept = self.arrays
        found: Floats = kept["rates"] + joined(tasks, kept["middle"], kept["width"]) @ kept["weights"]
        return found


def fit_ridge(tasks: Tasks, success: Floats) -> Linear:
    """Ridge regression of each agent's success on vector and form."""
    return _fit(tasks, success, None)


def fit_factors(tasks: Tasks, success: Floats) -> Linear:
    """The same through RANK factors that all agents share."""
    return _fit(tasks, success, RANK)


def _fit(tasks: Tasks, success: Floats, rank: int | None) -> Linear:
    middle, width = scale(tasks.forms)
    inputs, own = joined(tasks, middle, width), rates(success)
    gram = inputs.T @ inputs + PENALTY * np.eye(inputs.shape[1])
    weights = np.asarray(np.linalg.solve(gram, inputs.T @ (filled(success) - own)), dtype=np.float64)
    if rank is not None:
        fitted = inputs @ weights
        _, directions = np.linalg.eigh(fitted.T @ fitted)
        best = directions[:, -max(1, min(rank, success.shape[1] - 1)) :]
        weights = np.asarray(weights @ best @ best.T, dtype=np.float64)
    return Linear({"rates": own, "weights": weights, "middle": middle, "width": width})
