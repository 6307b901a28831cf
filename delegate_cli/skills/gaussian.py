"""Mean and covariance of a population, with holes: Ledoit–Wolf shrinkage inside expectation–maximisation.

The home of scikit-learn's covariance estimators. Without holes it is exactly Ledoit and Wolf's estimate (2004).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf, ledoit_wolf_shrinkage

_ROUNDS = 60
_SETTLED = 1e-4  # largest change of a mean or covariance, in units of the population's spread
_LEAST = 1e-9
FEW = 20  # values of a skill, below which its spread is not left to them alone
_TINY = 3  # rows, of which holes or no holes little follows
PRIOR = 4.0  # values that the usual spread counts like where there are hardly any; it fades towards FEW
Floats = NDArray[np.float64]


class Gaussian(NamedTuple):
    """Mean, shape (skills,), and covariance, shape (skills, skills), positive definite."""

    mean: Floats
    covariance: Floats


def fit(values: Floats, start: Gaussian | None = None, raw: bool = False) -> Gaussian:
    """From values of shape (rows, skills), NaN where nothing is known; `start` is where to begin with holes.

    With holes each round fills them with what is expected from the rest of their row (and adds the uncertainty of that), and
    shrinks the covariance by the intensity that Ledoit and Wolf's formula gives for the filled rows. Of a skill with few values
    the spread is drawn to 1, the usual one, and it goes with others less: else what was filled in would prove itself.

    Args:
        raw: leave out the latter.
    """
    known = ~np.isnan(values)
    if len(values) < 2:
        empty = np.zeros(values.shape[1])
        return Gaussian(np.where(known[0], values[0], empty) if len(values) else empty, np.eye(values.shape[1]))
    if known.all() and (raw or len(values) > _TINY):
        return _complete(values)
    drawn = np.zeros(values.shape[1]) if raw else prior_share(known.sum(axis=0))
    now = start or Gaussian(np.zeros(values.shape[1]), np.eye(values.shape[1]))
    patterns = _patterns(known)
    for _ in range(_ROUNDS):
        filled, left = _filled(values, now, patterns)
        mean = filled.mean(axis=0)
        centred = filled - mean
        scatter = centred.T @ centred / len(values) + left / len(values)
        shrinkage = float(ledoit_wolf_shrinkage(filled))
        target = np.eye(len(mean)) * max(float(np.trace(scatter)) / len(mean), _LEAST)
        new = Gaussian(mean, _towards_usual((1 - shrinkage) * scatter + shrinkage * target, drawn))
        moved = max(float(np.abs(new.mean - now.mean).max()), float(np.abs(new.covariance - now.covariance).max()))
        now = new
        if moved < _SETTLED:
            break
    return now


def prior_share(count: NDArray[np.int64]) -> Floats:
    """How much of a skill's spread is the usual one, for so many values of each; 0 from FEW on."""
    prior = PRIOR * np.clip(1 - count / FEW, 0, 1)
    found: Floats = prior / np.maximum(prior + count, _LEAST)
    return found


def _towards_usual(covariance: Floats, drawn: Floats) -> Floats:
    """Each variance drawn to 1 by its share; still positive definite."""
    own = np.sqrt(1 - drawn)
    found: Floats = covariance * np.outer(own, own) + np.diag(drawn)
    return found


def _complete(values: Floats) -> Gaussian:
    covariance, _ = ledoit_wolf(values)
    return Gaussian(values.mean(axis=0), covariance + _LEAST * np.eye(values.shape[1]))


def condition(gaussian: Gaussian, places: NDArray[np.int64], noise: Floats) -> tuple[Floats, Floats]:
    """What observing some skills tells of all: coefficients, shape (observed, skills), and the covariance that is left.

    Args:
        noise: variances of the observations, shape (observed,); 0 is an exact one.
    """
    if not len(places):
        return np.zeros((0, len(gaussian.mean))), gaussian.covariance
    across = gaussian.covariance[places]
    inner = gaussian.covariance[np.ix_(places, places)] + np.diag(noise)
    coefficients = np.linalg.solve(inner, across)
    left = gaussian.covariance - across.T @ coefficients
    return np.asarray(coefficients), np.asarray((left + left.T) / 2)


def _patterns(known: NDArray[np.bool_]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows with the same holes, and which skills these rows have."""
    kinds, which = np.unique(known, axis=0, return_inverse=True)
    return [(np.flatnonzero(which == kind), np.flatnonzero(has)) for kind, has in enumerate(kinds)]


def _filled(
    values: Floats, now: Gaussian, patterns: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
) -> tuple[Floats, Floats]:
    """The rows with their holes filled, and the sum of the covariances of what was filled in."""
    filled, left = values.copy(), np.zeros_like(now.covariance)
    for rows, has in patterns:
        if len(has) == values.shape[1]:
            continue
        coefficients, covariance = condition(now, has, np.full(len(has), _LEAST))
        holes = np.setdiff1d(np.arange(values.shape[1]), has)
        expected = now.mean + (values[np.ix_(rows, has)] - now.mean[has]) @ coefficients
        filled[np.ix_(rows, holes)] = expected[:, holes]
        left[np.ix_(holes, holes)] += len(rows) * covariance[np.ix_(holes, holes)]
    return filled, left
