"""JSON Schema of a plan, version 1. That ids are known and unique, and that nothing waits in a circle, only reading finds."""

from typing import Any

from delegate_cli.decision import Status
from delegate_cli.splitting.plan import ID, MOST, VERSION, Mode

_TEXT = {"type": "string"}
_OPTIONAL = {"type": ["string", "null"]}
_SHARE = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_LEVEL = {"type": ["integer", "null"], "minimum": 1, "maximum": 5}
_IDS = {"type": ["array", "null"], "items": _TEXT, "description": "Ids of the subtasks whose results it needs."}
_FACTS = {"type": ["object", "null"], "additionalProperties": _OPTIONAL}
_CHOSEN = ("probability", "confidence", "none", "candidates", "decision")  # each of them says something of an agent or a status


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _is(key: str, *values: str) -> dict[str, Any]:
    """That a key is there, with one of these values, or with any but null."""
    return {"properties": {key: {"enum": list(values)} if values else {"not": {"type": "null"}}}, "required": [key]}


def _subtask() -> dict[str, Any]:
    option = _object({"agent": _TEXT, "probability": _SHARE, "confidence": _LEVEL}, "agent")
    made = _object(
        {
            "id": {"type": "string", "pattern": f"^{ID}$"},
            "task": {"type": "string", "minLength": 1, "description": "What its agent is told."},
            "reason": _OPTIONAL,
            "after": _IDS,
            "context": {"type": ["boolean", "null"], "description": "Its agent is shown the whole request, too."},
            "status": {"enum": [*(status.value for status in Status), None]},
            "agent": {**_OPTIONAL, "description": "Who gets it. Without status: decided."},
            "probability": _SHARE,
            "confidence": _LEVEL,
            "none": _SHARE,
            "candidates": {"type": ["array", "null"], "items": option},
            "decision": {**_OPTIONAL, "description": "The id of the decision in the journal."},
        },
        "id",
        "task",
    )
    nobody = _is("status", Status.NONE.value, Status.NO_ELIGIBLE.value)
    somebody = _is("status", Status.DECIDED.value, Status.ASK.value)
    made["allOf"] = [
        {"if": nobody, "then": {"not": _is("agent")}},
        {"if": somebody, "then": _is("agent")},
        {"if": {"anyOf": [_is(key) for key in _CHOSEN]}, "then": {"anyOf": [_is("agent"), _is("status")]}},
    ]
    return made


def plan_schema() -> dict[str, Any]:
    """The schema of what `split --format json` writes and `run` reads."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "plan of delegate, version 1",
        **_object(
            {
                "v": {"const": VERSION},
                "request": {"type": "string", "minLength": 1, "description": "What was asked, as a whole."},
                "mode": {"enum": [*(mode.value for mode in Mode), None]},
                "reason": _OPTIONAL,
                "splitter": {**_OPTIONAL, "description": "rules, or the name of a model."},
                "roster": _FACTS,
                "fallback": {**_FACTS, "description": "Code and reason, where rules stood in for a model."},
                "subtasks": {"type": "array", "items": _subtask(), "minItems": 1, "maxItems": MOST},
            },
            "v",
            "request",
            "subtasks",
        ),
    }
