"""Options that several commands share, and what they are made into."""

import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from delegate_cli.cli import streams
from delegate_cli.cli.model_options import NOTHING, ModelOptions
from delegate_cli.errors import SettingsError
from delegate_cli.settings import DEFAULT_ROSTER, resolve

if TYPE_CHECKING:
    from delegate_cli.agents import Roster
    from delegate_cli.pipeline import Delegator
    from delegate_cli.policy.load import Load
    from delegate_cli.settings import Settings


class Format(StrEnum):
    """How decisions are written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    JSONL = "jsonl"
    ID = "id"


class Listing(StrEnum):
    """How everything else is written."""

    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"


_SOURCES = "A file or folder of agents in any known format, or -; may be given several times."
Agents = Annotated[
    list[Path],
    typer.Option("--agents", "-a", metavar="FILE|DIR", envvar="DELEGATE_AGENTS", help=_SOURCES, show_default=True),
]
AgentsDefault = [Path(DEFAULT_ROSTER)]
AgentsOrNone = Annotated[
    list[Path] | None,
    typer.Option("--agents", "-a", metavar="FILE|DIR", envvar="DELEGATE_AGENTS", help=f"{_SOURCES} [default: agents.yaml]"),
]
Sources = Sequence[Path]
OtherAgents = Annotated[
    list[Path] | None,
    typer.Option("--agents", "-a", metavar="FILE|DIR", help="The roster. [default: the decision's own]", show_default=False),
]
ListingFormat = Annotated[Listing | None, typer.Option("--format", "-f", help="Default: table at a terminal, plain in a pipe.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text, also at a terminal.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress on stderr.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say on stderr what is loaded and made.")]
Tasks = Annotated[
    list[str] | None,
    typer.Argument(metavar="TASK…|-", help="Each argument is a task; - reads one a line from stdin."),
]
Top = Annotated[int, typer.Option("--top", "-k", min=1, help="How many candidates to show.")]
Every = Annotated[bool, typer.Option("--all", help="Show every eligible agent.")]
FormatOption = Annotated[Format | None, typer.Option("--format", "-f", help="Default: table at a terminal, plain in a pipe.")]
FieldName = Annotated[
    str | None, typer.Option("--field", metavar="NAME", help="JSON Lines: the field with the task; dots go deeper.")
]
MinProbability = Annotated[
    float | None,
    typer.Option("--min-probability", min=0, max=1, help="Hand over from here on (default: from --target-error)."),
]
MinMargin = Annotated[
    float | None, typer.Option("--min-margin", min=0, max=1, help="Hand over only with this lead over the second.")
]
Explain = Annotated[bool, typer.Option("--explain", "-e", help="Show the evidence and the rubric.")]
Confirm = Annotated[bool, typer.Option("--confirm", "-c", help="Ask me; my answer is the decision.")]
NoRebuild = Annotated[bool, typer.Option("--no-rebuild", help="Fail when the index is missing or stale.")]
Encoder = Annotated[
    str | None, typer.Option("--encoder", metavar="NAME", help="Encoder to use instead of the roster's setting.")
]
TargetError = Annotated[float | None, typer.Option("--target-error", min=0, max=1, help="How often handing over may be wrong.")]
Shortlist = Annotated[
    int | None, typer.Option("--shortlist", min=1, help="How many agents the decider looks at. [default: 50]")
]
Server = Annotated[
    str,
    typer.Option(
        "--server", metavar="auto|URL|off", envvar="DELEGATE_SERVER", help="Let a running `delegate serve` decide, if one can."
    ),
]


_WARNINGS = 5  # files that were mended or left out: more are only counted, so that a decision is not lost among them


EVERY = 1_000_000  # warnings: all there are


def listing_format(chosen: Listing | None) -> Listing:
    """The format of a command that lists something."""
    import sys

    return chosen or (Listing.TABLE if streams.is_terminal(sys.stdout) else Listing.PLAIN)


class Rendering(Protocol):
    """A module of `render` with two forms of one record."""

    def plain(self, record: dict[str, Any]) -> str: ...

    def table(self, record: dict[str, Any], color: bool, width: int) -> str: ...


def write_record(record: dict[str, Any], rendering: Rendering, format: Listing | None, no_color: bool) -> None:
    """A record as JSON, plain lines or a table."""
    import sys

    from delegate_cli.render.jsonl import json_text

    chosen = listing_format(format)
    if chosen is Listing.JSON:
        streams.write(json_text(record))
    elif chosen is Listing.PLAIN:
        streams.write(rendering.plain(record))
    else:
        streams.write(rendering.table(record, streams.wants_color(no_color, sys.stdout), streams.width()))


def named(agents: Sources) -> str:
    """The sources of a roster as one text, which `load_roster` takes, too."""
    return ",".join(map(str, agents))


def read_roster(agents: Sources, quiet: bool = False, most: int = _WARNINGS, whole: bool = False) -> "Roster":
    """The roster, with a line on stderr for each file of it that was mended or left out, once a run.

    Args:
        whole: as for `load_roster`.
        most: how many such lines are written before they are only counted.
    """
    from delegate_cli.roster.load import load_roster

    found: list[str] = []
    roster = load_roster(agents, say=found.append, whole=whole)
    new = [line for line in found if line not in _warned]
    if new and not quiet:
        from delegate_cli.render.text import clean

        shown = new if len(new) <= most + 1 else new[:most]
        for line in shown:
            streams.note(f"warning: {clean(line)}")
        if len(shown) < len(new):
            streams.note(f"warning: {len(new) - len(shown)} more files like these (see: delegate agents list)")
    _warned.update(new)
    return roster


def open_delegator(
    agents: Sources,
    flags: dict[str, Any],
    *,
    asking: ModelOptions = NOTHING,
    rebuild: bool = True,
    load: "Load | None" = None,
    quiet: bool = False,
    verbose: bool = False,
    read: "tuple[Roster, Settings] | None" = None,
) -> "Delegator":
    """Roster, settings, progress and the manner of asking a model, joined.

    Args:
        load: what agents have on their hands.
        read: what `roster_and_settings` gave, where it was called already.
    """
    from delegate_cli.pipeline import Delegator

    roster, settings = read or roster_and_settings(agents, {**flags, **asking.flags()}, quiet)
    tell = say(quiet)
    if verbose and not quiet:
        from delegate_cli.render.text import clean

        known = f"encoder {settings.encoder}; target error {settings.target_error:g}"
        tell(f"roster {clean(named(agents))}: {len(roster)} agents; {known}")
    manner = asking.manner(settings) if settings.asks_model else None
    return Delegator(roster, settings, rebuild=rebuild, progress=progress(quiet), say=tell, manner=manner, load=load)


def roster_and_settings(agents: Sources, flags: dict[str, Any], quiet: bool = False) -> "tuple[Roster, Settings]":
    """The roster, and the settings of a run over it."""
    roster = read_roster(agents, quiet)
    settings = resolve(flags, roster.settings)
    if settings.escalate_to is not None and settings.escalate_to not in roster.position:
        raise SettingsError(f"escalate_to: there is no agent {settings.escalate_to!r}", "see: delegate agents list")
    return roster, settings


def say(quiet: bool) -> Callable[[str], None]:
    """Lines for people about what is being prepared."""
    return _nothing if quiet else streams.note


def _nothing(*_: Any) -> None:
    pass


def progress(quiet: bool = False) -> Callable[[str, int, int], None]:
    """A progress bar on stderr for what takes long; nothing without a terminal there."""
    import sys

    if quiet or not streams.is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        return _nothing

    def show(what: str, done: int, total: int) -> None:
        from delegate_cli.render.progress import new_bar

        if "bar" not in _shown:
            _shown["bar"] = new_bar()
            _shown["bar"].start()
        if _shown.get("what") != what:
            _shown["what"], _shown["task"] = what, _shown["bar"].add_task(what, total=total)
        _shown["bar"].update(_shown["task"], completed=done, total=total)
        if done >= total and what in ("fitting", "labelled tasks"):
            stop_progress()

    return show


_warned: set[str] = set()  # files of this run's rosters that were warned of
_shown: dict[str, Any] = {}  # the bar on the terminal, of which there is one


def stop_progress() -> None:
    """Take the bar away and give the cursor back, also after an interrupt."""
    if "bar" in _shown:
        _shown["bar"].stop()
    _shown.clear()


def complete_agent(incomplete: str) -> list[str]:
    """Agent ids for shell completion, from the roster that the command would read."""
    from delegate_cli.errors import DelegateError
    from delegate_cli.roster.load import load_roster

    try:
        roster = load_roster((os.environ.get("DELEGATE_AGENTS") or DEFAULT_ROSTER).split(os.pathsep))
    except DelegateError:
        return []
    return [agent.id for agent in roster if agent.id.startswith(incomplete)]
