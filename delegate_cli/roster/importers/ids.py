"""Ids of agents from several files, told apart where they are the same: by the folder, then by the file, then by number.

All that share an id get their folder before it, so that an id never comes to mean another agent because a file was added; only
an id that agents.yaml itself gives stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from delegate_cli.agents import Agent
from delegate_cli.roster.parse import slug

MAX = 200  # characters of an id
_GENERIC = ("agents", "agent", "subagents", "skills", "src", "plugins", "claude", "github", "well-known")


@dataclass(frozen=True, slots=True)
class Entry:
    """An agent, the file it came from as folders and name, and whether its id was given there.

    `source` are the folders above those of `place`, where several sources were named.
    """

    agent: Agent
    place: tuple[str, ...]
    fixed: bool
    source: tuple[str, ...] = ()

    @property
    def file(self) -> tuple[str, ...]:
        """The whole path."""
        return (*self.source, *self.place)


def told_apart(entries: Sequence[Entry]) -> list[Agent]:
    """The agents in their order, no two with the same id, and `escalate_to` of a file's agents after its own ids."""
    groups: dict[str, list[int]] = {}
    for number, entry in enumerate(entries):
        groups.setdefault(entry.agent.id, []).append(number)
    ids: dict[int, str] = {numbers[0]: agent_id for agent_id, numbers in groups.items() if len(numbers) == 1}
    taken = set(ids.values())
    for agent_id, numbers in groups.items():
        if len(numbers) > 1:
            _name(agent_id, numbers, entries, ids, taken)
    renamed = {(entries[n].file, entries[n].agent.id): ids[n] for n in reversed(range(len(entries)))}
    return [_with_ids(entry, ids[number], renamed) for number, entry in enumerate(entries)]


def _name(agent_id: str, numbers: list[int], entries: Sequence[Entry], ids: dict[int, str], taken: set[str]) -> None:
    fixed = [number for number in numbers if entries[number].fixed]
    several = len({entries[number].source for number in numbers}) > 1
    places = {number: entries[number].file if several else entries[number].place for number in numbers}
    folders = [_qualified(agent_id, place) for place in {*places.values()}]
    for number in sorted(numbers, key=lambda number: (number not in fixed, places[number], number)):
        stays = fixed == [number] or len({*places.values()}) == 1
        place = places[number]
        shared = folders.count(_qualified(agent_id, place)) > 1
        wanted = agent_id if stays else _qualified(agent_id, place, shared)
        free, count = wanted, 1
        while free in taken:
            count += 1
            free = f"{wanted[: MAX - 8]}-{count}"
        taken.add(free)
        ids[number] = free


def _qualified(agent_id: str, place: tuple[str, ...], shared: bool = False) -> str:
    """An id with its folder before it, and with its file's name where that folder has several."""
    parts = [part for each in place[:-1] if (part := slug(each)) and part not in _GENERIC]
    name = slug(place[-1].lstrip(".").partition(".")[0]) if place else ""
    if name and name != slug(agent_id) and (shared or not parts):
        parts.append(name)
    prefix = "/".join(parts)[-(MAX - 60) :].lstrip("/-")
    return f"{prefix}/{agent_id}"[:MAX] if prefix else agent_id


def _with_ids(entry: Entry, agent_id: str, renamed: dict[tuple[tuple[str, ...], str], str]) -> Agent:
    onward = entry.agent.escalate_to
    after = None if onward is None else renamed.get((entry.file, onward), onward)
    same = agent_id == entry.agent.id and after == onward
    return entry.agent if same else replace(entry.agent, id=agent_id, escalate_to=after)
