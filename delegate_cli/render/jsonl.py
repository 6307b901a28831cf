"""Decisions as JSON. What is no text, or would move a terminal or split a line, comes out as an escape."""

import json
import re
from typing import Any

from delegate_cli.decision import VERSION, Decision

# DEL and C1 controls, Unicode's line ends and direction marks: JSON allows them raw, terminals and `splitlines` obey them
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


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
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
