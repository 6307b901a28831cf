"""Counts over a journal, by one query each: for `journal stats`, and for capacities and rate limits."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from delegate_cli.errors import JournalError
from delegate_cli.journal.entries import bound, iso
from delegate_cli.journal.store import MINUTE, OPEN_DAYS, Journal

DAY = 86400.0  # seconds
_VERDICT = "(SELECT {0} FROM answers AS a WHERE a.decision = d.id)"
_RIGHT = f"{_VERDICT.format('verdict')} <> 'wrong' AND {_VERDICT.format('agent')} IS d.agent"
_STATUSES = f"""
  SELECT status, count(*), sum({_VERDICT.format("number")} IS NOT NULL), sum({_RIGHT})
  FROM decisions AS d WHERE id >= ? GROUP BY status ORDER BY status"""
_AGENTS = f"""
  SELECT agent, count(*), sum(status = 'decided'), sum({_VERDICT.format("number")} IS NOT NULL), sum({_RIGHT})
  FROM decisions AS d WHERE id >= ? AND agent IS NOT NULL GROUP BY agent ORDER BY count(*) DESC, agent"""
_ASSIGNED = "SELECT agent, count(*) FROM assigned WHERE decision >= ? GROUP BY agent"
_HANDED_OVER = "SELECT agent, count(*) FROM decisions WHERE id >= ? AND status = 'decided' GROUP BY agent"


class Assignments:
    """What agents have on their hands, as a journal knows it.

    A task is with the agent it was handed over to, or with the one that a person named, until an outcome is reported.

    Args:
        days: how long a task without an outcome counts; not every outcome is reported.
        say: gets one line when the journal cannot be read; then nothing is known to be open.
    """

    def __init__(self, journal: Journal, days: float = OPEN_DAYS, say: Callable[[str], None] = lambda line: None) -> None:
        self._journal = journal
        self._seconds = days * DAY
        self._say = say
        self._broken = False

    def open_assignments(self) -> Mapping[str, int]:
        """Tasks that were handed over to each agent and have no outcome yet."""
        return self._counts(_ASSIGNED, self._seconds)

    def last_minute(self) -> Mapping[str, int]:
        """Tasks that were handed over to each agent within the last 60 seconds."""
        return self._counts(_HANDED_OVER, MINUTE)

    def _counts(self, query: str, seconds: float) -> Mapping[str, int]:
        if self._broken:
            return {}
        try:
            return dict(self._journal.rows(query, (bound(time.time() - seconds),)))
        except JournalError as error:
            self._broken = True
            self._say(f"capacities and rate limits are not held: {error.message} ({error.fix})")
            return {}


def stats(journal: Journal, since: float | None = None) -> dict[str, Any]:
    """How many decisions, answers and right ones there are, by status and by the agent that was named."""
    start = (bound(since or 0.0),)
    statuses = journal.rows(_STATUSES, start)
    span = journal.rows("SELECT min(at), max(at) FROM decisions WHERE id >= ?", start)
    first, last = span[0] if span else (None, None)
    names = ("decisions", "answered", "right")
    return {
        "path": str(journal.path),
        "bytes": journal.size,
        "decisions": sum(row[1] for row in statuses),
        "first": None if first is None else iso(first),
        "last": None if last is None else iso(last),
        "waiting": len(journal.queue()),
        "feedback": sum(row[0] for row in journal.rows("SELECT count(*) FROM feedback WHERE undoes IS NULL")),
        "statuses": {status: dict(zip(names, counts, strict=True)) for status, *counts in statuses},
        "agents": [
            {"agent": agent, "decisions": count, "decided": decided, "answered": answered, "right": right or 0}
            for agent, count, decided, answered, right in journal.rows(_AGENTS, start)
        ],
    }
