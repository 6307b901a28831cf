"""Answers in JSON: where in them the text is, and what they say of their cost."""

import json
import math
from typing import Any

from delegate_cli.running.work import Answer, End, Failure

_ANSWER = "answer"


def read_json(text: str, who: str, place: str | None) -> Answer:
    """An answer from JSON: the value at a dotted place, else its `answer`, else all of it.

    Raises:
        Failure: it is no JSON, or has nothing at that place.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Failure(End.UNCLEAR, f"{who} answered with broken JSON", "look at what it writes") from None
    found = _at(value, place.split("."), who, place) if place else value
    if place is None and isinstance(value, dict) and _ANSWER in value:
        found = value[_ANSWER]
    said = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return Answer(_valid(said), cost_usd=_cost(value))


def _at(value: Any, keys: list[str], who: str, place: str | None) -> Any:
    for key in keys:
        try:
            value = value[int(key) if isinstance(value, list) else key]
        except (KeyError, IndexError, TypeError, ValueError):
            fix = "correct run.answer, a path such as result.text"
            raise Failure(End.UNCLEAR, f"{who} answered without {place}", fix, again=False) from None
    return value


def _cost(value: Any) -> float | None:
    cost = value.get("cost_usd") if isinstance(value, dict) else None
    fits = isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost) and 0 <= cost < 1e6
    return float(cost) if fits and cost is not None else None


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # JSON may hold half a surrogate pair
