"""The bytes of a file of agents → a `Roster`, or an error that names file, line and what to do. Executes nothing."""

import re
import unicodedata
from typing import Any

import yaml

from delegate_cli.agents import Agent, Roster
from delegate_cli.roster import document
from delegate_cli.roster.chains import check_chains
from delegate_cli.roster.document import Source
from delegate_cli.roster.fields import AGENT, SETTINGS
from delegate_cli.roster.readers import read_fields

_TOP = ["version", "settings", "agents"]


def parse_roster(data: bytes, name: str = "roster") -> Roster:
    """Read a roster from the bytes of a file; `name` is used in messages and kept as the roster's path.

    Raises:
        RosterError: it says something that makes no sense.
    """
    source = Source(name)
    root = document.compose(data, source)
    if root is None or document.is_null(root):
        raise source.error("the file is empty", None, "list at least one agent under `agents:`")
    settings: dict[str, Any] = {}
    if isinstance(root, yaml.SequenceNode):
        items: yaml.Node = root
    else:
        items, settings = _top(root, source)
    agents, seen = [], dict[str, int]()
    nodes = document.sequence(items, source, "agents")
    for place, node in enumerate(nodes):
        agent = _agent(node, source, f"agents[{place}]")
        line = node.start_mark.line + 1
        if agent.id in seen:
            raise source.error(
                f"the id {document.shown(agent.id)} is used twice (first on line {seen[agent.id]})",
                node,
                "give each agent its own id",
            )
        seen[agent.id] = line
        agents.append(agent)
    if not agents:
        raise source.error("the list of agents is empty", items, "add at least one agent")
    check_chains(agents, nodes, settings.get("escalate_to"), root, source)
    return Roster(tuple(agents), name, settings)


def _top(root: yaml.Node, source: Source) -> tuple[yaml.Node, dict[str, Any]]:
    if not isinstance(root, yaml.MappingNode):
        raise source.error(
            f"a roster is a mapping with `agents:` or a list of agents, not {document.describe(root)}",
            root,
            "start the file with `agents:`",
        )
    top = document.mapping(root, source, "the roster")
    for key, (key_node, _) in top.items():
        if key not in _TOP:
            raise source.error(f"unknown key {document.shown(key)} at the top", key_node, document.unknown_key(key, _TOP))
    if "version" in top and document.number(top["version"][1], source, "version") != 1:
        raise source.error("only version 1 is known", top["version"][1], "write `version: 1`")
    if "agents" not in top or document.is_null(top["agents"][1]):
        raise source.error("there is no `agents:` list", root, "list at least one agent under `agents:`")
    settings = {}
    if "settings" in top and not document.is_null(top["settings"][1]):
        settings = read_fields(top["settings"][1], source, "settings", SETTINGS)
    return top["agents"][1], settings


def _agent(node: yaml.Node, source: Source, what: str) -> Agent:
    values = read_fields(node, source, what, AGENT)
    if "name" not in values and "id" not in values:
        raise source.error(f"{what} has neither id nor name", node, "add `name:`")
    values.setdefault("name", values.get("id"))
    if "id" not in values:
        values["id"] = slug(values["name"])
        if not values["id"]:
            raise source.error(f"{what}: no id can be made from this name", node, "add `id:`")
    return Agent(**values)


def slug(name: str) -> str:
    """An id made from a name: lower case, accents dropped, hyphens between words."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode() or name
    return re.sub(r"[^\w]+", "-", plain.lower()).strip("-")[:200]
