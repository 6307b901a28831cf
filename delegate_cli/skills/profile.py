"""One agent's skills as they are told: mean, standard deviation, interval, and whether anybody measured it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.skills.inference import LEVEL, Observation, Posterior, Z, infer, noise_of
from delegate_cli.skills.population import Population

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What is known of one skill of one agent: its told score over all runs, and trials where they were counted."""

    score: float
    trials: float | None = None
    runs: int = 1

    def joined(self, other: "Evaluation") -> "Evaluation":
        """With another evaluation of the same skill: scores weighted by trials, where both counted them, else by runs."""
        runs = self.runs + other.runs
        if self.trials is not None and other.trials is not None:
            trials = self.trials + other.trials
            return Evaluation((self.score * self.trials + other.score * other.trials) / trials, trials, runs)
        return Evaluation((self.score * self.runs + other.score * other.runs) / runs, None, runs)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One skill: told mean and standard deviation, the interval of LEVEL, and its evaluation; None: it was inferred."""

    mean: float
    std: float
    low: float
    high: float
    evaluation: Evaluation | None = None

    @property
    def observed(self) -> bool:
        return self.evaluation is not None

    def as_dict(self) -> dict[str, Any]:
        numbers = {name: round(getattr(self, name), 6) for name in ("mean", "std", "low", "high")}
        if self.evaluation is None:
            return {**numbers, "observed": False}
        trials, runs = self.evaluation.trials, self.evaluation.runs
        return {**numbers, "observed": True, "score": self.evaluation.score, "trials": trials, "runs": runs}


@dataclass(frozen=True, slots=True)
class Profile:
    """All skills of one agent; `posterior` is what they come from, for sums of skills."""

    agent: str
    population: Population
    posterior: Posterior
    evaluations: Mapping[int, Evaluation]

    @property
    def skills(self) -> dict[str, Estimate]:
        """Every skill of the population by name."""
        return {name: self.estimate(at) for at, name in enumerate(self.population.skills)}

    def estimate(self, at: int) -> Estimate:
        """The skill at this place of the population."""
        scale = self.population.scales[at]
        mean = float(self.population.centre[at] + self.population.spread[at] * self.posterior.mean[at])
        std = float(self.population.spread[at] * np.sqrt(max(float(self.posterior.covariance[at, at]), 0.0)))
        told, deviation = scale.moments(mean, std)
        low, high = float(scale.told(mean - Z * std)), float(scale.told(mean + Z * std))
        return Estimate(told, deviation, low, high, self.evaluations.get(at))

    def as_dict(self) -> dict[str, Any]:
        return {"agent": self.agent, "skills": {name: each.as_dict() for name, each in self.skills.items()}}


def profile(population: Population, agent: str, evaluations: Mapping[str, Evaluation], itself: bool = False) -> Profile:
    """The profile of an agent whose evaluations, by skill, are all of skills that the population has.

    Args:
        itself: whether a row of the population with this name is the agent, and is left out for it.
    """
    known = {population.skills.index(name): each for name, each in evaluations.items()}
    observed = {
        at: Observation(each.score, noise_of(population, at, each.score, each.trials, each.runs)) for at, each in known.items()
    }
    return Profile(agent, population, infer(population, observed, agent if itself else None), known)


__all__ = ["LEVEL", "Estimate", "Evaluation", "Profile", "profile"]
