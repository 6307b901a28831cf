"""Variants of a roster, each routed by a `Delegator` of its own over an index of its own: nothing is measured by another path.

They share one encoder that remembers: only fitting is paid again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from delegate_cli.agents import Roster
from delegate_cli.encoders import Encoder, Vectors
from delegate_cli.errors import IndexUnavailable
from delegate_cli.index.parts import parts_of
from delegate_cli.pipeline import Delegator

Progress = Callable[[str, int, int], None]  # what, done, of how many


class RememberingEncoder:
    """An encoder that encodes a text once: 1.5 KB are kept of each, and it passes for the encoder it wraps."""

    def __init__(self, encoder: Encoder, known: Mapping[str, Vectors]) -> None:
        self.name = encoder.name
        self.dimension = encoder.dimension
        self.fingerprint = encoder.fingerprint
        self._encoder = encoder
        self._known = dict(known)

    def encode(self, text: str) -> Vectors:
        """One text → unit vector of shape (dimension,)."""
        if text not in self._known:
            self._known[text] = self._encoder.encode(text)
        return self._known[text]


def remembering(delegator: Delegator) -> Delegator:
    """The same delegator with an encoder that remembers, and knows the roster's texts; or itself where it does."""
    ready = delegator.ready()
    if isinstance(ready.encoder, RememberingEncoder):
        return delegator
    known = dict(zip(parts_of(delegator.roster).texts, ready.index.parts.vectors, strict=True))
    encoder = RememberingEncoder(ready.encoder, known)
    return Delegator(delegator.roster, delegator.settings, folder=delegator.folder, encoder=encoder, beside=delegator)


@contextmanager
def variant(base: Delegator, roster: Roster, without: frozenset[str] = frozenset()) -> Iterator[Delegator]:
    """A delegator for another roster with the settings and the encoder of `base`; its index goes with the block.

    Args:
        without: views that get no weight.

    Raises:
        IndexUnavailable: there is no room for a temporary index.
    """
    with temporary_folder() as folder:
        yield Delegator(roster, base.settings, folder=folder, encoder=base.ready().encoder, without=without, beside=base)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that goes with the block.

    Raises:
        IndexUnavailable: it cannot be made.
    """
    try:
        folder = TemporaryDirectory(prefix="delegate-", ignore_cleanup_errors=True)
    except OSError as error:
        fix = "free some space, or set TMPDIR to a folder that you may write"
        raise IndexUnavailable(f"no temporary folder: {error.strerror or error}", fix) from None
    with folder as path:
        yield Path(path)
