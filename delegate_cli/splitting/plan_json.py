"""A plan from JSON, read strictly: what is unknown, missing or of another type is named with its place."""

import json
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from delegate_cli.decision import Status
from delegate_cli.errors import PlanError
from delegate_cli.splitting.plan import VERSION, Assignment, Mode, Option, Plan, Subtask

_LIMIT = 16 * 1024 * 1024  # characters: a request and eight subtasks of 1 MiB each, with what JSON adds
_PLAN = ("v", "request", "mode", "reason", "splitter", "roster", "subtasks", "fallback")
_ASSIGNED = ("status", "agent", "probability", "confidence", "none", "candidates", "decision")
_SUBTASK = ("id", "task", "reason", "after", "context", *_ASSIGNED)
_OPTION = ("agent", "probability", "confidence")
_HUGE = 1e12  # neither infinite nor an integer that no float can hold
Value = TypeVar("Value")


def loads(text: str, name: str = "the plan") -> Plan:
    """A plan from JSON text; `name` is what errors call it.

    Raises:
        PlanError: it is no JSON, or no valid plan of this version.
    """
    if len(text) > _LIMIT:
        raise PlanError(f"{name} has {len(text):,} characters; the limit is {_LIMIT:,}", "shorten it")
    try:
        record = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise PlanError(f"{name}: no JSON at line {error.lineno}, column {error.colno}: {error.msg}", "correct it") from None
    except RecursionError:
        raise PlanError(f"{name}: nested too deeply", "see docs/splitting.md for the format") from None
    except PlanError as error:
        raise PlanError(f"{name}: {error.message}", error.fix) from None
    except ValueError as error:  # an integer of more than 4,300 digits
        raise PlanError(f"{name}: {error}", "correct it") from None
    return of_dict(record, name)


def of_dict(record: Any, name: str = "the plan") -> Plan:
    """A plan from what JSON was read into.

    Raises:
        PlanError: it is no valid plan of this version.
    """
    try:
        return _plan(record)
    except PlanError as error:
        raise PlanError(f"{name}: {error.message}", error.fix) from None


def _plan(record: Any) -> Plan:
    known = _object(record, "it", _PLAN)
    if type(known.get("v")) is not int or known["v"] != VERSION:
        raise PlanError(f"v must be {VERSION}, not {_shown(known.get('v'))}", f'write "v": {VERSION}')
    plan = Plan(
        request=_needed(known, "request", _text, ""),
        subtasks=tuple(
            _subtask(each, f"subtasks[{place}]") for place, each in enumerate(_needed(known, "subtasks", _list, ""))
        ),
        reason=_optional(known, "reason", _text, "") or "",
        splitter=_optional(known, "splitter", _text, "") or "",
        roster=_optional(known, "roster", _strings, "") or {},
        fallback=_optional(known, "fallback", _strings, ""),
    )
    mode = _optional(known, "mode", _text, "")
    if mode is not None and mode != plan.mode.value:
        if mode not in [each.value for each in Mode]:
            raise PlanError(f"there is no mode {_shown(mode)}", f"use one of: {', '.join(Mode)}")
        raise PlanError(
            f"mode is {mode}, but its subtasks make it {plan.mode.value}", "correct mode or `after`, or leave out mode"
        )
    return plan


def _subtask(record: Any, where: str) -> Subtask:
    known = _object(record, where, _SUBTASK)
    after = tuple(_text(each, f"{where}.after") for each in _optional(known, "after", _list, where) or ())
    subtask_id, task = _needed(known, "id", _text, where), _needed(known, "task", _text, where)
    reason, context = _optional(known, "reason", _text, where) or "", _optional(known, "context", _flag, where) or False
    return Subtask(subtask_id, task, reason, after, context, _assignment(known, where))


def _assignment(known: Mapping[str, Any], where: str) -> Assignment | None:
    given = {key for key in _ASSIGNED if known.get(key) is not None}
    if not given:
        return None
    word, agent = _optional(known, "status", _text, where), _optional(known, "agent", _text, where)
    if word is not None and word not in [each.value for each in Status]:
        raise PlanError(f"{where}: there is no status {_shown(word)}", f"use one of: {', '.join(Status)}")
    if word is None and agent is None:
        raise PlanError(f"{where} has {sorted(given)[0]}, but neither agent nor status", "name the agent")
    options = enumerate(_optional(known, "candidates", _list, where) or ())
    return Assignment(
        status=Status.DECIDED if word is None else Status(word),
        agent=agent,
        probability=_optional(known, "probability", _number, where),
        confidence=_optional(known, "confidence", _whole, where),
        none=_optional(known, "none", _number, where),
        candidates=tuple(_option(each, f"{where}.candidates[{place}]") for place, each in options),
        decision=_optional(known, "decision", _text, where),
    )


def _option(record: Any, where: str) -> Option:
    known = _object(record, where, _OPTION)
    return Option(
        _needed(known, "agent", _text, where),
        _optional(known, "probability", _number, where),
        _optional(known, "confidence", _whole, where),
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) < len(pairs):
        keys = [key for key, _ in pairs]
        raise PlanError(f"the key {_shown(next(key for key in keys if keys.count(key) > 1))} stands twice", "remove one")
    return record


def _no_number(word: str) -> float:
    raise PlanError(f"{word} is no number of JSON", "correct it")


def _object(value: Any, where: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise PlanError(f"{where} must be an object, not {_shown(value)}", "see docs/splitting.md for the format")
    for key in value:
        if key not in keys:
            near = get_close_matches(str(key), keys, n=1, cutoff=0.6)
            raise PlanError(f"{where} has the unknown key {_shown(key)}", f"did you mean {near[0]}?" if near else "remove it")
    return value


def _needed(known: Mapping[str, Any], key: str, read: Callable[[Any, str], Value], where: str) -> Value:
    value = _optional(known, key, read, where)
    if value is None:
        raise PlanError(f"{where or 'it'} lacks {key}", "add it")
    return value


def _optional(known: Mapping[str, Any], key: str, read: Callable[[Any, str], Value], where: str) -> Value | None:
    value = known.get(key)
    return None if value is None else read(value, f"{where}.{key}".lstrip("."))


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise PlanError(f"{where} must be text, not {_shown(value)}", "put it in quotes")
    return value


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PlanError(f"{where} must be true or false, not {_shown(value)}", "correct it")
    return value


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_HUGE < value < _HUGE:
        raise PlanError(f"{where} must be a number, not {_shown(value)}", "correct it")
    return float(value)


def _whole(value: Any, where: str) -> int:
    if type(value) is not int:
        raise PlanError(f"{where} must be a whole number, not {_shown(value)}", "correct it")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise PlanError(f"{where} must be a list, not {_shown(value)}", "put it in brackets")
    return value


def _strings(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(each is None or isinstance(each, str) for each in value.values()):
        raise PlanError(f"{where} must be an object of texts", "correct it, or leave it out")
    return value


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 40 else text[:39] + "…"
