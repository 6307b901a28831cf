"""Boosted trees as arrays; what `boosting` fits."""

import numpy as np

from delegate_cli.planning.estimators.base import Arrays
from delegate_cli.planning.features import Floats, Tasks

DEPTH = 3


class Trees:
    """Whole binary trees of DEPTH, node by node: the figure that is compared, its bound, and the value of a leaf."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def predict(self, tasks: Tasks) -> Floats:
        """Shape (tasks, agents)."""
        kept = self.arrays
        inputs = np.column_stack((tasks.forms, (tasks.vectors - kept["middle"]) @ kept["turn"]))
        feature = kept["feature"].astype(np.int64)
        found = np.tile(kept["rates"], (len(inputs), 1))
        for agent in range(feature.shape[0]):
            for round in range(feature.shape[1]):
                place = np.zeros(len(inputs), dtype=np.int64)
                for _ in range(DEPTH):
                    figure = inputs[np.arange(len(inputs)), feature[agent, round][place]]
                    # trees are grown on single precision
                    right = figure.astype(np.float32) > kept["bound"][agent, round][place]
                    place = 2 * place + 1 + right
                found[:, agent] += kept["value"][agent, round][place]
        return found
