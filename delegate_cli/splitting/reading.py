"""The stretches of a request as the head alone reads them: who would get each, if it were all that is asked.

Every reading is a decision by the one path of a task, under the constraints of the request.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from delegate_cli.ask import Ask
from delegate_cli.decision import Decision
from delegate_cli.encoders import Prefetching
from delegate_cli.pipeline import Delegator
from delegate_cli.splitting.clauses import Clause, clauses, whole


@dataclass(frozen=True, slots=True)
class Reading:
    """One stretch: `chances` has the probability in [0, 1] of each eligible agent, best first; empty where there is none."""

    text: str
    chances: Mapping[str, float]

    @classmethod
    def of(cls, decision: Decision) -> "Reading":
        """What a decision with all candidates says."""
        best_first = sorted(decision.candidates, key=lambda each: -each.probability)
        return cls(decision.task, {each.agent: each.probability for each in best_first})

    @property
    def best(self) -> str | None:
        """The likeliest agent."""
        return next(iter(self.chances), None)

    @property
    def sure(self) -> float:
        """Its probability."""
        return next(iter(self.chances.values()), 0.0)


class Reader:
    """Reads stretches of one request, each once. A stretch is a range of clauses, the end not included."""

    def __init__(self, delegator: Delegator, request: str, ask: Ask) -> None:
        self.request = request
        self.clauses: tuple[Clause, ...] = clauses(request)
        self._delegator = delegator
        self._ask = replace(ask, top=None, explain=False, alone=True, ref=None)
        self._known: dict[tuple[int, int], Reading] = {}

    def text(self, low: int, high: int) -> str:
        """What stands there; the request as it is, where that is all of it."""
        if (low, high) == (0, len(self.clauses)):
            return self.request
        return whole(self.clauses[low:high], self.request)

    def read(self, low: int, high: int) -> Reading:
        """One stretch."""
        if (low, high) not in self._known:
            self._known[low, high] = Reading.of(self._delegator.decide(self.text(low, high), self._ask))
        return self._known[low, high]

    def prefetch(self) -> None:
        """Have the vectors of all that is read first made in one go, where the encoder is asked over a wire."""
        encoder = self._delegator.ready().encoder
        if isinstance(encoder, Prefetching):
            from delegate_cli.injection import heard

            count = len(self.clauses)
            ranges = [(0, count), *((0, high) for high in range(1, count)), *((low, count) for low in range(1, count))]
            encoder.prefetch([heard(self.text(low, high)) for low, high in ranges], lambda done, total: None)
