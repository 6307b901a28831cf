"""The `run` block of a card: how an agent is called, one table of keys for each kind. Reading it starts nothing.

What comes out is the block as plain values, checked; `running.blocks` makes of it what the executors take.
"""

from enum import StrEnum
from typing import Any

import yaml

from delegate_cli.errors import SettingsError
from delegate_cli.roster import document
from delegate_cli.roster.document import Source
from delegate_cli.roster.readers import (
    POSITIVE,
    TEXT,
    Field,
    at_least,
    checked,
    identity,
    object_schema,
    one_of,
    read_fields,
    text,
    truth,
    whole,
)
from delegate_cli.settings import check_url

TASK = "{task}"  # an argument that stands for the task


class RunKind(StrEnum):
    """How an agent is called."""

    OPENAI = "openai"
    COMMAND = "command"
    HTTP = "http"
    MCP = "mcp"
    HUMAN = "human"


class Form(StrEnum):
    """What an agent reads or writes."""

    TEXT = "text"
    JSON = "json"


def _argv(node: yaml.Node, source: Source, what: str) -> list[str]:
    """A program and its arguments, as they are written: `1` and `true` are words here."""
    found = []
    for place, item in enumerate(document.sequence(node, source, what)):
        here = f"{what}[{place}]"
        if not isinstance(item, yaml.ScalarNode) or document.is_null(item):
            raise source.error(f"{here} must be text, not {document.describe(item)}", item, "put it in quotes")
        source.count(item)
        found.append(item.value)
        if "\0" in item.value:
            raise source.error(f"{here} has a NUL character", item, "remove it")
        if TASK in item.value and (item.value != TASK or not place):
            fix = f'write "{TASK}" as an argument of its own; without it the task comes on stdin'
            raise source.error(f"{here}: the task is never put into the middle of an argument", item, fix)
    if not found or not found[0].strip():
        raise source.error(f"{what} names no program", node, "write it as [program, argument, …]")
    return found


def _names(node: yaml.Node, source: Source, what: str) -> list[str]:
    items = document.sequence(node, source, what)
    return [_variable(item, source, f"{what}[{place}]") for place, item in enumerate(items)]


def _variable(node: yaml.Node, source: Source, what: str) -> str:
    name: str = identity(node, source, what)
    if "=" in name:
        fix = "write the name alone; its value comes from the environment, and never stands in the roster"
        raise source.error(f"{what} must be the name of a variable", node, fix)
    return name


def _texts_by_name(node: yaml.Node, source: Source, what: str) -> dict[str, str]:
    return {
        name: checked(text, _header)(value, source, f"{what}.{name}")
        for name, (_, value) in document.mapping(node, source, what).items()
    }


def _header(value: str, what: str) -> str:
    if not value.isascii() or not value.isprintable():
        raise SettingsError(f"{what} must be one line of ASCII", "correct it")
    return value


def _values(node: yaml.Node, source: Source, what: str) -> dict[str, Any]:
    document.mapping(node, source, what)
    found: dict[str, Any] = document.plain(node, source, what)
    return found


def _prices(node: yaml.Node, source: Source, what: str) -> dict[str, Any]:
    from delegate_cli.roster.fields import PRICES

    return read_fields(node, source, what, PRICES)


_TRUTH = {"type": "boolean"}
_URL = Field(checked(text, check_url), {"type": "string", "pattern": "^https?://"})
_SECONDS = Field(at_least(0.001), POSITIVE)
_VARIABLE = Field(_variable, TEXT)
_ARGV = Field(_argv, {"type": "array", "items": {"type": ["string", "number", "boolean"]}, "minItems": 1})
_FORM = Field(one_of(Form), {"enum": [form.value for form in Form]})
_ENV = Field(_names, {"type": "array", "items": TEXT})
_HEADERS = Field(_texts_by_name, {"type": "object", "additionalProperties": TEXT})
_KIND = Field(one_of(RunKind), {"enum": [kind.value for kind in RunKind]})
_PLACE = Field(text, TEXT)
# what every kind that is called has
_CALLED = {
    "kind": _KIND,
    "timeout_s": _SECONDS,
    "retries": Field(whole(0), {"type": "integer", "minimum": 0}),
    "max_calls": Field(whole(0), {"type": "integer", "minimum": 0}),
    "budget_usd": Field(at_least(0), POSITIVE),
    "max_output_kb": Field(at_least(1), {"type": "number", "minimum": 1}),
    "idempotent": Field(truth, _TRUTH),
}
_READ_ONLY = {"read_only": Field(truth, _TRUTH)}
RUN: dict[RunKind, dict[str, Field]] = {
    RunKind.OPENAI: _CALLED
    | {
        "base_url": _URL,
        "model": Field(text, TEXT),
        "system": Field(text, TEXT),
        "key_env": _VARIABLE,
        "temperature": Field(at_least(0, 2), {"type": "number", "minimum": 0, "maximum": 2}),
        "max_tokens": Field(whole(1), {"type": "integer", "minimum": 1}),
        "prices": Field(_prices, {"type": "object"}),
    },
    RunKind.COMMAND: _CALLED
    | _READ_ONLY
    | {"argv": _ARGV, "input": _FORM, "output": _FORM, "answer": _PLACE, "cwd": Field(text, TEXT), "env": _ENV},
    RunKind.HTTP: _CALLED
    | _READ_ONLY
    | {"url": _URL, "headers": _HEADERS, "key_env": _VARIABLE, "key_header": Field(identity, TEXT), "answer": _PLACE},
    RunKind.MCP: _CALLED
    | _READ_ONLY
    | {
        "tool": Field(text, TEXT),
        "argument": Field(text, TEXT),
        "arguments": Field(_values, {"type": "object"}),
        "argv": _ARGV,
        "cwd": Field(text, TEXT),
        "env": _ENV,
        "url": _URL,
        "headers": _HEADERS,
        "key_env": _VARIABLE,
    },
    RunKind.HUMAN: {"kind": _KIND},
}
_NEEDED = {
    RunKind.OPENAI: (),
    RunKind.COMMAND: ("argv",),
    RunKind.HTTP: ("url",),
    RunKind.MCP: ("tool",),
    RunKind.HUMAN: (),
}


def read_run(node: yaml.Node, source: Source, what: str) -> dict[str, Any]:
    """A run block as plain values.

    Raises:
        RosterError: its kind is missing or unknown, or a key is unknown, missing, or has a value that makes no sense.
    """
    found = document.mapping(node, source, what)
    if "kind" not in found:
        known = ", ".join(RunKind)
        raise source.error(f"{what} has no kind", node, f"add `kind:`, one of: {known}")
    kind: RunKind = one_of(RunKind)(found["kind"][1], source, f"{what}.kind")
    values = read_fields(node, source, what, RUN[kind])
    for key in _NEEDED[kind]:
        if key not in values:
            raise source.error(f"{what} of kind {kind} has no {key}", node, f"add `{key}:`")
    if kind is RunKind.MCP and ("argv" in values) == ("url" in values):
        raise source.error(f"{what} needs argv or url, and not both", node, "name the server's program, or its address")
    if kind is RunKind.MCP and TASK in values.get("argv", ()):
        fix = "name the tool's argument that gets it with `argument:`"
        raise source.error(f"{what}.argv starts a server, which gets no task", node, fix)
    return {key: value.value if isinstance(value, StrEnum) else value for key, value in values.items()}


def run_schema() -> dict[str, Any]:
    """JSON Schema of a run block: one of its kinds."""
    from delegate_cli.roster.fields import PRICES

    kinds = []
    for kind, fields in RUN.items():
        schema = object_schema(fields)
        schema["properties"]["kind"] = {"const": kind.value}
        if "prices" in fields:
            schema["properties"]["prices"] = {"anyOf": [object_schema(PRICES), {"type": "null"}]}
        schema["required"] = ["kind", *_NEEDED[kind]]
        kinds.append(schema)
    return {"oneOf": kinds}
