"""JSON from outside: read within bounds, and held against the schema that is also published, so that both say the same.

Knows the part of JSON Schema that `wire` and `choices` use.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from delegate_cli.errors import UsageError

MAX_BODY = 8 * 1024 * 1024  # bytes: a task of 1 MiB whose every character is written as an escape
MAX_DEPTH = 32
# something to be seen; what counts as white space differs between languages, but for what is named here
VISIBLE = r"[^\s\x00-\x1f\x7f-\x9f]"
Schema = Mapping[str, Any]


class Malformed(UsageError):
    """A body that is no JSON, or not of the shape that is published."""

    code = "request"


def read(body: bytes) -> Any:
    """A body as a value.

    Raises:
        Malformed: it is no JSON in UTF-8, nested too deeply, or has numbers that JSON does not.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        if _depth(value) > MAX_DEPTH:
            raise RecursionError
    except RecursionError:
        raise Malformed(f"the body is nested more than {MAX_DEPTH} deep", "send it flatter") from None
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8", "send JSON in UTF-8") from None
    except ValueError as error:
        reason = str(error).partition(":")[0][:60] or "not JSON"
        raise Malformed(f"the body is not valid JSON ({reason})", "send one JSON object") from None
    return value


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        nested = [each for each in level if isinstance(each, dict | list)]
        level = [inner for each in nested for inner in (each.values() if isinstance(each, dict) else each)]
        depth += bool(nested)
    return depth


def check(value: Any, schema: Schema, where: str = "the body") -> None:
    """Hold a value against a schema.

    Raises:
        Malformed: naming the first place that does not fit.
    """
    problem = _problem(value, schema, where)
    if problem is not None:
        raise Malformed(*problem)


Problem = tuple[str, str]


def _problem(value: Any, schema: Schema, where: str) -> Problem | None:
    if "anyOf" in schema:
        found = [_problem(value, each, where) for each in schema["anyOf"]]
        return None if None in found else next(each for each in found if each is not None)
    if "enum" in schema and not any(value == each and type(value) is type(each) for each in schema["enum"]):
        return f"{where} must be one of {', '.join(map(str, schema['enum'][:8]))}", "correct it, or leave it out"
    kinds = schema.get("type")
    if kinds is not None:
        kinds = [kinds] if isinstance(kinds, str) else kinds
        kind = next((each for each in kinds if _KINDS[each](value)), None)
        if kind is None:
            return f"{where} must be {' or '.join(_SPOKEN[each] for each in kinds)}", "see /openapi.json"
        return _BOUNDS[kind](value, schema, where) if kind in _BOUNDS else None
    return None


def _text(value: str, schema: Schema, where: str) -> Problem | None:
    least, most, pattern = schema.get("minLength", 0), schema.get("maxLength"), schema.get("pattern")
    if most is not None and len(value) > most:
        return f"{where} has {len(value):,} characters; the limit is {most:,}", "shorten it"
    if len(value) < least or (pattern is not None and not _pattern(pattern).search(value)):
        return f"{where} cannot be {value[:40]!r}", schema.get("x-fix", "see /openapi.json")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return f"{where} has half a surrogate pair", "send valid Unicode text"
    return None


@lru_cache(maxsize=64)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\$$", r"\\Z", pattern))  # in Python $ also stands before a last line feed


def _number(value: float, schema: Schema, where: str) -> Problem | None:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if low <= value <= high:
        return None
    return f"{where} must lie between {low:g} and {high:g}", "correct it, or leave it out"


def _items(value: list[Any], schema: Schema, where: str) -> Problem | None:
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    if len(value) < least or (most is not None and len(value) > most):
        return f"{where} has {len(value)} entries", f"send {least} to {most}"
    if "items" not in schema:
        return None
    found = (_problem(each, schema["items"], f"{where}[{place}]") for place, each in enumerate(value))
    return next((problem for problem in found if problem is not None), None)


def _members(value: dict[str, Any], schema: Schema, where: str) -> Problem | None:
    known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
    missing = next((name for name in schema.get("required", ()) if name not in value), None)
    if missing is not None:
        return f"{where} has no {missing!r}", "see /openapi.json"
    if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", math.inf):
        return f"{where} has {len(value)} members", "see /openapi.json"
    for name, each in value.items():
        if name in known:
            problem = _problem(each, known[name], name if where == "the body" else f"{where}.{name}")
        elif other is False:
            return f"{where} has an unknown member {name[:40]!r}", _near(name, list(known))
        else:
            problem = None if other is True else _problem(each, other, f"{where}.{name[:40]}")
        if problem is not None:
            return problem
    return None


def _near(name: str, known: list[str]) -> str:
    from delegate_cli.roster.document import unknown_key

    return unknown_key(name, known)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_KINDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == int(value),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_BOUNDS: dict[str, Callable[[Any, Schema, str], Problem | None]] = {
    "string": _text,
    "number": _number,
    "integer": _number,
    "array": _items,
    "object": _members,
}
_SPOKEN = {
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "number": "a number",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}
