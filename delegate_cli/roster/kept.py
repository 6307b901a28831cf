"""Rosters that were read before, kept under DELEGATE_HOME by the hash of their bytes, so that the same bytes are read once.

YAML with its line numbers costs 15 ms for 70 agents, and as much again to load what reads it. Only what was read without an
error is kept, and only if it comes back as it was; what is damaged, unreadable or cannot be written is as if it were not there.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from delegate_cli.agents import Agent, Auto, Availability, Cost, Kind, Presence, Roster, Skill, as_plain
from delegate_cli.preference import Preference
from delegate_cli.rewards import Rewards
from delegate_cli.settings import KeptText, Prices, home

FORMAT = 3  # raise when the same bytes are to be read otherwise than before, or refused
MOST = 64  # rosters; the ones that were kept first are removed
_HASHES = ("sha256", "text_sha256")


def recall(data: bytes, path: str) -> Roster | None:
    """The roster that a file with this content holds; None where it has not been read before."""
    try:
        digest, _, content = _file(data).read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != digest:
            return None
        return _roster(json.loads(content), path)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(data: bytes, roster: Roster) -> None:
    """Keep what a file with this content holds. Whether it could be kept changes nothing for who asks."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        record = {
            "agents": [_said(agent) for agent in roster],
            "order": roster.order,
            "settings": roster.settings,
            **{name: getattr(roster, name) for name in _HASHES},
        }
        content = json.dumps(record, ensure_ascii=False, default=as_plain).encode("utf-8")
        if repr(_roster(json.loads(content), str(roster.path))) != repr(roster):
            return  # JSON has no form for something in it
        path = _file(data)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}-{os.getpid()}")
        with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            stream.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
        os.replace(temporary, path)
        _clear(path.parent)


def _file(data: bytes) -> Path:
    shape = f"{FORMAT} {' '.join(each.name for each in fields(Agent))}\n"
    return home() / "rosters" / f"{hashlib.sha256(shape.encode() + data).hexdigest()[:40]}.json"


def _clear(folder: Path) -> None:
    """Remove what was kept first, and what killed writers left."""
    entries = sorted(folder.iterdir(), key=lambda entry: entry.stat().st_mtime, reverse=True)
    for entry in entries[MOST:]:
        entry.unlink(missing_ok=True)


def _said(agent: Agent) -> dict[str, Any]:
    """What a card says beyond the defaults."""
    bare = Agent(agent.id, agent.name)
    values = ((each.name, getattr(agent, each.name)) for each in fields(agent))
    return {name: value for name, value in values if name in ("id", "name") or value != getattr(bare, name)}


def _roster(record: Mapping[str, Any], path: str) -> Roster:
    agents = {each["id"]: Agent(**_made(each, _AGENT)) for each in record["agents"]}
    settings = _made(record["settings"], _SETTINGS)
    roster = Roster(tuple(agents[agent_id] for agent_id in record["order"]), path, settings)
    roster.__dict__.update({name: record[name] for name in _HASHES})
    return roster


def _made(values: Mapping[str, Any], makers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    return {name: makers[name](value) if name in makers and value is not None else value for name, value in values.items()}


def _skills(values: Mapping[str, Any]) -> dict[str, Skill]:
    return {name: Skill(**skill) for name, skill in values.items()}


def _rewards(values: Mapping[str, Any]) -> Rewards:
    steps = {name: tuple((points, reward) for points, reward in values[name]) for name in ("better", "worse")}
    return Rewards(**{**values, **steps})


_AGENT: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("examples", "not_for", "tools", "tags", "allow", "learned"), tuple),
    "kind": Kind,
    "skills": _skills,
    "cost": lambda values: Cost(**values),
    "availability": lambda values: Availability(**_made(values, {"status": Presence})),
    "auto": Auto,
}
_LLM: dict[str, Callable[[Any], Any]] = {"prices": lambda values: Prices(**values), "levels": tuple, "key_command": tuple}
_SETTINGS: dict[str, Callable[[Any], Any]] = {
    "llm": partial(_made, makers=_LLM),
    "prefer": lambda values: Preference(**values),
    "journal": partial(_made, makers={"text": KeptText}),
    "judge": partial(_made, makers={"prices": lambda values: Prices(**values), "rewards": _rewards}),
}
