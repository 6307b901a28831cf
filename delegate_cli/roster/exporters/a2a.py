"""A roster as A2A agent cards, version 1.0: one card an agent, with one skill that has its tags and sample requests."""

import json
from typing import Any

from delegate_cli.agents import Agent, Roster
from delegate_cli.roster.importers import a2a
from delegate_cli.roster.importers.carry import missing
from delegate_cli.roster.importers.files import File

VERSION = "1.0"
_MODES = ["text/plain"]


def text(roster: Roster) -> str:
    """A JSON array of cards, in the order of ids."""
    return json.dumps([card(agent) for agent in roster], ensure_ascii=False, indent=2) + "\n"


def card(agent: Agent) -> dict[str, Any]:
    """One card. What it has no place for is an extension that nobody has to understand."""
    made = _card(agent)
    found = a2a.read_card(made, File("card.json", b""))
    extra = missing(agent, found.agents[0]) if found is not None else {}
    if extra:
        made["capabilities"]["extensions"] = [{"uri": a2a.EXTENSION, "required": False, "params": extra}]
    return made


def _card(agent: Agent) -> dict[str, Any]:
    source = agent.source or {}
    url, version = source.get("url"), source.get("version")
    interface = {"url": url, "protocolBinding": "JSONRPC", "protocolVersion": VERSION}
    skill = {
        "id": agent.id,
        "name": agent.name,
        "description": agent.description,
        "tags": list(agent.tags),
        "examples": list(agent.examples),
    }
    return {
        "name": agent.name,
        "description": agent.description,
        "version": version if isinstance(version, str) and version else "1.0.0",
        "supportedInterfaces": [interface] if isinstance(url, str) and url else [],
        "capabilities": {"streaming": False},
        "defaultInputModes": _MODES,
        "defaultOutputModes": _MODES,
        "skills": [skill],
    }
