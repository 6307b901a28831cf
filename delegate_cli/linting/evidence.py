"""What a roster's findings are made from: its cards' likeness, and each sample request predicted without itself.

The predictions are those that the index build makes (`fitting.hold_out`), with the weights of the index in use and with its
counter-examples. Agents that have too few sample requests to leave one out are tried with the sentences of their own
descriptions, by the same method: the first sentence stands for the card, each other one is left out in turn.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Roster
from delegate_cli.confidence import calibration
from delegate_cli.confidence.calibration import softmax
from delegate_cli.deciders import head
from delegate_cli.encoders import Encoder, Vectors
from delegate_cli.fitting import HeldOut, hold_out, prepare
from delegate_cli.index.build import Progress
from delegate_cli.index.parts import Part, Parts, parts_of, sentences
from delegate_cli.loaded import Loaded

LEAST_SENTENCES = 3  # of a description: one that stands for the card, and two that can be left out
_WORDS = 4  # of a sentence, below which it says too little by itself
_WORD = re.compile(r"[^\W_]{3,}")
_REQUESTS = 2  # sample requests, below which none can be left out


@dataclass(frozen=True)
class Predictions:
    """Texts, each predicted by what was fitted without it.

    `gold` has shape (texts,), the place of the agent whose it is; `probability` shape (texts, agents), its rows sum to 1;
    `support` the similarity to the nearest other part of each agent, same shape.
    """

    texts: tuple[str, ...]
    gold: NDArray[np.int64]
    probability: NDArray[np.float64]
    support: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """The likeliest agent of each text, shape (texts,)."""
        found: NDArray[np.int64] = self.probability.argmax(axis=1)
        return found

    def of(self, place: int) -> NDArray[np.int64]:
        """The rows of one agent's texts."""
        return np.flatnonzero(self.gold == place)


@dataclass(frozen=True)
class Evidence:
    """A roster with what was measured on it.

    `requests` are left-out sample requests, `said` left-out sentences of agents without them; either may be empty.
    `likeness` is the cosine similarity of cards, shape (agents, agents).
    """

    roster: Roster
    requests: Predictions
    said: Predictions
    likeness: NDArray[np.float32]

    def name(self, place: int) -> str:
        """The id of the agent at a place."""
        return self.roster.agents[place].id


def gather(roster: Roster, ready: Loaded, progress: Progress) -> Evidence:
    """Measure a roster whose index is open."""
    parts, vectors = parts_of(roster), np.asarray(ready.index.parts.vectors)
    cards = vectors[parts.offsets[:-1]]
    likeness = np.asarray(cards @ cards.T, dtype=np.float32)
    held_out = hold_out(prepare(roster, parts, vectors), progress)
    requests = _nothing(len(roster))
    if held_out is not None:
        requests = _predictions(held_out, parts, vectors, ready.fit.weights, _penalties(held_out, parts, ready))
    return Evidence(roster, requests, _said(roster, parts, vectors, ready.encoder, progress), likeness)


def _nothing(agents: int) -> Predictions:
    return Predictions((), np.zeros(0, np.int64), np.zeros((0, agents)), np.zeros((0, agents), np.float32))


def _predictions(
    held_out: HeldOut, parts: Parts, vectors: Vectors, weights: calibration.Floats, penalty: object
) -> Predictions:
    logits = held_out.left_out.standard.astype(np.float64) @ weights - penalty  # type: ignore[operator]
    texts = tuple(parts.texts[row] for row in held_out.rows)
    return Predictions(texts, held_out.left_out.gold, softmax(logits), held_out.support)


def _penalties(held_out: HeldOut, parts: Parts, ready: Loaded) -> NDArray[np.float64]:
    """What counter-examples take off, shape (requests, agents). For its own agent a request is not left out here."""
    agents = held_out.left_out.standard.shape[1]
    found = np.zeros((len(held_out.rows), agents))
    if len(parts.rows(Part.NOT_FOR)):
        vectors = np.asarray(ready.index.parts.vectors)
        for row, part in enumerate(held_out.rows.tolist()):
            query = ready.query(parts.texts[part], vectors[part])
            found[row] = ready.decider.views(query, np.arange(agents)).penalty
    return found


def _said(roster: Roster, parts: Parts, vectors: Vectors, encoder: Encoder, progress: Progress) -> Predictions:
    """Left-out sentences of agents that have too few sample requests."""
    bare = [_by_sentences(agent) for agent in roster.heard]
    tried = np.array([new is not old for new, old in zip(bare, roster.heard, strict=True)])
    if not tried.any() or len(roster) < 2:
        return _nothing(len(roster))
    other = Roster(tuple(bare))
    other.trust()
    known = dict(zip(parts.texts, vectors, strict=True))
    other_parts = parts_of(other)
    rows = np.empty((len(other_parts.texts), vectors.shape[1]), dtype=np.float32)
    for row, text in enumerate(other_parts.texts):
        rows[row] = known[text] if text in known else encoder.encode(text)
        if row % 50 == 0:
            progress("embedding", row, len(rows))
    held_out = hold_out(prepare(other, other_parts, rows), progress)
    if held_out is None:
        return _nothing(len(roster))
    telling = _telling(other_parts.texts, roster)
    held_out = held_out.at(tried[held_out.left_out.gold] & telling[held_out.rows])
    if not len(held_out.left_out):
        return _nothing(len(roster))
    requests = np.bincount(other_parts.owner[other_parts.rows(Part.EXAMPLE)], minlength=len(other))
    weights = calibration.fit_weights(held_out.left_out, calibration.prior_weights(head.taught(requests)))
    return _predictions(held_out, other_parts, rows, weights, 0.0)


def _by_sentences(agent: Agent) -> Agent:
    """The first sentence as the card and the others as sample requests; the same agent where that cannot be."""
    said = sentences(agent.description)
    if len(agent.examples) + len(agent.learned) >= _REQUESTS or len(said) < LEAST_SENTENCES:
        return agent
    return replace(agent, description=said[0], examples=tuple(said[1:]), learned=(), not_for=())


def _telling(texts: Sequence[str], roster: Roster) -> NDArray[np.bool_]:
    """Which sentences say enough by themselves and do not speak of another agent by its name, shape (texts,)."""
    names = [words for agent in roster if len(words := _words(agent.name)) > 1]  # one word alone is rather a subject
    found = [len(words := _words(text)) >= _WORDS and not any(name <= words for name in names) for text in texts]
    return np.array(found, dtype=bool)


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))
