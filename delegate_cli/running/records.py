"""What a run writes down: one record for each call that was made, and one for each subtask's result."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any


class CallStatus(StrEnum):
    """How a call stands. `started` is written, and on the disk, before anything is sent."""

    STARTED = "started"
    DONE = "done"
    REFUSED = "refused"  # nothing was done
    FAILED = "failed"  # the agent said so
    UNCLEAR = "unclear"  # it may have been done
    INTERRUPTED = "interrupted"  # by whoever ran it; it may have been done
    WAITING = "waiting"  # for a person


OPEN_ENDED = (CallStatus.STARTED, CallStatus.INTERRUPTED, CallStatus.UNCLEAR)  # it is not known whether the work was done


class State(StrEnum):
    """How a subtask stands."""

    DONE = "done"
    FAILED = "failed"
    UNCLEAR = "unclear"  # its last call may have been done, and is not repeated unasked
    SKIPPED = "skipped"  # it waits for one that is not done
    WAITING = "waiting"  # for a person
    INTERRUPTED = "interrupted"


@dataclass(slots=True)
class Call:
    """One call of an agent. Times in seconds since 1970.

    Attributes:
        held_usd: what it was taken to cost before it was made.
        cost_usd: what it came to.
        said_usd: what the agent said of it, where it was not believed.
    """

    call: str
    subtask: str
    agent: str
    kind: str
    attempt: int
    key: str
    status: CallStatus = CallStatus.STARTED
    started: float = 0.0
    ended: float | None = None
    held_usd: float = 0.0
    cost_usd: float | None = None
    said_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    error: Mapping[str, str] | None = None

    @property
    def unanswered(self) -> bool:
        """Whether a person has it and has not answered: it is gone on with as the same call, and has cost nothing yet."""
        return self.kind == "human" and self.status in (CallStatus.STARTED, CallStatus.INTERRUPTED, CallStatus.WAITING)

    @property
    def usd(self) -> float | None:
        """What it came to; None where nothing is known. One of which it is not known how it ended counts as it was held."""
        if self.cost_usd is not None or self.unanswered or self.status is CallStatus.REFUSED:
            return self.cost_usd
        return self.held_usd or None

    @property
    def seconds(self) -> float:
        """How long it took."""
        return 0.0 if self.ended is None else max(0.0, self.ended - self.started)

    def as_dict(self) -> dict[str, Any]:
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)},
            "status": self.status.value,
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Call":
        """What `as_dict` gave. Raises KeyError, TypeError or ValueError."""
        known = {each.name: record[each.name] for each in fields(cls) if each.name in record}
        return cls(**(known | {"status": CallStatus(record["status"])}))


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a subtask.

    Attributes:
        agent: who did it, or had it last.
        answer: None where there is none.
        error: message and fix, where it is not done.
        seconds: from its first call to its end, in all runs together.
        calls: the ids of its calls.
    """

    subtask: str
    state: State
    agent: str | None = None
    answer: str | None = None
    error: Mapping[str, str] | None = None
    seconds: float = 0.0
    cost_usd: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    calls: tuple[str, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)},
            "state": self.state.value,
            "seconds": round(self.seconds, 3),
            "calls": list(self.calls),
        }

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Result":
        """What `as_dict` gave. Raises KeyError, TypeError or ValueError."""
        known = {each.name: record[each.name] for each in fields(cls) if each.name in record}
        return cls(**(known | {"state": State(record["state"]), "calls": tuple(record["calls"])}))


def totals(calls: Iterable[Call]) -> dict[str, Any]:
    """What calls came to together, as `run.json` has it."""
    made = list(calls)
    tokens = {"input": sum(call.input_tokens for call in made), "output": sum(call.output_tokens for call in made)}
    return {"calls": len(made), "cost_usd": spent(made), "tokens": tokens}


def spent(calls: Iterable[Call]) -> float | None:
    """What calls came to in USD; None where nothing is known of it."""
    found = [usd for call in calls if (usd := call.usd) is not None]
    return math.fsum(found) if found else None
