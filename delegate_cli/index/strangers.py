"""Parts of a card that belong to many other agents: sample requests and sentences by which it looks near to everything.

Such a card makes every task harder to tell apart, whatever it says in words of its own. A part is a stranger where it is nearer
to another agent than to all else that its own agent says; parts are left out where those of one card lie with a third of the
roster. So no agent of a large roster is touched, nor one whose parts have rivals in two or three others.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Roster
from delegate_cli.encoders import Encoder, Prefetching, Vectors
from delegate_cli.index.parts import Part, Parts, sentences

FEWEST = 3  # other agents
SHARE = 1 / 3  # of the other agents
# Cosines: nearer by so much, and so near at least. On 15 public rosters and 120 draws of eight agents from each nothing is
# left out but lists of siblings' work in one of them; with half the margin requests are.
MARGIN = 0.1
NEAR = 0.3
LISTED = 0.6  # of the items of a sentence: so many must be strangers
_ITEM = re.compile(r"[,;/|•]\s+|\s+(?:and|or)\s+")

Strangers = Mapping[str, Sequence[str]]  # agent id → hashes of texts


def strangers(roster: Roster, parts: Parts, vectors: Vectors, encoder: Encoder) -> dict[str, list[str]]:
    """Hashes of the parts to leave out, by the id of their agent."""
    need = max(FEWEST, ceil(SHARE * (len(roster) - 1)))
    items = {row: listed for row in parts.rows(Part.SENTENCE) if len(listed := _items(parts.texts[row])) >= need}
    if isinstance(encoder, Prefetching):
        encoder.prefetch([item for listed in items.values() for item in listed], lambda done, total: None)
    found = {}
    for place, agent in enumerate(roster):
        rows = np.arange(parts.offsets[place], parts.offsets[place + 1])
        odd = dict(_odd(place, rows, parts, vectors, encoder, items))
        if len(set().union(*odd.values())) >= need:
            found[agent.id] = [_hash(parts.texts[row]) for row in odd]
    return found


def leave_out(roster: Roster, found: Strangers) -> None:
    """From now on the roster is heard without these parts."""
    roster.hear([_without(agent, frozenset(found.get(agent.id, ()))) for agent in roster.heard])


def _odd(
    place: int,
    rows: NDArray[np.int64],
    parts: Parts,
    vectors: Vectors,
    encoder: Encoder,
    items: Mapping[int, Sequence[str]],
) -> Iterator[tuple[int, set[int]]]:
    """Each stranger among the parts of an agent, and the agents that it lies with."""
    own = rows[np.isin(parts.kind[rows], (Part.EXAMPLE, Part.SENTENCE))]
    others = np.flatnonzero((parts.owner != place) & (parts.kind != Part.NOT_FOR))
    if not len(own) or not len(others):
        return
    for row in own:
        rest = own[own != row]
        if row in items:
            found = [_host(encoder.encode(item), rest, others, parts, vectors) for item in items[row]]
            hosts = {host for host in found if host is not None}
            if sum(host is not None for host in found) >= LISTED * len(found) and len(hosts) >= FEWEST:
                yield int(row), hosts
        elif parts.kind[row] == Part.EXAMPLE:
            host = _host(vectors[row], rest, others, parts, vectors)
            if host is not None:
                yield int(row), {host}


def _host(vector: Vectors, rest: NDArray[np.int64], others: NDArray[np.int64], parts: Parts, vectors: Vectors) -> int | None:
    """The other agent that a text lies with; None where its own says something as near."""
    near = vectors[others] @ vector
    best = int(near.argmax())
    at_home = float((vectors[rest] @ vector).max()) if len(rest) else -1.0
    return int(parts.owner[others[best]]) if near[best] > max(at_home + MARGIN, NEAR) else None


def _items(sentence: str) -> list[str]:
    return [item.strip() for item in _ITEM.split(sentence) if len(item.strip()) > 3]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _without(agent: Agent, drop: frozenset[str]) -> Agent:
    if not drop:
        return agent
    description = agent.description
    for sentence in sentences(description):
        if _hash(sentence) in drop:
            description = description.replace(sentence, "")
    examples = tuple(each for each in agent.examples if _hash(each) not in drop)
    learned = tuple(each for each in agent.learned if _hash(each) not in drop)
    return replace(agent, description=description.strip(), examples=examples, learned=learned)
