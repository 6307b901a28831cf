"""JSON Schema of a line of `journal export`, which is also what `why` and `journal show` print as JSON."""

from typing import Any

from delegate_cli.journal.entries import Origin, Verdict
from delegate_cli.render.schema import decision_schema

_TEXT = {"type": "string"}
_OPTIONAL = {"type": ["string", "null"]}
_HASH = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_POSITIVE = {"type": "number", "minimum": 0}
_OUTCOME = {
    "success": {"type": "boolean"},
    "score": {"type": "number", "minimum": 0, "maximum": 1},
    "cost": _POSITIVE,
    "seconds": _POSITIVE,
}


def journal_schema() -> dict[str, Any]:
    """The schema of one line. Readers must accept further keys."""
    feedback = {
        "type": "object",
        "properties": {
            "number": {"type": "integer"},
            "at": _TEXT,
            "origin": {"enum": [each.value for each in Origin]},
            "verdict": {"enum": [each.value for each in Verdict]},
            "agent": _OPTIONAL,
            "note": _TEXT,
            "undone": {"const": True},
            **_OUTCOME,
        },
        "required": ["number", "at", "origin"],
    }
    decision: dict[str, Any] = decision_schema()["anyOf"][0]
    kept = {**decision, "properties": {**decision["properties"], "task": _OPTIONAL}}  # null where only the hash is kept
    properties = {
        "id": _TEXT,
        "at": _TEXT,
        "origin": {"enum": [each.value for each in Origin]},
        "decision": kept,
        "task_sha256": _HASH,
        "roster": {"type": "object", "properties": {"path": _OPTIONAL, "sha256": _OPTIONAL}},
        "settings_sha256": _HASH,
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "asked": {"type": "object"},
        "answer": {"anyOf": [feedback, {"type": "null"}]},
        "outcome": {"type": "object", "properties": _OUTCOME},
        "feedback": {"type": "array", "items": feedback},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "delegate journal, one decision with what was said of it",
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
