"""A low-rank adapter: what training changed in an encoder, small enough to travel in the package.

A safetensors file. For a matrix named N it holds `N.up` (rows, rank) and `N.down` (rank, columns), both int8, and `N.scale`
(rank,); (up · scale) @ down is added to the matrix (Hu et al. 2022). A vector's change is stored whole under its name.
Merged once, when the encoder is compiled, so that it costs nothing afterwards.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from delegate_cli.errors import EncoderError

BASE = "base_sha256"  # key of the metadata: which weights the adapter belongs to


def file_hash(path: Path) -> str:
    """Hash of the whole file, which is a few megabytes.

    Raises:
        EncoderError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EncoderError(f"cannot read the adapter {path}: {error.strerror or error}", "reinstall, or name another") from None


def merge(state: dict[str, Any], path: Path, base_sha256: str) -> None:
    """Add the adapter to the weights in `state`, which are torch tensors by name, in place.

    Raises:
        EncoderError: the file is damaged, or belongs to other weights.
    """
    fix = "reinstall, or use the encoder without it (…@base)"
    try:
        with safe_open(str(path), "pt") as file:
            if (file.metadata() or {}).get(BASE) != base_sha256:
                raise EncoderError(f"the adapter {path} belongs to another encoder", fix)
            parts = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (OSError, SafetensorError) as error:
        raise EncoderError(f"the adapter {path} cannot be read ({str(error)[:100]})", fix) from None
    for name, part in parts.items():
        if name.endswith(".up"):
            whole = name.removesuffix(".up")
            change = (part * parts[f"{whole}.scale"]) @ parts[f"{whole}.down"]
        elif name.endswith((".down", ".scale")):
            continue
        else:
            whole, change = name, part
        if whole not in state or state[whole].shape != change.shape:
            raise EncoderError(f"the adapter {path} does not fit: {whole}", fix)
        state[whole] += change


def describe(path: Path) -> dict[str, Any]:
    """What the adapter's metadata says of how it was made; empty where it says nothing."""
    with safe_open(str(path), "pt") as file:
        found: dict[str, Any] = json.loads((file.metadata() or {}).get("card", "{}"))
    return found
