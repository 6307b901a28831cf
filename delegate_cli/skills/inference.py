"""A few observed skills → all skills of one agent, each with an interval that holds.

Three steps. The population's Gaussian is conditioned on what was observed, with the noise of its trials. Rows of the population
that look like the agent in the observed skills say what this linear view misses near here (a kernel over their left-out
errors), counted as far as that helps on left-out rows. And the errors that remain on left-out rows, not the Gaussian's own
covariance, say how wide intervals are.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.skills.gaussian import Gaussian, condition
from delegate_cli.skills.population import Population

LEVEL = 0.9  # of the intervals
Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
USUAL_NOISE = 0.05  # of a score without trials, in spreads of the population
_NEIGHBOURS = (5, 10, 20, 40, 80)
_SHARE = 3  # of the rows, at most one in so many is a neighbour
_LOOKED_AT = 250  # rows that neighbours and intervals are judged on
_ENOUGH = 20  # left-out rows; with fewer the Gaussian's own covariance speaks, with Student's quantile
_POOLED = 40.0  # the quantile of all skills' errors counts like so many errors of a skill's own
_PRIOR_ROWS = 10.0  # the Gaussian's own variance counts like so many left-out errors
_FLAT = 0.15  # variance below which a direction of the observed skills tells neighbours nothing more
Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Observation:
    """A told score; `noise` is the variance of its measurement inside, in squared spreads of the population."""

    score: float
    noise: float


class Posterior(NamedTuple):
    """What is believed of one agent, in units of the population's spread: means and covariance of all its skills."""

    mean: Floats
    covariance: Floats


def noise_of(population: Population, skill: int, score: float, trials: float | None, runs: int = 1) -> float:
    """The variance of a told score that was measured `runs` times in `trials` trials together (None: nobody counted them)."""
    if population.raw:
        typical = float(np.sqrt(np.diag(population.gaussian.covariance)).mean())
        return (USUAL_NOISE * typical) ** 2 / runs
    scale = population.scales[skill]
    if trials is None or (not scale.bounded and not math.isinf(trials)):
        return USUAL_NOISE**2 / runs
    return scale.noise(score, trials) / float(population.spread[skill]) ** 2


def infer(population: Population, observed: Mapping[int, Observation], without: str | None = None) -> Posterior:
    """What is believed of an agent with these observations, by place of the skill.

    Args:
        without: the name of a row that is this agent itself, and from which therefore nothing is learnt about it.
    """
    places = np.array(sorted(observed), dtype=np.int64)
    noise = np.array([observed[place].noise for place in places.tolist()])
    scores = [population.scales[place].inside(observed[place].score) for place in places.tolist()]
    given = (np.array(scores) - population.centre[places]) / population.spread[places]
    gaussian, own = _own_fold(population, without)
    coefficients, left = condition(gaussian, places, noise)
    mean = gaussian.mean + (given - gaussian.mean[places]) @ coefficients
    if population.raw:
        return Posterior(mean, left)
    errors = _Errors(population, places, noise, own)
    near, missed = errors.near(given)
    mean = mean + near
    counted = (~np.isnan(population.values[population.fold_of != own])).sum(axis=0)
    variance = _variance(missed, np.diag(left), places, counted) + (coefficients**2 * noise[:, None]).sum(axis=0)
    if len(places):  # observing can only make surer
        variance = np.minimum(variance, _prior_variance(population, without))
    std = np.sqrt(np.maximum(variance, 0.0))
    return Posterior(mean, _correlation(left) * np.outer(std, std))


def _prior_variance(population: Population, without: str | None) -> Floats:
    """What is believed of an agent that nobody measured; worked out once for each fold that is left out."""
    own = _own_fold(population, without)[1]
    if own not in population.unmeasured:
        population.unmeasured[own] = np.diag(infer(population, {}, without).covariance)
    return population.unmeasured[own]


def _own_fold(population: Population, without: str | None) -> tuple[Gaussian, int]:
    """The Gaussian to condition, and the fold that is left out of everything; -1 for none."""
    if without is None or without not in population.history.rows:
        return population.gaussian, -1
    fold = int(population.fold_of[population.history.rows.index(without)])
    return population.folds[fold], fold


class _Helped(NamedTuple):
    """So many neighbours, at this weight: the squared errors they take away, and what they say of each row."""

    gain: float
    neighbours: int
    weight: float
    smooth: Floats


class _Errors:
    """What the Gaussians miss of the rows that they were fitted without, for one set of observed skills."""

    def __init__(self, population: Population, places: Places, noise: Floats, own: int) -> None:
        has = ~np.isnan(population.values[:, places]).any(axis=1) & (population.fold_of != own)
        self.rows = np.flatnonzero(has)
        self.fold = population.fold_of[self.rows]
        values = population.values[self.rows]
        self.given = values[:, places]
        self.missed: Floats = np.full_like(values, np.nan)
        for each, gaussian in enumerate(population.folds):
            inside = self.fold == each
            if inside.any():
                coefficients, _ = condition(gaussian, places, noise)
                expected = gaussian.mean + (self.given[inside] - gaussian.mean[places]) @ coefficients
                self.missed[inside] = values[inside] - expected
        inner = population.gaussian.covariance[np.ix_(places, places)] + np.diag(noise)
        size, directions = np.linalg.eigh(inner)
        self.turn = directions / np.sqrt(np.maximum(size, _FLAT))

    def near(self, given: Floats) -> tuple[Floats, Floats]:
        """What is missed near these observations, shape (skills,), and of some rows what is still missed with that."""
        looked = np.linspace(0, max(len(self.rows) - 1, 0), min(_LOOKED_AT, len(self.rows))).astype(np.int64)
        still, nothing = self.missed[looked], np.zeros(self.missed.shape[1])
        if not len(given) or len(self.rows) < _ENOUGH:
            return nothing, still
        at = self.given @ self.turn
        size = (at**2).sum(axis=1)
        apart = size[looked][:, None] + size - 2 * at[looked] @ at.T
        apart[self.fold[looked][:, None] == self.fold] = np.inf
        best = _Helped(0.0, 0, 0.0, np.zeros_like(still))
        for count in _NEIGHBOURS:
            if count <= len(self.rows) // _SHARE:
                best = max(best, self._helps(apart, still, count), key=lambda each: each.gain)
        if not best.neighbours:
            return nothing, still
        here = ((at - given @ self.turn) ** 2).sum(axis=1)
        return best.weight * self._smooth(here[None], best.neighbours)[0], still - best.weight * best.smooth

    def _helps(self, apart: Floats, missed: Floats, count: int) -> "_Helped":
        """How many squared errors so many neighbours take away, at the best weight of theirs."""
        smooth = self._smooth(apart, count)
        known = ~np.isnan(missed)
        both, own = float((smooth * missed)[known].sum()), float((smooth**2)[known].sum())
        weight = min(max(both / own, 0.0), 1.0) if own > 0 else 0.0
        return _Helped(2 * weight * both - weight**2 * own, count, weight, smooth)

    def _smooth(self, apart: Floats, count: int) -> Floats:
        """The mean error of the nearest rows, each counted less the farther it is; shape (queries, skills)."""
        nearest = np.argpartition(apart, count - 1, axis=1)[:, :count]
        distance = np.take_along_axis(apart, nearest, axis=1)
        reach = np.where(np.isfinite(distance), distance, 0.0).max(axis=1, keepdims=True) + 1e-9
        weight = np.where(np.isfinite(distance), np.maximum(1 - distance / reach, 0.0) + 1e-6, 0.0)
        errors = self.missed[nearest]
        known = ~np.isnan(errors)
        counted = weight[:, :, None] * known
        return np.asarray((counted * np.where(known, errors, 0.0)).sum(axis=1) / np.maximum(counted.sum(axis=1), 1e-12))


def _variance(missed: Floats, own: Floats, observed: Places, counted: Places) -> Floats:
    """The variance of each skill with which a normal interval of LEVEL covers as many left-out errors.

    Args:
        missed: left-out errors, shape (rows, skills), NaN where there is none.
        own: what the Gaussian itself says, shape (skills,).
        observed: the skills that were, whose small errors say nothing of the others'.
        counted: values of each skill, shape (skills,).
    """
    own = np.maximum(own, 0.0)
    known = ~np.isnan(missed)
    count = known.sum(axis=0)
    squares = np.where(known, missed, 0.0) ** 2
    expected = float((count * own).sum())
    factor = float(squares.sum()) / expected if len(missed) >= _ENOUGH and expected > 1e-9 else 1.0
    mixed = (squares.sum(axis=0) + _PRIOR_ROWS * factor * own) / (count + _PRIOR_ROWS)
    if len(missed) < _ENOUGH:
        mean_too = 1 + 1 / np.maximum(counted, 1)  # where the middle lies is not known either
        freedom = np.maximum(counted - 1 - len(observed), 0) + 2.0  # the usual spread counts for some
        return np.asarray(mixed * mean_too * (_student(freedom) / Z) ** 2)
    size = np.abs(missed) / np.sqrt(np.maximum(mixed, 1e-12))
    size[:, observed] = np.nan
    pooled = _quantile(size[~np.isnan(size)], len(missed))
    quantile = np.full(len(own), pooled)
    for at in np.setdiff1d(np.flatnonzero(count), observed).tolist():
        found = _quantile(size[known[:, at], at], int(count[at]))
        quantile[at] = (pooled * _POOLED + found * count[at]) / (_POOLED + count[at])
    return np.asarray(mixed * (quantile / Z) ** 2)


def _quantile(sizes: Floats, rows: int) -> float:
    """The size that LEVEL of the next errors will not pass, where any rank among so many rows is as likely (conformal)."""
    return float(np.quantile(sizes, min(1.0, LEVEL * (1 + 1 / rows)))) if len(sizes) else Z


def _student(freedom: Floats) -> Floats:
    """Student's quantile at LEVEL."""
    from scipy.special import stdtrit  # 0.2 s, and only for small populations

    return np.asarray(stdtrit(freedom, 0.5 + LEVEL / 2))


def _correlation(covariance: Floats) -> Floats:
    std = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    found = np.asarray(np.clip(covariance / np.outer(std, std), -1.0, 1.0))
    np.fill_diagonal(found, 1.0)
    return found
