"""What a journal holds, as values: entries (decisions) and feedback (what people and outcomes said of them)."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from delegate_cli.errors import UsageError


class Origin(StrEnum):
    """Where a decision or a feedback came from."""

    TERMINAL = "terminal"  # somebody saw the decision being made
    PIPELINE = "pipeline"
    LIBRARY = "library"
    FEEDBACK = "feedback"
    REVIEW = "review"
    CONFIRM = "confirm"


class Verdict(StrEnum):
    """What somebody said of a decision."""

    AGENT = "agent"  # this agent is right
    RIGHT = "right"  # the proposed one is
    WRONG = "wrong"  # the proposed one is not, and who is was not said
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Feedback:
    """One thing said of a decision: who should have had it, how it went, or both.

    `agent` is who was right where that is known; `score` lies in [0, 1]; `cost` in USD and `seconds` are at least 0.
    """

    decision: str
    verdict: Verdict | None = None
    agent: str | None = None
    note: str | None = None
    success: bool | None = None
    score: float | None = None
    cost: float | None = None
    seconds: float | None = None
    origin: Origin = Origin.FEEDBACK
    number: int = 0  # given by the journal
    at: float = 0.0  # given by the journal: seconds since 1970
    undone: bool = False

    def __post_init__(self) -> None:
        if self.score is not None and not 0 <= self.score <= 1:
            raise UsageError(f"score must lie between 0 and 1, not {self.score:g}", "write a share such as 0.8")
        for name in ("cost", "seconds"):
            value = getattr(self, name)
            if value is not None and not (value >= 0 and math.isfinite(value)):
                raise UsageError(f"{name} must be at least 0, not {value:g}", "correct it, or leave it out")
        if self.verdict is Verdict.AGENT and not self.agent:
            raise UsageError("it is not said which agent is right", "name it, or say that nobody is")

    @property
    def outcome(self) -> Mapping[str, Any]:
        """What is known of how the work went."""
        values = {"success": self.success, "score": self.score, "cost": self.cost, "seconds": self.seconds}
        return {name: value for name, value in values.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        record: dict[str, Any] = {"number": self.number, "at": iso(self.at), "origin": self.origin.value}
        if self.verdict is not None:
            record |= {"verdict": self.verdict.value, "agent": self.agent}
        record |= dict(self.outcome)
        if self.note is not None:
            record["note"] = self.note
        if self.undone:
            record["undone"] = True
        return record


@dataclass(frozen=True, slots=True)
class Entry:
    """A recorded decision. `record` is the decision record, with `task` of None where only its hash was kept."""

    id: str
    at: float
    origin: Origin
    status: str
    agent: str | None
    first: str | None
    probability: float
    none: float
    task: str | None
    task_sha256: str
    roster_path: str | None
    roster_sha256: str | None
    settings_sha256: str
    versions: Mapping[str, Any]
    asked: Mapping[str, Any]
    record: Mapping[str, Any]
    feedback: tuple[Feedback, ...] = field(default=())

    @property
    def answer(self) -> Feedback | None:
        """The last verdict that was not undone."""
        said = [each for each in self.feedback if each.verdict is not None and not each.undone]
        return said[-1] if said else None

    @property
    def outcome(self) -> dict[str, Any]:
        """The last of each outcome value that was not undone."""
        return {name: value for each in self.feedback if not each.undone for name, value in each.outcome.items()}

    def as_dict(self) -> dict[str, Any]:
        """What `journal export` writes."""
        answer = self.answer
        return {
            "id": self.id,
            "at": iso(self.at),
            "origin": self.origin.value,
            "decision": dict(self.record),
            "task_sha256": self.task_sha256,
            "roster": {"path": self.roster_path, "sha256": self.roster_sha256},
            "settings_sha256": self.settings_sha256,
            "versions": dict(self.versions),
            "asked": dict(self.asked),
            "answer": None if answer is None else answer.as_dict(),
            "outcome": self.outcome,
            "feedback": [each.as_dict() for each in self.feedback],
        }


@dataclass(frozen=True, slots=True)
class Room:
    """How many tasks an agent may have open, and how many it may be given within a minute; None: any number."""

    agent: str
    capacity: int | None = None
    per_minute: float | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries. Times in seconds since 1970, `since` included and `until` not; `limit` of 0 is all of them."""

    since: float | None = None
    until: float | None = None
    agent: str | None = None
    statuses: Collection[str] = ()
    roster_path: str | None = None
    answered: bool | None = None
    limit: int = 0


def iso(at: float) -> str:
    """A time as UTC text, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def at_of(identity: str) -> float:
    """The time in a UUIDv7, in seconds since 1970."""
    return int(identity[:8] + identity[9:13], 16) / 1000


def bound(at: float) -> str:
    """The least id of a moment, so that an index of ids is one of times."""
    text = f"{max(0, math.ceil(at * 1000 - 1e-6)):012x}"
    return f"{text[:8]}-{text[8:12]}-"
