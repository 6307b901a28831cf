"""Texts to unit vectors."""

from typing import Protocol

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
