"""Whether what a model was shown may be meant to steer it: then its word alone hands nothing over."""

from collections.abc import Iterable

from delegate_cli.agents import Agent, Roster
from delegate_cli.injection import suspicious
from delegate_cli.lookalikes import hides


def suspicion(task: str, roster: Roster, shown: Iterable[int]) -> str | None:
    """Why task or cards may be meant to steer, in a few words; None where nothing speaks for it.

    A card is suspect where something is taken out before it is shown (`Roster.heard`); a task also where such wording is only
    quoted in it.

    Args:
        shown: places of the agents whose cards the model saw.
    """
    reason = suspicious(task)
    if reason is not None:
        return f"the task has {reason}, and a model read it"
    for place in shown:
        agent = roster.agents[place]
        if (
            _words(agent) != _words(roster.heard.agents[place])
            or any(map(hides, _texts(agent)))
            or any(map(suspicious, agent.skills))
        ):
            return f"the card of {agent.id} has wording that is meant to steer, and a model read it"
    return None


def _texts(agent: Agent) -> tuple[str, ...]:
    return (agent.name, agent.description, *agent.examples, *agent.not_for)


def _words(agent: Agent) -> list[str]:
    return " ".join(_texts(agent)).split()
