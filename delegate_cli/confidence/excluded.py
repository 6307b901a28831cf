"""The probability that the one who fits is among those whom constraints exclude.

All agents are ranked, whoever is eligible: what each logit says of the task does not depend on constraints. Before the task
is read, half of the constraints are taken to be made without it in mind: they exclude the one who fits as often as any other
agent. The other half are made with it in mind, and do so twenty times less often. Bayes' rule does the rest; nothing is
fitted.
"""

import numpy as np
from numpy.typing import NDArray

from delegate_cli.confidence.none import TIE

Floats = NDArray[np.float64]

AIMED = 0.5  # share of constraints that are made with the task in mind
MISTAKEN = 0.05  # how often these exclude the one who fits, as a share of how often others do
ALIKE = 0.95  # cosine similarity of two cards from which on one agent can do what the other does


def prior(eligible: int, agents: int) -> float:
    """The probability that the one who fits is excluded, before the task is read, in (0, 1)."""
    return (AIMED * MISTAKEN + 1 - AIMED) * (agents - eligible) / agents


def chance(excluded: Floats, eligible: Floats, count: int, agents: int) -> float:
    """The probability that, if anybody fits, it is an excluded agent, in [0, 1].

    Args:
        excluded: logits of agents that are excluded, shape (any,); without those that an eligible one can stand in for.
        eligible: logits of eligible agents, shape (one or more,).
        count: how many are eligible, of `agents`.
    """
    rivals = excluded[np.abs(excluded - eligible.max()) > TIE]
    if not len(rivals) or count >= agents:
        return 0.0
    before = prior(count, agents)
    odds = np.logaddexp.reduce(rivals) - np.logaddexp.reduce(eligible)
    odds += np.log(before / (1 - before)) - np.log((agents - count) / count)
    return float(1 / (1 + np.exp(-np.clip(odds, -30, 30))))
