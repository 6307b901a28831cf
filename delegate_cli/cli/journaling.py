"""Options of the commands that use the journal, and what they are made into."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import streams
from delegate_cli.errors import UsageError
from delegate_cli.journal.claims import keeping as keeping
from delegate_cli.journal.claims import kept as kept
from delegate_cli.journal.claims import room_of

if TYPE_CHECKING:
    from delegate_cli.cli.served import Served
    from delegate_cli.decision import Decision
    from delegate_cli.journal.entries import Feedback, Filter
    from delegate_cli.journal.store import Journal
    from delegate_cli.pipeline import Ask, Delegator
    from delegate_cli.policy.load import Load


Record = Callable[..., bool]  # (decision, what was said of it already) → whether it stands


class Lines(StrEnum):
    """How what the journal holds is written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    JSONL = "jsonl"


JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal", metavar="FILE", envvar="DELEGATE_JOURNAL", help="The journal. [default: journal.sqlite in DELEGATE_HOME]"
    ),
]
NoJournal = Annotated[bool, typer.Option("--no-journal", envvar="DELEGATE_NO_JOURNAL", help="Do not record the decision.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="From then on: 2026-03-01, 2026-03-01T09:30, or 90m, 12h, 7d ago.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Until then, as for --since.")]
OfAgent = Annotated[str | None, typer.Option("--agent", metavar="ID", help="Only decisions that name this agent.")]
Statuses = Annotated[
    str, typer.Option("--status", metavar="STATUS,…", help="Only these: decided, ask, none, no_eligible.", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=0, help="At most so many; 0 is all.")]
LinesFormat = Annotated[Lines | None, typer.Option("--format", "-f", help="Default: table at a terminal, plain in a pipe.")]
DecisionId = Annotated[str, typer.Argument(metavar="ID", help="A decision's id, its first characters, or last.")]

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def lines_format(chosen: Lines | None) -> Lines:
    """The format of a command that lists what the journal holds."""
    return chosen or (Lines.TABLE if streams.is_terminal(sys.stdout) else Lines.PLAIN)


def open_journal(path: Path | None) -> "Journal":
    """The journal that is named, else the one in DELEGATE_HOME."""
    from delegate_cli.journal.schema import FILE
    from delegate_cli.journal.store import Journal
    from delegate_cli.settings import home

    return Journal(path.expanduser() if path is not None else home() / FILE)


@contextmanager
def recorded(decider: "Delegator | Served", ask: "Ask", journal: "Journal | None", many: bool) -> Iterator[Record]:
    """What keeps decisions in the journal, if there is one. A line on stderr says what could not be kept.

    Args:
        many: a batch; nobody watches each decision.

    Raises:
        UsageError: texts are to be redacted, and the extra `redact` is not installed.
    """
    if journal is None:
        yield forget
        return
    from delegate_cli.journal.entries import Origin
    from delegate_cli.journal.recorder import Recorder

    origin = Origin.PIPELINE if many or not streams.is_terminal(sys.stdout) else Origin.TERMINAL
    recorder = Recorder(journal, decider.settings, origin=origin, asked=ask.as_dict(), say=_say)

    def record(decision: "Decision", said: "Feedback | None" = None, claim: bool = False) -> bool:
        room = room_of(decider.roster, decision) if claim and said is None and ask.constraints.presence else None
        if room is not None:
            return recorder.claim(decision, room)
        recorder.record(decision, said)
        return True

    try:
        yield record
    finally:
        recorder.close()


def _say(line: str) -> None:
    from delegate_cli.render.text import clean  # a path may hold anything

    streams.note(clean(line))


def load(journal: "Journal | None") -> "Load | None":
    """What agents have on their hands, as far as the journal knows."""
    if journal is None:
        return None
    from delegate_cli.journal.figures import Assignments

    return Assignments(journal, say=_say)


def forget(decision: "Decision", said: "Feedback | None" = None, claim: bool = False) -> bool:
    """Record nothing."""
    return True


def filter_of(
    since: str | None = None, until: str | None = None, agent: str | None = None, status: str = "", limit: int = 0
) -> "Filter":
    """Options as a filter.

    Raises:
        UsageError: a time or a status cannot be read.
    """
    from delegate_cli.decision import Status
    from delegate_cli.journal.entries import Filter

    statuses = frozenset(each.strip() for each in status.split(",") if each.strip())
    known = [each.value for each in Status]
    if unknown := sorted(statuses - set(known)):
        raise UsageError(f"there is no status {unknown[0]!r}", f"use one of: {', '.join(known)}")
    return Filter(moment(since, "--since"), moment(until, "--until"), agent, statuses, limit=limit)


def moment(text: str | None, option: str) -> float | None:
    """A time in seconds since 1970; without a time zone it is this machine's.

    Raises:
        UsageError: it cannot be read.
    """
    if text is None:
        return None
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return time.time() - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        fix = "write 2026-03-01, 2026-03-01T09:30, or how long ago, such as 90m, 12h or 7d"
        raise UsageError(f"{option} cannot be {text!r}", fix) from None
