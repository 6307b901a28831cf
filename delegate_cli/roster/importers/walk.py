"""A folder → the files in it that may hold agents, in the order of their paths, within limits.

Links are not followed: so there are no loops, and nothing outside the folder is read.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from delegate_cli.roster.importers.detect import DATA, MARKDOWN
from delegate_cli.roster.importers.files import File
from delegate_cli.roster.importers.mcp_registry import TOOLS

MAX_DEPTH = 16
MAX_ENTRIES = 100_000  # files and folders that are looked at
MAX_FILES = 20_000  # files that are read
MAX_FILE = 8 * 1024 * 1024  # bytes
MAX_TOTAL = 256 * 1024 * 1024  # bytes
HEAD = 64 * 1024  # bytes of Markdown: frontmatter and the first paragraphs
_SKIPPED = (
    *(".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".nox", ".mypy_cache", ".ruff_cache"),
    *(".pytest_cache", "site-packages", ".idea", ".cache"),
)
_NO_AGENTS = ("package.json", "package-lock.json", "tsconfig.json", "composer.json", "pnpm-lock.yaml", "plugin.json")


def files_of(folder: Path, warn: Callable[[str, str], None]) -> Iterator[File]:
    """Every file that may hold agents, read as far as needed; `path` is relative to the folder.

    Args:
        warn: gets a path and a reason for what was not looked at.
    """
    total = count = 0
    for path, names in _folders(folder, warn):
        servers = [name for name in names if name.lower() in ("server.yaml", "server.yml")]
        for name in names:
            if name.lower() == TOOLS and servers:
                continue  # read with the server
            count += 1
            if count > MAX_FILES or total > MAX_TOTAL:
                limit = f"{MAX_FILES} files" if count > MAX_FILES else f"{MAX_TOTAL // 2**20} MiB"
                warn(str(folder), f"there is more than {limit} in it; the rest was not read")
                return
            file = _read(path / name, folder, warn)
            if file is None:
                continue
            if servers and name == servers[0] and TOOLS in names:
                tools = _read(path / TOOLS, folder, warn)
                file.beside = {} if tools is None else {TOOLS: tools.data}
            total += len(file.data)
            yield file


def _folders(folder: Path, warn: Callable[[str, str], None]) -> Iterator[tuple[Path, list[str]]]:
    """Each folder with the names in it that may be read, depth first, in the order of names, a SKILL.md first."""
    waiting = [(folder, 0)]
    seen = 0
    while waiting:
        path, depth = waiting.pop()
        names, inner = [], []
        try:
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: (entry.name.lower() != "skill.md", entry.name))
        except OSError as error:
            warn(str(path), error.strerror or str(error))
            continue
        for entry in listed:
            seen += 1
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    inner.append(path / entry.name)
            elif entry.is_file(follow_symlinks=False) and _may_be_read(entry.name):
                names.append(entry.name)
        if seen > MAX_ENTRIES:
            warn(str(folder), f"there are more than {MAX_ENTRIES} files in it; the rest was not read")
            return
        yield path, names
        if inner and depth >= MAX_DEPTH:
            warn(str(path), f"folders deeper than {MAX_DEPTH} are not looked into")
        else:
            waiting += [(each, depth + 1) for each in reversed(inner)]


def _may_be_read(name: str) -> bool:
    lower = name.lower()
    return lower.endswith((*MARKDOWN, *DATA)) and lower not in _NO_AGENTS


def _read(path: Path, folder: Path, warn: Callable[[str, str], None]) -> File | None:
    name = path.relative_to(folder).as_posix()
    head = name.lower().endswith(MARKDOWN)
    try:
        with path.open("rb") as stream:
            data = stream.read(HEAD if head else MAX_FILE + 1)
            if head and data.lstrip()[:3] == b"---" and b"\n---" not in data[3:]:
                data += stream.read(MAX_FILE + 1 - len(data))
            cut = head and len(data) == HEAD
    except OSError as error:
        warn(name, error.strerror or str(error))
        return None
    if len(data) > MAX_FILE:
        warn(name, f"larger than {MAX_FILE // 2**20} MiB; name it itself")
        return None
    return File(name, data, cut=cut)
