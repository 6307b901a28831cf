"""Who may do each subtask of a plan, best first, and what of it a person must agree to. Nothing is called here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from delegate_cli.agents import Agent, Auto, Roster
from delegate_cli.decision import Exclusion, Status
from delegate_cli.errors import NotEligible, UsageError
from delegate_cli.roster.runs import RunKind
from delegate_cli.running.blocks import Block, block_of
from delegate_cli.splitting.plan import Plan, Subtask

LEAST = 0.1  # of the first agent's probability: one that is less likely is no stand-in


@dataclass(frozen=True, slots=True)
class Consent:
    """What is asked before a run: this agent may get this subtask, and why that is asked."""

    subtask: str
    agent: str
    reason: str
    fallback: bool = False


def blocks(roster: Roster) -> dict[str, Block]:
    """How each agent of a roster is called; who cannot be called is left out."""
    found = ((agent.id, block_of(agent, roster)) for agent in roster)
    return {agent: block for agent, block in found if block is not None}


def prospects(
    plan: Plan, roster: Roster, known: Mapping[str, Block], excluded: Mapping[str, Exclusion], fallbacks: int
) -> dict[str, tuple[str, ...]]:
    """Subtask → agents that may do it: the one it was assigned to, then so many others of its decision; nobody where none fits.

    Raises:
        PlanError: it names an agent that the roster lacks.
        NotEligible: it names one that constraints leave out.
        UsageError: one cannot be called.
    """
    plan.check_agents(roster.position.keys())
    found = {}
    for each in plan.subtasks:
        first = None if each.assigned is None else each.assigned.agent
        if first is None:
            found[each.id] = tuple[str, ...]()
            continue
        if first in excluded:
            rule = excluded[first]
            raise NotEligible(
                f"subtask {each.id}: {first} may not get it ({rule.rule}: {rule.detail})",
                "route it again, or lift the constraint",
            )
        if first not in known:
            fix = "add `run: {kind: …}` to its card, or `run:` to the settings for all agents without one"
            raise UsageError(f"subtask {each.id}: {first} cannot be run, since its card does not say how", fix)
        others = [agent for agent in _others(each, first) if agent in known and agent not in excluded]
        found[each.id] = (first, *others[:fallbacks])
    return found


def consents(
    plan: Plan, roster: Roster, known: Mapping[str, Block], chosen: Mapping[str, tuple[str, ...]]
) -> tuple[Consent, ...]:
    """What a person must agree to, in the order of the plan."""
    found = []
    for each in plan.subtasks:
        for place, agent_id in enumerate(chosen[each.id]):
            agent = roster.agents[roster.position[agent_id]]
            reasons = _reasons(each, agent, known[agent_id], place)
            if reasons:
                found.append(Consent(each.id, agent_id, "; ".join(reasons), place > 0))
    return tuple(found)


def _others(subtask: Subtask, first: str) -> list[str]:
    assert subtask.assigned is not None
    likely = subtask.assigned.probability or 0.0
    return [
        option.agent
        for option in subtask.assigned.candidates
        if option.agent != first and (option.probability or 0.0) >= LEAST * likely and option.probability
    ]


def _reasons(subtask: Subtask, agent: Agent, block: Block, place: int) -> list[str]:
    assert subtask.assigned is not None
    reasons = []
    if block.acts:
        reasons.append(_does(block))
    if place == 0 and subtask.assigned.status is Status.ASK:
        likely = subtask.assigned.probability
        reasons.append("not sure to be right" + (f" ({likely:.2f})" if likely is not None else ""))
    if agent.auto is Auto.NEVER:
        reasons.append("takes no task unasked")
    return reasons


def _does(block: Block) -> str:
    """What the agent would do, without what its card may keep to itself."""
    if block.kind is RunKind.COMMAND:
        return f"runs {Path(block.keys['argv'][0]).name}"
    if block.kind is RunKind.HTTP:
        return f"posts to {urlsplit(block.keys['url']).netloc}"
    return f"calls the tool {block.keys['tool']}"
