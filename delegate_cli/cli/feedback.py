"""`delegate feedback`: what people say of decisions, and how the work went; one from the command line, or JSON Lines."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.cli.agents import nearest
from delegate_cli.errors import DelegateError, UsageError

if TYPE_CHECKING:
    from delegate_cli.journal.entries import Entry, Feedback
    from delegate_cli.journal.store import Journal

EXAMPLES = """Examples:

\b
  delegate feedback last --right
  delegate feedback 0198f3a2 --agent billing-disputes --note "it is about the invoice"
  delegate feedback 0198f3a2 --success --cost 0.12 --seconds 40
  delegate feedback 0198f3a2 --undo
  jq -c '{id, agent: .assignee}' closed.jsonl | delegate feedback -

A line from stdin is {"id": "…"} with "agent": "id" (null where nobody fits), "right": true, "wrong": true or "nobody": true,
and "success", "score", "cost", "seconds", "note", "drawn": true, or with "undo": true. Nothing is ever overwritten: the last
word counts, and --undo takes it back. A line of output means that it is kept. Exit codes: 0, 2, and 5 where some lines could
not be kept.
"""
_KEYS = ("id", "agent", "right", "wrong", "nobody", "undo", "drawn", "note", "success", "score", "cost", "seconds")
_VERDICTS = ("agent", "right", "wrong", "nobody")
_TRUTHS = ("right", "wrong", "nobody", "undo", "drawn", "success")
_NUMBERS = ("score", "cost", "seconds")


def feedback(
    identity: Annotated[
        str | None, typer.Argument(metavar="ID|-", help="A decision's id, its first characters, or last; - reads JSON Lines.")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="ID", autocompletion=options.complete_agent, help="This agent is right.")
    ] = None,
    right: Annotated[bool, typer.Option("--right", help="What was proposed is right.")] = False,
    wrong: Annotated[bool, typer.Option("--wrong", help="What was proposed is wrong; who is right is not known.")] = False,
    nobody: Annotated[bool, typer.Option("--nobody", help="No agent fits.")] = False,
    success: Annotated[bool | None, typer.Option("--success/--failure", help="Whether the work succeeded.")] = None,
    score: Annotated[float | None, typer.Option("--score", help="How good the work was, from 0 to 1.")] = None,
    cost: Annotated[float | None, typer.Option("--cost", metavar="USD", help="What the work cost.")] = None,
    seconds: Annotated[float | None, typer.Option("--seconds", help="How long the work took.")] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="A remark, kept with it.")] = None,
    drawn: Annotated[
        bool, typer.Option("--drawn", help="It was drawn by review --check, and nobody had complained: it stands for others.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take back the last feedback of this decision that stands.")] = False,
    agents: options.OtherAgents = None,
    journal: journaling.JournalFile = None,
) -> int:
    """Say who was right, or how the work went."""
    kept = journaling.open_journal(journal)
    given = {"agent": agent, "success": success, "score": score, "cost": cost, "seconds": seconds, "note": note}
    marks = {"right": right, "wrong": wrong, "nobody": nobody, "drawn": drawn, "undo": undo}
    given |= {name: value or None for name, value in marks.items()}
    said = {name: value for name, value in given.items() if value is not None}
    saver = _Saver(kept, options.named(agents) if agents else None)
    if streams.from_stdin([identity] if identity is not None else []):
        if said:
            raise UsageError(f"--{next(iter(said))} is for one decision", "write it into the lines, or name the decision's id")
        return _lines(saver)
    streams.write(saver.save({"id": identity, **said}))
    return 0


def _lines(saver: "_Saver") -> int:
    """Keep line after line; one that cannot be kept is named, and the others go on."""
    from delegate_cli.render.plain import columns

    failed = count = 0
    for number, line in _objects():
        count += 1
        try:
            if isinstance(line, DelegateError):
                raise line
            streams.write(saver.save(line))
        except DelegateError as error:
            failed += 1
            message = error.message if error.message.startswith("line ") else f"line {number}: {error.message}"
            streams.write(columns([("error", "-", "-", "-", message)]))
        streams.flush()
    if failed:
        streams.note(f"{failed} of {count} lines could not be kept")
    return 5 if failed else 0


def _objects() -> Iterator[tuple[int, "dict[str, Any] | DelegateError"]]:
    """The objects of stdin with their line numbers; empty lines are skipped."""
    for number, (raw, _) in enumerate(streams.stdin_lines(), 1):
        if raw is not None and not raw.strip():
            continue
        try:
            value = json.loads(raw.decode("utf-8-sig")) if raw is not None else None
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            yield number, value
        else:
            yield number, UsageError(f"line {number} is not a JSON object", 'write {"id": "…", "agent": "…"}')


class _Saver:
    """Checks what is said and keeps it; rosters are read once."""

    def __init__(self, journal: "Journal", agents: str | None) -> None:
        self._journal = journal
        self._agents = agents
        self._known: dict[str, frozenset[str]] = {}

    def save(self, line: Mapping[str, Any]) -> str:
        """Keep one feedback; a line `saved`, id, verdict, agent, outcome."""
        from delegate_cli.render.plain import NOBODY, columns

        _check(line)
        identity = self._journal.find(line["id"])
        if line.get("undo"):
            undone = self._journal.undo(identity)
            return columns(
                [("undone", identity, undone.verdict.value if undone.verdict else NOBODY, undone.agent or NOBODY, "")]
            )
        said = self._feedback(self._journal.get(identity), line)
        self._journal.say(said)
        outcome = " ".join(f"{name}={value}" for name, value in said.outcome.items())
        return columns([("saved", identity, said.verdict.value if said.verdict else NOBODY, said.agent or NOBODY, outcome)])

    def _feedback(self, entry: "Entry", line: Mapping[str, Any]) -> "Feedback":
        from dataclasses import replace

        from delegate_cli.journal.answers import verdict_of
        from delegate_cli.journal.entries import Feedback, Origin, Verdict

        verdicts = _said(line)
        outcome = {name: line[name] for name in ("note", "success", *_NUMBERS) if line.get(name) is not None}
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

    def _check_agent(self, entry: "Entry", agent: str) -> None:
        """A mistyped agent would be learnt from, so it must be one of the candidates or of the roster."""
        if agent in {each["agent"] for each in entry.record["candidates"]}:
            return
        path = self._agents or entry.roster_path
        if path is None:
            raise UsageError(f"whether there is an agent {agent!r} cannot be checked", "name the roster with --agents")
        if path not in self._known:
            from delegate_cli.roster.load import load_roster

            self._known[path] = frozenset(load_roster(path).position)
        if agent not in self._known[path]:
            raise UsageError(f"{path} has no agent {agent!r}", nearest(agent, self._known[path]))


def _check(line: Mapping[str, Any]) -> None:
    """Raise UsageError where a line says nothing, too much, or something that cannot be."""
    from delegate_cli.roster.document import unknown_key

    for name, value in line.items():
        if name not in _KEYS:
            raise UsageError(f"feedback has no key {name!r}", unknown_key(name, list(_KEYS)))
        if value is not None and not _fits(name, value):
            kind = "true or false" if name in _TRUTHS else "a number" if name in _NUMBERS else "text"
            raise UsageError(f"{name} must be {kind}", "correct it, or leave it out")
    if not line.get("id"):
        raise UsageError("feedback needs the id of a decision", "see delegate journal list")
    verdicts = _said(line)
    if len(verdicts) > 1:
        raise UsageError(f"{' and '.join(verdicts)} cannot be said at once", "say one of them")
    others = [name for name in ("note", "success", *_NUMBERS) if line.get(name) is not None]
    if line.get("undo") and (verdicts or others):
        raise UsageError("undo takes something back and can say nothing else", "give it alone, then the other")
    if not (verdicts or others or line.get("undo")):
        raise UsageError("nothing is said of the decision", "give --agent, --right, --wrong, --nobody or an outcome")


def _said(line: Mapping[str, Any]) -> list[str]:
    """Which verdicts a line has; an agent of null is one, that nobody fits."""
    return [name for name in _VERDICTS if line.get(name) or (name == "agent" and name in line)]


def _fits(name: str, value: Any) -> bool:
    if name in _TRUTHS:
        return isinstance(value, bool)
    if name in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, str)
