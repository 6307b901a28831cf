"""From which probability on a task is handed over unasked, so that automatic assignments are rarely wrong."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MIN_REQUESTS = 20  # with fewer left-out requests their error says too little
_POINTS = 400
# The error that the probabilities themselves promise counts like this many tasks: a handful of requests without a miss does
# not show that there are none. Then half a standard error is added, since the lowest threshold that passes is partly lucky.
TRUST = 20.0
LEAST = 0.5  # below it, whatever was held out, the first candidate is more likely wrong than right
CAUTION = 0.5
# A request whose agent was taken out is handed over twice as often as a real task that nobody fits (dev splits, encoders that
# never saw the set, at 0.7 to 0.8: a quarter to a third of it on clinc150, an eighth on metatool, the same on healthcare7,
# twice as often on hint3_sofmattress; geometric mean 0.53). So it counts half of what such tasks are assumed to occur.
TAKEN_OUT = 0.5


class Threshold(NamedTuple):
    """The least probability for handing over, and what share of tasks reach it (None where that is unknown)."""

    probability: float
    coverage: float | None


def without_data(target_error: float) -> Threshold:
    """Where nothing was held out: if probabilities are true, those above 1 − 2·e are wrong less often than e."""
    return Threshold(1.0 - min(2.0 * target_error, 1.0), None)


def fit_curve(
    probability: Floats,
    right: NDArray[Any],
    weight: Floats,
    inside: NDArray[np.bool_] | None = None,
    caution: float = CAUTION,
    seen: Floats | None = None,
) -> Floats:
    """What handing over from each probability on would have done, highest first, shape (points, 3).

    The columns are the probability, the share of wrong ones among all from there up (shrunk to what the probabilities
    promise, plus half a standard error), and the share of tasks handed over, counting only tasks that
    somebody fits, in their weights.

    Args:
        probability: of the best candidate, for each held-out task, shape (tasks,).
        right: whether that candidate is right, or how often; a task that nobody fits counts as wrong.
        weight: of each task.
        inside: whether somebody fits it and it counts for the share handed over; by default those of weight 1 do.
        caution: standard errors to add.
        seen: how much of each weight was seen and not assumed, by default all: the rest makes no error surer.
    """
    if len(probability) < MIN_REQUESTS:
        return np.zeros((0, 3))
    order = np.argsort(-probability, kind="stable")
    level, mass = probability[order], np.cumsum(weight[order])
    promised = np.cumsum((weight * (1 - probability))[order]) / mass
    error = (np.cumsum((weight * (1.0 - right))[order]) + TRUST * promised) / (mass + TRUST)
    surely = mass if seen is None else np.cumsum(seen[order])
    error = error + caution * np.sqrt(error * np.maximum(1 - error, 0) / (surely + TRUST))
    counted = (weight * (weight == 1 if inside is None else inside))[order]
    coverage = np.cumsum(counted) / max(float(counted.sum()), 1e-9)
    ends = np.flatnonzero(np.append(np.diff(level) < 0, True))  # tasks of equal probability go together
    if len(ends) > _POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, _POINTS).astype(int)]
    return np.column_stack((level, error, coverage))[ends]


def at(curve: Floats, target_error: float) -> Threshold:
    """The lowest probability whose error is at most `target_error`; if none is, one that nothing held out reached."""
    if not len(curve):
        return without_data(target_error)
    good = np.flatnonzero(curve[:, 1] <= target_error)
    if not len(good):
        highest = np.nextafter(curve[0, 0], 2.0)
        return Threshold(float(max(without_data(target_error).probability, min(highest, 1.0))), 0.0)
    level, _, coverage = curve[good[-1]]
    if level < LEAST:
        above = np.flatnonzero(curve[:, 0] >= LEAST)
        return Threshold(LEAST, float(curve[above[-1], 2]) if len(above) else 0.0)
    return Threshold(float(level), float(coverage))
