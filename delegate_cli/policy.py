"""Rules around the decision: hard constraints before it, the hand-over rule after it. Knows nothing of vectors."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Presence, Roster
from delegate_cli.decision import Exclusion, Status


def exclude(roster: Roster, roles: Collection[str] = ()) -> tuple[Exclusion, ...]:
    """The agents that may not get a task, whatever it says, in the order of ids.

    Args:
        roles: the requester's roles; an agent with `allow` takes tasks from these roles only.
    """
    found = []
    for agent in roster:
        broken = _broken_rule(agent, roles)
        if broken is not None:
            found.append(Exclusion(agent.id, *broken))
    return tuple(found)


def _broken_rule(agent: Agent, roles: Collection[str]) -> tuple[str, str] | None:
    if agent.allow is not None and not set(agent.allow) & set(roles):
        return "allow", f"needs role {' or '.join(agent.allow)}" if agent.allow else "open to no role"
    if agent.availability is not None and agent.availability.status is Presence.AWAY:
        return "availability", "away"
    return None


def eligible(roster: Roster, excluded: Collection[Exclusion]) -> NDArray[np.bool_] | None:
    """Mask of shape (agents,), or None when nobody is excluded."""
    if not excluded:
        return None
    mask = np.ones(len(roster), dtype=bool)
    mask[[roster.position[exclusion.agent] for exclusion in excluded]] = False
    return mask


def hand_over(probability: float, margin: float, none: float, threshold: float, min_margin: float) -> Status:
    """What to do with the best candidate: all arguments in [0, 1].

    Nobody is named only where that is likelier than that somebody fits; else a person sees the candidates.
    """
    if none >= 0.5:
        return Status.NONE
    if probability >= threshold and margin >= min_margin:
        return Status.DECIDED
    return Status.ASK
