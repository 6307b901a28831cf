"""What a foreign format has no place for: put beside it on export, and taken back on import, so that nothing is lost."""

import json
from dataclasses import replace
from typing import Any

from delegate_cli.agents import Agent
from delegate_cli.errors import RosterError
from delegate_cli.roster import document
from delegate_cli.roster.document import Source
from delegate_cli.roster.facts import agent_facts
from delegate_cli.roster.fields import AGENT
from delegate_cli.roster.importers.files import File, Found
from delegate_cli.roster.readers import read_fields


def restored(agent: Agent, extra: Any, file: File) -> Found:
    """An agent with what an export of ours put beside it, each field checked as in agents.yaml.

    Args:
        extra: a mapping, or JSON that holds one; anything else, and what cannot be read, changes nothing.
    """
    if extra is None:
        return Found([agent])
    source = Source("what delegate added", document.MAX_NODES)
    try:
        text = extra if isinstance(extra, str) else json.dumps(extra)
        node = document.compose(text.encode("utf-8", "replace"), source)
        values = {} if node is None else read_fields(node, source, "it", AGENT)
    except (RosterError, ValueError, RecursionError) as error:
        file.mend(f"left out: {getattr(error, 'message', None) or error}")
        return Found([agent])
    return Found([replace(agent, **values)], frozenset([values["id"]] if "id" in values else []))


def missing(agent: Agent, read_again: Agent) -> dict[str, Any]:
    """Those facts of an agent that a file of another format does not say, as plain data."""
    wanted, found = agent_facts(agent), agent_facts(read_again)
    usual = {"kind": "ai", "description": "", "examples": [], "not_for": [], "tools": [], "tags": []}
    extra = {name: value for name, value in wanted.items() if found.get(name) != value}
    return extra | {name: value for name, value in usual.items() if name in found and name not in wanted}
