"""semantic-router's route layer, JSON or YAML: routes with utterances. The utterances are the sample requests."""

from typing import Any

from delegate_cli.roster.importers import cards
from delegate_cli.roster.importers.files import File, Found, Refused

FORMAT = "semantic-router"
NAMES: tuple[str, ...] = ()
TRACES: tuple[str, ...] = ("routes", "utterances")


def claims(value: Any, file: File) -> bool:
    """Whether a value has routes with utterances."""
    return any("name" in each and isinstance(each.get("utterances"), list) for each in _routes(value))


def _routes(value: Any) -> list[dict[str, Any]]:
    return cards.dicts(value.get("routes") if isinstance(value, dict) else value)


def read(file: File) -> Found:
    """The agents of a file, one for each route.

    Raises:
        Refused: no route has a name.
    """
    listed = _routes(file.value)
    found = [
        cards.card(file, FORMAT, route["name"], route.get("description"), examples=cards.texts(_flat(route.get("utterances"))))
        for route in listed
        if cards.text(route.get("name"))
    ]
    if not found:
        raise Refused("no route has a name")
    if len(found) < len(listed):
        file.mend(f"{len(listed) - len(found)} of {len(listed)} routes have no name")
    return Found(found)


def _flat(values: Any) -> list[Any]:
    """Utterances; one that is a pair of text and image gives its text."""
    listed = values if isinstance(values, list) else []
    return [item for each in listed for item in (each[:1] if isinstance(each, list) else [each])]
