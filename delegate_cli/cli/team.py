"""`delegate route --team`: who does a task together."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from delegate_cli.cli import journaling, streams
from delegate_cli.cli.options import Format
from delegate_cli.cli.streams import TaskLine
from delegate_cli.errors import DelegateError

if TYPE_CHECKING:
    from delegate_cli.cli.journaling import Record
    from delegate_cli.pipeline import Ask, Delegator
    from delegate_cli.splitting.team import Team

_EXIT = {"decided": 0, "ask": 1, "none": 1, "no_eligible": 6}


@dataclass(frozen=True, slots=True)
class Shown:
    """How teams are wanted: of how many agents (None: as few as the task needs), and how they are written."""

    size: int | None
    format: Format
    color: bool
    quiet: bool


def show(delegator: "Delegator", lines: Iterator[TaskLine], ask: "Ask", wanted: Shown, record: "Record", many: bool) -> int:
    """Write the team of each task; the exit code is that of the task, or of the batch."""
    if not many:
        found = _team(delegator, next(lines), ask, wanted, record)
        streams.write(_render(found, wanted, single=True))
        return _EXIT[found.status.value]
    errors = count = 0
    separator = "[\n"
    for line in lines:
        try:
            text = _render(_team(delegator, line, ask, wanted, record), wanted, single=False)
        except DelegateError as error:
            text = _render_error(line, error, wanted)
            errors += 1
        if wanted.format is Format.JSON:
            text, separator = separator + text, ",\n"
        streams.write(text)
        count += 1
    if wanted.format is Format.JSON:
        streams.write("\n]\n" if count else "[]\n")
    if errors and not wanted.quiet:
        streams.note(f"{errors} of {count} lines could not be read")
    return 5 if errors else 0


def _team(delegator: "Delegator", line: TaskLine, ask: "Ask", wanted: Shown, record: "Record") -> "Team":
    from delegate_cli.splitting.team import team

    if line.error is not None:
        raise line.error
    return team(delegator, line.task or "", replace(ask, ref=line.ref), wanted.size, journaling.keeping(record))


def _render(team: "Team", wanted: Shown, single: bool) -> str:
    if wanted.format in (Format.JSON, Format.JSONL):
        return _json(team.as_dict(), wanted.format, single)
    from delegate_cli.render import splitting

    if wanted.format is Format.TABLE:
        return splitting.team_table(team, wanted.color, streams.width()) + ("" if single else "\n")
    return splitting.team_ids(team) if wanted.format is Format.ID else splitting.team_lines(team)


def _render_error(line: TaskLine, error: DelegateError, wanted: Shown) -> str:
    if wanted.format in (Format.JSON, Format.JSONL):
        from delegate_cli.render.jsonl import error_record

        return _json(error_record(error.as_dict(), line.task, line.ref), wanted.format, single=False)
    from delegate_cli.render.plain import NOBODY, plain_error

    if wanted.format is Format.ID:
        streams.note(f"error: {error.message}")
        return NOBODY + "\n"
    return plain_error(line.task, error.as_dict())


def _json(record: dict[str, Any], format: Format, single: bool) -> str:
    from delegate_cli.render.jsonl import dumps, json_text

    if format is Format.JSONL:
        return dumps(record) + "\n"
    return json_text(record) if single else dumps(record)
