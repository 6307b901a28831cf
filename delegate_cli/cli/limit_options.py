"""The options about who may, can and should get a task, one group, and what they are made into."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from delegate_cli.cli import groups
from delegate_cli.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from delegate_cli.agents import Kind, Roster
    from delegate_cli.ask import Ask
    from delegate_cli.policy import Constraints

MAX_CONTEXT = 1 << 20  # bytes of a file with a context; only its end matters


def _complete(incomplete: str) -> list[str]:
    """The last id of a list."""
    from delegate_cli.cli.options import complete_agent

    before, comma, last = incomplete.rpartition(",")
    return [before + comma + each for each in complete_agent(last)]


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """What was given on the command line; None or empty where nothing was."""

    roles: Annotated[
        str, typer.Option("--as", metavar="ROLE,…", envvar="DELEGATE_AS", help="Your roles, for agents with `allow`.")
    ] = ""
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND,…", help="Only ai, tool, human or team.")] = None
    needs: Annotated[
        str | None,
        typer.Option("--needs", metavar="NEED,…", help="Only agents with tool:x, tag:y, skill:math>=0.8 (all of them)."),
    ] = None
    max_cost: Annotated[float | None, typer.Option("--max-cost", min=0, help="Most USD for a task; unknown is too much.")] = (
        None
    )
    max_latency: Annotated[
        float | None, typer.Option("--max-latency", min=0, help="Most milliseconds; unknown is too much.")
    ] = None
    allow: Annotated[
        str | None, typer.Option("--allow", metavar="ID,…", autocompletion=_complete, help="Only these agents.")
    ] = None
    deny: Annotated[str | None, typer.Option("--deny", metavar="ID,…", autocompletion=_complete, help="Not these agents.")] = (
        None
    )
    local_only: Annotated[bool, typer.Option("--local-only", help="Nothing leaves this machine.")] = False
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help='Hours as of then: now, any, "Mon 10:30", 10:30, ISO 8601. [default: now]'),
    ] = None
    prefer: Annotated[
        str | None,
        typer.Option("--prefer", metavar="WISH", help="Among about equals: cheap, fast, quality, or cheap=2,fast=1."),
    ] = None
    context: Annotated[
        str | None, typer.Option("--context", metavar="FILE|TEXT", help="What was said before, the latest last.")
    ] = None
    previous: Annotated[
        str | None,
        typer.Option("--previous", metavar="ID", autocompletion=_complete, help="Who had the task before this turn."),
    ] = None

    def flags(self) -> dict[str, Any]:
        """As `settings.resolve` takes them.

        Raises:
            SettingsError: a preference that does not exist.
        """
        from delegate_cli.preference import parse_preference

        prefer = None if self.prefer is None else parse_preference(self.prefer, "--prefer")
        return {"prefer": prefer, "local_only": self.local_only or None}

    def constraints(self, roster: "Roster") -> "Constraints":
        """What must hold for an agent of this roster.

        Raises:
            UsageError: naming the option, and the part of it that makes no sense.
        """
        from delegate_cli.policy import Constraints
        from delegate_cli.policy.needs import parse_needs

        return Constraints(
            roles=frozenset(_listed(self.roles)),
            kinds=frozenset() if self.kind is None else _kinds(self.kind),
            needs=() if self.needs is None else parse_needs(self.needs, roster),
            max_cost=self.max_cost,
            max_latency=self.max_latency,
            allow=None if self.allow is None else _ids("--allow", _listed(self.allow), roster),
            deny=frozenset() if self.deny is None else _ids("--deny", _listed(self.deny), roster),
            at=_moment(self.at),
            presence=(self.at or "").strip().lower() != "any",
        )

    def ask(self, roster: "Roster", top: int | None, explain: bool = False) -> "Ask":
        """What is wanted of a decision: constraints, the context, and the agent that had the task before.

        Raises:
            UsageError: an option that makes no sense, a file that cannot be read, or an agent that does not exist.
        """
        from delegate_cli.ask import Ask

        wanted = self.constraints(roster)
        previous = (self.previous or "").strip() or None
        if previous is not None:
            _ids("--previous", [previous], roster)
        context = None if self.context is None else _context(self.context)
        return Ask(top, explain, wanted, context=context, previous=previous)


NO_LIMITS = LimitOptions()


def takes() -> Callable[[Any], Any]:
    """Give a command these options in the place of its parameter `limits`."""
    return groups.takes("limits", LimitOptions)


def _listed(text: str) -> list[str]:
    return [piece.strip() for piece in text.split(",") if piece.strip()]


def _ids(option: str, ids: Iterable[str], roster: "Roster") -> frozenset[str]:
    found = frozenset(ids)
    for unknown in sorted(found - roster.position.keys()):
        from delegate_cli.roster.document import nearest, shown

        near = nearest(unknown, list(roster.position))
        fix = f"did you mean {' or '.join(near)}?" if near else "see: delegate agents list"
        raise UsageError(f"{option}: there is no agent {shown(unknown)}", fix)
    if not found:
        raise UsageError(f"{option} names nobody", "give ids, separated by commas")
    return found


def _kinds(text: str) -> "frozenset[Kind]":
    from delegate_cli.agents import Kind

    known = [kind.value for kind in Kind]
    for word in _listed(text):
        if word not in known:
            raise UsageError(f"--kind: there is no kind {word!r}", f"use {', '.join(known)}, separated by commas")
    if not _listed(text):
        raise UsageError("--kind names nothing", f"use {', '.join(known)}, separated by commas")
    return frozenset(map(Kind, _listed(text)))


def _moment(text: str | None) -> "datetime | None":
    """None for now, which is then worked out at each decision, and for any time."""
    if text is None or text.strip().lower() in ("now", "any"):
        return None
    from delegate_cli.hours import HoursError, moment

    try:
        return moment(text)
    except HoursError as error:
        raise UsageError(
            f"--at {text!r}: {error}", 'write now, any, 10:30, "Mon 10:30" or a time such as 2026-03-02T10:30+01:00'
        ) from None


def _context(given: str) -> str | None:
    """The text of the file of that name, else the text itself; nothing where it is empty."""
    if "\n" not in given and len(given) < 1024:
        try:
            if Path(given).is_file():
                with open(given, "rb") as file:
                    file.seek(max(Path(given).stat().st_size - MAX_CONTEXT, 0))
                    given = file.read(MAX_CONTEXT).decode("utf-8-sig", "replace")
        except (OSError, ValueError) as error:
            raise UsageError(f"--context: {error}", "check the file, or give the text itself") from None
    given = given.encode("utf-8", "replace").decode("utf-8")  # bytes of an argument that are no UTF-8
    return given.strip() or None
