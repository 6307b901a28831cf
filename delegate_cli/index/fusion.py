"""What was fitted for a model's answers, kept beside the index: one file FUSION, swapped in by one rename.

It holds a record for each model, by a key that names all it was fitted for. Knows nothing of what the records mean.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from delegate_cli.index import store
from delegate_cli.index.calibration import replace_file

FORMAT = 1  # raise when a key means something else than before
_NAME = "FUSION"


def read(folder: Path) -> dict[str, Any]:
    """Records by key; empty when there is no file.

    Raises:
        Unusable: it is damaged.
    """
    try:
        data = (folder / _NAME).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise store.Unusable(f"it cannot be read ({error.strerror})") from None
    digest, _, content = data.partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != digest:
        raise store.Unusable("it is damaged")
    record = json.loads(content)
    if record.get("format") != FORMAT:
        raise store.Unusable("it was made by another version")
    found: dict[str, Any] = record["fits"]
    return found


def write(folder: Path, key: str, fit: Mapping[str, Any]) -> None:
    """Put a record in the place of the one with this key, or beside the others; call it under `store.lock`.

    Raises:
        IndexUnavailable: it cannot be written; the former ones stay.
    """
    try:
        others = read(folder)
    except (store.Unusable, KeyError, ValueError):
        others = {}
    content = json.dumps({"format": FORMAT, "fits": {**others, key: fit}}, ensure_ascii=False).encode("utf-8")
    try:
        replace_file(folder / _NAME, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    except OSError as error:
        raise store.unwritable(folder, error) from None


def forget(folder: Path) -> bool:
    """Remove all records, under `store.lock`; whether there were any.

    Raises:
        IndexUnavailable: they cannot be removed.
    """
    try:
        there = (folder / _NAME).exists()
        (folder / _NAME).unlink(missing_ok=True)
    except OSError as error:
        raise store.unwritable(folder, error) from None
    return there
