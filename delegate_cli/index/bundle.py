"""Arrays and a JSON record in one safetensors file: what is fitted on other things than the roster, beside its index.

Knows nothing of what they mean.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from delegate_cli.index.store import Arrays, Unusable

_RECORD = "record"
Made = TypeVar("Made")


def packed(arrays: Mapping[str, Any], version: int, record: Mapping[str, Any]) -> bytes:
    """The file; arrays are kept in single precision."""
    text = np.frombuffer(json.dumps({"format": version, **record}).encode(), dtype=np.uint8)
    return bytes(
        save({**{name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}, _RECORD: text})
    )


def read(path: Path, version: int, of: Callable[[Arrays, dict[str, Any]], Made]) -> Made | None:
    """What `of` makes of arrays and record; None where there is no file.

    Raises:
        Unusable: it is damaged, also by `of`, cannot be read, or was written by another version.
    """
    try:
        arrays = load(path.read_bytes())
        record = json.loads(bytes(arrays.pop(_RECORD)))
        if record["format"] != version:
            raise Unusable("it was made by another version")
        return of(arrays, record)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Unusable(f"it cannot be read ({error.strerror})") from None
    except (SafetensorError, KeyError, ValueError, TypeError):
        raise Unusable("it is damaged") from None
