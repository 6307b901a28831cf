"""AI catalogues (`ai-catalog.json`, `ard.json` of Agentic Resource Discovery): entries with identifier, name and media type.

A card inside an entry (`data`) joins it; of an entry with an address, what the catalogue says of it is all there is.
Catalogues inside catalogues are not followed: that would take the network.
"""

from typing import Any

from delegate_cli.agents import Agent, Kind
from delegate_cli.roster.importers import a2a, cards
from delegate_cli.roster.importers.files import File, Found, Refused
from delegate_cli.roster.importers.mcp_servers import address

FORMAT = "ai-catalog"
NAMES: tuple[str, ...] = ("ai-catalog.json", "ard.json")
TRACES: tuple[str, ...] = ("entries", "identifier")
_NOT_AGENTS = ("ai-catalog", "ai-registry")


def claims(value: Any, file: File) -> bool:
    """Whether a value is a catalogue."""
    found = _entries(value)
    return bool(found) and ("specVersion" in value or all("displayName" in each for each in found))


def _entries(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    entries = value.get("entries", value.get("agents") if "specVersion" in value else None)
    return [each for each in cards.dicts(entries) if "identifier" in each or "displayName" in each or "name" in each]


def read(file: File) -> Found:
    """The agents of a file, one for each entry that is no catalogue itself.

    Raises:
        Refused: there is none.
    """
    listed = [each for each in _entries(file.value) if not any(word in _type(each) for word in _NOT_AGENTS)]
    found = [agent for each in listed if (agent := _agent(each, file)) is not None]
    if not found:
        raise Refused("it lists no agent")
    if len(found) < len(listed):
        file.mend(f"{len(listed) - len(found)} of {len(listed)} entries have no name")
    return Found(found)


def _type(entry: dict[str, Any]) -> str:
    return cards.text(entry.get("type")) or cards.text(entry.get("mediaType"))


def _agent(entry: dict[str, Any], file: File) -> Agent | None:
    held = entry.get("data")
    inner: dict[str, Any] = held if isinstance(held, dict) else {}
    skills = cards.dicts(inner.get("skills"))
    name = cards.text(entry.get("displayName")) or cards.text(entry.get("name")) or cards.text(inner.get("name"))
    key = cards.text(entry.get("identifier")) or cards.text(entry.get("id"))
    if not name and not key:
        return None
    said = cards.text(entry.get("description")) or cards.text(inner.get("description"))
    examples = [*cards.texts(entry.get("representativeQueries"))]
    examples += [example for skill in skills for example in cards.texts(skill.get("examples"))]
    return cards.card(
        file,
        FORMAT,
        name or key.rpartition(":")[2],
        a2a.described(said, skills),
        kind=Kind.TOOL if "mcp" in _type(entry) else Kind.AI,
        examples=examples,
        tags=cards.texts(entry.get("tags"), cards.MAX_NAME),
        tools=cards.texts(entry.get("capabilities"), cards.MAX_NAME),
        identifier=key,
        url=address(entry.get("url") or entry.get("cardUrl")),
        type=_type(entry),
        version=entry.get("version"),
    )
