"""Recorded decisions made again with today's roster, and what changed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from delegate_cli.decision import Decision
from delegate_cli.journal.entries import Entry, Verdict
from delegate_cli.journal.privacy import sha256

DRIFT = 0.05  # a change of the first candidate's probability that is worth a line


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision, then and now."""

    entry: Entry
    now: Decision

    @property
    def changed(self) -> bool:
        """Whether the task would go another way: another status, or another agent."""
        return (self.entry.status, self.entry.agent) != (self.now.status.value, self.now.agent)

    @property
    def moved(self) -> bool:
        """Whether it goes the same way with another certainty."""
        return not self.changed and abs(self.now.probability - self.entry.probability) >= DRIFT

    def right(self, agent: str | None) -> bool | None:
        """Whether this agent is the one that a person named, where one did."""
        answer = self.entry.answer
        return None if answer is None or answer.verdict is Verdict.WRONG else answer.agent == agent

    def as_dict(self) -> dict[str, Any]:
        then = {"status": self.entry.status, "agent": self.entry.agent, "probability": self.entry.probability}
        now = {"status": self.now.status.value, "agent": self.now.agent, "probability": round(self.now.probability, 9)}
        answer = self.entry.answer
        return {
            "id": self.entry.id,
            "task": self.entry.task,
            "changed": self.changed,
            "then": then,
            "now": now,
            "answer": None if answer is None else answer.as_dict(),
        }


@dataclass(slots=True)
class Tally:
    """Counts over what was replayed."""

    replayed: int = 0
    changed: int = 0
    moved: int = 0
    without_text: int = 0
    answered: int = 0
    right_then: int = 0
    right_now: int = 0
    shift: float = field(default=0.0)  # sum of the changes of the first probability

    def add(self, each: Replayed) -> None:
        self.replayed += 1
        self.changed += each.changed
        self.moved += each.moved
        self.shift += abs(each.now.probability - each.entry.probability)
        if (right := each.right(each.entry.agent)) is not None:
            self.answered += 1
            self.right_then += right
            self.right_now += bool(each.right(each.now.agent))

    def as_dict(self) -> dict[str, Any]:
        return {
            "replayed": self.replayed,
            "changed": self.changed,
            "moved": self.moved,
            "mean_shift": round(self.shift / self.replayed, 6) if self.replayed else 0.0,
            "without_text": self.without_text,
            "answered": self.answered,
            "right_then": self.right_then,
            "right_now": self.right_now,
        }


def replay(entries: Iterable[Entry], decide: Callable[[Entry], Decision], tally: Tally) -> Iterator[Replayed]:
    """Make each decision again whose text was kept, counting into `tally`."""
    for entry in entries:
        if entry.task is None or sha256(entry.task) != entry.task_sha256:  # hashed, or redacted
            tally.without_text += 1
            continue
        each = Replayed(entry, decide(entry))
        tally.add(each)
        yield each
