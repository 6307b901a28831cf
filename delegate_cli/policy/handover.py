"""What to do with the best candidate: hand over, ask a person, or nobody."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Agent, Auto, Presence, Roster
from delegate_cli.decision import Exclusion, Status


def exclude(roster: Roster, roles: Collection[str] = ()) -> tuple[Exclusion, ...]:
    """The agents that may not get a task, by roles and absence alone."""
    found = []
    for agent in roster:
        if agent.allow is not None and not set(agent.allow) & set(roles):
            detail = f"needs role {' or '.join(agent.allow)}" if agent.allow else "open to no role"
            found.append(Exclusion(agent.id, "allow", detail))
        elif agent.availability is not None and agent.availability.status is Presence.AWAY:
            found.append(Exclusion(agent.id, "availability", "away"))
    return tuple(found)


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


def automatic(status: Status, agent: Agent) -> tuple[Status, str | None]:
    """The same with the word that the agent's card has in it, and why it differs.

    `auto: never` turns every hand-over into a question; `auto: always` every question into a hand-over. Where nobody fits,
    neither matters.
    """
    if status is Status.DECIDED and agent.auto is Auto.NEVER:
        return Status.ASK, f"{agent.id} never gets a task unasked"
    if status is Status.ASK and agent.auto is Auto.ALWAYS:
        return Status.DECIDED, f"{agent.id} gets a task whenever it is the first"
    return status, None
