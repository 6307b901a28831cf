"""A roster as agents.yaml, and as the same in JSON. Settings are not written: they belong to the file they were given in."""

import json
import re
from typing import Any

import yaml

from delegate_cli.agents import Agent, Roster
from delegate_cli.roster.facts import agent_facts

# YAML, which reads this, takes some of them for the end of a line and refuses others; they stand in strings only
_ODD = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")

_EXPONENT = re.compile(r"-?\d+(\.\d+)?[eE][-+]?\d+")  # text to YAML 1.1, a number to JSON and to the loader


def json_text(roster: Roster) -> str:
    """The roster as JSON, which is read like agents.yaml."""
    text = json.dumps(_record(roster), ensure_ascii=False, indent=2) + "\n"
    return _ODD.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def yaml_text(roster: Roster) -> str:
    """The roster as agents.yaml: long texts as blocks, agents in the order of their ids."""
    return _yaml(_record(roster))


def card_text(agent: Agent) -> str:
    """One agent as a list of one, which is a roster by itself and can be put below `agents:`."""
    return _yaml([agent_facts(agent)])


def _yaml(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
    return text


def _record(roster: Roster) -> dict[str, Any]:
    return {"version": 1, "agents": [agent_facts(agent) for agent in roster]}


class _Dumper(yaml.CSafeDumper):
    """Without anchors: the same list in two cards is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _string(dumper: _Dumper, value: str) -> yaml.Node:
    """Lines as a block where a block says them exactly."""
    lines = value.split("\n")
    block = len(lines) > 1 and value.isprintable() is False and all(_simple(line) for line in lines) and lines[0][:1] != " "
    style = "|" if block else '"' if _EXPONENT.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _simple(line: str) -> bool:
    return line.isprintable() and line == line.rstrip()


_Dumper.add_representer(str, _string)
