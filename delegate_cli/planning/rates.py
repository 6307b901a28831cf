"""How probable it is that an agent's work on a task succeeds, if it is the right agent: learnt where it can be, else assumed.

A rate says where it comes from, since a plan is worth no more than what it rests on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from delegate_cli.agents import Agent
from delegate_cli.planning.operators import Assumptions
from delegate_cli.policy.outcomes import Rate as Observed
from delegate_cli.skills.known import Told

Z90 = 1.645


class Basis(StrEnum):
    """What a rate rests on, the best first."""

    DIFFICULTY = "difficulty"
    OUTCOMES = "outcomes"
    SKILLS = "skills"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Rate:
    """P(success | the agent is right) of one direct call, with a 90 % interval; `detail` says in words what it rests on."""

    mean: float
    low: float
    high: float
    basis: Basis
    detail: str

    def as_dict(self) -> dict[str, Any]:
        numbers = {name: round(getattr(self, name), 6) for name in ("mean", "low", "high")}
        return numbers | {"basis": self.basis.value, "detail": self.detail}


def rate_of(
    agent: Agent,
    assumed: Assumptions,
    forecast: Mapping[str, Rate],
    outcomes: Mapping[str, Observed],
    skills: Mapping[str, list[Told]],
) -> Rate:
    """The best known rate of an agent: by fitted difficulty, outcomes of its earlier work, skills, or an assumption."""
    if agent.id in forecast:
        return forecast[agent.id]
    if agent.id in outcomes:
        return _from_outcomes(outcomes[agent.id])
    bounded = [each for each in skills.get(agent.id, ()) if each.bounded and each.weight > 0]
    if bounded:
        return _from_skills(bounded)
    given = assumed.success[agent.kind]
    low, high = given.bounds
    return Rate(given.value, low, high, Basis.ASSUMED, agent.kind.value)


def _from_outcomes(observed: Observed) -> Rate:
    half = Z90 * observed.deviation
    low, high = max(observed.mean - half, 0.0), min(observed.mean + half, 1.0)
    return Rate(observed.mean, low, high, Basis.OUTCOMES, f"{observed.tasks:.1f} earlier tasks like it")


def _from_skills(told: list[Told]) -> Rate:
    """The weighted mean of the skills that the task needs; their errors are taken to go together."""
    total = sum(each.weight for each in told)
    mean = min(max(sum(each.weight * each.mean for each in told) / total, 0.0), 1.0)
    half = Z90 * sum(each.weight * each.std for each in told) / total
    detail = ", ".join(map(str, told[:3]))
    return Rate(mean, max(mean - half, 0.0), min(mean + half, 1.0), Basis.SKILLS, detail)
