"""Small JSON records beside an index: one file each, whose first line is the hash of the rest, swapped in by one rename.

Only their owner may read them, since they may hold tasks. Knows nothing of what the records mean.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from delegate_cli.index import store


def read(path: Path, version: int) -> dict[str, Any] | None:
    """The record; None when there is no file.

    Raises:
        Unusable: it is damaged, cannot be read, or was written by another version.
    """
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise store.Unusable(f"it cannot be read ({error.strerror})") from None
    digest, _, content = data.partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise store.Unusable("it is damaged")
    record: dict[str, Any] = json.loads(content)
    if record.get("format") != version:
        raise store.Unusable("it was made by another version")
    return record


def write(path: Path, version: int, record: Mapping[str, Any]) -> None:
    """Replace the record; call it under `store.lock`.

    Raises:
        IndexUnavailable: it cannot be written; the former one stays.
    """
    content = json.dumps({"format": version, **record}, ensure_ascii=False).encode("utf-8")
    replace_file(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def forget(path: Path) -> bool:
    """Remove the record, under `store.lock`; whether there was one.

    Raises:
        IndexUnavailable: it cannot be removed.
    """
    try:
        there = path.exists()
        path.unlink(missing_ok=True)
    except OSError as error:
        raise store.unwritable(path.parent, error) from None
    return there


def replace_file(path: Path, content: bytes) -> None:
    """Write beside and rename.

    Raises:
        IndexUnavailable: it cannot be written; the former one stays.
    """
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise store.unwritable(path.parent, error) from None
