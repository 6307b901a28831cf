"""A roster → its parts: the texts that get one vector each, grouped by agent in the order of ids.

An agent's card (name and description) is one part; a long card is cut into passages at the ends of sentences, never
truncated. Its sentences, its sample requests and its counter-examples are parts too.
"""

import re
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Roster

PASSAGE = 900  # characters: about 200 tokens of English, so that a passage fits the encoder's window
MAX_PASSAGES = 24
MAX_SENTENCES = 12
_END = re.compile(r"(?<=[.!?;。！？])\s+|(?<=[。！？])|\n+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Part(IntEnum):
    """What a part of an agent is."""

    CARD = 0
    SENTENCE = 1
    EXAMPLE = 2
    NOT_FOR = 3


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts of a roster. Rows of one agent are neighbours: `offsets[i]:offsets[i + 1]`.

    `owner` and `kind` have shape (parts,), `offsets` has shape (agents + 1,).
    """

    texts: tuple[str, ...]
    owner: NDArray[np.int64]
    kind: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def rows(self, kind: Part) -> NDArray[np.int64]:
        """The rows of one kind, in order."""
        return np.flatnonzero(self.kind == kind)


def parts_of(roster: Roster) -> Parts:
    """Every part of every agent, as it is heard."""
    texts: list[str] = []
    owner: list[int] = []
    kinds: list[int] = []
    offsets = [0]
    for place, agent in enumerate(roster.heard):
        for kind, text in agent_parts(agent):
            texts.append(text)
            owner.append(place)
            kinds.append(kind)
        offsets.append(len(texts))
    return Parts(tuple(texts), *(np.asarray(column, dtype=np.int64) for column in (owner, kinds, offsets)))


def agent_parts(agent: Agent) -> list[tuple[Part, str]]:
    """The parts of one agent: at least its card, which always has the name."""
    name = spoken(agent.name)
    prefix = name if len(name) <= PASSAGE else name[:PASSAGE]
    passages = cut(agent.description, PASSAGE)[:MAX_PASSAGES]
    parts = [(Part.CARD, f"{prefix}: {passage}") for passage in passages] or [(Part.CARD, prefix)]
    said = sentences(agent.description)
    if len(said) > 1:
        parts += [(Part.SENTENCE, sentence) for sentence in said[:MAX_SENTENCES]]
    parts += [(Part.EXAMPLE, example) for example in (*agent.examples, *agent.learned)]
    parts += [(Part.NOT_FOR, example) for example in agent.not_for]
    return parts


def spoken(name: str) -> str:
    """A name as words: `getStockPrice` → `get Stock Price`, `api-docs` → `api docs`."""
    return re.sub(r"[-_]+", " ", _CAMEL.sub(" ", name)).strip() or name


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, without list markers; very short ones join the one before."""
    found: list[str] = []
    for piece in _END.split(text):
        piece = piece.strip(" \t-*•#")
        if not piece:
            continue
        if found and len(piece) < 12:
            found[-1] += " " + piece
        else:
            found.append(piece)
    return found


def cut(text: str, limit: int) -> list[str]:
    """Cut at ends of sentences into passages of at most `limit` characters; a longer sentence is cut at words."""
    passages: list[str] = []
    for piece in _END.split(text):
        for bit in _fit(piece.strip(), limit):
            if passages and len(passages[-1]) + len(bit) < limit:
                passages[-1] += " " + bit
            else:
                passages.append(bit)
    return passages


def _fit(piece: str, limit: int) -> list[str]:
    bits = []
    while len(piece) > limit:
        space = piece.rfind(" ", limit // 2, limit)
        end = space if space > 0 else limit
        bits.append(piece[:end].strip())
        piece = piece[end:].strip()
    return [bit for bit in (*bits, piece) if bit]
