"""An agent as plain data: what its card says beyond the defaults, under the keys of agents.yaml."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

from delegate_cli.agents import Agent, Skill


def agent_facts(agent: Agent) -> dict[str, Any]:
    """Key → value for id, name and whatever is not as it is by default; what was learnt is not of the card."""
    bare = Agent(agent.id, agent.name)
    found = {}
    for each in fields(Agent):
        value = getattr(agent, each.name)
        if each.name in ("id", "name") or (each.name != "learned" and value != getattr(bare, each.name)):
            found[each.name] = value if each.name in ("run", "source") else _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Skill):
        found = {"score": value.score, "trials": value.trials, "runs": value.runs if value.runs > 1 else None}
        return {name: item for name, item in (found | {"scale": "open" if value.open else None}).items() if item is not None}
    if is_dataclass(value):
        pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {name: _plain(item) for name, item in pairs if item is not None}
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value
