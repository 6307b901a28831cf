"""OpenAI tools: the `tools` of a chat completion or of a response, alone or inside a whole request; also old `functions`.

One agent a function. `transfer_to_NAME` is a handoff as the Agents SDK writes it: the agent behind it, not a tool.
"""

import re
from typing import Any

from delegate_cli.agents import Agent, Kind
from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.carry import restored
from delegate_cli.roster.importers.files import File, Found, Refused

FORMAT = "openai-tools"
NAMES: tuple[str, ...] = ()
TRACES: tuple[str, ...] = ("tools", "type", "name")
CARRIED = "delegate"  # beside `tools` in a file: what a function has no place for, by its name
_HANDOFF = re.compile(r"transfer_to_(.+)")
_SAID = re.compile(r"Handoff to the .{0,200}? agent to handle the request\. ?")


def claims(value: Any, file: File) -> bool:
    """Whether a value lists functions."""
    found = _tools(value)
    return bool(found) and any(_function(each) is not None for each in found)


def _tools(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        if isinstance(value.get("functions"), list):
            return [{"type": "function", "function": each} for each in value["functions"] if _has_schema(each)]
        value = value.get("tools", [value] if value.get("type") == "function" else None)
    return cards.dicts(value)


def _has_schema(value: Any) -> bool:
    return isinstance(value, dict) and "name" in value and "parameters" in value


def _function(tool: dict[str, Any]) -> dict[str, Any] | None:
    """What says name, description and parameters: one level down in the chat form, the tool itself in the other."""
    if tool.get("type") == "mcp":
        return {"name": tool.get("server_label"), "description": tool.get("server_description")}
    if tool.get("type") != "function":
        return None
    inner = tool.get("function")
    found = inner if isinstance(inner, dict) else tool
    return found if cards.text(found.get("name")) else None


def unsaid(description: str) -> str:
    """A handoff's description without what the Agents SDK writes before it."""
    return _SAID.sub("", description, count=1)


def read(file: File) -> Found:
    """The agents of a file, one for each function; tools that the server itself has (`web_search`) are nobody's.

    Raises:
        Refused: there is no function.
    """
    listed = _tools(file.value)
    carried = file.value.get(CARRIED) if isinstance(file.value, dict) else None
    carried = carried if isinstance(carried, dict) else {}
    found: list[Agent] = []
    fixed: set[str] = set()
    for function in filter(None, map(_function, listed)):
        one = restored(_agent(function, file), carried.get(function["name"]), file)
        found += one.agents
        fixed |= one.fixed
    if not found:
        raise Refused("no function has a name")
    nameless = sum(each.get("type") == "function" for each in listed) - len(found)
    if nameless > 0:
        file.mend(f"{nameless} of {len(listed)} functions have no name")
    return Found(found, frozenset(fixed))


def _agent(function: dict[str, Any], file: File) -> Agent:
    name, description = cards.text(function["name"]), cards.text(function.get("description"))
    handoff = _HANDOFF.fullmatch(name)
    return cards.card(
        file,
        FORMAT,
        handoff[1].replace("_", " ") if handoff else name,
        unsaid(description) if handoff else description,
        kind=Kind.AI if handoff else Kind.TOOL,
        parameters=cards.plain(function.get("parameters")),
        strict="true" if function.get("strict") is True else "",
    )
