"""Which agents a task is for, if it is for several: the whole and its clauses read together."""

import math
from collections.abc import Sequence

from delegate_cli.splitting.reading import Reader, Reading


def chances(readings: Sequence[Reading]) -> dict[str, float]:
    """By agent: that at least one of these stretches is its own, if they were independent; likeliest first, ties by id."""
    agents = {agent for reading in readings for agent in reading.chances}
    joint = {agent: 1.0 - math.prod(1.0 - reading.chances.get(agent, 0.0) for reading in readings) for agent in agents}
    return dict(sorted(joint.items(), key=lambda item: (-item[1], item[0])))


def most_likely(reader: Reader, size: int) -> tuple[str, ...]:
    """The `size` agents with the highest chance over the whole and its clauses."""
    return tuple(list(chances(stretches(reader)))[:size])


def stretches(reader: Reader) -> list[Reading]:
    """The whole task, and its clauses where there are several."""
    count = len(reader.clauses)
    return [reader.read(0, count), *(reader.read(place, place + 1) for place in range(count if count > 1 else 0))]
