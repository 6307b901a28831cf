"""An adapter: what training changed in an encoder, small enough to travel in the package.

A safetensors file. The change of a matrix named N is stored in `N.codes`: whole numbers in [-127, 127], one for each weight,
as bytes under zlib's Huffman code; times `step` of the metadata they are added to the matrix. One step for all matrices and
an entropy code is close to the best that so many bytes can do (Gish and Pierce 1968). A vector's change is stored as it is,
under its name; that of a matrix may also be a product of `N.up` (rows, rank), both int8, `N.scale` (rank,) and `N.down` (rank,
columns), as in Hu et al. (2022). Merged once, when the encoder is compiled, so that it costs nothing afterwards.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from delegate_cli.errors import EncoderError

BASE = "base_sha256"  # key of the metadata: which weights the adapter belongs to
STEP = "step"  # key of the metadata: what a code of 1 stands for
SLACK = 30_000  # bytes for the names and the metadata
Floats = NDArray[np.float64]


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
            facts = file.metadata() or {}
            if facts.get(BASE) != base_sha256:
                raise EncoderError(f"the adapter {path} belongs to another encoder", fix)
            parts = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (OSError, SafetensorError) as error:
        raise EncoderError(f"the adapter {path} cannot be read ({str(error)[:100]})", fix) from None
    for name, part in parts.items():
        whole, _, how = name.rpartition(".")
        if how in ("down", "scale"):
            continue
        try:
            if how == "codes":
                codes = _unpack(part.numpy(), tuple(state[whole].shape))
                change = state[whole].new_tensor(codes.astype(np.float32)) * float(facts[STEP])
            elif how == "up":
                change = (part.float() * parts[f"{whole}.scale"].float()) @ parts[f"{whole}.down"].float()
            else:
                whole, change = name, part.float()
            if state[whole].shape != change.shape:
                raise ValueError
        except (KeyError, ValueError, zlib.error):
            raise EncoderError(f"the adapter {path} does not fit: {whole}", fix) from None
        state[whole] += change


def save(change: Mapping[str, Floats], path: Path, metadata: Mapping[str, str], most: int) -> float:
    """Write what training changed, by name of the weights, in at most so many bytes; returns the share of it that is kept.

    The share is of the squared norm, in [0, 1]. The finest step that fits is found by halving intervals.
    """

    def parts(step: float) -> dict[str, NDArray[Any]]:
        return {name if each.ndim < 2 else f"{name}.codes": _packed(each, step) for name, each in change.items()}

    widest = max(float(np.abs(each).max()) for each in change.values())
    low, high = widest / 127, 2 * widest
    for _ in range(14):
        step = (low + high) / 2
        low, high = (low, step) if sum(part.nbytes for part in parts(step).values()) < most - SLACK else (step, high)
    save_file(parts(high), str(path), {**metadata, STEP: repr(high)})
    matrices = [each for each in change.values() if each.ndim > 1]
    lost = sum(float(((each - _codes(each, high) * high) ** 2).sum()) for each in matrices)
    return 1 - lost / sum(float((each**2).sum()) for each in change.values())


def _codes(change: Floats, step: float) -> NDArray[np.int8]:
    return np.clip(np.rint(change / step), -127, 127).astype(np.int8)


def _packed(change: Floats, step: float) -> NDArray[Any]:
    if change.ndim < 2:
        return change.astype(np.float16)
    coder = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
    return np.frombuffer(coder.compress(_codes(change, step).tobytes()) + coder.flush(), np.uint8)


def _unpack(packed: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.int8]:
    size = int(np.prod(shape))
    return np.frombuffer(zlib.decompressobj().decompress(packed.tobytes(), size), np.int8).reshape(shape)


def describe(path: Path) -> dict[str, Any]:
    """What the adapter's metadata says of how it was made; empty where it says nothing."""
    with safe_open(str(path), "pt") as file:
        found: dict[str, Any] = json.loads((file.metadata() or {}).get("card", "{}"))
    return found
