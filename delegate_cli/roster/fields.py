"""The fields of agents.yaml: for each one how it is read and what its JSON Schema is, side by side.

This table is the format's single definition: the loader, the error messages and `delegate schema` all use it.
"""

import re
from typing import Any

import yaml

from delegate_cli.agents import Auto, Availability, Cost, Kind, Presence
from delegate_cli.hours import HoursError, near_zones, parse_hours, zone
from delegate_cli.preference import LIKES, Preference
from delegate_cli.rewards import Rewards
from delegate_cli.roster import document
from delegate_cli.roster.document import Source
from delegate_cli.roster.readers import (
    POSITIVE,
    TEXT,
    TEXTS,
    UNIT,
    Field,
    at_least,
    block,
    checked,
    identity,
    kept,
    object_schema,
    one_of,
    prose,
    read_fields,
    text,
    texts,
    truth,
    whole,
)
from delegate_cli.roster.scores import DESCRIPTIONS, SKILLS
from delegate_cli.settings import DECIDERS, KeptText, Prices, check_url, words


def _hours(node: yaml.Node, source: Source, what: str) -> str:
    value = text(node, source, what)
    try:
        parse_hours(value)
    except HoursError as error:
        raise source.error(
            f"{what} {document.shown(value)}: {error}", node, "write them as Mon-Fri 09:00-12:30, 13:00-17:00; Sat 10:00-14:00"
        ) from None
    return value


def _zone(node: yaml.Node, source: Source, what: str) -> str:
    value = text(node, source, what)
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
        found: Preference = checked(_weights, lambda weights, _: Preference.of(weights))(node, source, what)
        return found
    value = document.text(node, source, what)
    if value not in LIKES:
        raise source.error(f"{what} cannot be {document.shown(value)}", node, document.unknown_key(value, list(LIKES)))
    return Preference.of({value: 1.0})


def _command(node: yaml.Node, source: Source, what: str) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(text(item, source, f"{what}[{place}]") for place, item in enumerate(document.sequence(node, source, what)))
    return tuple(checked(text, words)(node, source, what))


def _run(node: yaml.Node, source: Source, what: str) -> dict[str, Any]:
    from delegate_cli.roster.runs import read_run  # only where somebody says how an agent is run

    return read_run(node, source, what)


def _patterns(node: yaml.Node, source: Source, what: str) -> dict[str, str]:
    found = {}
    for name, (_, value) in document.mapping(node, source, what).items():
        found[name] = text(value, source, f"{what}.{name}")
        try:
            re.compile(found[name])
        except re.error as error:
            raise source.error(f"{what}.{name} is no regular expression ({error})", value, "correct it") from None
    return found


def _levels(node: yaml.Node, source: Source, what: str) -> tuple[str, ...]:
    items = document.sequence(node, source, what)
    if len(items) != 5:
        raise source.error(f"{what} must be five texts, not {len(items)}", node, "describe levels 1 to 5, lowest first")
    return tuple(text(item, source, f"{what}[{place}]") for place, item in enumerate(items))


def _steps(node: yaml.Node, source: Source, what: str) -> tuple[tuple[float, float], ...]:
    steps = []
    for points, (key, value) in document.mapping(node, source, what).items():
        if not re.fullmatch(r"\d{1,3}(\.\d+)?", points):
            raise source.error(f"{what} has the key {document.shown(points)}", key, "write points of the judge, such as 10: 2")
        steps.append((float(points), document.number(value, source, f"{what}.{points}")))
    return tuple(sorted(steps))


COST = {"per_task": Field(at_least(0), POSITIVE), "per_1k_tokens": Field(at_least(0), POSITIVE)}
AVAILABILITY = {
    "status": Field(one_of(Presence), {"enum": [presence.value for presence in Presence]}),
    "hours": Field(_hours, TEXT),
    "timezone": Field(_zone, TEXT),
    "capacity": Field(whole(0), {"type": "integer", "minimum": 0}),
}
AGENT = {
    "id": Field(identity, {"type": "string", "pattern": r"^[^\s-]\S{0,199}$"}),
    "name": Field(text, TEXT),
    "kind": Field(one_of(Kind), {"enum": [kind.value for kind in Kind]}),
    "description": Field(prose, {"type": "string"}),
    "examples": Field(texts, TEXTS),
    "not_for": Field(texts, TEXTS),
    "skills": SKILLS,
    "tools": Field(texts, TEXTS),
    "tags": Field(texts, TEXTS),
    "allow": Field(texts, TEXTS),
    "cost": Field(block(Cost, COST), object_schema(COST)),
    "latency_ms": Field(at_least(0), POSITIVE),
    "rate_limit_rpm": Field(at_least(0), POSITIVE),
    "availability": Field(block(Availability, AVAILABILITY), object_schema(AVAILABILITY)),
    "auto": Field(one_of(Auto), {"enum": [auto.value for auto in Auto]}),
    "escalate_to": Field(identity, TEXT),
    "contact": Field(text, TEXT),
    "run": Field(_run, {"$ref": "#/$defs/run"}),
    "source": Field(kept, {"type": "object"}),
    "local_only": Field(truth, {"type": "boolean"}),
}
PREFERENCE = {name: Field(at_least(0), POSITIVE) for name in LIKES}
PRICES = {"input_per_1m": Field(at_least(0), POSITIVE), "output_per_1m": Field(at_least(0), POSITIVE)}
LLM = {
    "base_url": Field(checked(text, check_url), {"type": "string", "pattern": "^https?://"}),
    "model": Field(text, TEXT),
    "key_env": Field(identity, TEXT),
    "key_command": Field(_command, {"anyOf": [TEXT, TEXTS | {"minItems": 1}]}),
    "orders": Field(whole(1), {"type": "integer", "minimum": 1}),
    "shortlist": Field(whole(1), {"type": "integer", "minimum": 1}),
    "budget_usd": Field(at_least(0), POSITIVE),
    "max_calls": Field(whole(0), {"type": "integer", "minimum": 0}),
    "timeout_s": Field(at_least(0.001), POSITIVE),
    "concurrency": Field(whole(1), {"type": "integer", "minimum": 1}),
    "retries": Field(whole(0), {"type": "integer", "minimum": 0}),
    "rate_limit_rpm": Field(at_least(0.01), POSITIVE),
    "prices": Field(block(Prices, PRICES), object_schema(PRICES)),
    "cache_mb": Field(at_least(0), POSITIVE),
    "redact": Field(truth, {"type": "boolean"}),
    "redact_patterns": Field(_patterns, {"type": "object", "additionalProperties": TEXT}),
    "levels": Field(_levels, TEXTS | {"minItems": 5, "maxItems": 5}),
}
JOURNAL = {"text": Field(one_of(KeptText), {"enum": [each.value for each in KeptText]})}
_NUMBER = {"type": "number"}
_STEPS = Field(_steps, {"type": "object", "propertyNames": {"pattern": r"^\d{1,3}(\.\d+)?$"}, "additionalProperties": _NUMBER})
REWARDS = {
    **dict.fromkeys(("split_invalid", "answer_invalid", "judge_unreadable", "tie"), Field(document.number, _NUMBER)),
    **dict.fromkeys(("better", "worse"), _STEPS),
}
JUDGE = {name: LLM[name] for name in ("base_url", "model", "key_env", "prices")} | {
    "rewards": Field(block(Rewards, REWARDS), object_schema(REWARDS)),
}
SETTINGS = {
    "encoder": Field(text, TEXT),
    "decider": Field(text, {"enum": list(DECIDERS)}),
    "target_error": Field(at_least(0, 1), UNIT),
    "local_only": Field(truth, {"type": "boolean"}),
    "prefer": Field(_preference, {"anyOf": [{"enum": list(LIKES)}, object_schema(PREFERENCE)]}),
    "prefer_band": Field(at_least(0, 1), UNIT),
    "escalate_to": Field(identity, TEXT),
    "run": Field(_run, {"$ref": "#/$defs/run"}),
    "llm": Field(block(dict, LLM), object_schema(LLM)),
    "journal": Field(block(dict, JOURNAL), object_schema(JOURNAL)),
    "skills": DESCRIPTIONS,
    "judge": Field(block(dict, JUDGE), object_schema(JUDGE)),
}


def roster_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of agents.yaml, each key with what it means."""
    from delegate_cli.roster.described import described
    from delegate_cli.roster.runs import run_schema

    agent = object_schema(AGENT) | {"anyOf": [{"required": ["id"]}, {"required": ["name"]}]}
    agents = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/agent"}}
    whole = {
        "type": "object",
        "additionalProperties": False,
        "required": ["agents"],
        "properties": {
            "version": {"const": 1},
            "settings": {"anyOf": [object_schema(SETTINGS), {"type": "null"}]},
            "agents": agents,
        },
    }
    return described(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "delegate roster, version 1",
            "anyOf": [whole, agents],
            "$defs": {"agent": agent, "run": run_schema()},
        }
    )
