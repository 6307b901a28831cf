"""What came of asking a model, as the path of a task and the record know it. Light: most decisions ask none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.decision import ModelLevel
from delegate_cli.loaded import Floats, Ranking

if TYPE_CHECKING:
    from delegate_cli.deciders.question import Answer


@dataclass(frozen=True, slots=True)
class Advice:
    """An answer, and the places of the agents whose cards were shown, in the order of the question."""

    places: NDArray[np.int64]
    answer: "Answer"


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
