"""Who is turned to where nobody fits, or where the one who would get a task is not there: the chain of `escalate_to`."""

from collections.abc import Mapping, Sequence

from delegate_cli.agents import Agent, Roster
from delegate_cli.circumstances import Escalation, Step
from delegate_cli.decision import Exclusion


def escalate(
    roster: Roster, reason: str, start: Agent | None, detail: str, excluded: Sequence[Exclusion], last: str | None
) -> Escalation | None:
    """Follow `escalate_to` from an agent to the first who is eligible, then to the roster's last resort.

    Args:
        reason: why a chain is followed: `none`, `absent` or `no_eligible`.
        start: who the chain begins with; it is never its end.
        detail: why not that agent.
        last: the id of the roster's own `escalate_to`, if it has one.

    Returns:
        The chain, or None where nobody is named. Its `to` is None where nobody in it is eligible.
    """
    broken = {each.agent: each.detail for each in excluded}
    steps = [] if start is None else [_step(start, detail)]
    onward = start.escalate_to if start is not None else None
    seen = set() if start is None else {start.id}
    for first in (onward, last):
        to = _follow(roster, first, broken, seen, steps)
        if to is not None:
            return Escalation(reason, tuple(steps), to)
    return Escalation(reason, tuple(steps), None) if len(steps) > (start is not None) else None


def _follow(roster: Roster, agent_id: str | None, broken: Mapping[str, str], seen: set[str], steps: list[Step]) -> str | None:
    """The first eligible agent from here on; adds every agent on the way to the steps."""
    while agent_id is not None and agent_id not in seen:
        seen.add(agent_id)
        agent = roster.get(agent_id)
        if agent is None:
            return None
        steps.append(_step(agent, broken.get(agent_id)))
        if agent_id not in broken:
            return agent_id
        agent_id = agent.escalate_to
    return None


def _step(agent: Agent, detail: str | None) -> Step:
    return Step(agent.id, agent.name, detail, agent.contact)
