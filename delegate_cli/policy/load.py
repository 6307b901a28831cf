"""What agents have on their hands just now, as far as somebody keeps count; capacity and rate limits are held against it."""

from collections.abc import Mapping
from typing import Protocol


class Load(Protocol):
    """Counts by agent id; an id that is missing has none. Asked once for each task."""

    def open_assignments(self) -> Mapping[str, int]:
        """Tasks that were handed over to an agent and have no outcome yet."""

    def last_minute(self) -> Mapping[str, int]:
        """Tasks that were handed over to an agent within the last 60 seconds."""


class Unknown:
    """Nobody keeps count: nothing is known to be open."""

    def open_assignments(self) -> Mapping[str, int]:
        return {}

    def last_minute(self) -> Mapping[str, int]:
        return {}
