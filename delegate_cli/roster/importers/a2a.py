"""A2A agent cards, 1.0 and 0.x, one or many. A card is one agent: the names and descriptions of its skills join its
description, their examples become its sample requests, their tags its tags.
"""

from typing import Any

from delegate_cli.agents import Agent
from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.carry import restored
from delegate_cli.roster.importers.files import File, Found, Refused

FORMAT = "a2a"
EXTENSION = "urn:delegate:agent:1"  # of `capabilities.extensions`: what a card has no place for
NAMES: tuple[str, ...] = ("agent-card.json", "agent_card.json", "agentcard.json")
TRACES: tuple[str, ...] = ("capabilities", "skills")
_MARKS = (
    *("capabilities", "supportedInterfaces", "url", "version", "protocolVersion", "preferredTransport"),
    *("defaultInputModes", "default_input_modes", "additionalInterfaces", "supported_interfaces"),
)
_LISTS = ("agents", "cards", "agentCards", "agent_cards")


def claims(value: Any, file: File) -> bool:
    """Whether a value is a card, or holds nothing but cards."""
    found = _cards(value)
    return bool(found) and sum(map(_is_card, found)) * 2 > len(found)


def _is_card(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("skills"), list) or "name" not in value:
        return False
    skills = value["skills"]
    return any(mark in value for mark in _MARKS) and all(isinstance(each, dict) for each in skills)


def _cards(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    for key in ("agentCard", "agent_card", "card", "result"):
        if isinstance(value.get(key), dict):
            return [value[key]]
    held = next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
    return held if held is not None and "skills" not in value else [value]


def read(file: File) -> Found:
    """The agents of a file, one for each card.

    Raises:
        Refused: no card has a name.
    """
    found: list[Agent] = []
    fixed: set[str] = set()
    listed = _cards(file.value)
    for value in listed:
        one = read_card(value, file) if isinstance(value, dict) else None
        if one is not None:
            found += one.agents
            fixed |= one.fixed
    if not found:
        raise Refused("no card has a name")
    if len(found) < len(listed):
        file.mend(f"{len(listed) - len(found)} of {len(listed)} cards have no name")
    return Found(found, frozenset(fixed))


def read_card(value: dict[str, Any], file: File, key: str = "") -> Found | None:
    """One card; None where it has no name."""
    if not cards.text(value.get("name")):
        return None
    skills = cards.dicts(value.get("skills"))
    agent = cards.card(
        file,
        FORMAT,
        value["name"],
        described(cards.text(value.get("description")), skills),
        key=key or None,
        examples=[example for skill in skills for example in cards.texts(skill.get("examples"))],
        tags=[tag for skill in skills for tag in cards.texts(skill.get("tags"), cards.MAX_NAME)],
        url=_url(value),
        version=value.get("version"),
    )
    return restored(agent, _extra(value), file)


def described(description: str, skills: list[dict[str, Any]]) -> str:
    """A description with a line for each skill that adds something to it."""
    lines = [description]
    for skill in skills:
        name, text = cards.text(skill.get("name")), cards.text(skill.get("description"))
        if text and text not in lines[0]:
            lines.append(f"{name}: {text}" if name and name not in text else text)
        elif not text and name and name not in lines[0]:
            lines.append(name)
    return "\n".join(dict.fromkeys(line for line in lines if line))


def _url(value: dict[str, Any]) -> str:
    interfaces = cards.dicts(value.get("supportedInterfaces", value.get("supported_interfaces")))
    urls = [cards.text(value.get("url")), *(cards.text(each.get("url")) for each in interfaces)]
    return next(filter(None, urls), "")


def _extra(value: dict[str, Any]) -> Any:
    capabilities = value.get("capabilities")
    listed = cards.dicts(capabilities.get("extensions")) if isinstance(capabilities, dict) else []
    return next((each.get("params") for each in listed if each.get("uri") == EXTENSION), None)
