"""The variational encoder as arrays; what `variational` fits."""

import numpy as np

from delegate_cli.planning.estimators.base import Arrays, joined
from delegate_cli.planning.features import Floats, Tasks


class Network:
    """Task → the mean of its code → success of each agent."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def predict(self, tasks: Tasks) -> Floats:
        """Shape (tasks, agents)."""
        kept = self.arrays
        hidden = np.maximum(self._layer("first", joined(tasks, kept["middle"], kept["width"])), 0)
        logits = self._layer("head", self._layer("mean", hidden)) + kept["offset"]
        found: Floats = 1 / (1 + np.exp(-logits))
        return found

    def _layer(self, name: str, inputs: Floats) -> Floats:
        made: Floats = inputs @ self.arrays[f"{name}_weight"].T + self.arrays[f"{name}_bias"]
        return made
