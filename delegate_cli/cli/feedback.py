"""`delegate feedback`: what people say of decisions, and how the work went; one from the command line, or JSON Lines."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import journaling, options, streams
from delegate_cli.errors import DelegateError, UsageError
from delegate_cli.journal.sayings import Sayings

if TYPE_CHECKING:
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
    """Keeps what is said, and a line of output for it."""

    def __init__(self, journal: "Journal", agents: str | None) -> None:
        self._sayings = Sayings(journal, agents)

    def save(self, line: Mapping[str, Any]) -> str:
        """Keep one feedback; a line `saved`, id, verdict, agent, outcome."""
        from delegate_cli.render.plain import NOBODY, columns

        said = self._sayings.keep(line)
        outcome = "" if said.undone else " ".join(f"{name}={value}" for name, value in said.outcome.items())
        verdict = said.verdict.value if said.verdict else NOBODY
        return columns([("undone" if said.undone else "saved", said.decision, verdict, said.agent or NOBODY, outcome)])
