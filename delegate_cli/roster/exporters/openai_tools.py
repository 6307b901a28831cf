"""A roster as OpenAI tools in the chat form: one function an agent, which takes the task.

The file is `{"tools": […], "delegate": {…}}`: `tools` goes into a request as it is, the rest is what functions have no
place for.
"""

import json
import re
from typing import Any

from delegate_cli.agents import Agent, Roster
from delegate_cli.roster.importers.carry import missing
from delegate_cli.roster.importers.files import File
from delegate_cli.roster.importers.openai_tools import CARRIED, read

MAX_NAME = 64  # characters, as the API has it
MAX_DESCRIPTION = 1024
_SHOWN = 3  # sample requests in the parameter's description


def text(roster: Roster) -> str:
    """One JSON object, in the order of ids."""
    tools: list[dict[str, Any]] = []
    carried: dict[str, Any] = {}
    for agent in roster:
        name = _name(agent.id, {tool["function"]["name"] for tool in tools})
        tool = {"type": "function", "function": _function(agent, name)}
        tools.append(tool)
        found = read(File("tools.json", json.dumps([tool]).encode())).agents[0]
        if extra := missing(agent, found):
            carried[name] = extra
    return json.dumps({"tools": tools, CARRIED: carried}, ensure_ascii=False, indent=2) + "\n"


def _name(agent_id: str, taken: set[str]) -> str:
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", agent_id)[:MAX_NAME].strip("_") or "agent"
    name, count = plain, 1
    while name in taken:
        count += 1
        name = f"{plain[: MAX_NAME - 6]}_{count}"
    return name


def _function(agent: Agent, name: str) -> dict[str, Any]:
    said = agent.description or agent.name
    found = {"name": name, "description": said[: MAX_DESCRIPTION - 1] + "…" if len(said) > MAX_DESCRIPTION else said}
    return found | {"parameters": _kept(agent) or _task(agent)} | _strict(agent)


def _kept(agent: Agent) -> dict[str, Any] | None:
    """The parameters that the function had where it came from."""
    try:
        found = json.loads((agent.source or {}).get("parameters", ""))
    except (ValueError, TypeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _strict(agent: Agent) -> dict[str, Any]:
    return {"strict": True} if (agent.source or {}).get("strict") == "true" else {}


def _task(agent: Agent) -> dict[str, Any]:
    examples = [" ".join(each.split())[:200] for each in agent.examples[:_SHOWN]]
    hint = f" For example: {' | '.join(examples)}" if examples else ""
    task = {"type": "string", "description": f"What is to be done.{hint}"}
    return {"type": "object", "properties": {"task": task}, "required": ["task"], "additionalProperties": False}
