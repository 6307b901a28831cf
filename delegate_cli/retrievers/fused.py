"""The shortlist: agents that are near in meaning (FAISS) or in words (BM25), joined by reciprocal ranks.

Fusing by rank only picks who is looked at; probabilities are made from raw scores later.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate_cli.encoders import Vectors
from delegate_cli.index.search import PartIndex
from delegate_cli.retrievers.lexical import LexicalIndex, Scores

RANK_OFFSET = 60  # Cormack, Clarke and Büttcher 2009
SCORE_ALL = 500  # agents: so few are all scored, which costs no more than choosing among them
SMALLEST = 50  # agents: what probabilities are calibrated for; fewer would make each look surer than it is
PARTS_PER_AGENT = 4  # parts asked of FAISS for each place on the shortlist


@dataclass(frozen=True, slots=True)
class Query:
    """A task as the retriever and the deciders see it."""

    text: str
    vector: Vectors
    lexical: Scores  # shape (agents,)


class FusedRetriever:
    """Shortlists agents by meaning and by words."""

    def __init__(self, parts: PartIndex, owner: NDArray[np.int64], lexical: LexicalIndex, agents: int) -> None:
        self._parts = parts
        self._owner = owner
        self._lexical = lexical
        self._agents = agents

    def query(self, text: str, vector: Vectors) -> Query:
        """What is looked up once for a task."""
        return Query(text, vector, self._lexical.scores(text))

    def shortlist(self, query: Query, size: int, eligible: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Places of eligible agents, in ascending order; `eligible` has shape (agents,).

        At most `size` of them (at least 50 count), or all of a roster of up to 500.
        """
        everyone = np.arange(self._agents) if eligible is None else np.flatnonzero(eligible)
        if len(everyone) <= max(size, SCORE_ALL):
            return everyone
        return self.nearest(query, max(size, SMALLEST), eligible)

    def nearest(self, query: Query, size: int, eligible: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """The `size` nearest eligible agents and no more, in ascending order of their places."""
        everyone = np.arange(self._agents) if eligible is None else np.flatnonzero(eligible)
        if len(everyone) <= size:
            return everyone
        allowed = None if eligible is None else np.flatnonzero(eligible[self._owner])
        rows, _ = self._parts.search(query.vector, size * PARTS_PER_AGENT, allowed)
        nearest = list(dict.fromkeys(self._owner[rows].tolist()))
        words = query.lexical if eligible is None else np.where(eligible, query.lexical, -1.0)
        count = min(size, self._agents)
        spoken = np.argpartition(-words, count - 1)[:count]
        spoken = spoken[np.lexsort((spoken, -words[spoken]))]
        score: dict[int, float] = {}
        for ranking in (nearest[:size], spoken[words[spoken] > 0].tolist()):
            for rank, place in enumerate(ranking):
                score[place] = score.get(place, 0.0) + 1.0 / (RANK_OFFSET + rank)
        best = sorted(score, key=lambda place: (-score[place], place))[:size]
        return np.asarray(sorted(best), dtype=np.int64)
