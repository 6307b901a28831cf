"""agents.yaml itself, where it lies in a folder or is one of several sources."""

import re
from dataclasses import replace
from typing import Any

from delegate_cli.agents import Agent
from delegate_cli.errors import RosterError
from delegate_cli.roster.fields import AGENT
from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.files import File, Found, Refused
from delegate_cli.roster.parse import parse_roster

FORMAT = "delegate"
NAMES: tuple[str, ...] = ()
TRACES: tuple[str, ...] = ("agents", "description")
_TOP = re.compile(rb"^agents:[ \t]*(?:#.*)?\r?$", re.MULTILINE)


def claims(value: Any, file: File) -> bool:
    """Whether a value is a roster: `agents:` with nothing else but settings beside, or a list of cards."""
    if isinstance(value, dict):
        return {*value} <= {"version", "settings", "agents"} and isinstance(value.get("agents"), list)
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        return False
    return all(("id" in each or "name" in each) and {*each} <= {*AGENT} and len(each) > 1 for each in value)


def claims_text(file: File) -> bool:
    """Whether a file that is no valid YAML, or a very long one, is meant as a roster."""
    return file.name.lower().endswith((".yaml", ".yml")) and _TOP.search(file.data) is not None


def sourced(agent: Agent, file: File) -> Agent:
    """An agent that is one among others' with the file it came from, where it does not say another."""
    return agent if agent.source is not None else replace(agent, source={"format": FORMAT, "path": cards.text(file.path)})


def read(file: File) -> Found:
    """The agents of the file, all with the ids that it gives.

    Raises:
        Refused: the file says something that makes no sense.
    """
    try:
        roster = parse_roster(file.data, file.name)
    except RosterError as error:
        raise Refused(error.message.removeprefix(f"{file.name}, ").removeprefix(f"{file.name}: ")) from None
    agents = [roster.agents[roster.position[each]] for each in roster.order]
    return Found(agents, frozenset(roster.order), roster.settings)
