"""Whether recent answers disagree with the promised probabilities: a test that may be looked at after every answer.

Each answered decision is a bet against its promised probability p: what is held is multiplied by q/p where the first agent
was right and by (1 − q)/(1 − p) where it was not, with q the probability that is so many logits higher or lower. Where promises
are kept, what is held is a martingale, whichever tasks were asked about, as long as that hangs on what was known before the
answer. So the chance that it is ever a hundred times the stake is at most 1 %, over all time (Ville 1939; Shafer 2021, "Testing
by betting", JRSS A 184; Ramdas, Grünwald, Vovk and Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference",
Statistical Science 38). The stake is shared among shifts, and among the moments at which promises may have begun to fail.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

FALSE_ALARM = 0.01  # over all time
SHIFTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)  # logits by which promises may be off
ALREADY = 0.5  # of the stake that is put on promises that fail from the first answer on
RECENT = 50  # answers over which promised and observed shares are shown


@dataclass(frozen=True, slots=True)
class Drift:
    """What answers say of the promises.

    Attributes:
        answers: how many there were.
        evidence: the highest factor by which the stake was ever multiplied; at or above 1 / FALSE_ALARM it is an alarm.
        since: number of the answer, from 1, at which the alarm was raised.
        promised, observed: mean probability and share of right first agents among the last RECENT answers.
    """

    answers: int
    evidence: float
    since: int | None
    promised: float | None
    observed: float | None

    @property
    def alarm(self) -> bool:
        """Whether promises are not kept."""
        return self.since is not None

    def as_dict(self) -> dict[str, Any]:
        facts = {"answers": self.answers, "alarm": self.alarm, "evidence": self.evidence, "since": self.since}
        return {**facts, "promised": self.promised, "observed": self.observed, "false_alarm": FALSE_ALARM}

    def __str__(self) -> str:
        if self.promised is None or self.observed is None:
            return "not tested: nobody has answered since"
        shares = f"{self.observed:.0%} right where {self.promised:.0%} was promised, last {min(self.answers, RECENT)} answers"
        if self.alarm:
            said = (
                f"evidence {self.evidence:.3g}, of which chance gives {1 / FALSE_ALARM:g} at most once in {1 / FALSE_ALARM:g}"
            )
            return f"promises are not kept: {shares} ({said}); run: delegate learn"
        said = f"evidence {self.evidence:.2g}; at {1 / FALSE_ALARM:g} an alarm, false at most once in {1 / FALSE_ALARM:g}"
        return f"none seen in {self.answers} answers: {shares} ({said})"


def watch(answers: Iterable[tuple[float, bool]]) -> Drift:
    """Test answers in the order in which they came: the promised probability of the first agent, and whether it was right."""
    seen = list(answers)
    highest, since = 1.0, None
    for number, held in enumerate(wealth(seen), 1):
        highest = max(highest, held)
        if since is None and highest >= 1.0 / FALSE_ALARM:
            since = number
    last = np.array(seen[-RECENT:], dtype=float)
    promised, observed = last.mean(axis=0).tolist() if len(last) else (None, None)
    return Drift(len(seen), highest, since, promised, observed)


def wealth(answers: Iterable[tuple[float, bool]]) -> Iterator[float]:
    """What a stake of 1 has become after each answer: a martingale from 1 on, if promises are kept."""
    factor = np.exp(np.array(SHIFTS))
    held = np.full(len(SHIFTS), ALREADY / len(SHIFTS))
    stake = 1.0 - ALREADY
    for number, (promised, right) in enumerate(answers, 1):
        new = (1.0 - ALREADY) / (number * (number + 1))  # these sum to 1 − ALREADY
        stake -= new
        held = (held + new / len(SHIFTS)) * np.where(right, factor, 1.0) / (1.0 - promised + promised * factor)
        yield float(held.sum()) + max(stake, 0.0)
