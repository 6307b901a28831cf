"""What was fitted for a model's answers, kept beside the index: one file FUSION, swapped in by one rename.

It holds a record for each model, by a key that names all it was fitted for. Knows nothing of what the records mean.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from delegate_cli.index import sealed, store

FORMAT = 2  # raise when a key means something else than before
_NAME = "FUSION"


def read(folder: Path) -> dict[str, Any]:
    """Records by key; empty when there is no file.

    Raises:
        Unusable: it is damaged.
    """
    record = sealed.read(folder / _NAME, FORMAT)
    if record is None:
        return {}
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
    sealed.write(folder / _NAME, FORMAT, {"fits": {**others, key: fit}})


def forget(folder: Path) -> bool:
    """Remove all records, under `store.lock`; whether there were any.

    Raises:
        IndexUnavailable: they cannot be removed.
    """
    return sealed.forget(folder / _NAME)
