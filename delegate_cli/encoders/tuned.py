"""Which adapter was tuned for a roster: a folder `tuned/<roster>` under DELEGATE_HOME, read when an encoder is looked up.

Its file CURRENT names a generation, the hash of that one's adapter and the fingerprint of the encoder that it changes, and is
swapped in by one rename. A generation is a folder with `adapter.safetensors` and `record.json`, which says how it was made.
"""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.encoders import catalog
from delegate_cli.encoders.catalog import EncoderSource, Tuned
from delegate_cli.errors import EncoderError

ADAPTER = "adapter.safetensors"
RECORD = "record.json"
_POINTER = re.compile(r"gen-[0-9a-f]{12} [0-9a-f]{64} \S+")


def folder_of(home: Path, roster: Roster) -> Path:
    """Where what was tuned for a roster is kept."""
    return home / "tuned" / roster.folder_name


def source_for(name: str, home: Path, roster: Roster) -> EncoderSource:
    """The encoder that a setting names, with what was tuned for this roster on it.

    Raises:
        EncoderError: the setting names none, or what was tuned is damaged.
    """
    source = catalog.find(name)
    tuned = read(folder_of(home, roster))
    return source.with_tuned(tuned) if tuned is not None and tuned.base == source.fingerprint else source


def read(folder: Path) -> Tuned | None:
    """What is in use for a roster; None when nothing is.

    Raises:
        EncoderError: CURRENT cannot be read.
    """
    try:
        pointer = (folder / "CURRENT").read_text()
        if not _POINTER.fullmatch(pointer.strip()):
            raise ValueError
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        raise EncoderError(f"{folder / 'CURRENT'} is damaged", "run: delegate tune --undo") from None
    name, digest, base = pointer.split()
    return Tuned(folder / name / ADAPTER, digest, base)


def record_of(home: Path, roster: Roster, fingerprint: str) -> dict[str, Any] | None:
    """How the encoder with this fingerprint was tuned; None where it was not, or that cannot be read."""
    _, mark, generation = fingerprint.partition(catalog.TUNED)
    if not mark:
        return None
    try:
        found = json.loads((folder_of(home, roster) / f"gen-{generation}" / RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def tasks_of(home: Path, roster: Roster, fingerprint: str) -> frozenset[str]:
    """Digests of the tasks that the encoder with this fingerprint was tuned on."""
    record = record_of(home, roster, fingerprint)
    return frozenset(record.get("tasks_sha256", ())) if record else frozenset()


def digest(task: str) -> str:
    """What a task is known again by, in the list of those that an encoder was tuned on."""
    return hashlib.sha256(task.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def switch(folder: Path, tuned: Tuned | None) -> None:
    """Put an adapter into use by one rename, or none."""
    current = folder / "CURRENT"
    if tuned is None:
        current.unlink(missing_ok=True)
        return
    pointer = folder / f".current-{os.getpid()}"
    with pointer.open("w") as stream:
        stream.write(f"{tuned.path.parent.name} {tuned.sha256} {tuned.base}\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(pointer, current)
