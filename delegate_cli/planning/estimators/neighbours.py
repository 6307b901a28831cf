"""The mean outcome of the nearest tasks: the k-nearest-neighbour router of the literature, on the encoder's vectors."""

import numpy as np

from delegate_cli.planning.estimators.base import Arrays, filled, rates
from delegate_cli.planning.features import Floats, Tasks

NEAREST = 100
SHARPNESS = 0.1  # of the weights, in cosine similarity
OWN = 5.0  # the agent's rate counts like so many neighbours
MOST = 5000  # tasks that are kept


class Neighbours:
    """Tasks with their outcomes."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def predict(self, tasks: Tasks) -> Floats:
        """Shape (tasks, agents)."""
        alike = tasks.vectors @ self.arrays["vectors"].T
        count = min(NEAREST, alike.shape[1])
        near = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        weight = np.exp((np.take_along_axis(alike, near, axis=1) - 1) / SHARPNESS)
        weight *= count / weight.sum(axis=1, keepdims=True)
        total = np.einsum("tk,tka->ta", weight, self.arrays["success"][near])
        found: Floats = (total + OWN * self.arrays["rates"]) / (count + OWN)
        return found


def fit_neighbours(tasks: Tasks, success: Floats) -> Neighbours:
    """Keeps the tasks; of more than MOST, as many drawn at random."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(success))[:MOST])
    return Neighbours({"vectors": tasks.vectors[chosen], "success": filled(success)[chosen], "rates": rates(success)})
