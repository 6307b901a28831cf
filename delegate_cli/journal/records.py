"""A decision record back as a `Decision`, so that what was recorded is shown by the same code as what was just decided.

Types of attributes say how values of JSON are read, so that a new attribute needs nothing here where its key has its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin

from delegate_cli.decision import Candidate, DeciderInfo, Decision
from delegate_cli.journal.entries import Entry

HASHED = "(only its hash was kept)"  # in place of a task

# Where the record has another shape than the value; every other key is called as its attribute is.
_READERS: dict[tuple[type, str], Callable[[Mapping[str, Any]], Any]] = {
    (Candidate, "rubric"): lambda each: each.get("rubric") and {"level": each["confidence"], "criteria": each["rubric"]},
    (Candidate, "model_level"): lambda each: each.get("model_rubric"),
    (DeciderInfo, "input_tokens"): lambda each: each.get("tokens", {}).get("input"),
    (DeciderInfo, "output_tokens"): lambda each: each.get("tokens", {}).get("output"),
}


def decision_of(entry: Entry) -> Decision:
    """The recorded decision. Keys that this version does not know are left out; what the record lacks has its default."""
    return decision_from({**entry.record, "task": HASHED if entry.task is None else entry.task})


def decision_from(record: Mapping[str, Any]) -> Decision:
    """The decision of a record, which gives the same record again."""
    found: Decision = _build(Decision, record)
    return found


def _build(kind: Any, value: Any) -> Any:
    """A value of JSON as the type of an attribute. Keys that the type does not know are left out."""
    if value is None:
        return None
    origin = get_origin(kind)
    if origin is UnionType:
        return _build(next(each for each in get_args(kind) if each is not type(None)), value)
    if origin is tuple:
        return tuple(_build(get_args(kind)[0], each) for each in value)
    if is_dataclass(kind):
        return _dataclass(kind, value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value


def _dataclass(kind: Any, value: Mapping[str, Any]) -> Any:
    given = {}
    for each in fields(kind):
        read = _READERS.get((kind, each.name))
        found = read(value) if read is not None else value.get(each.name)
        if found is not None:
            given[each.name] = _build(each.type, found)
        elif each.name in value:
            given[each.name] = None
    return kind(**given)
