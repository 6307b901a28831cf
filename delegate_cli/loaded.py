"""What is in memory for deciding: encoder, retriever, decider and everything that was fitted on the roster.

Query and views go in, a ranking of all eligible agents and of nobody comes out. Knows nothing of policy or records.
"""

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from delegate_cli.confidence import excluded, threshold
from delegate_cli.confidence import none as none_model
from delegate_cli.confidence.calibration import softmax
from delegate_cli.deciders.head import HeadDecider, Views
from delegate_cli.encoders import Encoder, Vectors
from delegate_cli.index import store
from delegate_cli.injection import heard
from delegate_cli.retrievers.fused import FusedRetriever, Query
from delegate_cli.retrievers.lexical import LexicalIndex

if TYPE_CHECKING:
    from delegate_cli.skills.known import Known

# Probability that is spread over eligible agents outside the shortlist, so that nobody is impossible: the share of dev
# tasks whose right agent is not among the first 50 (`make constants`).
OUTSIDE = 0.01
Floats = NDArray[np.float64]
_NEEDED = {"owner", "kind", "offsets", "weights", "none", "threshold_curve", "head_weight", "card_mean", "bm25_weight"}


@dataclass(frozen=True, slots=True)
class Ranking:
    """Probabilities of all eligible agents, best first (ties by id), and of nobody: they sum to 1."""

    places: NDArray[np.int64]
    probability: Floats
    share: Floats  # among the agents, given that somebody fits
    none: float
    views: Views
    missed: int | None = None  # the place of an excluded agent that fits better than all of these


@dataclass(frozen=True, slots=True)
class Fit:
    """What turns views into probabilities and a threshold.

    Weights of the views, shape (views,), coefficients of `none`, shape (features + 1,), and the threshold's curve, shape
    (points, 3).
    """

    weights: Floats
    none: Floats
    curve: Floats


class Loaded:
    """What is loaded for deciding.

    Raises:
        Unusable: the index lacks something that this version needs.
    """

    def __init__(self, encoder: Encoder, index: store.StoredIndex) -> None:
        missing = _NEEDED - index.arrays.keys()
        if missing:
            raise store.Unusable(f"it lacks {', '.join(sorted(missing))}")
        agents = int(index.manifest["agents"])
        vocabulary = dict(zip(index.grams, range(len(index.grams)), strict=True))
        lexical = LexicalIndex(index.arrays, vocabulary, agents)
        self.encoder = encoder
        self.index = index
        self.report = index.manifest["report"]
        self.fit = Fit(index.arrays["weights"], index.arrays["none"], index.arrays["threshold_curve"])
        self.labels = 0
        self.skills: Known | None = None  # inferred profiles, where there are some
        self.retriever = FusedRetriever(index.parts, index.arrays["owner"], lexical, agents)
        self.decider = HeadDecider(index.arrays, index.parts)

    @property
    def calibrated(self) -> bool:
        """Whether the probabilities were fitted on this roster's own held-out requests or labelled tasks."""
        return bool(self.report["requests"] or self.labels)

    @property
    def weights(self) -> Floats:
        """Of the views, shape (views,)."""
        return self.fit.weights

    def label_free(self) -> "Loaded":
        """The same with what was fitted on the roster alone."""
        arrays = self.index.arrays
        return self.with_fit(Fit(arrays["weights"], arrays["none"], arrays["threshold_curve"]), 0)

    def with_fit(self, fit: Fit, labels: int) -> "Loaded":
        """The same index and decider with what was fitted on this number of labelled tasks."""
        other = copy(self)
        other.fit, other.labels = fit, labels
        return other

    def threshold(self, target_error: float) -> float:
        """The least probability for handing over at this target error."""
        return threshold.at(self.fit.curve, target_error).probability

    def vector(self, task: str) -> Vectors:
        """A task as a vector, without wording that is meant to steer the choice."""
        return self.encoder.encode(heard(task))

    def query(self, task: str, vector: Vectors | None = None) -> Query:
        """A task as it is compared with the agents; `vector` is what `vector(task)` gave, where that is known already."""
        return self.retriever.query(heard(task), self.vector(task) if vector is None else vector)

    def rank(self, query: Query, views: Views, count: int, eligible: NDArray[np.bool_] | None) -> Ranking:
        """Probabilities of all eligible agents and of nobody."""
        logits = self.logits(views)
        inside = softmax(logits)
        none = float(none_model.probability_none(self._none_features(query, views, count, logits, inside), self.fit.none))
        outside = count - len(views.places)
        places, share = views.places, inside
        if outside:
            left = np.ones(len(query.lexical), bool) if eligible is None else eligible.copy()
            left[places] = False
            places = np.append(places, np.flatnonzero(left))
            # each gets no more than the least likely agent that was looked at
            share = np.append(inside, np.full(outside, min(OUTSIDE / outside, float(inside.min()))))
            share /= share.sum()
        order = np.lexsort((places, -share))
        share = share[order]
        return Ranking(places[order], share * (1 - none), share, none, views)

    def rank_among(self, query: Query, everybody: Views, views: Views, eligible: NDArray[np.bool_]) -> Ranking:
        """Probabilities where constraints leave only some, the mask `eligible` of shape (agents,): nobody of them fits where
        nobody at all does, or where the one who does is excluded.

        Args:
            everybody: views of the agents that come into question, whoever is eligible.
            views: views of those among the eligible ones.
        """
        count, agents = int(eligible.sum()), len(eligible)
        whole = self.rank(query, everybody, agents, None)
        found = self.rank(query, views, count, eligible)
        logits = self.logits(everybody)
        best = int(found.places[0])
        left_out = ~eligible[everybody.places] & ~self.decider.alike(best, everybody.places, excluded.ALIKE)
        chance = excluded.chance(logits[left_out], self.logits(views), count, agents)
        none = 1 - (1 - whole.none) * (1 - chance)
        first = int(whole.places[0])
        missed = first if chance > 0.5 > whole.none and left_out[everybody.places == first].any() else None
        return replace(found, probability=found.share * (1 - none), none=none, missed=missed)

    def logits(self, views: Views) -> Floats:
        """How well each of the agents fits, shape (agents,), whoever else is looked at."""
        logits: Floats = views.standard @ self.fit.weights - views.penalty
        return logits

    def none_features(self, query: Query, views: Views, count: int) -> Floats:
        """What the probability that nobody fits is computed from, shape (features,)."""
        logits = self.logits(views)
        return self._none_features(query, views, count, logits, softmax(logits))

    def _none_features(self, query: Query, views: Views, count: int, logits: Floats, inside: Floats) -> Floats:
        best = int(np.lexsort((views.places, -inside))[0])
        place = int(views.places[best])
        standard = none_model.features(
            self.decider.best_support(query.vector, place),
            float(none_model.tied(logits, inside)),
            float(query.lexical[place]),
            views.head_top,
            len(query.text),
        )
        return none_model.alone(standard) if count == 1 else standard
