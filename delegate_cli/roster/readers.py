"""How values of agents.yaml are read, each with the line it stands on: what the tables of fields are made of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import yaml

from delegate_cli.errors import SettingsError
from delegate_cli.roster import document
from delegate_cli.roster.document import Source

Reader = Callable[[yaml.Node, Source, str], Any]
Enum = TypeVar("Enum", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Field:
    """One key: its reader and its JSON Schema."""

    read: Reader
    schema: Mapping[str, Any]


def text(node: yaml.Node, source: Source, what: str) -> str:
    """Text that is not empty, without outer white space."""
    value = document.text(node, source, what).strip()
    if not value:
        raise source.error(f"{what} is empty", node, "fill it in or remove the key")
    return value


def prose(node: yaml.Node, source: Source, what: str) -> str:
    """Text, which may be empty."""
    return document.text(node, source, what).strip()


def texts(node: yaml.Node, source: Source, what: str) -> tuple[str, ...]:
    """A list of texts, each once."""
    items = document.sequence(node, source, what)
    values = [text(item, source, f"{what}[{place}]") for place, item in enumerate(items)]
    return tuple(dict.fromkeys(values))  # the same text twice says nothing new


def identity(node: yaml.Node, source: Source, what: str) -> str:
    """One word: an id, or the name of a variable."""
    value = text(node, source, what)
    odd = not value.isprintable() or any(char.isspace() for char in value) or value.startswith("-")
    if odd or len(value) > 200:
        raise source.error(
            f"{what} {document.shown(value)} must be one word of at most 200 characters, not starting with a hyphen",
            node,
            "use letters, digits and hyphens",
        )
    return value


def at_least(low: float, high: float | None = None) -> Reader:
    """A number within limits, both included."""

    def read(node: yaml.Node, source: Source, what: str) -> float:
        value = document.number(node, source, what)
        if value < low or (high is not None and value > high):
            limits = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
            raise source.error(f"{what} must be {limits}, not {value:g}", node, f"write a number {limits}")
        return value

    return read


def whole(low: int) -> Reader:
    """A whole number from a limit on."""

    def read(node: yaml.Node, source: Source, what: str) -> int:
        value = at_least(low)(node, source, what)
        if value != int(value):
            raise source.error(f"{what} must be a whole number, not {value:g}", node, "round it")
        return int(value)

    return read


def truth(node: yaml.Node, source: Source, what: str) -> bool:
    """True or false."""
    value = document.plain(node, source, what)
    if not isinstance(value, bool):
        raise source.error(f"{what} must be true or false, not {document.describe(node)}", node, "write true or false")
    return value


def checked(read: Reader, check: Callable[[Any, str], Any]) -> Reader:
    """A reader whose value must also pass a check of the settings, which then names the line."""

    def checked(node: yaml.Node, source: Source, what: str) -> Any:
        value = read(node, source, what)
        try:
            return check(value, what)
        except SettingsError as error:
            raise source.error(error.message, node, error.fix) from None

    return checked


def one_of(choices: type[Enum]) -> Reader:
    """One of the values of an enum."""

    def read(node: yaml.Node, source: Source, what: str) -> Enum:
        value = document.text(node, source, what)
        known = [choice.value for choice in choices]
        if value not in known:
            raise source.error(f"{what} cannot be {document.shown(value)}", node, document.unknown_key(value, known))
        return choices(value)

    return read


def block(build: Callable[..., Any], fields: Mapping[str, Field]) -> Reader:
    """A mapping of these fields, made into something."""
    return lambda node, source, what: build(**read_fields(node, source, what, fields))


def kept(node: yaml.Node, source: Source, what: str) -> dict[str, Any]:
    """A mapping that is kept as it is."""
    document.mapping(node, source, what)
    value: dict[str, Any] = document.plain(node, source, what)
    return value


def read_fields(node: yaml.Node, source: Source, what: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    """The values of a mapping whose keys are these fields; empty values count as absent."""
    values = {}
    for key, (key_node, value) in document.mapping(node, source, what).items():
        if key not in fields:
            raise source.error(
                f"{what} has the unknown key {document.shown(key)}", key_node, document.unknown_key(key, list(fields))
            )
        if not document.is_null(value):
            values[key] = fields[key].read(value, source, f"{what}.{key}")
    return values


TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
POSITIVE = {"type": "number", "minimum": 0}
UNIT = {"type": "number", "minimum": 0, "maximum": 1}


def object_schema(fields: Mapping[str, Field]) -> dict[str, Any]:
    """JSON Schema of a mapping of these fields."""
    # a key that is left empty counts as absent, so null is allowed everywhere
    keys = {key: {"anyOf": [dict(field.schema), {"type": "null"}]} for key, field in fields.items()}
    return {"type": "object", "additionalProperties": False, "properties": keys}
