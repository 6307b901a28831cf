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
# Typical standard deviation of each view over a roster. In rosters of a few agents the observed one is shrunk towards it, with
# the weight of this many agents: two agents' standard scores would always be ±1. For the head it depends on whether there are
# sample requests (the first) or cards alone (the second); for words it is a share of the task's best score, since a long
# task repeats little of any card. Chosen on the dev splits of public rosters.
TYPICAL_HEAD = (1.3, 0.55)
TYPICAL_CARD = 0.12
TYPICAL_WORDS = 0.25
SHRINK = 5.0
_TINY = 1e-12
AGAINST = 8.0  # logits for each unit of similarity by which a counter-example is nearer than all else of its agent
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Views:
    """Standardised views of the shortlisted agents: `standard` has shape (agents, views)."""

    places: NDArray[np.int64]
    standard: Floats
    penalty: Floats  # shape (agents,), logits to take off
    head_top: float  # the highest raw head logit


def taught(examples_per_agent: NDArray[np.int64]) -> float:
    """The share of agents with at least two sample requests, from their numbers, shape (agents,)."""
    return float(np.mean(examples_per_agent >= 2)) if len(examples_per_agent) else 0.0


def typical(share: float, best_words: Any) -> tuple[float, float, Any]:
    """Typical standard deviation of each view.

    Args:
        share: of agents with sample requests to learn from.
        best_words: the highest score in words of any agent for the task.
    """
    with_requests, alone = TYPICAL_HEAD
    return share * with_requests + (1 - share) * alone, TYPICAL_CARD, TYPICAL_WORDS * best_words


def standardise(raw: Any, mean: Any, variance: Any, agents: int, usual: Any) -> Any:
    """Standard scores with a variance that is shrunk towards the square of the usual deviation; 0 where nothing varies."""
    shrunk = (agents * np.maximum(variance, 0.0) + SHRINK * np.square(usual)) / (agents + SHRINK)
    return (raw - mean) / np.sqrt(np.maximum(shrunk, _TINY))


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


@dataclass(frozen=True, slots=True)
class Grouped:
    """Vectors of some agents, grouped: rows `starts[i]:starts[i + 1]` belong to the agent at `places[i]`."""

    places: NDArray[np.int64]
    vectors: Vectors
    starts: NDArray[np.int64]

    def best(self, vector: Vectors) -> Vectors:
        """The highest similarity within each group, shape (groups,)."""
        best: Vectors = np.maximum.reduceat(self.vectors @ vector, self.starts)
        return best


def group(vectors: Vectors, owner: NDArray[np.int64], rows: NDArray[np.int64]) -> Grouped | None:
    """These rows by their owners, in ascending order; None for no rows."""
    if not len(rows):
        return None
    places, starts = np.unique(owner[rows], return_index=True)
    return Grouped(places, vectors[rows], starts)


class HeadDecider:
    """Scores candidates with what was fitted on the roster."""

    def __init__(self, arrays: dict[str, Any], parts: PartIndex) -> None:
        self._weight = arrays["head_weight"]
        self._bias = arrays["head_bias"]
        self._head_mean, self._head_covariance = arrays["head_mean"], arrays["head_covariance"]
        self._card_mean, self._card_covariance = arrays["card_mean"], arrays["card_covariance"]
        self._vectors = parts.vectors
        self._offsets = arrays["offsets"]
        self._cards = np.ascontiguousarray(self._vectors[self._offsets[:-1]])
        owner, kind = arrays["owner"], arrays["kind"]
        self._share = taught(np.bincount(owner[kind == Part.EXAMPLE], minlength=len(self._bias)))
        self._against_count = np.bincount(owner[kind == Part.NOT_FOR], minlength=len(self._bias))
        long = np.flatnonzero(np.bincount(owner[kind == Part.CARD], minlength=len(self._bias)) > 1)
        self._long = group(self._vectors, owner, np.flatnonzero((kind == Part.CARD) & np.isin(owner, long)))
        self._against = group(self._vectors, owner, np.flatnonzero(kind == Part.NOT_FOR))
        with_against = np.isin(owner, np.flatnonzero(self._against_count))
        self._beside = group(self._vectors, owner, np.flatnonzero(with_against & (kind != Part.NOT_FOR)))

    def views(self, query: Query, places: NDArray[np.int64]) -> Views:
        """The views of the agents at these places, which are in ascending order."""
        agents = len(self._bias)
        vector = query.vector
        if len(places) == agents:
            head = self._weight @ vector + self._bias
            card = self._cards @ vector
            spread = [_mean_and_variance(head), _mean_and_variance(card)]
        else:
            head = self._weight[places] @ vector + self._bias[places]
            card = self._cards[places] @ vector
            spread = self._moments(vector.astype(np.float64))
        if self._long is not None:
            _spread(card, places, self._long.places, self._long.best(vector))
        words = query.lexical
        spread.append(_mean_and_variance(words))
        usual = typical(self._share, float(words.max()))
        standard = np.empty((len(places), len(VIEWS)))
        for view, raw in enumerate((head, card, words[places])):
            standard[:, view] = standardise(raw, *spread[view], agents, usual[view])
        return Views(places, standard, self._penalty(vector, places), float(head.max()))

    def _moments(self, vector: Floats) -> list[tuple[float, float]]:
        """Mean and variance of the head and the card view over all agents, without scoring them."""
        with_bias = np.append(vector, 1.0)
        return [
            (float(self._head_mean @ with_bias), float(with_bias @ self._head_covariance @ with_bias)),
            (float(self._card_mean @ vector), float(vector @ self._card_covariance @ vector)),
        ]

    def _penalty(self, vector: Vectors, places: NDArray[np.int64]) -> Floats:
        penalty = np.zeros(len(places))
        if self._against is not None and self._beside is not None:
            excess = self._against.best(vector) - self._beside.best(vector)
            _spread(penalty, places, self._against.places, AGAINST * np.maximum(excess, 0.0))
        return penalty

    def similarities(self, vector: Vectors, place: int) -> Vectors:
        """Cosine similarity of the task to every part of one agent, in the order of its parts."""
        rows: Vectors = self._vectors[self._offsets[place] : self._offsets[place + 1]] @ vector
        return rows

    def alike(self, place: int, places: NDArray[np.int64], least: float) -> NDArray[np.bool_]:
        """Which of the agents at `places` have nearly the card of one agent, shape (places,): a cosine of `least` or more."""
        result: NDArray[np.bool_] = self._cards[places] @ self._cards[place] >= least
        return result

    def best_support(self, vector: Vectors, place: int) -> float:
        """Similarity to the nearest part of one agent, counter-examples aside."""
        start, stop = self._offsets[place], self._offsets[place + 1]
        return float((self._vectors[start : stop - self._against_count[place]] @ vector).max())


def _mean_and_variance(raw: Vectors) -> tuple[float, float]:
    exact = raw.astype(np.float64)
    mean = float(exact.sum()) / len(exact)
    return mean, float(exact @ exact) / len(exact) - mean * mean


def _spread(target: Any, places: NDArray[np.int64], wanted: NDArray[np.int64], values: Any) -> None:
    """Write values for the agents at `wanted` into `target`, which is in the order of `places`."""
    at = np.searchsorted(places, wanted)
    at[at == len(places)] = 0
    here = places[at] == wanted
    target[at[here]] = values[here]
