"""Decisions as JSON. Lone surrogates and control characters come out as escapes, so that any reader accepts a line."""

import json
from typing import Any

from delegate_cli.decision import VERSION, Decision


def json_line(decision: Decision) -> str:
    """One line of JSON Lines."""
    return dumps(decision.as_dict()) + "\n"


def json_text(record: Any) -> str:
    """Indented JSON."""
    return dumps(record, indent=2) + "\n"


def error_record(error: dict[str, str], task: str | None = None, ref: Any = None) -> dict[str, Any]:
    """What stands in place of a decision that could not be made."""
    return {"v": VERSION, "ref": ref, "task": task, "status": "error", "error": error}


def dumps(record: Any, indent: int | None = None) -> str:
    """JSON with readable Unicode; text that is no valid Unicode is escaped."""
    text = json.dumps(record, ensure_ascii=False, indent=indent)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        text = json.dumps(record, ensure_ascii=True, indent=indent)
    return text
