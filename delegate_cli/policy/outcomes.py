"""How often each agent's work succeeds on tasks like this one, from what became of earlier ones.

A beta-binomial view: an agent's rate over all its work is shrunk to that of all agents, and its rate in the region of the task
(a kernel on the cosine similarity) to its own. Rates only decide among agents that are about as probable to be the right ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.circumstances import Trade
from delegate_cli.policy.trade import as_good

NAME = "outcomes"  # what a trade is by
WIDTH = 0.15  # of the kernel, in cosine similarity: a task at 0.85 counts 0.37 of one that is the same
WHOLE = 10.0  # all agents' rate counts like so many tasks of an agent
OWN = 5.0  # the agent's own rate counts like so many tasks like this one
SURE = 1.0  # standard deviations by which another agent's rate must be better
Floats = NDArray[np.float64]


class Rate(NamedTuple):
    """The expected share of work that succeeds, its standard deviation, and how many tasks like this one stand behind it."""

    mean: float
    deviation: float
    tasks: float


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Tasks whose outcome is known: unit vectors of shape (tasks, dimension), who did each, and its success in [0, 1]."""

    vectors: NDArray[Any]
    agents: tuple[str, ...]
    success: Floats

    def rates(self, vector: NDArray[Any], agents: Sequence[str]) -> dict[str, Rate]:
        """The rate of each of these agents on tasks like this one."""
        near = np.exp((np.minimum(self.vectors @ vector, 1.0).astype(np.float64) - 1.0) / WIDTH)
        everybody = float(self.success.mean())
        found = {}
        for agent in agents:
            own = np.array([each == agent for each in self.agents])
            done = int(own.sum())
            whole = (float(self.success[own].sum()) + WHOLE * everybody) / (done + WHOLE)
            weight = float(near[own].sum())
            mean = (float(near[own] @ self.success[own]) + OWN * whole) / (weight + OWN)
            found[agent] = Rate(mean, float(np.sqrt(max(mean * (1 - mean), 0.01) / (weight + OWN + 1))), weight)
        return found


def prefer_proven(
    roster: Roster,
    places: NDArray[np.int64],
    probability: Floats,
    outcomes: Outcomes,
    vector: NDArray[Any],
    band: float,
    threshold: float,
) -> tuple[NDArray[np.int64], Trade | None]:
    """A new order of a ranking, as positions in it, with the agent first whose work succeeds more often on tasks like this one.

    Only agents within `band` of the best take part; where the best is at or above the threshold, only such agents; and only
    where the difference is more than noise.
    """
    order = np.arange(len(places), dtype=np.int64)
    inside = as_good(probability, band, threshold)
    if inside < 2:
        return order, None
    ids = [roster.agents[place].id for place in places[:inside].tolist()]
    rates = outcomes.rates(vector, ids)
    first = rates[ids[0]]
    better = [row for row, each in enumerate(ids) if _clearly(rates[each], first)]
    if not better:
        return order, None
    chosen = max(better, key=lambda row: (rates[ids[row]].mean, -row))
    order = np.r_[chosen, np.delete(order, chosen)]
    gain = rates[ids[chosen]].mean - first.mean
    return order, Trade(NAME, ids[0], float(probability[chosen] - probability[0]), None, None, gain)


def _clearly(rate: Rate, other: Rate) -> bool:
    return rate.mean - other.mean > SURE * float(np.hypot(rate.deviation, other.deviation))
