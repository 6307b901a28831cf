"""Texts to unit vectors."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """Anything that turns one text into a unit vector."""

    @property
    def name(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def fingerprint(self) -> str: ...

    def encode(self, text: str) -> Vectors:
        """One text → vector of shape (dimension,), float32, length 1."""
        ...


@runtime_checkable
class Prefetching(Protocol):
    """An encoder that is better asked for many texts at once, since each request of it costs a journey."""

    def prefetch(self, texts: Sequence[str], progress: Callable[[int, int], None]) -> None:
        """Make the vectors that `encode` will be asked for; progress gets (done, of how many)."""
        ...
