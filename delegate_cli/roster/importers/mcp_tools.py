"""MCP tools: what `tools/list` answers, bare, in its JSON-RPC envelope, or as a list (`tools.json`). One agent a tool."""

from typing import Any

from delegate_cli.agents import Kind
from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.files import File, Found, Refused

FORMAT = "mcp-tools"
NAMES: tuple[str, ...] = ("tools.json",)
TRACES: tuple[str, ...] = ("name", "inputSchema")
_MARKS = ("inputSchema", "outputSchema", "annotations", "arguments", "input_schema")


def claims(value: Any, file: File) -> bool:
    """Whether a value is a list of tools: one has a schema, or the file is named so."""
    found = tools_of(value)
    named = file.name.lower() in NAMES and all("description" in each or _marked(each) for each in found)
    return bool(found) and all("name" in each and "type" not in each for each in found) and (named or any(map(_marked, found)))


def _marked(tool: dict[str, Any]) -> bool:
    return any(mark in tool for mark in _MARKS)


def tools_of(value: Any) -> list[dict[str, Any]]:
    """The tools of a value, wherever they stand."""
    for key in ("result", "tools"):
        if isinstance(value, dict) and key in value:
            value = value[key]
    return cards.dicts(value)


def read(file: File) -> Found:
    """The agents of a file, one for each tool.

    Raises:
        Refused: no tool has a name.
    """
    listed = tools_of(file.value)
    found = [
        cards.card(
            file,
            FORMAT,
            tool["name"],
            tool.get("description"),
            kind=Kind.TOOL,
            title=title(tool),
            parameters=cards.plain(tool.get("inputSchema", tool.get("input_schema"))),
        )
        for tool in listed
        if cards.text(tool.get("name"))
    ]
    if not found:
        raise Refused("no tool has a name")
    if len(found) < len(listed):
        file.mend(f"{len(listed) - len(found)} of {len(listed)} tools have no name")
    return Found(found)


def title(tool: dict[str, Any]) -> str:
    """The name of a tool for people, where it has one."""
    notes = tool.get("annotations")
    return cards.text(tool.get("title")) or (cards.text(notes.get("title")) if isinstance(notes, dict) else "")
