"""The page docs/roster.md: every key of agents.yaml, from its JSON Schema."""

from collections.abc import Iterator
from typing import Any

from delegate_cli.roster.fields import roster_schema

HEAD = """# agents.yaml

Made by `make docs` from the JSON Schema that `delegate schema roster` prints; editors that know JSON Schema check a roster
with it. Unknown keys, wrong types, duplicate keys and ids are errors that name file, line and the nearest known key. A bare
list of agents is a roster too, and so is the same as JSON. An empty value counts as absent. Loading executes nothing.
"""
_PLAIN = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "object": "mapping",
    "number": "number",
}


def page() -> str:
    """The whole page."""
    schema = roster_schema()
    settings = next(each for each in schema["anyOf"][0]["properties"]["settings"]["anyOf"] if "properties" in each)
    agent = f"One of `id` and `name` is needed; all else may be left out.\n\n{_table(schema['$defs']['agent'])}"
    run = f"For `delegate run`; which keys there are hangs on `kind`.\n\n{_run_table(schema['$defs']['run'])}"
    before = f"Flags go before the environment, that before this block.\n\n{_table(settings)}"
    return "\n".join([HEAD, f"## An agent\n\n{agent}", f"## How it is run\n\n{run}", f"## Settings\n\n{before}"])


def _table(schema: dict[str, Any]) -> str:
    lines = ["| key | value | what it means |", "|---|---|---|"]
    return "\n".join([*lines, *(_row(key, each) for key, each in dict(_keys(schema, "")).items())]) + "\n"


def _run_table(schema: dict[str, Any]) -> str:
    kinds: dict[str, list[str]] = {}
    rows: dict[str, dict[str, Any]] = {}
    for each in schema["oneOf"]:
        for key, inner in _keys(each, ""):
            kinds.setdefault(key, []).append(each["properties"]["kind"]["const"])
            rows[key] = inner
    names = kinds["kind"]
    rows["kind"] = {"enum": names, "description": rows["kind"]["description"]}
    lines = ["| key | value | what it means | for |", "|---|---|---|---|"]
    whose = {key: "all" if found == names else ", ".join(found) for key, found in kinds.items()}
    return "\n".join([*lines, *(f"{_row(key, each)} {whose[key]} |" for key, each in rows.items())]) + "\n"


def _row(key: str, schema: dict[str, Any]) -> str:
    said = schema["description"].replace("|", "\\|")
    return f"| `{key}` | {_values(schema)} | {said} |"


def _keys(schema: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}", inner
        yield from _keys(inner, f"{path}{name}.")
    for inner in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _keys(inner, path)
    yield from _keys(schema.get("additionalProperties"), f"{path}*.")


def _values(schema: dict[str, Any]) -> str:
    """What a value may be, in words."""
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        return "mapping"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_values(each) for each in schema["anyOf"] if each.get("type") != "null"))
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        return " or ".join(_PLAIN[each] for each in kind)
    if kind == "array":
        return "list" if "anyOf" in schema["items"] else "list of texts"
    low, high = schema.get("minimum"), schema.get("maximum")
    span = f", {low} to {high}" if high is not None else f", at least {low}" if low is not None else ""
    above = f", more than {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else ""
    return _PLAIN[kind] + span + above
