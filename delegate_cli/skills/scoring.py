"""What a task needs, as weights of skills → how well each agent would do, and which evaluation would tell most.

A task's score is the weighted mean of its skills: bounded ones as shares, open ones (Elo) as the share of the population that
they pass. It is drawn from the joint posterior, since skills of one agent err together.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.errors import UsageError
from delegate_cli.skills.inference import LEVEL, Z, noise_of
from delegate_cli.skills.population import Population
from delegate_cli.skills.profile import Profile

DRAWS = 4000
EXAMPLE = "write them as math=1,code=.3"
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Score:
    """How well an agent would do a task: mean, standard deviation, interval of LEVEL, and P(score > bar) where a bar is set.

    `observed`: the share of the weights whose skills were measured on this very agent.
    """

    agent: str
    mean: float
    std: float
    low: float
    high: float
    observed: float
    above: float | None = None

    def as_dict(self) -> dict[str, Any]:
        names = ("mean", "std", "low", "high", "observed", "above")
        numbers = {name: getattr(self, name) for name in names}
        return {"agent": self.agent, **{name: round(value, 6) for name, value in numbers.items() if value is not None}}


@dataclass(frozen=True, slots=True)
class Gain:
    """What evaluating one skill is expected to do: the standard deviation of what is to be known, before and after."""

    skill: str
    before: float
    after: float

    @property
    def share(self) -> float:
        """Of the variance, what goes away."""
        return 1 - (self.after / self.before) ** 2 if self.before > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "skill": self.skill,
            "std": round(self.before, 6),
            "expected_std": round(self.after, 6),
            "share": round(self.share, 6),
        }


def parse_weights(text: str, skills: Sequence[str]) -> dict[str, float]:
    """`math=1,code=.3`, of skills that there are; a skill alone has the weight 1.

    Raises:
        UsageError: naming the part that cannot be read.
    """
    known = {name.casefold(): name for name in skills}
    weights: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, raw = (piece.strip() for piece in part.rsplit("=", 1)) if "=" in part else (part, "1")
        if name.casefold() not in known:
            near = get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
            fix = f"did you mean {known[near[0]]!r}?" if near else f"there are: {', '.join(skills[:12])}"
            raise UsageError(f"--weights: there is no skill {name!r}", fix)
        try:
            weight = float(raw)
        except ValueError:
            weight = math.nan
        if not 0 <= weight < math.inf:
            raise UsageError(f"--weights: {name} has no number of at least 0 after =", EXAMPLE)
        if known[name.casefold()] in weights:
            raise UsageError(f"--weights names {known[name.casefold()]} twice", EXAMPLE)
        weights[known[name.casefold()]] = weight
    if not sum(weights.values()):
        raise UsageError("--weights names nothing", EXAMPLE)
    return weights


def score(profile: Profile, weights: Mapping[str, float], bar: float | None = None) -> Score:
    """How well an agent would do a task with these weights of skills, of which one at least is more than 0."""
    population = profile.population
    places = [population.skills.index(name) for name, weight in weights.items() if weight > 0]
    share = np.array([weights[population.skills[place]] for place in places])
    share = share / share.sum()
    observed = float(sum(part for part, place in zip(share, places, strict=True) if place in profile.evaluations))
    if population.raw:
        mean = float(share @ profile.posterior.mean[places])
        std = math.sqrt(max(float(share @ profile.posterior.covariance[np.ix_(places, places)] @ share), 0.0))
        above = None if bar is None else _above(mean, std, bar)
        return Score(profile.agent, mean, std, mean - Z * std, mean + Z * std, observed, above)
    drawn = _told(population, places, _draws(profile, places)) @ share
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2)).tolist()
    above = None if bar is None else float((drawn > bar).mean())
    return Score(profile.agent, float(drawn.mean()), float(drawn.std()), low, high, observed, above)


def next_evaluations(profile: Profile, weights: Mapping[str, float] | None = None, trials: float | None = None) -> list[Gain]:
    """What each evaluation would be worth, the best first: for the score of a task, or without weights for all skills together.

    Args:
        trials: of the evaluation; None: as sure as a score without trials is taken to be.
    """
    population, covariance = profile.population, profile.posterior.covariance
    slope = np.array([_slope(population, at, float(profile.posterior.mean[at])) for at in range(len(population.skills))])
    told = covariance * np.outer(slope, slope)
    wanted = np.array([0.0 if weights is None else weights.get(name, 0.0) for name in population.skills])
    wanted = wanted / wanted.sum() if wanted.sum() else wanted
    before = float(np.trace(told)) if weights is None else float(wanted @ told @ wanted)
    gains = []
    for at, name in enumerate(population.skills):
        noise = noise_of(population, at, profile.estimate(at).mean, trials) * slope[at] ** 2
        size = told[at, at] + noise
        toward = told[at] if weights is None else told[at] @ wanted
        less = float(np.sum(toward**2)) / size if size > 1e-15 else 0.0
        gains.append(Gain(name, _root(before), _root(before - less)))
    return sorted(gains, key=lambda gain: (round(gain.after, 9), gain.skill))


def _draws(profile: Profile, places: list[int]) -> Floats:
    """Draws of some skills, in units of the population's spread, shape (DRAWS, skills); the same ones for every agent."""
    mean, covariance = profile.posterior.mean[places], profile.posterior.covariance[np.ix_(places, places)]
    size, directions = np.linalg.eigh(covariance)
    half = np.random.default_rng(0).standard_normal((DRAWS // 2, len(places)))
    standard = np.vstack([half, -half])  # in pairs, so that means are exact
    return np.asarray(mean + standard @ (directions * np.sqrt(np.maximum(size, 0.0))).T)


def _told(population: Population, places: list[int], drawn: Floats) -> Floats:
    """Draws as parts of a score in [0, 1]."""
    columns = []
    for at, place in enumerate(places):
        scale = population.scales[place]
        if scale.bounded:
            columns.append(scale.told(population.centre[place] + population.spread[place] * drawn[:, at]))
        else:
            columns.append(np.array([NormalDist().cdf(value) for value in drawn[:, at].tolist()]))
    return np.column_stack(columns)


def _slope(population: Population, at: int, mean: float) -> float:
    """How much a part of a score grows with its value in units of the population's spread."""
    if population.raw:
        return 1.0
    if not population.scales[at].bounded:
        return NormalDist().pdf(mean)
    return float(population.spread[at]) * population.scales[at].slope(
        float(population.centre[at] + population.spread[at] * mean)
    )


def _above(mean: float, std: float, bar: float) -> float:
    return float(mean > bar) if std < 1e-12 else 1 - NormalDist(mean, std).cdf(bar)


def _root(variance: float) -> float:
    return math.sqrt(max(variance, 0.0))
