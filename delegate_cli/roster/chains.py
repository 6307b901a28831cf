"""Chains of `escalate_to` in a roster: every link must lead to an agent, and no chain back to where it was."""

from collections.abc import Sequence

import yaml

from delegate_cli.agents import Agent
from delegate_cli.roster import document
from delegate_cli.roster.document import Source


def check_chains(
    agents: Sequence[Agent], nodes: Sequence[yaml.Node], last: str | None, root: yaml.Node, source: Source
) -> None:
    """Check every `escalate_to`, that of the settings (`last`) too; `nodes` are those of the agents, in the same order.

    Raises:
        RosterError: a link to nobody, or a circle, with the line it is on.
    """
    onward = {agent.id: agent.escalate_to for agent in agents}
    for agent, node in zip(agents, nodes, strict=True):
        if agent.escalate_to is None:
            continue
        if agent.escalate_to not in onward:
            raise _unknown(agent.escalate_to, f"{agent.id}: escalate_to", _value(node), list(onward), source)
        circle = _circle(agent.id, onward)
        if circle:
            path = " → ".join(document.shown(each) for each in circle)
            raise source.error(f"escalate_to goes round in a circle: {path}", _value(node), "let the chain end with somebody")
    if last is not None and last not in onward:
        node = next((value for key, value in getattr(root, "value", []) if key.value == "settings"), root)
        raise _unknown(last, "settings.escalate_to", _value(node), list(onward), source)


def _circle(start: str, onward: dict[str, str | None]) -> list[str]:
    """The chain from an agent back to itself, or nothing."""
    path, here = [start], onward.get(start)
    while here is not None and here not in path:
        path.append(here)
        here = onward.get(here)
    return [*path, start] if here == start else []


def _value(node: yaml.Node) -> yaml.Node:
    """The node of the value of `escalate_to` in a mapping."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == "escalate_to"), node)


def _unknown(agent_id: str, what: str, node: yaml.Node, known: list[str], source: Source) -> Exception:
    near = document.nearest(agent_id, known)
    fix = f"did you mean {' or '.join(near)}?" if near else "name the id of an agent of this roster"
    return source.error(f"{what} names {document.shown(agent_id)}, and there is no such agent", node, fix)
