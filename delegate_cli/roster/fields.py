"""The fields of agents.yaml: for each one how it is read and what its JSON Schema is, side by side.

This table is the format's single definition: the loader, the error messages and `delegate schema` all use it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import yaml

from delegate_cli.agents import Auto, Availability, Cost, Kind, Presence, Skill
from delegate_cli.errors import SettingsError
from delegate_cli.hours import HoursError, near_zones, parse_hours, zone
from delegate_cli.preference import LIKES, Preference
from delegate_cli.roster import document
from delegate_cli.roster.document import Source
from delegate_cli.settings import DECIDERS, KeptText, Prices, check_url, words

Reader = Callable[[yaml.Node, Source, str], Any]
Enum = TypeVar("Enum", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Field:
    """One key: its reader and its JSON Schema."""

    read: Reader
    schema: Mapping[str, Any]


def _text(node: yaml.Node, source: Source, what: str) -> str:
    value = document.text(node, source, what).strip()
    if not value:
        raise source.error(f"{what} is empty", node, "fill it in or remove the key")
    return value


def _prose(node: yaml.Node, source: Source, what: str) -> str:
    return document.text(node, source, what).strip()


def _texts(node: yaml.Node, source: Source, what: str) -> tuple[str, ...]:
    items = document.sequence(node, source, what)
    values = [_text(item, source, f"{what}[{place}]") for place, item in enumerate(items)]
    return tuple(dict.fromkeys(values))  # the same text twice says nothing new


def _identity(node: yaml.Node, source: Source, what: str) -> str:
    value = _text(node, source, what)
    odd = not value.isprintable() or any(char.isspace() for char in value) or value.startswith("-")
    if odd or len(value) > 200:
        raise source.error(
            f"{what} {document.shown(value)} must be one word of at most 200 characters, not starting with a hyphen",
            node,
            "use letters, digits and hyphens",
        )
    return value


def _at_least(low: float, high: float | None = None) -> Reader:
    def read(node: yaml.Node, source: Source, what: str) -> float:
        value = document.number(node, source, what)
        if value < low or (high is not None and value > high):
            limits = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
            raise source.error(f"{what} must be {limits}, not {value:g}", node, f"write a number {limits}")
        return value

    return read


def _whole(low: int) -> Reader:
    def read(node: yaml.Node, source: Source, what: str) -> int:
        value = _at_least(low)(node, source, what)
        if value != int(value):
            raise source.error(f"{what} must be a whole number, not {value:g}", node, "round it")
        return int(value)

    return read


def _truth(node: yaml.Node, source: Source, what: str) -> bool:
    value = document.plain(node, source, what)
    if not isinstance(value, bool):
        raise source.error(f"{what} must be true or false, not {document.describe(node)}", node, "write true or false")
    return value


def _checked(read: Reader, check: Callable[[Any, str], Any]) -> Reader:
    """A reader whose value must also pass a check of the settings, which then names the line."""

    def checked(node: yaml.Node, source: Source, what: str) -> Any:
        value = read(node, source, what)
        try:
            return check(value, what)
        except SettingsError as error:
            raise source.error(error.message, node, error.fix) from None

    return checked


def _hours(node: yaml.Node, source: Source, what: str) -> str:
    value = _text(node, source, what)
    try:
        parse_hours(value)
    except HoursError as error:
        raise source.error(
            f"{what} {document.shown(value)}: {error}", node, "write them as Mon-Fri 09:00-12:30, 13:00-17:00; Sat 10:00-14:00"
        ) from None
    return value


def _zone(node: yaml.Node, source: Source, what: str) -> str:
    value = _text(node, source, what)
    try:
        zone(value)
    except HoursError as error:
        near = near_zones(value)
        fix = f"did you mean {' or '.join(near)}?" if near else "write an IANA name such as Europe/Berlin"
        raise source.error(f"{what}: {error}", node, fix) from None
    return value


def _weights(node: yaml.Node, source: Source, what: str) -> dict[str, Any]:
    return read_fields(node, source, what, PREFERENCE)


def _preference(node: yaml.Node, source: Source, what: str) -> Preference:
    if isinstance(node, yaml.MappingNode):
        found: Preference = _checked(_weights, lambda weights, _: Preference.of(weights))(node, source, what)
        return found
    value = document.text(node, source, what)
    if value not in LIKES:
        raise source.error(f"{what} cannot be {document.shown(value)}", node, document.unknown_key(value, list(LIKES)))
    return Preference.of({value: 1.0})


def _command(node: yaml.Node, source: Source, what: str) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(
            _text(item, source, f"{what}[{place}]") for place, item in enumerate(document.sequence(node, source, what))
        )
    return tuple(_checked(_text, words)(node, source, what))


def _patterns(node: yaml.Node, source: Source, what: str) -> dict[str, str]:
    found = {}
    for name, (_, value) in document.mapping(node, source, what).items():
        found[name] = _text(value, source, f"{what}.{name}")
        try:
            re.compile(found[name])
        except re.error as error:
            raise source.error(f"{what}.{name} is no regular expression ({error})", value, "correct it") from None
    return found


def _levels(node: yaml.Node, source: Source, what: str) -> tuple[str, ...]:
    items = document.sequence(node, source, what)
    if len(items) != 5:
        raise source.error(f"{what} must be five texts, not {len(items)}", node, "describe levels 1 to 5, lowest first")
    return tuple(_text(item, source, f"{what}[{place}]") for place, item in enumerate(items))


def _one_of(choices: type[Enum]) -> Reader:
    def read(node: yaml.Node, source: Source, what: str) -> Enum:
        value = document.text(node, source, what)
        known = [choice.value for choice in choices]
        if value not in known:
            raise source.error(f"{what} cannot be {document.shown(value)}", node, document.unknown_key(value, known))
        return choices(value)

    return read


def _skills(node: yaml.Node, source: Source, what: str) -> dict[str, Skill]:
    skills = {}
    for name, (_, value) in document.mapping(node, source, what).items():
        here = f"{what}.{name}"
        if isinstance(value, yaml.MappingNode):
            facts = read_fields(value, source, here, SKILL)
            if "score" not in facts:
                raise source.error(f"{here} has no score", value, "add `score: 0.8`")
            skills[name] = Skill(facts["score"], facts.get("trials"))
        else:
            skills[name] = Skill(_at_least(0, 1)(value, source, here))
    return skills


def _block(build: Callable[..., Any], fields: Mapping[str, Field]) -> Reader:
    return lambda node, source, what: build(**read_fields(node, source, what, fields))


def _kept(node: yaml.Node, source: Source, what: str) -> dict[str, Any]:
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


_TEXT = {"type": "string", "minLength": 1}
_TEXTS = {"type": "array", "items": _TEXT}
_POSITIVE = {"type": "number", "minimum": 0}
_UNIT = {"type": "number", "minimum": 0, "maximum": 1}


def _object(fields: Mapping[str, Field]) -> dict[str, Any]:
    # a key that is left empty counts as absent, so null is allowed everywhere
    keys = {key: {"anyOf": [dict(field.schema), {"type": "null"}]} for key, field in fields.items()}
    return {"type": "object", "additionalProperties": False, "properties": keys}


SKILL = {
    "score": Field(_at_least(0, 1), _UNIT),
    "trials": Field(_whole(1), {"type": "integer", "minimum": 1}),
}
COST = {"per_task": Field(_at_least(0), _POSITIVE), "per_1k_tokens": Field(_at_least(0), _POSITIVE)}
AVAILABILITY = {
    "status": Field(_one_of(Presence), {"enum": [presence.value for presence in Presence]}),
    "hours": Field(_hours, _TEXT),
    "timezone": Field(_zone, _TEXT),
    "capacity": Field(_whole(0), {"type": "integer", "minimum": 0}),
}
AGENT = {
    "id": Field(_identity, {"type": "string", "pattern": r"^[^\s-]\S{0,199}$"}),
    "name": Field(_text, _TEXT),
    "kind": Field(_one_of(Kind), {"enum": [kind.value for kind in Kind]}),
    "description": Field(_prose, {"type": "string"}),
    "examples": Field(_texts, _TEXTS),
    "not_for": Field(_texts, _TEXTS),
    "skills": Field(_skills, {"type": "object", "additionalProperties": {"anyOf": [_UNIT, _object(SKILL)]}}),
    "tools": Field(_texts, _TEXTS),
    "tags": Field(_texts, _TEXTS),
    "allow": Field(_texts, _TEXTS),
    "cost": Field(_block(Cost, COST), _object(COST)),
    "latency_ms": Field(_at_least(0), _POSITIVE),
    "rate_limit_rpm": Field(_at_least(0), _POSITIVE),
    "availability": Field(_block(Availability, AVAILABILITY), _object(AVAILABILITY)),
    "auto": Field(_one_of(Auto), {"enum": [auto.value for auto in Auto]}),
    "escalate_to": Field(_identity, _TEXT),
    "contact": Field(_text, _TEXT),
    "run": Field(_kept, {"type": "object"}),
    "source": Field(_kept, {"type": "object"}),
    "local_only": Field(_truth, {"type": "boolean"}),
}
PREFERENCE = {name: Field(_at_least(0), _POSITIVE) for name in LIKES}
PRICES = {"input_per_1m": Field(_at_least(0), _POSITIVE), "output_per_1m": Field(_at_least(0), _POSITIVE)}
LLM = {
    "base_url": Field(_checked(_text, check_url), {"type": "string", "pattern": "^https?://"}),
    "model": Field(_text, _TEXT),
    "key_env": Field(_identity, _TEXT),
    "key_command": Field(_command, {"anyOf": [_TEXT, _TEXTS | {"minItems": 1}]}),
    "orders": Field(_whole(1), {"type": "integer", "minimum": 1}),
    "shortlist": Field(_whole(1), {"type": "integer", "minimum": 1}),
    "budget_usd": Field(_at_least(0), _POSITIVE),
    "max_calls": Field(_whole(0), {"type": "integer", "minimum": 0}),
    "timeout_s": Field(_at_least(0.001), _POSITIVE),
    "concurrency": Field(_whole(1), {"type": "integer", "minimum": 1}),
    "retries": Field(_whole(0), {"type": "integer", "minimum": 0}),
    "rate_limit_rpm": Field(_at_least(0.01), _POSITIVE),
    "prices": Field(_block(Prices, PRICES), _object(PRICES)),
    "cache_mb": Field(_at_least(0), _POSITIVE),
    "redact": Field(_truth, {"type": "boolean"}),
    "redact_patterns": Field(_patterns, {"type": "object", "additionalProperties": _TEXT}),
    "levels": Field(_levels, _TEXTS | {"minItems": 5, "maxItems": 5}),
}
JOURNAL = {"text": Field(_one_of(KeptText), {"enum": [each.value for each in KeptText]})}
SETTINGS = {
    "encoder": Field(_text, _TEXT),
    "decider": Field(_text, {"enum": list(DECIDERS)}),
    "target_error": Field(_at_least(0, 1), _UNIT),
    "local_only": Field(_truth, {"type": "boolean"}),
    "prefer": Field(_preference, {"anyOf": [{"enum": list(LIKES)}, _object(PREFERENCE)]}),
    "prefer_band": Field(_at_least(0, 1), _UNIT),
    "escalate_to": Field(_identity, _TEXT),
    "llm": Field(_block(dict, LLM), _object(LLM)),
    "journal": Field(_block(dict, JOURNAL), _object(JOURNAL)),
}


def roster_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of agents.yaml."""
    agent = _object(AGENT) | {"anyOf": [{"required": ["id"]}, {"required": ["name"]}]}
    agents = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/agent"}}
    whole = {
        "type": "object",
        "additionalProperties": False,
        "required": ["agents"],
        "properties": {
            "version": {"const": 1},
            "settings": {"anyOf": [_object(SETTINGS), {"type": "null"}]},
            "agents": agents,
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "delegate roster, version 1",
        "anyOf": [whole, agents],
        "$defs": {"agent": agent},
    }
