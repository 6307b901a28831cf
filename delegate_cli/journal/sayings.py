"""What is said of a decision, as a line of JSON: checked, made a `Feedback`, and kept.

`delegate feedback` and the tool `record_outcome` take the same lines.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from delegate_cli.errors import UsageError
from delegate_cli.journal.answers import verdict_of
from delegate_cli.journal.entries import Entry, Feedback, Origin, Verdict
from delegate_cli.journal.store import Journal
from delegate_cli.roster.naming import nearest_agent

VERDICTS = ("agent", "right", "wrong", "nobody")
NUMBERS = ("score", "cost", "seconds")
_TRUTHS = ("right", "wrong", "nobody", "undo", "drawn", "success")
_KEYS = ("id", *VERDICTS, "undo", "drawn", "note", "success", *NUMBERS)


class Sayings:
    """Checks what is said and keeps it; rosters are read once.

    Args:
        agents: the file of the roster whose agents may be right; None: the decision's own.
        known: the ids of those agents, where they are known already.
    """

    def __init__(self, journal: Journal, agents: str | None = None, known: Collection[str] | None = None) -> None:
        self._journal = journal
        self._agents = agents
        self._own = known
        self._known: dict[str, Collection[str]] = {}

    def keep(self, line: Mapping[str, Any]) -> Feedback:
        """Keep one feedback, or take the last one back; then what was taken back, marked as undone.

        Raises:
            UsageError: it says nothing, too much, or something that cannot be.
            JournalError: there is no such decision, or it cannot be kept.
        """
        _check(line)
        identity = self._journal.find(line["id"])
        if line.get("undo"):
            return replace(self._journal.undo(identity), decision=identity, undone=True)
        said = self._feedback(self._journal.get(identity), line)
        self._journal.say(said)
        return said

    def _feedback(self, entry: Entry, line: Mapping[str, Any]) -> Feedback:
        verdicts = _said(line)
        outcome = {name: line[name] for name in ("note", "success", *NUMBERS) if line.get(name) is not None}
        if not verdicts:
            return replace(Feedback(entry.id), **outcome)
        verdict = Verdict(verdicts[0])
        if verdict is Verdict.AGENT and line["agent"] is None:
            verdict = Verdict.NOBODY
        agent = line["agent"] if verdict is Verdict.AGENT else None
        if agent is not None:
            self._check_agent(entry, agent)
        origin = Origin.REVIEW if line.get("drawn") else Origin.FEEDBACK
        return replace(verdict_of(entry, verdict, agent, origin), **outcome)

    def _check_agent(self, entry: Entry, agent: str) -> None:
        """A mistyped agent would be learnt from, so it must be one of the candidates or of the roster."""
        if agent in {each["agent"] for each in entry.record["candidates"]}:
            return
        path, known = self._agents or entry.roster_path, self._own
        if known is None:
            if path is None:
                raise UsageError(f"whether there is an agent {agent!r} cannot be checked", "name the roster with --agents")
            if path not in self._known:
                from delegate_cli.roster.load import load_roster

                self._known[path] = frozenset(load_roster(path).position)
            known = self._known[path]
        if agent not in known:
            raise UsageError(f"{path or 'the roster'} has no agent {agent!r}", nearest_agent(agent, known))


def _check(line: Mapping[str, Any]) -> None:
    """Raise UsageError where a line says nothing, too much, or something that cannot be."""
    from delegate_cli.roster.document import unknown_key

    for name, value in line.items():
        if name not in _KEYS:
            raise UsageError(f"feedback has no key {name!r}", unknown_key(name, list(_KEYS)))
        if value is not None and not _fits(name, value):
            kind = "true or false" if name in _TRUTHS else "a number" if name in NUMBERS else "text"
            raise UsageError(f"{name} must be {kind}", "correct it, or leave it out")
    if not line.get("id"):
        raise UsageError("feedback needs the id of a decision", "see delegate journal list")
    verdicts = _said(line)
    if len(verdicts) > 1:
        raise UsageError(f"{' and '.join(verdicts)} cannot be said at once", "say one of them")
    others = [name for name in ("note", "success", *NUMBERS) if line.get(name) is not None]
    if line.get("undo") and (verdicts or others):
        raise UsageError("undo takes something back and can say nothing else", "give it alone, then the other")
    if not (verdicts or others or line.get("undo")):
        raise UsageError("nothing is said of the decision", "give --agent, --right, --wrong, --nobody or an outcome")


def _said(line: Mapping[str, Any]) -> list[str]:
    """Which verdicts a line has; an agent of null is one, that nobody fits."""
    return [name for name in VERDICTS if line.get(name) or (name == "agent" and name in line)]


def _fits(name: str, value: Any) -> bool:
    if name in _TRUTHS:
        return isinstance(value, bool)
    if name in NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, str)
