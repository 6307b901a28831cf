"""What a model said of a task, the ranking that it and the head make together, and from where on that is handed over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.confidence import fusion, threshold
from delegate_cli.deciders.question import Answer
from delegate_cli.decision import ModelLevel
from delegate_cli.loaded import Floats, Ranking


@dataclass(frozen=True, slots=True)
class Advice:
    """An answer, and the places of the agents whose cards were shown, in the order of the question."""

    places: NDArray[np.int64]
    answer: Answer

    @property
    def trust(self) -> float:
        """How much the answer counts, in (0, 1]."""
        return fusion.trust(self.answer.missing_mass, self.answer.flips)


class Cost(NamedTuple):
    """Tokens, and USD where prices are set."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0

    def plus(self, other: "Cost") -> "Cost":
        """Both together; without a price for one there is none for the sum."""
        usd = None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd
        return Cost(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens, usd)


FREE = Cost()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What came of asking: an answer, or why there is none (`reason` and `code`); and the model's levels by agent."""

    advice: Advice | None = None
    fallback: Mapping[str, str] | None = None
    levels: Mapping[str, ModelLevel] = field(default_factory=dict)
    rated: Cost = FREE

    @property
    def cost(self) -> Cost:
        """Of the answer and of the levels."""
        if self.advice is None:
            return self.rated
        answer = self.advice.answer
        return Cost(answer.input_tokens, answer.output_tokens, answer.cost_usd).plus(self.rated)


def masses(ranking: Ranking, places: NDArray[np.int64]) -> Floats:
    """The head's probabilities of these agents and, last, of nobody, shape (places + 1,)."""
    at = np.argsort(ranking.places)
    return np.append(ranking.probability[at[np.searchsorted(ranking.places, places, sorter=at)]], ranking.none)


def fuse(ranking: Ranking, advice: Advice, weights: fusion.Weights) -> Ranking:
    """The head's ranking with the model's answer in it; agents that were not shown keep their probability."""
    joined = fusion.pool(masses(ranking, advice.places), advice.answer.probability, advice.trust, weights)
    probability = ranking.probability.copy()
    at = np.argsort(ranking.places)
    probability[at[np.searchsorted(ranking.places, advice.places, sorter=at)]] = joined[:-1]
    order = np.lexsort((ranking.places, -probability))
    probability, none = probability[order], float(joined[-1])
    share = probability / max(float(probability.sum()), 1e-12)
    return Ranking(ranking.places[order], probability, share, none, ranking.views)


@dataclass(frozen=True, slots=True)
class FusionFit:
    """What was fitted for one model.

    `rows` has shape (tasks, 4): the joined probability of the first candidate by what was fitted without the task, whether it
    is right, the task's weight, and the head's own probability; empty where the threshold is not fitted.
    """

    weights: fusion.Weights
    rows: Floats
    tasks: int

    def threshold(self, target_error: float, usual: float, grey: bool) -> float:
        """The least probability for handing over.

        Args:
            usual: the head's threshold.
            grey: whether the head alone would not hand this task over: such tasks have a curve of their own, since the errors
                that the target allows are made among the others already.
        """
        rows = self.rows[self.rows[:, 3] < usual] if grey else self.rows
        if len(rows) < threshold.MIN_REQUESTS:
            return unfitted(target_error, usual, grey)
        return threshold.at(threshold.fit_curve(rows[:, 0], rows[:, 1] > 0, rows[:, 2]), target_error).probability


def unfitted(target_error: float, usual: float, grey: bool) -> float:
    """The threshold of joined probabilities that were not calibrated.

    What the head would hand over needs no more than before; what only the model makes sure needs as much as true
    probabilities would.
    """
    return max(usual, threshold.without_data(target_error).probability) if grey else usual
