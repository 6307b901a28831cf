"""The index on disk: generations that are written whole, checked by hash, and swapped in by one rename.

A folder `indexes/<roster>` holds a file CURRENT, which names the generation in use, and that generation's folder. A
reader never sees half an index; a writer that is killed leaves the old one in use.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from delegate_cli.agents import Roster
from delegate_cli.encoders.catalog import TUNED
from delegate_cli.errors import IndexUnavailable
from delegate_cli.index.search import PartIndex

FORMAT = 14  # raise when a file of an index means something else than before, or other wording is left out of cards
Arrays = dict[str, np.ndarray[Any, Any]]
BeforeSwap = Callable[[Mapping[str, Any]], None]
_FILES = ("vectors.faiss", "model.safetensors", "grams.txt")


@dataclass(frozen=True)
class StoredIndex:
    """One generation, read into memory."""

    manifest: Mapping[str, Any]
    parts: PartIndex
    arrays: Arrays
    grams: tuple[str, ...]


class Unusable(Exception):
    """Why an index on disk cannot be used; the caller rebuilds it or says so."""


def folder_of(home: Path, roster: Roster, encoder: str = "") -> Path:
    """The folder of a roster's index; that of a tuned encoder, given by its fingerprint, is another, so that both are there."""
    _, mark, tuned = encoder.partition(TUNED)
    return home / "indexes" / f"{roster.folder_name}{mark}{tuned}"


def folders_of(home: Path, roster: Roster) -> list[Path]:
    """Every folder that there is of a roster's indexes: the usual encoder's, and those of tuned ones."""
    usual = folder_of(home, roster)
    return [folder for folder in (usual, *sorted(usual.parent.glob(f"{roster.folder_name}{TUNED}*"))) if folder.exists()]


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of the generation in use.

    Raises:
        Unusable: there is none, or it cannot be read.
    """
    pointer = _pointer(folder)
    try:
        name, digest = pointer.split()
        data = (folder / name / "manifest.json").read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise Unusable("its manifest is damaged")
        manifest: dict[str, Any] = json.loads(data)
        if manifest["format"] != FORMAT:
            raise Unusable("it was made by another version")
    except FileNotFoundError:
        if _pointer(folder) != pointer:  # a rebuild has just swapped it
            return read_manifest(folder)
        raise Unusable("its manifest is missing") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise Unusable("its manifest is damaged") from None
    return {**manifest, "generation": str(folder / name)}


def _pointer(folder: Path) -> str:
    """What CURRENT says: the generation in use, and the hash of its manifest."""
    try:
        return (folder / "CURRENT").read_text()
    except FileNotFoundError:
        raise Unusable("there is none") from None
    except (OSError, ValueError):
        raise Unusable("the name of its generation is damaged") from None


def check_fresh(manifest: Mapping[str, Any], roster: Roster, encoder: str) -> None:
    """Raise Unusable when the index was made from other agents or with another encoder."""
    if manifest.get("text_sha256") != roster.text_sha256:
        raise Unusable("the roster has changed")
    if manifest.get("encoder") != encoder:
        raise Unusable("the encoder has changed")


def open_index(folder: Path, roster: Roster, encoder: str) -> StoredIndex:
    """Read the generation in use and check every file's hash.

    Raises:
        Unusable: missing, stale or damaged.
    """
    for attempt in range(3):
        manifest = read_manifest(folder)
        check_fresh(manifest, roster, encoder)
        try:
            return read_generation(manifest)
        except FileNotFoundError:
            if attempt == 2:  # twice is enough for a rebuild that removed a generation while it was being read
                raise Unusable("a file is missing") from None
        except OSError as error:
            raise Unusable(f"a file cannot be read ({error.strerror})") from None
    raise AssertionError("unreachable")


def read_generation(manifest: Mapping[str, Any]) -> StoredIndex:
    generation = Path(manifest["generation"])
    data = {}
    for name in _FILES:
        data[name] = (generation / name).read_bytes()
        if hashlib.sha256(data[name]).hexdigest() != manifest["files"].get(name):
            raise Unusable(f"{name} is damaged")
    try:
        parts = PartIndex.from_bytes(data["vectors.faiss"])
        arrays = load_arrays(data["model.safetensors"])
        grams = tuple(data["grams.txt"].decode("utf-8").split("\n"))
    except (RuntimeError, SafetensorError, ValueError) as error:
        raise Unusable(f"it cannot be read ({str(error)[:80]})") from None
    return StoredIndex(manifest, parts, arrays, grams)


def write_index(
    folder: Path,
    facts: Mapping[str, Any],
    parts: PartIndex,
    arrays: Arrays,
    grams: list[str],
    before_swap: BeforeSwap | None = None,
    private: bool = False,
) -> None:
    """Write a new generation beside the one in use, then swap; call it under `lock`.

    `before_swap` is called with the new manifest when all files are there and readers still use the old ones.
    `private`: nobody but the owner may look into it.

    Raises:
        IndexUnavailable: it cannot be written, as on a full disk; the one in use stays.
    """
    generation = folder / f"gen-{uuid.uuid4().hex[:12]}"
    contents = {
        "vectors.faiss": parts.to_bytes(),
        "model.safetensors": save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()}),
        "grams.txt": "\n".join(grams).encode(),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {"format": FORMAT, **facts, "files": hashes}
    contents["manifest.json"] = json.dumps(manifest, indent=1).encode()
    digest = hashlib.sha256(contents["manifest.json"]).hexdigest()
    try:
        generation.mkdir(mode=0o700 if private else 0o777)
        for name, content in contents.items():
            _write(generation / name, content)
        if before_swap is not None:
            before_swap({**manifest, "generation": str(generation)})
        pointer = folder / f".current-{generation.name}"
        _write(pointer, f"{generation.name} {digest}\n".encode())
        os.replace(pointer, folder / "CURRENT")
    except OSError as error:
        shutil.rmtree(generation, ignore_errors=True)
        raise unwritable(folder, error) from None
    except IndexUnavailable:  # from `before_swap`
        shutil.rmtree(generation, ignore_errors=True)
        raise
    remove_leftovers(folder, keep=generation.name)


def unwritable(folder: Path, error: OSError) -> IndexUnavailable:
    """The error of a folder that cannot be written."""
    fix = "free some space, or set DELEGATE_HOME to a folder that you may write"
    return IndexUnavailable(f"cannot write to {folder}: {error.strerror or error}", fix)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def remove_leftovers(folder: Path, keep: str | None) -> None:
    """Remove all generations but one, among them those of writers that were killed."""
    for entry in folder.iterdir():
        if entry.name.startswith("gen-") and entry.name != keep:
            shutil.rmtree(entry, ignore_errors=True)
        elif entry.name.startswith(".current-"):
            entry.unlink(missing_ok=True)


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the right to write this index; other processes wait.

    Raises:
        IndexUnavailable: the folder cannot be written.
    """
    from filelock import FileLock  # 20 ms, and only needed to write

    try:
        folder.mkdir(parents=True, exist_ok=True)
        holder = FileLock(folder / ".lock")
        holder.acquire()
    except OSError as error:
        raise unwritable(folder, error) from None
    try:
        yield
    finally:
        holder.release()


def check_vectors(index: StoredIndex) -> None:
    """Raise Unusable unless vectors are of length 1 and arrays fit each other and the manifest."""
    parts, agents = int(index.manifest["parts"]), int(index.manifest["agents"])
    lengths = np.linalg.norm(index.parts.vectors, axis=1)
    if len(index.parts) != parts or not np.allclose(lengths, 1.0, atol=1e-3):
        raise Unusable("vectors are missing or not of length 1")
    if len(index.arrays["owner"]) != parts or len(index.arrays["head_bias"]) != agents:
        raise Unusable("its arrays do not fit its vectors")
