"""JSON Schema of the decision record, version 1. The roster's schema is beside its loader."""

from typing import Any

from delegate_cli.decision import VERSION, EvidenceKind, Status

_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT = {"type": "string"}
_OPTIONAL = {"type": ["string", "null"]}


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties) if required is None else required}


def _candidate() -> dict[str, Any]:
    """One agent that the task may go to; agents far down the list of --all have no rubric."""
    criterion = _object({"criterion": _TEXT, "score": _SHARE, "reason": _TEXT})
    evidence = _object(
        {
            "kind": {"enum": [kind.value for kind in EvidenceKind]},
            "text": _TEXT,
            "similarity": {"type": "number", "minimum": -1.01, "maximum": 1.01},
        }
    )
    return _object(
        {
            "agent": _TEXT,
            "name": _TEXT,
            "kind": _TEXT,
            "probability": _SHARE,
            "confidence": {"type": "integer", "minimum": 1, "maximum": 5},
            "rubric": {"type": "array", "items": criterion},
            "evidence": {"type": "array", "items": evidence},
            "head": _SHARE,
            "model": _SHARE,
            "model_rubric": _object({"level": {"type": "integer", "minimum": 1, "maximum": 5}, "reason": _TEXT}),
        },
        ["agent", "name", "kind", "probability"],
    )


def _rules() -> dict[str, Any]:
    """What the rules around the decision did."""
    number, optional_number = {"type": "number"}, {"type": ["number", "null"]}
    step = _object({"agent": _TEXT, "name": _TEXT, "detail": _OPTIONAL, "contact": _OPTIONAL})
    lift = _object({"constraint": _TEXT, "rule": _TEXT, "eligible": {"type": "integer", "minimum": 1}})
    differences = dict.fromkeys(("cost_usd", "latency_ms", "quality"), optional_number)
    return {
        "reason": _TEXT,
        "lift": {"anyOf": [lift, {"type": "null"}]},
        "traded": _object(
            {"by": _TEXT, "over": _TEXT, "probability": number, **differences, "skills": {"type": "array", "items": _TEXT}}
        ),
        "escalation": _object(
            {
                "reason": {"enum": ["none", "absent", "no_eligible"]},
                "to": _OPTIONAL,
                "chain": {"type": "array", "items": step, "minItems": 1},
            }
        ),
        "followup": _object({"weight": _SHARE, "context": {"type": "boolean"}, "previous": _OPTIONAL}),
    }


def decision_schema() -> dict[str, Any]:
    """The schema of one decision or one error line. Readers must accept further keys."""
    tokens = _object({"input": {"type": "integer"}, "output": {"type": "integer"}})
    decider = _object(
        {
            "kind": _TEXT,
            "model": _TEXT,
            "calibrated": {"type": "boolean"},
            "orders": {"type": "integer", "minimum": 1},
            "missing_mass": _SHARE,
            "tokens": tokens,
            "cost_usd": {"type": ["number", "null"], "minimum": 0},
            "flips": _SHARE,
        },
        ["kind", "model", "calibrated", "orders", "missing_mass", "tokens", "cost_usd"],
    )
    decided = _object(
        {
            "v": {"const": VERSION},
            "id": {
                "type": "string",
                "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
            },
            "ref": True,
            "task": _TEXT,
            "status": {"enum": [status.value for status in Status]},
            "agent": _OPTIONAL,
            "probability": _SHARE,
            "none": _SHARE,
            "margin": {"type": "number", "minimum": -1, "maximum": 1},
            "threshold": _SHARE,
            "candidates": {"type": "array", "items": _candidate()},
            "excluded": {"type": "array", "items": _object({"agent": _TEXT, "rule": _TEXT, "detail": _TEXT})},
            "decider": decider,
            "roster": _object({"path": _OPTIONAL, "sha256": _TEXT}),
            "elapsed_ms": {"type": "number", "minimum": 0},
            "fallback": _object({"reason": _TEXT, "code": _TEXT}),
            "reason": _TEXT,
            "missed": _TEXT,
            "contrast": {"type": "object"},
            "confirmed": {"const": True},
            **_rules(),
        },
        [
            *("v", "id", "ref", "task", "status", "agent", "probability", "none", "margin", "threshold"),
            *("candidates", "excluded", "decider", "roster", "elapsed_ms"),
        ],
    )
    error = _object({"code": _TEXT, "message": _TEXT, "fix": _TEXT})
    failed = _object({"v": {"const": VERSION}, "ref": True, "task": _OPTIONAL, "status": {"const": "error"}, "error": error})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"delegate decision record, version {VERSION}",
        "type": "object",
        "anyOf": [decided, failed],
    }
