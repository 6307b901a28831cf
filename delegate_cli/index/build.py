"""Parts → vectors → a new generation on disk. Unchanged texts keep the vectors they have.

What is fitted on the vectors is the caller's business: it comes in as a function.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.encoders import Encoder, Prefetching, Vectors
from delegate_cli.index import store, strangers
from delegate_cli.index.parts import Parts, parts_of
from delegate_cli.index.search import PartIndex

Progress = Callable[[str, int, int], None]  # what, done, of how many


class Fitted(NamedTuple):
    """What was fitted on a roster: arrays and n-grams to keep, and figures to report."""

    arrays: store.Arrays
    grams: list[str]
    report: dict[str, Any]


Fit = Callable[[Roster, Parts, Vectors, Progress], Fitted]


def build_index(
    folder: Path,
    roster: Roster,
    encoder: Encoder,
    fit: Fit,
    progress: Progress,
    force: bool = False,
    before_swap: store.BeforeSwap | None = None,
) -> None:
    """Make the index of a roster, or leave the one that another process has just made.

    Raises:
        IndexUnavailable: the folder cannot be written.
    """
    with store.lock(folder):
        if not force and _is_whole(folder, roster, encoder.fingerprint):
            return
        roster.hear_anew()  # what an index in use left out is found again
        parts = parts_of(roster)
        vectors, embedded = embed(parts, encoder, former_vectors(folder, encoder.fingerprint), progress)
        odd = strangers.strangers(roster, parts, vectors, encoder)
        if odd:
            strangers.leave_out(roster, odd)
            known = {digest.tobytes(): vector for digest, vector in zip(text_hashes(parts), vectors, strict=True)}
            parts = parts_of(roster)
            vectors, more = embed(parts, encoder, known, progress)
            embedded += more
        fitted = fit(roster, parts, vectors, progress)
        arrays = fitted.arrays | layout(parts)
        facts = {
            "text_sha256": roster.text_sha256,
            "unheard": roster.unheard,
            "strangers": odd,
            "roster_path": roster.path,
            "encoder": encoder.fingerprint,
            "agents": len(roster),
            "parts": len(parts.texts),
            "embedded": embedded,
            "report": fitted.report,
        }
        private = any(agent.learned for agent in roster)
        store.write_index(folder, facts, PartIndex.build(vectors), arrays, fitted.grams, before_swap, private)


def layout(parts: Parts) -> store.Arrays:
    """Which vector is whose and of what."""
    return {"owner": parts.owner, "kind": parts.kind, "offsets": parts.offsets, "text_hash": text_hashes(parts)}


def embed(parts: Parts, encoder: Encoder, former: dict[bytes, Vectors], progress: Progress) -> tuple[Vectors, int]:
    """Vectors of shape (parts, dimension), and how many texts had to be embedded."""
    vectors = np.empty((len(parts.texts), encoder.dimension), dtype=np.float32)
    embedded = 0
    known = dict(former)
    if isinstance(encoder, Prefetching):
        unknown = [text for text, digest in zip(parts.texts, text_hashes(parts), strict=True) if digest.tobytes() not in known]
        encoder.prefetch(unknown, partial(progress, "embedding"))
    for row, (text, digest) in enumerate(zip(parts.texts, text_hashes(parts), strict=True)):
        key = digest.tobytes()
        if key not in known:
            known[key] = encoder.encode(text)
            embedded += 1
        vectors[row] = known[key]
        if row % 50 == 0:
            progress("embedding", row, len(parts.texts))
    progress("embedding", len(parts.texts), len(parts.texts))
    return vectors, embedded


def text_hashes(parts: Parts) -> NDArray[np.uint8]:
    """Shape (parts, 16): enough of each text's SHA-256 to know it again."""
    digests = b"".join(hashlib.sha256(text.encode("utf-8")).digest()[:16] for text in parts.texts)
    return np.frombuffer(digests, dtype=np.uint8).reshape(-1, 16)


def former_vectors(folder: Path, encoder: str) -> dict[bytes, Vectors]:
    """Hash of a text → its vector, from the generation in use if it was made with the same encoder."""
    try:
        manifest = store.read_manifest(folder)
        if manifest.get("encoder") != encoder:
            return {}
        index = store.read_generation(manifest)
    except (store.Unusable, OSError):
        return {}
    return vectors_of(index)


def vectors_of(index: store.StoredIndex) -> dict[bytes, Vectors]:
    """Hash of a text → its vector."""
    hashes = index.arrays["text_hash"]
    return {digest.tobytes(): vector.copy() for digest, vector in zip(hashes, index.parts.vectors, strict=True)}


def _is_whole(folder: Path, roster: Roster, encoder: str) -> bool:
    try:
        store.open_index(folder, roster, encoder)
    except store.Unusable:
        return False
    return True
