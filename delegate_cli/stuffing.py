"""Cards that are stuffed with other agents' words, so as to look near to every task: what is left of each without that.

Two marks are looked for. A card repeats, word for word, sentences or requests of several others; or it has a list of words of
which each belongs to one other agent, and together to half of the roster. Sentences that many agents share are a house style
and stay. Requests of others in words of one's own are not recognised: that is a claim to do their work, which nothing in the
roster can refute.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

FEWEST = 3  # others that must be repeated
SHARE = 0.5  # of the other agents: so many must have a rare word of theirs in one list of words
_END = re.compile(r"(?<=[.!?;。！？])\s+|\n+")
_WORD = re.compile(r"[^\W\d_]{4,}")
_HOLDING = frozenset(
    (
        "from",
        "have",
        "into",
        "just",
        "that",
        "their",
        "them",
        "then",
        "they",
        "this",
        "what",
        "when",
        "which",
        "will",
        "with",
        "your",
    )
)
_STEM = 5  # letters by which forms of one word are taken for the same


class Texts(NamedTuple):
    """What an agent says of itself."""

    name: str
    description: str
    examples: tuple[str, ...]


def unstuffed(cards: Sequence[Texts]) -> list[Texts]:
    """Each card without what is only there to be near to everything; the same object where nothing is."""
    drops = [copied | listed for copied, listed in zip(_copied(cards), _listed(cards), strict=True)]
    return [_without(card, drop) if drop else card for card, drop in zip(cards, drops, strict=True)]


def _copied(cards: Sequence[Texts]) -> list[set[str]]:
    """Pieces of each card that it shares with one other agent each, where these others are several."""
    owners: defaultdict[str, set[int]] = defaultdict(set)
    for place, card in enumerate(cards):
        for piece in (*_pieces(card.description), *card.examples):
            if len(piece) >= 12:
                owners[_key(piece)].add(place)
    shared: list[dict[str, int]] = [{} for _ in cards]
    for key, places in owners.items():
        if len(places) == 2:
            first, second = places
            shared[first][key], shared[second][key] = second, first
    return [set(of) if len(set(of.values())) >= FEWEST else set() for of in shared]


def _listed(cards: Sequence[Texts]) -> list[set[str]]:
    """Lists of words in each card that hold words of many others."""
    need = max(FEWEST + 1, ceil(SHARE * (len(cards) - 1)))
    wordy = [
        [piece for piece in _pieces(card.description) if len(_stems(piece)) >= need and _is_list(piece)]
        if len(card.description) >= 5 * need
        else []
        for card in cards
    ]
    if not any(wordy):
        return [set() for _ in cards]
    users: defaultdict[str, set[int]] = defaultdict(set)
    for place, card in enumerate(cards):
        for stem in _stems(" ".join((card.name, card.description, *card.examples))):
            users[stem].add(place)
    found: list[set[str]] = []
    for place, pieces in enumerate(wordy):
        drop = set()
        for piece in pieces:
            rare = [others for stem in _stems(piece) if len(others := users[stem] - {place}) == 1]
            if len(set().union(*rare)) >= need:
                drop.add(_key(piece))
        found.append(drop)
    return found


def _without(card: Texts, drop: set[str]) -> Texts:
    left = []
    last = 0
    for end in (*(match.end() for match in _END.finditer(card.description)), len(card.description)):
        if _key(card.description[last:end]) not in drop:
            left.append(card.description[last:end])
        last = end
    return Texts(card.name, "".join(left).strip(), tuple(each for each in card.examples if _key(each) not in drop))


def _pieces(text: str) -> list[str]:
    return [piece for piece in _END.split(text) if piece.strip()]


def _is_list(piece: str) -> bool:
    """Whether a sentence is rather a list of words: hardly anything holds them together."""
    words = re.findall(r"[^\W\d_]+", piece.casefold())
    return sum(len(word) < 4 or word in _HOLDING for word in words) <= 0.15 * len(words)


def _key(piece: str) -> str:
    return " ".join(re.findall(r"\w+", piece.casefold()))


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in _WORD.findall(text.casefold())}
