"""Soft preferences: among agents that are about as probable as the best, the cheaper, faster or better measured goes first.

Probabilities are never changed; what was given up for what is told.
"""

from collections.abc import Callable, Collection
from functools import partial

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Roster
from delegate_cli.circumstances import Trade
from delegate_cli.preference import Preference

Floats = NDArray[np.float64]
Quality = Callable[[Agent], float | None]


def prefer(
    roster: Roster,
    places: NDArray[np.int64],
    probability: Floats,
    preference: Preference,
    band: float,
    threshold: float,
    skills: Collection[str] = (),
    quality: Quality | None = None,
) -> tuple[NDArray[np.int64], Trade | None]:
    """A new order of a ranking, as positions in it, and what was traded if another one is first now.

    Only agents within `band` of the best take part; where the best is at or above the threshold, only such agents.
    An unknown cost, latency or quality counts as the worst: it can win nothing.

    Args:
        places: of agents, best first, with their probabilities in `probability`.
        skills: those that the quality is of, for the record.
        quality: of an agent, None where it is not known; by default the mean score of these skills on its card, or of all.
    """
    quality = quality or partial(on_card, skills=skills)
    order = np.arange(len(places), dtype=np.int64)
    inside = as_good(probability, band, threshold)
    if inside < 2:
        return order, None
    agents = [roster.agents[place] for place in places[:inside].tolist()]
    gain = _gain(agents, preference, quality)
    order[:inside] = np.argsort(-gain, kind="stable")  # what is liked as much stays in the order of probability
    if order[0] == 0:
        return order, None
    chosen, over = agents[order[0]], agents[0]
    return order, Trade(
        str(preference),
        over.id,
        float(probability[order[0]] - probability[0]),
        _difference(_cost(chosen), _cost(over)),
        _difference(chosen.latency_ms, over.latency_ms),
        _difference(quality(chosen), quality(over)),
        tuple(skills) if preference.quality else (),
    )


def as_good(probability: Floats, band: float, threshold: float) -> int:
    """How many of the first are within `band` of the best, and at or above the threshold where the best is."""
    least = float(probability[0]) - band
    if probability[0] >= threshold:
        least = max(least, threshold)
    return int((probability >= least - 1e-12).sum())


def _gain(agents: list[Agent], preference: Preference, quality: Quality) -> Floats:
    """How much each is liked, in [0, sum of weights]: for each wish the best in the band has 1, the worst 0."""
    gain = np.zeros(len(agents))
    for weight, values in (
        (preference.cheap, [_negative(_cost(agent)) for agent in agents]),
        (preference.fast, [_negative(agent.latency_ms) for agent in agents]),
        (preference.quality, [quality(agent) for agent in agents]),
    ):
        known = [value for value in values if value is not None]
        if not weight or not known:
            continue
        low, high = min(known), max(known)
        span = high - low
        gain += [0.0 if value is None else weight * ((value - low) / span if span else 1.0) for value in values]
    return np.round(gain, 12)


def _cost(agent: Agent) -> float | None:
    return None if agent.cost is None else agent.cost.per_task


def _negative(value: float | None) -> float | None:
    return None if value is None else -value


def on_card(agent: Agent, skills: Collection[str]) -> float | None:
    """The mean score of these skills on its card, of all where none are named; those on open scales have no part in it."""
    wanted = {name.casefold() for name in skills}
    named = {name.casefold(): skill for name, skill in agent.skills.items() if not skill.open}
    scores = [skill.score for name, skill in named.items() if not wanted or name in wanted]
    return sum(scores) / len(scores) if scores else None


def _difference(new: float | None, old: float | None) -> float | None:
    return None if new is None or old is None else new - old
