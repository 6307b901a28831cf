"""Agents that hand over to each other, as JSON: exports of the OpenAI Agents SDK (agents with `handoffs`, nested or by name; or
its `Handoff` objects with `tool_name` and `agent_name`) and of LangGraph (a graph of nodes and edges, or a list of assistants).
"""

from collections.abc import Iterator
from typing import Any

from delegate_cli.agents import Agent
from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.files import File, Found, Refused
from delegate_cli.roster.importers.frontmatter import lead
from delegate_cli.roster.importers.openai_tools import unsaid

FORMAT = "handoffs"
NAMES: tuple[str, ...] = ()
TRACES: tuple[str, ...] = ("name", "handoffs")
MOST = 10_000
_ENDS = ("__start__", "__end__", "START", "END")


def claims(value: Any, file: File) -> bool:
    """Whether a value is such an export."""
    return _is_graph(value) or any(_is_agent(each) for each in _listed(value))


def _listed(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        held = value.get("agents", value.get("handoffs") if "name" not in value else None)
        if isinstance(held, dict):
            return [{"name": name, **each} for name, each in held.items() if isinstance(each, dict)]
        return cards.dicts(held) if held is not None else [value]
    return cards.dicts(value)


def _is_agent(value: dict[str, Any]) -> bool:
    named = "name" in value and ("handoffs" in value or "handoff_description" in value)
    instructed = "name" in value and "instructions" in value
    return named or instructed or ("tool_name" in value and "agent_name" in value) or _is_assistant(value)


def _is_assistant(value: dict[str, Any]) -> bool:
    return "assistant_id" in value and "graph_id" in value


def _is_graph(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    nodes, edges = cards.dicts(value.get("nodes")), cards.dicts(value.get("edges"))
    return bool(nodes) and bool(edges) and all("id" in each for each in nodes) and all("source" in each for each in edges)


def read(file: File) -> Found:
    """The agents of a file; of a graph, its nodes but start and end.

    Raises:
        Refused: nobody has a name.
    """
    value = file.value
    made = map(_node, _nodes(value)) if _is_graph(value) else _walk(_listed(value))
    found: dict[str, Agent] = {}
    for name, description in made:
        if name and len(found) < MOST:
            agent = cards.card(file, FORMAT, name, description)
            known = found.get(agent.id)
            if known is None or (not known.description and agent.description):
                found[agent.id] = agent  # named as a handoff first, described later
    if not found:
        raise Refused("no agent has a name")
    return Found(list(found.values()))


def _walk(listed: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Every agent of a list and of the handoffs inside, with what is said of it."""
    waiting = listed[::-1]
    seen = 0
    while waiting and seen < MOST:
        value = waiting.pop()
        seen += 1
        yield _named(value), _described(value)
        handoffs = value.get("handoffs")
        inside = handoffs if isinstance(handoffs, list) else []
        waiting += [each if isinstance(each, dict) else {"name": each} for each in reversed(inside)]


def _named(value: dict[str, Any]) -> str:
    names = (value.get(key) for key in ("name", "agent_name", "agent", "graph_id"))
    return next((found for each in names if (found := cards.text(each))), "")


def _described(value: dict[str, Any]) -> str:
    said = (value.get(key) for key in ("handoff_description", "description", "tool_description"))
    found = next((found for each in said if (found := cards.text(each))), "")
    return unsaid(found) or lead(cards.text(value.get("instructions") or value.get("system_prompt") or value.get("prompt")))


def _nodes(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in cards.dicts(value.get("nodes")) if node["id"] not in _ENDS]


def _node(node: dict[str, Any]) -> tuple[str, str]:
    data, metadata = (node[key] if isinstance(node.get(key), dict) else {} for key in ("data", "metadata"))
    return cards.text(node["id"]) or cards.text(data.get("name")), _described(data) or _described(metadata)
