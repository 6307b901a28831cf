"""CrewAI's `agents.yaml`: key → role, goal, backstory. The key is the id, the role the name."""

from typing import Any

from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.files import File, Found, Refused

FORMAT = "crewai"
NAMES: tuple[str, ...] = ()
TRACES: tuple[str, ...] = ("role", "goal")


def claims(value: Any, file: File) -> bool:
    """Whether a value maps keys to roles with goals."""
    return any(_is_agent(each) for each in value.values()) if isinstance(value, dict) else False


def _is_agent(value: Any) -> bool:
    return isinstance(value, dict) and "role" in value and ("goal" in value or "backstory" in value)


def read(file: File) -> Found:
    """The agents of a file, one for each key with a role.

    Raises:
        Refused: there is none.
    """
    entries = file.value.items() if isinstance(file.value, dict) else ()
    found = [
        cards.card(
            file,
            FORMAT,
            entry.get("role") or key,
            "\n".join(filter(None, (cards.text(entry.get("goal")), cards.text(entry.get("backstory"))))),
            key=key,
            tools=cards.words(entry.get("tools")),
            model=entry.get("llm"),
        )
        for key, entry in entries
        if _is_agent(entry)
    ]
    if not found:
        raise Refused("no agent has a role")
    if len(found) < len(entries):
        file.mend(f"{len(entries) - len(found)} of {len(entries)} entries have no role")
    return Found(found)
