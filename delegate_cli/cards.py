"""Agents → the cards of a question to a model: what each may say of itself for this task."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Roster
from delegate_cli.deciders.question import Card, Question
from delegate_cli.encoders import Vectors
from delegate_cli.injection import suspicious
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.retrievers.fused import Query

if TYPE_CHECKING:
    from delegate_cli.skills.known import About

EXAMPLES = 3  # sample requests on a card


def shown(roster: Roster, ranking: Ranking, size: int, away: bool) -> NDArray[np.int64]:
    """Places of the best agents whose cards may be shown, at most `size`, best first.

    Args:
        away: whether the cards leave this machine; those of agents with `local_only` then stay.
    """
    places = [place for place in ranking.places.tolist() if not (away and roster.agents[place].local_only)]
    return np.asarray(places[:size], dtype=np.int64)


def question(roster: Roster, ready: Loaded, query: Query, places: NDArray[np.int64], without: str | None = None) -> Question:
    """Which of these agents fits the task?

    Args:
        without: a sample request that is on no card, because it is the task itself.
    """
    about = None if ready.skills is None else ready.skills.about(query.vector)
    cards = []
    for place in places.tolist():
        agent = roster.heard.agents[place]
        similarity = ready.decider.similarities(query.vector, place)
        cards.append(card(agent, nearest(agent, similarity, without), about))
    return Question(query.text, tuple(cards))


def nearest(agent: Agent, similarity: Vectors, without: str | None = None) -> tuple[str, ...]:
    """Its sample requests that are nearest to the task, nearest first.

    Args:
        similarity: of the task to the agent's parts, shape (parts,); sample requests stand before learnt ones, and those
            right before its counter-examples.
    """
    stop = len(similarity) - len(agent.not_for) - len(agent.learned)
    own = similarity[stop - len(agent.examples) : stop]
    order = np.argsort(-own, kind="stable").tolist()
    return tuple(agent.examples[row] for row in order if agent.examples[row] != without)[:EXAMPLES]


def card(agent: Agent, examples: Sequence[str], about: "About | None" = None) -> Card:
    """An agent's card with these sample requests, and what is known of its skills for the task."""
    return Card(agent.id, agent.name, agent.description, tuple(examples), agent.not_for, facts(agent, about))


def facts(agent: Agent, about: "About | None" = None) -> tuple[str, ...]:
    """Lines on skills, cost, latency and rate limit, where there are any; measured and inferred skills are told apart."""
    lines = [] if about is None else about.lines(agent.id, suspicious)
    each = [
        f"{name} {skill.score:.{0 if skill.open else 2}f}" + (f" ({skill.trials} trials)" if skill.trials else "")
        for name, skill in agent.skills.items()
        if not suspicious(name)
    ]
    if each and not lines:
        lines.append(f"skills: {', '.join(each)}")
    if agent.cost is not None:
        prices = ((agent.cost.per_task, "a task"), (agent.cost.per_1k_tokens, "per 1,000 tokens"))
        said = [f"{price:g} USD {what}" for price, what in prices if price is not None]
        if said:
            lines.append(f"cost: {', '.join(said)}")
    if agent.latency_ms is not None:
        lines.append(f"latency: {agent.latency_ms:g} ms")
    if agent.rate_limit_rpm is not None:
        lines.append(f"rate limit: {agent.rate_limit_rpm:g} tasks a minute")
    return tuple(lines)
