"""MCP registries: `server.yaml` with `tools.json` beside it (Docker's catalogue), and `server.json` of the official registry.

One agent a server: its tools are the agent's tools, and what they do joins its description, for who asks for a task asks for a
server that can do it.
"""

import json
from typing import Any

from delegate_cli.agents import Kind
from delegate_cli.roster.importers import cards, mcp_tools
from delegate_cli.roster.importers.files import File, Found, Refused

FORMAT = "mcp-registry"
NAMES: tuple[str, ...] = ("server.yaml", "server.yml", "server.json")
TRACES: tuple[str, ...] = ("about", "image")
TOOLS = "tools.json"
_TOOL = 300  # characters of a tool's description
_TYPES = ("server", "remote", "poci")


def claims(value: Any, file: File) -> bool:
    """Whether a value describes a server."""
    if not isinstance(value, dict) or "name" not in value:
        return False
    if "about" in value and (value.get("type") in _TYPES or "image" in value or "meta" in value):
        return True
    official = "modelcontextprotocol" in cards.text(value.get("$schema")) or "packages" in value or "remotes" in value
    return "description" in value and official and not value.get("dependencies")


def read(file: File) -> Found:
    """The one agent of a file.

    Raises:
        Refused: it has no name.
    """
    value = file.value
    if not isinstance(value, dict) or not cards.text(value.get("name")):
        raise Refused("the server has no name")
    about, meta = (value[key] if isinstance(value.get(key), dict) else {} for key in ("about", "meta"))
    name = cards.text(value["name"])
    title = cards.text(about.get("title")) or cards.text(value.get("title")) or name.rpartition("/")[2]
    said = cards.text(about.get("description")) or cards.text(value.get("description"))
    category = cards.text(meta.get("category"))
    tools = _tools(file)
    lines = [said or (f"{title} ({category})" if category else title), *map(_line, tools)]
    agent = cards.card(
        file,
        FORMAT,
        title,
        "\n".join(lines),
        key=name,
        kind=Kind.TOOL,
        tools=[tool.get("name") for tool in tools],
        tags=cards.texts([category, *cards.texts(meta.get("tags"))], cards.MAX_NAME),
        version=value.get("version"),
    )
    return Found([agent])


def _tools(file: File) -> list[dict[str, Any]]:
    held = file.beside.get(TOOLS)
    if held is None:
        return [tool for tool in cards.dicts(file.value.get("tools")) if cards.text(tool.get("name"))]
    try:
        listed = mcp_tools.tools_of(json.loads(held))
    except (ValueError, RecursionError) as error:
        file.mend(f"{TOOLS} beside it is not valid JSON: {error}")
        return []
    return [tool for tool in listed if cards.text(tool.get("name"))]


def _line(tool: dict[str, Any]) -> str:
    """A tool as one line: its first sentence or so."""
    said = " ".join(cards.text(tool.get("description"))[: 4 * _TOOL].split())
    if len(said) > _TOOL:
        end = said.rfind(". ", 0, _TOOL)
        said = said[: end + 1] if end > 40 else said[:_TOOL].rsplit(" ", 1)[0] + "…"
    return f"- {cards.text(tool['name'])}: {said}" if said else f"- {cards.text(tool['name'])}"
