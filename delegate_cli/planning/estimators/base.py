"""What every estimator of success is, and what several of them need."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from delegate_cli.planning.features import CLIP, Floats, Tasks

Arrays = dict[str, NDArray[np.float64]]
PRIOR = 5.0  # all agents' rate counts like so many tasks of an agent
DIM = 3.0  # squared length that the standardised form has beside a unit vector; ten-fold smaller or larger ones were worse


class Estimator(Protocol):
    """Success learnt from outcomes; what it knows is arrays, so that it is kept without running code."""

    arrays: Arrays

    def predict(self, tasks: Tasks) -> Floats:
        """Expected success of each agent, shape (tasks, agents); near [0, 1], but not cut to it."""
        ...


class Average:
    """Each agent's own rate, whatever the task: what every other estimator has to beat."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def predict(self, tasks: Tasks) -> Floats:
        """The same for all tasks."""
        return np.tile(self.arrays["rates"], (len(tasks.vectors), 1))


def fit_average(tasks: Tasks, success: Floats) -> Average:
    """From success of shape (tasks, agents), NaN where not known."""
    return Average({"rates": rates(success)})


def rates(success: Floats) -> Floats:
    """Mean success of each agent, shape (agents,), shrunk to that of all as if PRIOR more tasks had gone like everybody's."""
    known = ~np.isnan(success)
    everybody = float(success[known].mean()) if known.any() else 0.5
    found: Floats = (np.where(known, success, 0).sum(axis=0) + PRIOR * everybody) / (known.sum(axis=0) + PRIOR)
    return found


def filled(success: Floats) -> Floats:
    """Success with holes filled by what the agent's rate and the task's other outcomes suggest."""
    own = rates(success)
    known = ~np.isnan(success)
    above = np.where(known, success - own, 0).sum(axis=1) / (known.sum(axis=1) + 1)
    return np.where(known, success, np.clip(own + above[:, None], 0, 1))


def joined(tasks: Tasks, middle: Floats, width: Floats) -> Floats:
    """Vector, standardised form and a one beside each other, shape (tasks, dimension + figures + 1)."""
    forms = np.clip((tasks.forms - middle) / width, -CLIP, CLIP) * np.sqrt(DIM / tasks.forms.shape[1])
    return np.column_stack((tasks.vectors, forms, np.ones(len(tasks.vectors))))
