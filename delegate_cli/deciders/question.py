"""What a model is asked, and what its answer comes to: the contract between the pipeline and every model decider."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from delegate_cli.endpoints import Request

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Card:
    """One candidate as a model sees it; sample requests are the nearest to the task, nearest first."""

    agent: str
    name: str
    description: str = ""
    examples: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()  # lines such as "skills: legal 0.90 (120 trials)" or "cost: 0.04 USD a task"


@dataclass(frozen=True, slots=True)
class Question:
    """Which of the cards fits the task? Cards are best first by the head, so that the order never depends on a file's."""

    task: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says: `probability` has shape (cards + 1,), the last is nobody's; it sums to 1.

    `kind` says how it was had: chat, chat-json, chat-samples, chat-stated, assigned, decisions, systemone. `missing_mass` is
    the probability in [0, 1] that the model put on no label at all; `flips` the share of further orders whose first choice
    differed from the first order's, None where only one order was asked. `raw` is the first order alone, same shape.
    """

    probability: Floats
    kind: str
    model: str
    orders: int = 1
    missing_mass: float = 0.0
    flips: float | None = None
    raw: Floats | None = None
    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


class ModelDecider(Protocol):
    """Anything that answers a question with probabilities. Raises EndpointError when no answer can be had."""

    @property
    def kind(self) -> str: ...

    async def answer(self, question: Question) -> Answer: ...

    def requests(self, question: Question) -> Sequence[Request]:
        """What would be sent first (all orders of one round), without sending anything."""
        ...
