"""The offline decider: three views of how well each agent fits, as standard scores over the whole roster.

- head: logits of a multinomial logistic regression on the vectors of sample requests and cards
- card: cosine similarity to the agent's card (to the best passage of a long one)
- words: BM25 over character 4-grams

Views are standardised with their mean and variance over *all* agents of the roster, which follow from stored moments, so
that neither the shortlist nor constraints change what a score means.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.encoders import Vectors
from delegate_cli.index.parts import Part
from delegate_cli.index.search import PartIndex
from delegate_cli.retrievers.fused import Query

VIEWS = ("head", "card", "words")
# Typical standard deviation of each view over a roster (medians over the public rosters). In rosters of a few agents the
# observed one is shrunk towards it, with the weight of this many agents: two agents' standard scores would always be ±1.
TYPICAL = (1.6, 0.12, 0.04)
SHRINK = 5.0
AGAINST = 8.0  # logits for each unit of similarity by which a counter-example is nearer than all else of its agent
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Views:
    """Standardised views of the shortlisted agents: `standard` has shape (agents, views)."""

    places: NDArray[np.int64]
    standard: Floats
    penalty: Floats  # shape (agents,), logits to take off
    head_top: float  # the highest raw head logit


def standardise(raw: Any, mean: Any, variance: Any, agents: int, view: int) -> Any:
    """Standard scores with a variance that is shrunk towards the view's typical one."""
    shrunk = (agents * np.maximum(variance, 0.0) + SHRINK * TYPICAL[view] ** 2) / (agents + SHRINK)
    return (raw - mean) / np.sqrt(shrunk)


def moments(weight: Vectors, bias: Vectors, cards: Vectors) -> dict[str, Any]:
    """What gives mean and variance over all agents of the head and card views for any task vector.

    Args:
        weight, bias: the head, shapes (agents, dimension) and (agents,).
        cards: first passage of each card, shape (agents, dimension).
    """
    facts: dict[str, Any] = {}
    for name, rows in (("head", np.column_stack((weight, bias))), ("card", cards)):
        rows = rows.astype(np.float64)
        facts[f"{name}_mean"] = rows.mean(axis=0)
        facts[f"{name}_covariance"] = np.cov(rows, rowvar=False, bias=True)
    return facts


class HeadDecider:
    """Scores candidates with what was fitted on the roster."""

    def __init__(self, arrays: dict[str, Any], parts: PartIndex) -> None:
        self._weight = arrays["head_weight"]
        self._bias = arrays["head_bias"]
        self._head_mean, self._head_covariance = arrays["head_mean"], arrays["head_covariance"]
        self._card_mean, self._card_covariance = arrays["card_mean"], arrays["card_covariance"]
        self._vectors = parts.vectors
        self._kind = arrays["kind"]
        self._offsets = arrays["offsets"]
        owner = arrays["owner"]
        cards = np.bincount(owner[self._kind == Part.CARD], minlength=len(self._bias))
        self._long = {int(place): int(cards[place]) for place in np.flatnonzero(cards > 1)}
        against = np.bincount(owner[self._kind == Part.NOT_FOR], minlength=len(self._bias))
        self._against = {int(place): int(against[place]) for place in np.flatnonzero(against)}

    def views(self, query: Query, places: NDArray[np.int64]) -> Views:
        """The views of the agents at these places."""
        agents = len(self._bias)
        vector = query.vector
        exact = vector.astype(np.float64)
        with_bias = np.append(exact, 1.0)
        head = self._weight[places] @ vector + self._bias[places]
        card = self._vectors[self._offsets[places]] @ vector
        if self._long:
            for row, place in enumerate(places.tolist()):
                if passages := self._long.get(place):
                    start = self._offsets[place]
                    card[row] = (self._vectors[start : start + passages] @ vector).max()
        words = query.lexical
        columns = (
            (head, self._head_mean @ with_bias, with_bias @ self._head_covariance @ with_bias),
            (card, self._card_mean @ exact, exact @ self._card_covariance @ exact),
            (words[places].astype(np.float64), words.mean(dtype=np.float64), words.var(dtype=np.float64)),
        )
        standard = np.column_stack([standardise(*column, agents, view) for view, column in enumerate(columns)])
        return Views(places, standard, self._penalty(vector, places), float(head.max()))

    def _penalty(self, vector: Vectors, places: NDArray[np.int64]) -> Floats:
        penalty = np.zeros(len(places))
        if self._against:
            for row, place in enumerate(places.tolist()):
                if count := self._against.get(place):
                    start, stop = self._offsets[place], self._offsets[place + 1]
                    similarity = self._vectors[start:stop] @ vector  # counter-examples are an agent's last parts
                    excess = float(similarity[-count:].max() - similarity[:-count].max())
                    penalty[row] = AGAINST * max(0.0, excess)
        return penalty

    def similarities(self, vector: Vectors, place: int) -> Vectors:
        """Cosine similarity of the task to every part of one agent, in the order of its parts."""
        rows: Vectors = self._vectors[self._offsets[place] : self._offsets[place + 1]] @ vector
        return rows

    def best_support(self, vector: Vectors, place: int) -> float:
        """Similarity to the nearest part of one agent, counter-examples aside."""
        start, stop = self._offsets[place], self._offsets[place + 1]
        return float((self._vectors[start : stop - self._against.get(place, 0)] @ vector).max())
