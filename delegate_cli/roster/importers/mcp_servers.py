"""MCP servers that a program is told to start: `.mcp.json`, `mcp.json` of VS Code, the desktop app's configuration. One
agent a server. Arguments, headers and environment may hold keys: of a command only the package's name is kept, of an address no
query.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from delegate_cli.agents import Kind
from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.files import File, Found, Refused

FORMAT = "mcp-servers"
NAMES: tuple[str, ...] = (".mcp.json", "mcp.json", "claude_desktop_config.json")
TRACES: tuple[str, ...] = ("mcpServers",)
_KEYS = ("mcpServers", "servers")
_PACKAGE = re.compile(r"(?:@[\w.-]+/)?[A-Za-z][\w.-]*(?:/[\w.-]+){0,2}(?::[\w.-]+|@[\w.^~-]+)?")
_RUNNERS = (
    *("npx", "uvx", "uv", "bunx", "pnpm", "yarn", "docker", "node", "deno", "python", "python3"),
    *("run", "dlx", "exec", "tool"),
)


def claims(value: Any, file: File) -> bool:
    """Whether a value has server entries."""
    return any("command" in entry or "url" in entry or "type" in entry for entry in _servers(value).values())


def _servers(value: Any) -> dict[str, dict[str, Any]]:
    for key in _KEYS:
        held = value.get(key) if isinstance(value, dict) else None
        if isinstance(held, dict):
            return {name: entry for name, entry in held.items() if isinstance(entry, dict)}
    return {}


def read(file: File) -> Found:
    """The agents of a file, one for each server.

    Raises:
        Refused: it names no server.
    """
    found = [
        cards.card(file, FORMAT, name, _description(name, entry), kind=Kind.TOOL, url=address(entry.get("url")))
        for name, entry in _servers(file.value).items()
        if cards.text(name)
    ]
    if not found:
        raise Refused("it names no server")
    return Found(found)


def _description(name: str, entry: dict[str, Any]) -> str:
    said = cards.text(entry.get("description"))
    if said:
        return said
    what = _package(entry) or address(entry.get("url"))
    return f"MCP server {what or cards.text(name)}"


def _package(entry: dict[str, Any]) -> str:
    """The first word of the command that can name a package and is no option, nor the value of one."""
    before = ""
    for word in [cards.text(entry.get("command")), *cards.texts(entry.get("args"), cards.MAX_NAME)][:12]:
        after_option, before = before.startswith("-") and before not in ("-y", "--yes", "-i", "--rm", "-m"), word
        if word.startswith("-") or word in _RUNNERS or after_option:
            continue
        if _PACKAGE.fullmatch(word):
            return word
    return ""


def address(url: Any) -> str:
    """An address without user, password, query and fragment."""
    try:
        parts = urlsplit(cards.text(url))
        host = parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
