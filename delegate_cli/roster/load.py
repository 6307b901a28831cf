"""Files of agents → a `Roster`. Loading never executes anything.

One agents.yaml is read here; whatever else agents are kept in (folders, other formats, several of them) by `importers`, which
are only loaded for that.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from delegate_cli.agents import Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster import kept

Say = Callable[[str], None]
_OTHERS = (".md", ".markdown")  # never YAML as a whole
_NAMED = ("tools.json", "server.yaml", "server.yml", ".mcp.json", "mcp.json")  # a list of tools could pass for cards


def load_roster(
    path: str | Path | Sequence[str | Path],
    *,
    strict: bool = False,
    whole: bool = False,
    say: Say = lambda line: None,
) -> Roster:
    """Read agents.yaml (or the same as JSON), or agents in any other known format.

    Args:
        path: a file, a folder, `-` for stdin, or several: a list, or one text with commas between them.
        strict: refuse what could only be read in part, instead of leaving it out.
        whole: take `run`, `auto: always` and settings also from files that were not named as an agents.yaml: to look at
            them, not to run them.
        say: gets one line for each file that had to be mended or left out.

    Raises:
        RosterError: something is missing, unreadable or makes no sense.
    """
    names = [path] if isinstance(path, str | Path) else list(path)
    if not names or not all(str(name).strip() for name in names):
        raise RosterError("an empty name is no roster", "name a file or folder with --agents")
    if len(names) == 1 and str(names[0]) != "-":
        alone = Path(names[0])
        try:
            data = alone.read_bytes()
        except FileNotFoundError:
            if "," not in str(alone):
                fix = "name a roster with --agents FILE, or set DELEGATE_AGENTS"
                raise RosterError(f"{alone}: no such file", fix) from None
        except IsADirectoryError:
            pass
        except (OSError, ValueError) as error:
            from delegate_cli.roster.document import shown

            reason = getattr(error, "strerror", None) or str(error)
            raise RosterError(f"{shown(str(alone))}: {reason}", "check the path and its permissions") from None
        else:
            return _file(alone, data, strict, whole, say)
    return _sources(names, strict, whole, say)


def _file(path: Path, data: bytes, strict: bool, whole: bool, say: Say) -> Roster:
    if path.name.lower() in _NAMED or path.name.lower().endswith(_OTHERS):
        return _sources([path], strict, whole, say)
    known = kept.recall(data, str(path))
    if known is not None:
        return known
    from delegate_cli.roster.parse import parse_roster  # yaml and what reads it: 25 ms

    try:
        roster = parse_roster(data, str(path))
    except RosterError:
        from delegate_cli.roster.importers.sources import is_foreign, not_json

        if is_foreign(path, data):
            return _sources([path], strict, whole, say)
        if reason := not_json(path, data):
            raise RosterError(f"{path}: {reason}", "a missing quote, comma or bracket? the rest may be missing") from None
        raise
    kept.keep(data, roster)
    return roster


def _sources(names: Sequence[str | Path], strict: bool, whole: bool, say: Say) -> Roster:
    from delegate_cli.roster.importers.sources import read_sources

    found = read_sources([each for name in names for each in _split(str(name))], strict, whole)
    for report in found.reports:
        if report.reasons:
            say(str(report))
    return found.roster


def _split(name: str) -> list[str]:
    """The parts between commas, unless there is a file of that name."""
    if "," not in name or Path(name).exists():
        return [name]
    return [part for each in name.split(",") if (part := each.strip())]
