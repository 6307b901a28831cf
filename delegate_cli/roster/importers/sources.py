"""Files and folders of any known format → one roster, with a report of each file that holds agents or was meant to.

A file that is broken costs its own agents and one warning; `strict` makes that an error.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from delegate_cli.agents import Auto, Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster.document import MAX_BYTES, shown
from delegate_cli.roster.importers import a2a, claude, own
from delegate_cli.roster.importers.detect import MARKDOWN, Importer, has_front, importer_of, is_prose
from delegate_cli.roster.importers.files import Fetched, File, Found, Refused
from delegate_cli.roster.importers.ids import Entry, told_apart
from delegate_cli.roster.importers.walk import files_of

STDIN = "-"
_Place = tuple[str, ...]
_AUTO = {Auto.ALWAYS: Auto.WHEN_SURE}
_NAMED = "only an agents.yaml that is named itself may say so"
_FIX = "correct it, or leave out --strict"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one file: how many agents, and what had to be mended or why nothing could be read (`refused`)."""

    path: str
    format: str
    agents: int
    reasons: tuple[str, ...] = ()
    refused: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {'; '.join(self.reasons)}"


@dataclass
class Imported:
    """The agents of all sources, and the reports in the order of reading. `other` counts files that hold no agents."""

    roster: Roster
    reports: list[Report] = field(default_factory=list)
    other: int = 0


@dataclass
class _Reading:
    """What was read so far."""

    strict: bool
    whole: bool
    several: bool = False  # sources
    entries: list[Entry] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    settings: Mapping[str, Any] = field(default_factory=dict)
    other: int = 0

    def warn(self, path: str, reason: str, format: str = "") -> None:
        self.add(Report(path, format, 0, (reason,), refused=True))

    def add(self, report: Report) -> None:
        self.reports.append(report)
        if report.reasons and self.strict:
            raise RosterError(str(report), _FIX)

    def take(self, file: File, importer: Importer, shown_path: str, source: _Place) -> None:
        """Read a file with what was found to read it; `source` are the folders above its path."""
        place = tuple(PurePosixPath(file.path).parts)
        file.path = "/".join((*source, file.path))
        try:
            found = self.tamed(_found(importer, file), file)
        except Refused as refused:
            self.warn(shown_path, str(refused), importer.FORMAT)
            return
        self.add(Report(shown_path, importer.FORMAT, len(found.agents), tuple(file.reasons)))
        self.entries += [Entry(own.sourced(agent, file), place, agent.id in found.fixed, source) for agent in found.agents]
        self.settings = self.settings or found.settings

    def tamed(self, found: Found, file: File) -> Found:
        """Without what acts or lets act, which only an agents.yaml that was named itself may say.

        Files that were found in a folder, and those of other formats, may be anybody's: a `run` block or a `key_command` in
        them would be run on this machine.
        """
        if self.whole:
            return found
        acting = [agent for agent in found.agents if agent.run is not None or agent.auto is Auto.ALWAYS]
        if acting:
            file.mend(f"`run` and `auto: always` are left out of {len(acting)} agents ({_NAMED})")
        if found.settings:
            file.mend(f"its settings are not used ({_NAMED})")
        agents = [replace(agent, run=None, auto=_AUTO.get(agent.auto, agent.auto)) for agent in found.agents]
        return Found(agents, found.fixed)


def _found(importer: Importer, file: File) -> Found:
    try:
        return importer.read(file)
    except RecursionError:
        raise Refused("it is nested too deeply") from None


def read_sources(
    sources: Sequence[str | Path], strict: bool = False, whole: bool = False, fetched: Sequence[Fetched] = ()
) -> Imported:
    """Read every source; one roster, the same whatever order the sources are named in.

    Args:
        whole: also what acts or lets act, and settings, of files that were not named as an agents.yaml.
        fetched: agent cards that came from elsewhere, read after the sources; what acts is never taken from them.

    Raises:
        RosterError: a source is missing, is of no known format, or nothing in it is an agent; with `strict`, anything at all
            had to be mended or left out.
    """
    names = [str(each) for each in sources]
    base = _base(names)
    reading = _Reading(strict, whole, len(names) + len(fetched) > 1)
    for name in sorted(dict.fromkeys(names), key=lambda name: (name == STDIN, os.path.abspath(name))):
        path = Path(name)
        prefix = _prefix(path, base) if len(names) > 1 else ()
        if name != STDIN and path.is_dir():
            _read_folder(path, prefix, reading)
        else:
            _read_file(name, prefix, reading)
    for each in fetched:
        _read_card(each, reading)
    names += [each.url for each in fetched]
    if not reading.entries:
        raise RosterError(f"{', '.join(map(_shown, names))}: there are no agents in it", _none_fix(reading))
    roster = Roster(tuple(told_apart(reading.entries)), None if fetched else _key(names), reading.settings)
    return Imported(roster, reading.reports, reading.other)


def _none_fix(reading: _Reading) -> str:
    broken = next((str(report) for report in reading.reports if report.refused), "")
    return broken or f"{reading.other} files were looked at; docs/catalogues.md lists the formats that are known"


def _base(names: Sequence[str]) -> str:
    """The folder that all sources are below."""
    paths = [os.path.abspath(name) for name in names if name != STDIN]
    try:
        return os.path.commonpath([path if os.path.isdir(path) else os.path.dirname(path) for path in paths])
    except ValueError:  # none, or on two drives
        return ""


def _prefix(path: Path, base: str) -> tuple[str, ...]:
    """The folders between the common one and a source."""
    if str(path) == STDIN or not base:
        return ()
    whole = os.path.abspath(path)
    folder = whole if os.path.isdir(whole) else os.path.dirname(whole)
    return tuple(part for part in PurePosixPath(Path(os.path.relpath(folder, base)).as_posix()).parts if part != ".")


def _key(names: Sequence[str]) -> str | None:
    """What the roster is known by: of one source its path, of several all of them, whatever order they are named in."""
    if STDIN in names:
        return None
    if len(names) == 1:
        return names[0]
    return ",".join(sorted({str(Path(name).resolve()) for name in names}))


def _read_folder(folder: Path, prefix: _Place, reading: _Reading) -> None:
    doubtful: list[File] = []
    packed: set[str] = set()  # folders with a SKILL.md: what else lies there is part of the skill
    within = folder.resolve().name
    subagents: dict[str, list[int]] = {}  # folder → Markdown files, and subagents among them
    for file in files_of(folder, lambda path, reason: reading.warn(_below(folder, path), reason)):
        file.within = within
        parent = str(PurePosixPath(file.path).parent)
        if file.name.lower() == "skill.md":
            packed.add(parent)
        markdown = file.name.lower().endswith(MARKDOWN)
        importer = None if _inside(file, packed) else _importer(file, folder, reading)
        counts = subagents.setdefault(parent, [0, 0])
        if markdown and not is_prose(file):
            counts[0] += 1
            counts[1] += importer is not None
        if importer is not None:
            reading.take(file, importer, _below(folder, file.path), prefix)
        elif markdown and not is_prose(file) and not _inside(file, packed) and not has_front(file):
            doubtful.append(file)
        else:
            reading.other += 1
    for file in doubtful:
        markdowns, agents = subagents[str(PurePosixPath(file.path).parent)]
        if 2 * agents >= markdowns:  # among subagents, so it is meant as one
            reading.take(file, claude, _below(folder, file.path), prefix)
        else:
            reading.other += 1


def _below(folder: Path, path: str) -> str:
    return str(folder / path)


def _inside(file: File, packed: set[str]) -> bool:
    if file.name.lower() == "skill.md" or not packed:
        return False
    return any(str(parent) in packed for parent in PurePosixPath(file.path).parents)


def _importer(file: File, folder: Path, reading: _Reading) -> Importer | None:
    try:
        return importer_of(file)
    except Refused as refused:
        reading.warn(_below(folder, file.path), str(refused))
    except RecursionError:
        reading.warn(_below(folder, file.path), "it is nested too deeply")
    return None


def is_foreign(path: Path, data: bytes) -> bool:
    """Whether a file that is no agents.yaml is of another known format."""
    try:
        importer = importer_of(File(path.name, data), alone=True)
    except (Refused, RecursionError):
        return False
    return importer is not None and importer.FORMAT != own.FORMAT


def not_json(path: Path, data: bytes) -> str:
    """Why a file whose name says JSON is none; empty where it is, or where its name says something else."""
    if not path.name.lower().endswith(".json"):
        return ""
    try:
        File(path.name, data).value  # noqa: B018
    except (Refused, RecursionError) as error:
        return str(error)
    return ""


def _read_file(name: str, prefix: _Place, reading: _Reading) -> None:
    path = Path(name)
    data = _stdin() if name == STDIN else _bytes(path)
    label = "stdin" if name == STDIN else name
    file = File("/".join((*prefix, "stdin" if name == STDIN else path.name)), data)
    tools = path.parent / "tools.json"
    if path.name.lower() in ("server.yaml", "server.yml") and tools.is_file():
        file.beside = {"tools.json": _bytes(tools)}
    _read_named(file, label, reading)


def _read_card(fetched: Fetched, reading: _Reading) -> None:
    """A card that came from elsewhere: whoever serves it does not say what is run on this machine."""
    whole, reading.whole = reading.whole, False
    _read_named(File(fetched.url, fetched.data), fetched.url, reading, card=True)
    reading.whole = whole


def _read_named(file: File, label: str, reading: _Reading, card: bool = False) -> None:
    """A source that was named itself: that it holds no agents is an error. `card`: it must be an agent card."""
    try:
        importer = importer_of(file, alone=True)
        if importer is None:
            file.value  # noqa: B018  says what is wrong where it is no JSON or YAML
            raise Refused("no known format")
        if card and importer is not a2a:
            raise Refused("it is no agent card")
        found = _found(importer, file)
        if importer.FORMAT != own.FORMAT:
            found = reading.tamed(found, file)
    except (Refused, RecursionError) as refused:
        reason = str(refused) if isinstance(refused, Refused) else "it is nested too deeply"
        raise RosterError(f"{_shown(label)}: {reason}", "docs/catalogues.md lists the formats that are known") from None
    reading.add(Report(label, importer.FORMAT, len(found.agents), tuple(file.reasons)))
    place = tuple(PurePosixPath(file.path).parts)
    agents = [own.sourced(agent, file) for agent in found.agents] if reading.several else found.agents
    reading.entries += [Entry(agent, place, agent.id in found.fixed) for agent in agents]
    reading.settings = reading.settings or found.settings


def _stdin() -> bytes:
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise RosterError("stdin is closed", "name a file")
    return _all_of(stream)


@cache
def _all_of(stream: BinaryIO) -> bytes:
    """What stdin holds: read once, for a command may need its roster twice."""
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise RosterError(f"stdin: larger than {MAX_BYTES // 2**20} MiB", "split it into several files")
    return data


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise RosterError(f"{_shown(str(path))}: no such file", "name files or folders that exist") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RosterError(f"{_shown(str(path))}: {reason}", "check the path and its permissions") from None
    if len(data) > MAX_BYTES:
        raise RosterError(f"{_shown(str(path))}: larger than {MAX_BYTES // 2**20} MiB", "split it into several files")
    return data


def _shown(path: str) -> str:
    return path if path.isprintable() else shown(path)
