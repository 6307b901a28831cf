"""Whom a new card collides with: who gets its requests today, whose requests are nearer to it, and whose card it repeats."""

from dataclasses import dataclass

import numpy as np

from delegate_cli.agents import Agent, Roster
from delegate_cli.ask import Ask
from delegate_cli.index.parts import Part, agent_parts, parts_of, sentences
from delegate_cli.linting.alike import ALIKE
from delegate_cli.pipeline import Delegator
from delegate_cli.policy import ANYBODY_THERE

LIKELY = 0.5  # probability with which another agent gets a text of the new card today
NEAR, NEARER = 0.6, 0.05  # similarity of another's request to the new card, and how much nearer it is than anything of its own


@dataclass(frozen=True, slots=True)
class Collision:
    """An agent that the new one collides with, and how, in a few words with the sentence; `weight` in [0, 1] orders them."""

    agent: str
    message: str
    sentence: str
    weight: float


def collisions(delegator: Delegator, new: Agent) -> list[Collision]:
    """All of them, the worst first; each agent once for each way."""
    found = [*_alike(delegator, new), *_getting(delegator, new), *_losing(delegator, new)]
    return sorted(found, key=lambda each: (-each.weight, each.agent, each.sentence))


def _getting(delegator: Delegator, new: Agent) -> list[Collision]:
    """Agents that would get what the new one is for, by the head alone."""
    best: dict[str, Collision] = {}
    for text in dict.fromkeys((*new.examples, *sentences(new.description))):
        decision = delegator.decide(text, Ask(top=1, constraints=ANYBODY_THERE, alone=True))
        if not decision.candidates or decision.candidates[0].probability < LIKELY:
            continue
        first = decision.candidates[0]
        message = f"it would get this today ({first.probability:.2f})"
        if first.agent not in best or best[first.agent].weight < first.probability:
            best[first.agent] = Collision(first.agent, message, text, first.probability)
    return list(best.values())


def _losing(delegator: Delegator, new: Agent) -> list[Collision]:
    """Agents of whose sample requests one is nearer to the new card than to anything else of their own."""
    ready = delegator.ready()
    parts, vectors = parts_of(delegator.roster), np.asarray(ready.index.parts.vectors)
    heard = Roster((new,)).heard.agents[0]
    rows = np.stack([ready.encoder.encode(text) for kind, text in agent_parts(heard) if kind is not Part.NOT_FOR])
    best: dict[int, Collision] = {}
    for row in parts.rows(Part.EXAMPLE).tolist():
        near = float((rows @ vectors[row]).max())
        if near < NEAR:
            continue
        place = int(parts.owner[row])
        own = np.arange(parts.offsets[place], parts.offsets[place + 1])
        own = own[(own != row) & (parts.kind[own] != Part.NOT_FOR)]
        if near < float((vectors[own] @ vectors[row]).max()) + NEARER or (place in best and best[place].weight >= near):
            continue
        name = delegator.roster.agents[place].id
        message = f"its sample request is nearer to the new card ({near:.2f}) than to anything else it says"
        best[place] = Collision(name, message, parts.texts[row], near)
    return list(best.values())


def _alike(delegator: Delegator, new: Agent) -> list[Collision]:
    """Agents whose cards say nearly the same."""
    ready, roster = delegator.ready(), delegator.roster
    card = ready.encoder.encode(agent_parts(Roster((new,)).heard.agents[0])[0][1])
    offsets = parts_of(roster).offsets[:-1]
    likeness = np.asarray(ready.index.parts.vectors)[offsets] @ card
    return [
        Collision(agent.id, f"it says nearly the same (similarity {value:.2f})", agent.description or agent.name, 1.0)
        for agent, value in zip(roster, likeness.tolist(), strict=True)
        if value >= ALIKE
    ]
