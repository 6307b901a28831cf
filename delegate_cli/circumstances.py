"""What the rules around a decision did, as the record tells it: trades, chains of escalation, what would have helped."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Lift:
    """The one constraint without which most agents would be eligible, and how many."""

    constraint: str
    rule: str
    eligible: int

    def as_dict(self) -> dict[str, Any]:
        return {"constraint": self.constraint, "rule": self.rule, "eligible": self.eligible}


@dataclass(frozen=True, slots=True)
class Trade:
    """What a preference gave up for what: differences of the chosen agent to `over`, the most probable one.

    Probability, USD for a task, milliseconds, quality; None where one of the two is not known. `skills`: which the quality is
    of; none are all on the cards.
    """

    by: str
    over: str
    probability: float
    cost_usd: float | None
    latency_ms: float | None
    quality: float | None
    skills: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        differences = {"cost_usd": self.cost_usd, "latency_ms": self.latency_ms, "quality": self.quality}
        return {
            "by": self.by,
            "over": self.over,
            "probability": round(self.probability, 9),
            **{name: None if value is None else round(value, 9) for name, value in differences.items()},
            "skills": list(self.skills),
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One agent of a chain of escalation; `detail` says why it goes on, None at its end."""

    agent: str
    name: str
    detail: str | None
    contact: str | None

    def as_dict(self) -> dict[str, Any]:
        return {"agent": self.agent, "name": self.name, "detail": self.detail, "contact": self.contact}


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who is turned to, over whom, and why: nobody fits (`none`), the first is `absent`, nobody is left (`no_eligible`)."""

    reason: str
    chain: tuple[Step, ...]
    to: str | None

    def as_dict(self) -> dict[str, Any]:
        return {"reason": self.reason, "to": self.to, "chain": [step.as_dict() for step in self.chain]}


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How a task was read as the next turn of a conversation: `weight` is the probability that it needs the turn before it."""

    weight: float
    context: bool
    previous: str | None

    def as_dict(self) -> dict[str, Any]:
        return {"weight": round(self.weight, 6), "context": self.context, "previous": self.previous}
