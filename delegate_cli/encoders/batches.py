"""A pool → one step's texts: requests and cards of some agents, half of them rivals of one another, and requests that
nobody in the batch fits.

Every step has its own random generator, made from the seed and the step's number, so that a run that was interrupted goes
on exactly as it would have.
"""

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

AGENTS = 32
REQUESTS = 2
NOBODY = 12


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent as a training step sees it. `cards` are alternatives, each a list of passages; `wrong` are requests that only
    look like its own.
    """

    id: str
    requests: tuple[str, ...]
    cards: tuple[tuple[str, ...], ...]
    sentences: tuple[str, ...]
    name: str
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pool:
    """One roster: its agents, requests that several agents fit, and requests that nobody fits."""

    name: str
    family: str
    agents: tuple[Candidate, ...]
    shared: dict[str, frozenset[str]]  # request → ids of all agents that fit, where there is more than one
    nobody: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts with the place of their agent in the batch (−1: nobody's), and which are cards.

    `allowed[i, j]` is False where text j may be neither a right nor a wrong answer for text i.
    """

    texts: tuple[str, ...]
    owner: NDArray[np.int64]
    card: NDArray[np.bool_]
    allowed: NDArray[np.bool_]


def draw(pool: Pool, others: list[Pool], rivals: NDArray[np.int64], random: random.Random) -> Batch:
    """One batch of a pool; `rivals` has shape (agents, most): the places of each agent's nearest, best first."""
    chosen = choose_agents(pool, rivals, random)
    texts: list[str] = []
    owner: list[int] = []
    card: list[bool] = []
    for place, agent in enumerate(chosen):
        for request in requests_of(agent, random):
            texts.append(disturb(request, random))
            owner.append(place)
            card.append(False)
        texts.append(card_of(agent, random))
        owner.append(place)
        card.append(True)
    fits = [fitting(pool, agent, chosen) for agent in chosen]
    wrong = [(place, random.choice(agent.wrong)) for place, agent in enumerate(chosen) if agent.wrong]
    nobody = [*strangers(pool, others, random), *(text for _, text in wrong)]
    texts += [disturb(text, random) for text in nobody]
    owner += [-1] * len(nobody)
    card += [False] * len(nobody)
    places = np.array(owner)
    allowed = np.ones((len(texts), len(texts)), dtype=bool)
    np.fill_diagonal(allowed, False)
    for place, both in enumerate(fits):
        for other in both:
            allowed[np.ix_(places == place, places == other)] = False
    for row, (place, _) in enumerate(wrong, len(texts) - len(wrong)):
        allowed[places != place, row] = False  # it may be right for somebody else
    return Batch(tuple(texts), places, np.array(card), allowed)


def choose_agents(pool: Pool, rivals: NDArray[np.int64], random: random.Random) -> list[Candidate]:
    """Agents with requests first (sets of thousands have few), then their rivals, then others."""
    count = min(AGENTS, len(pool.agents))
    asked = [place for place, agent in enumerate(pool.agents) if agent.requests]
    chosen = dict.fromkeys(random.sample(asked, min(len(asked), count // 2 if len(asked) < len(pool.agents) else count // 4)))
    for place in list(chosen):
        if len(chosen) >= count * 3 // 4:
            break
        chosen.update(dict.fromkeys(rivals[place, : random.randint(1, 3)].tolist()))
    rest = [place for place in range(len(pool.agents)) if place not in chosen]
    chosen.update(dict.fromkeys(random.sample(rest, max(0, min(len(rest), count - len(chosen))))))
    return [pool.agents[place] for place in list(chosen)[:count]]


def requests_of(agent: Candidate, random: random.Random) -> list[str]:
    """Two requests; where there are none, a sentence of the card stands for one now and then."""
    found = random.sample(agent.requests, min(REQUESTS, len(agent.requests)))
    if not found and agent.sentences and random.random() < 0.5:
        found = [random.choice(agent.sentences)]
    return found


def card_of(agent: Candidate, random: random.Random) -> str:
    """The card, or a part of it: only the name, the first sentence, or a later passage."""
    passages = random.choice(agent.cards)
    luck = random.random()
    if luck < 0.15:
        return agent.name
    if luck < 0.3 and agent.sentences:
        return f"{agent.name}: {agent.sentences[0]}"
    if luck < 0.4 and agent.sentences:
        return random.choice(agent.sentences)
    return passages[0] if luck < 0.8 else random.choice(passages)


def fitting(pool: Pool, agent: Candidate, chosen: list[Candidate]) -> list[int]:
    """Places of other agents in the batch that share a request with this one: neither right nor wrong."""
    together = set().union(*(pool.shared.get(request, frozenset()) for request in agent.requests), set())
    return [place for place, other in enumerate(chosen) if other.id != agent.id and other.id in together]


def strangers(pool: Pool, others: list[Pool], random: random.Random) -> list[str]:
    """Requests that nobody in the pool fits: its own, where there are any, and some of other families."""
    own = random.sample(pool.nobody, min(len(pool.nobody), NOBODY * 2 // 3))
    foreign = []
    for _ in range(NOBODY - len(own) if others else 0):
        agent = random.choice(random.choice(others).agents)
        if agent.requests:
            foreign.append(random.choice(agent.requests))
    return own + foreign


def disturb(text: str, random: random.Random) -> str:
    """Now and then another case, no punctuation at the end, or a slip of the keyboard."""
    if random.random() < 0.15:
        text = text.lower()
    if random.random() < 0.1:
        text = text.rstrip(" .?!")
    if random.random() < 0.08 and len(text) > 8:
        place = random.randrange(1, len(text) - 2)
        text = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text or "?"
