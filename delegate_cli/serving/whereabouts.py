"""Where a running server is: one small file for each, under DELEGATE_HOME, named by what the server decides with.

A command that would decide with the same roster, settings and index finds it with one look for one file. Light: no vectors.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from delegate_cli import __version__
from delegate_cli.agents import Roster
from delegate_cli.settings import Settings

FOLDER = "servers"


def fingerprint(roster: Roster, settings: Settings, home: Path, journal: Path | None) -> str:
    """What a decision depends on besides the task: program, roster, settings, index, and what agents have on their hands."""
    from delegate_cli.journal.recorder import settings_hash

    held = any(
        each.rate_limit_rpm is not None or (each.availability is not None and each.availability.capacity) for each in roster
    )
    facts = (
        __version__,
        roster.sha256,
        None if roster.path is None else os.path.realpath(roster.path),
        settings_hash(settings),
        os.path.realpath(home),
        os.path.realpath(journal) if held and journal is not None else None,
    )
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def publish(home: Path, mark: str, address: str) -> None:
    """Say that a server with this fingerprint listens at `http://HOST:PORT` or `unix:PATH`. Only the owner can read it."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{mark}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"address": address, "pid": os.getpid()}, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(_path(home, mark))


def withdraw(home: Path, mark: str) -> None:
    """Take back what this process said; what another one said in its place stays."""
    with suppress(OSError, ValueError):
        if _read(_path(home, mark)).get("pid") == os.getpid():
            _path(home, mark).unlink()
            (home / FOLDER).rmdir()  # so that where no server runs there is nothing to look into


def find(home: Path, mark: str) -> str | None:
    """The address of a server with this fingerprint, if one said so."""
    try:
        address = _read(_path(home, mark)).get("address")
    except (OSError, ValueError):
        return None
    return address if isinstance(address, str) else None


def _read(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes())
    return found if isinstance(found, dict) else {}


def _path(home: Path, mark: str) -> Path:
    return home / FOLDER / f"{mark}.json"
