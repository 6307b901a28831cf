"""A card put at the end of a roster's file; every byte that is there stays as it is."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from delegate_cli.agents import Agent, Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster.edit import agents_node, insertion_below, replace_file
from delegate_cli.roster.facts import agent_facts
from delegate_cli.roster.parse import parse_roster


def append_agent(path: Path, agent: Agent, lines: str) -> None:
    """Add an agent behind the last one of the file.

    Args:
        lines: the card as a list of one in YAML, without indentation, which says the same; comments may stand in it.

    Raises:
        RosterError: it cannot be added there.
        OutputError: it cannot be written, or was changed meanwhile.
    """
    path = path.resolve()  # of a link, the file
    before = path.read_bytes()
    was = parse_roster(before, str(path))
    text = before.decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    agents = agents_node(body, path)
    if agents.flow_style:
        place, added = agents.value[-1].end_mark.index, f", {json.dumps(agent_facts(agent), ensure_ascii=False)}"
    else:
        indent = " " * agents.start_mark.column
        end = "\r\n" if "\r\n" in body else "\n"
        place, added = insertion_below(body, _last(agents), [f"{indent}{line}" for line in lines.splitlines()], end)
        while found := re.compile(rf"{indent}[ \t]+#[^\n]*\n").match(body, place):  # comments of the last card stay with it
            place = found.end()
    after = (mark + body[:place] + added + body[place:]).encode("utf-8")
    _check(path, was, after, agent)
    replace_file(path, before, after)


def _last(node: Any) -> Any:
    """The node that ends last within a node in block style."""
    while not isinstance(node, yaml.ScalarNode) and not node.flow_style and node.value:
        node = node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]
    return node


def _check(path: Path, was: Roster, after: bytes, agent: Agent) -> None:
    """The file says what it said, and has the agent."""
    try:
        now = parse_roster(after, str(path))
        same = now == Roster((*was, agent), str(path), was.settings)
    except RosterError:
        same = False
    if not same:
        raise RosterError(f"{path}: the card cannot be added to the file as it is", "add it by hand; it stands on stdout")
