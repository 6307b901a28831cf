"""The decision record, version 1: what one task's path through the pipeline ends in.

The dataclasses are the library's result; `as_dict` is the JSON of the command, with stable keys.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from delegate_cli.circumstances import Escalation, FollowUp, Lift, Trade

VERSION = 1
PLACES = 9  # decimals of probabilities: in rosters of thousands they still sum to 1


class Status(StrEnum):
    """What to do with the task now."""

    DECIDED = "decided"
    ASK = "ask"
    NONE = "none"
    NO_ELIGIBLE = "no_eligible"


class EvidenceKind(StrEnum):
    """Which part of a card a piece of evidence is; a skill may also be inferred."""

    EXAMPLE = "example"
    CARD = "card"
    NOT_FOR = "not_for"
    SKILL = "skill"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A part of the agent's card and its cosine similarity to the task, in [-1, 1]."""

    kind: EvidenceKind
    text: str
    similarity: float

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "text": self.text, "similarity": round(self.similarity, 4)}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of the rubric: a score in [0, 1] and its reason in words."""

    criterion: str
    score: float
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"criterion": self.criterion, "score": round(self.score, 3), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Rubric:
    """The criteria of one candidate and the level 1 (do not trust) to 5 (hand over) they add up to."""

    level: int
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class ModelLevel:
    """What a model says of one candidate by itself: a level from 1 to 5 and why."""

    level: int
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return {"level": self.level, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One agent that the task may go to, with the probability in [0, 1] that it is right.

    `head` and `model` are what each of the two gave it, where a model was asked and saw its card.
    """

    agent: str
    name: str
    kind: str
    probability: float
    rubric: Rubric | None = None
    evidence: tuple[Evidence, ...] = ()
    head: float | None = None
    model: float | None = None
    model_level: ModelLevel | None = None

    def as_dict(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "agent": self.agent,
            "name": self.name,
            "kind": self.kind,
            "probability": round(self.probability, PLACES),
        }
        if self.rubric is not None:
            record["confidence"] = self.rubric.level
            record["rubric"] = [criterion.as_dict() for criterion in self.rubric.criteria]
            record["evidence"] = [evidence.as_dict() for evidence in self.evidence]
        for name, value in (("head", self.head), ("model", self.model)):
            if value is not None:
                record[name] = round(value, PLACES)
        if self.model_level is not None:
            record["model_rubric"] = self.model_level.as_dict()
        return record


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An agent that a hard constraint left out, and why."""

    agent: str
    rule: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        return {"agent": self.agent, "rule": self.rule, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class DeciderInfo:
    """Which decider spoke, and what it cost: tokens, and USD, which are None where no price is set.

    `flips` is the share of further orders in which the model's first choice was another one; None where that was not asked.
    """

    kind: str
    model: str
    calibrated: bool
    orders: int = 1
    missing_mass: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    flips: float | None = None

    def as_dict(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "kind": self.kind,
            "model": self.model,
            "calibrated": self.calibrated,
            "orders": self.orders,
            "missing_mass": round(self.missing_mass, 6),
            "tokens": {"input": self.input_tokens, "output": self.output_tokens},
            "cost_usd": self.cost_usd,
        }
        if self.flips is not None:
            record["flips"] = round(self.flips, 6)
        return record


@dataclass(frozen=True, slots=True)
class Decision:
    """Who should do the task. Probabilities over all eligible agents and `none` sum to 1.

    `reason` is why the status is not what probability and threshold alone say, or why nobody fits. `missed` is the excluded
    agent that fits better than all who are eligible.
    """

    task: str
    status: Status
    agent: str | None
    probability: float
    none: float
    margin: float
    candidates: tuple[Candidate, ...]
    decider: DeciderInfo
    excluded: tuple[Exclusion, ...] = ()
    roster: Mapping[str, str | None] = field(default_factory=dict)
    threshold: float = 0.0
    contrast: Mapping[str, Any] | None = None
    confirmed: bool = False
    fallback: Mapping[str, str] | None = None
    reason: str | None = None
    missed: str | None = None
    traded: Trade | None = None
    escalation: Escalation | None = None
    lift: Lift | None = None
    followup: FollowUp | None = None
    ref: Any = None
    elapsed_ms: float = 0.0
    id: str = field(default_factory=lambda: uuid7())

    def as_dict(self) -> dict[str, Any]:
        """The record with the keys and the order of version 1."""
        record: dict[str, Any] = {
            "v": VERSION,
            "id": self.id,
            "ref": self.ref,
            "task": self.task,
            "status": self.status.value,
            "agent": self.agent,
            "probability": round(self.probability, PLACES),
            "none": round(self.none, PLACES),
            "margin": round(self.margin, PLACES),
            "threshold": round(self.threshold, PLACES),
            "candidates": [candidate.as_dict() for candidate in self.candidates],
            "excluded": [exclusion.as_dict() for exclusion in self.excluded],
            "decider": self.decider.as_dict(),
            "roster": dict(self.roster),
            "elapsed_ms": round(self.elapsed_ms, 2),
        }
        if self.fallback is not None:
            record["fallback"] = dict(self.fallback)
        if self.contrast is not None:
            record["contrast"] = dict(self.contrast)
        if self.confirmed:
            record["confirmed"] = True
        if self.status is Status.NO_ELIGIBLE:
            record["lift"] = None if self.lift is None else self.lift.as_dict()
        if self.reason is not None:
            record["reason"] = self.reason
        if self.missed is not None:
            record["missed"] = self.missed
        for name, part in (("traded", self.traded), ("escalation", self.escalation), ("followup", self.followup)):
            if part is not None:
                record[name] = part.as_dict()
        return record


_last_stamp = 0


def uuid7() -> str:
    """A UUID of version 7 (RFC 9562): sorts by time, and within a process always as it was made.

    Python 3.11's uuid module has none.
    """
    global _last_stamp
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    stamp = milliseconds << 12 | rest * 4096 // 1_000_000  # section 6.2, method 3: twelve bits of a millisecond's fraction
    _last_stamp = stamp = max(stamp, _last_stamp + 1)  # a clock may be set back
    noise = int.from_bytes(os.urandom(8), "big") >> 2
    value = stamp >> 12 << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | noise
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
