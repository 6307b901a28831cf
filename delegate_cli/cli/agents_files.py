"""`delegate agents import`, `export` and `diff`: agents in files of other formats, and two rosters held against each other."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from delegate_cli.cli import options, streams
from delegate_cli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from delegate_cli.agents import Roster
    from delegate_cli.roster.importers.sources import Imported

IMPORT = """Examples:

\b
  delegate agents import .claude/agents -o agents.yaml
  delegate agents import plugins/ crew/config/agents.yaml .mcp.json -o agents.yaml --force
  delegate agents import --from-url https://agent.example.org -o agents.yaml
  curl -s localhost:8080/tools | delegate agents import - | less

The formats are found by name and content (docs/catalogues.md). What was read, mended and left out is told on stderr.
"""
EXPORT = """Examples:

\b
  delegate agents export --to openai-tools | jq .tools
  delegate agents export --to claude -o .claude/agents
  delegate agents export --to a2a --agents team.yaml -o cards.json

Each format comes back as it was when it is imported again: what it has no place for is carried beside it.
"""
DIFF = """Example:

\b
  delegate agents diff agents.yaml .claude/agents || echo "agents.yaml is out of date"

Exit codes, as those of diff: 0 the same, 1 different, 2 one of them cannot be read. Where a card came from is not compared.
"""
_DEST = "Write it there, whole or not at all. [default: stdout]"


class Target(StrEnum):
    """What a roster can be written as."""

    A2A = "a2a"
    OPENAI_TOOLS = "openai-tools"
    CLAUDE = "claude"
    JSON = "json"


Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="PATH", help=_DEST, show_default=False)]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what is there.")]


def import_agents(
    sources: Annotated[list[Path] | None, typer.Argument(metavar="SRC…", help="Files and folders; - is stdin.")] = None,
    output: Output = None,
    force: Force = False,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse what could only be read in part.")] = False,
    from_url: Annotated[
        list[str] | None,
        typer.Option("--from-url", metavar="URL", help="Fetch an A2A agent card; nothing else ever uses the network."),
    ] = None,
    quiet: options.Quiet = False,
) -> int:
    """Read agents from any known format and write them as agents.yaml."""
    from delegate_cli.roster.exporters.own import yaml_text

    if not sources and not from_url:
        raise UsageError("there is nothing to import", "name files or folders, or give --from-url")
    output = _file(output)
    _check_free(output, force)
    done = _imported(sources or [], from_url or [], strict)
    text = yaml_text(done.roster)
    _write(output, text, force)
    if not quiet:
        _summarise(done, output)
    return 0


def export_agents(
    to: Annotated[Target, typer.Option("--to", help="The format to write.")],
    agents: options.Agents = options.AgentsDefault,
    output: Output = None,
    force: Force = False,
    quiet: options.Quiet = False,
) -> int:
    """Write the roster in another format."""
    roster = options.read_roster(agents, quiet, most=options.EVERY)
    if to is Target.CLAUDE:
        return _export_claude(roster, output, force)
    output = _file(output)
    _check_free(output, force)
    _write(output, _text(roster, to), force)
    return 0


def diff_agents(
    first: Annotated[Path, typer.Argument(metavar="A", help="A roster: a file or folder in any known format.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    format: options.ListingFormat = None,
    no_color: options.NoColor = False,
    quiet: options.Quiet = False,
) -> int:
    """Show which agents two rosters do not share, and which fields of the others differ."""
    from delegate_cli.render import agents as rendering
    from delegate_cli.roster.diff import difference

    found = difference(*(options.read_roster([path], quiet, whole=True) for path in (first, second)))
    options.write_record(found.as_dict(), rendering, format, no_color)
    return int(bool(found))


def _imported(sources: Sequence[Path], urls: Sequence[str], strict: bool) -> "Imported":
    from delegate_cli.roster.importers.sources import read_sources

    if not urls:
        return read_sources(sources, strict, whole=True)
    from delegate_cli.roster.fetch import fetch_card  # http, ssl: 60 ms

    return read_sources(sources, strict, whole=True, fetched=[fetch_card(url) for url in urls])


def _summarise(done: "Imported", output: Path | None) -> None:
    from delegate_cli.linting.finding import counted
    from delegate_cli.render.agents import import_lines
    from delegate_cli.render.text import clean

    for report in done.reports:
        if report.reasons:
            streams.note(f"{'refused' if report.refused else 'warning'}: {clean(str(report))}")
    for line in import_lines(done):
        streams.note(line)
    if output is not None:
        streams.note(f"wrote {clean(str(output))}: {counted(len(done.roster), 'agent')}")


def _text(roster: "Roster", to: Target) -> str:
    from delegate_cli.roster.exporters import a2a, openai_tools, own

    writers = {Target.A2A: a2a.text, Target.OPENAI_TOOLS: openai_tools.text, Target.JSON: own.json_text}
    return writers[to](roster)


def _export_claude(roster: "Roster", output: Path | None, force: bool) -> int:
    """One file an agent, each whole or not at all; none is written where one of them is there already."""
    from delegate_cli.linting.finding import counted
    from delegate_cli.render.files import make_folder, write_file
    from delegate_cli.roster.exporters.claude import files

    if output is None:
        raise UsageError("subagents are one file each", "name a folder with -o .claude/agents")
    made = files(roster)
    there = [name for name in made if (output / name).exists()]
    if there and not force:
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        raise OutputError(f"{output / there[0]}{more} would be overwritten", "add --force, or name another folder")
    make_folder(output)
    for name, text in made.items():
        write_file(output / name, text.encode("utf-8"))
    streams.note(f"wrote {counted(len(made), 'file')} to {output}")
    return 0


def _file(output: Path | None) -> Path | None:
    """`-` is stdout."""
    return None if str(output) == "-" else output


def _check_free(output: Path | None, force: bool) -> None:
    if output is not None and output.exists() and not force:
        raise OutputError(f"{output} is there already", "add --force to overwrite it, or name another file")


def _write(output: Path | None, text: str, force: bool) -> None:
    if output is None:
        streams.write(text)
        return
    from delegate_cli.render.files import write_file

    _check_free(output, force)  # it may have come meanwhile
    write_file(output, text.encode("utf-8"))
