"""Parts → one answer, without a model: under headings that say which part came from whom. Pure functions.

An answer cannot pass for a heading of ours or for another's part, hide one, or say where another's links lead: its own headings
go two levels down, a block of code that it opens and does not close is closed before the next part, and its HTML and its
definitions of links are text.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from delegate_cli.running.records import Result, State

_HEADING = re.compile(r"^( {0,3})(#{1,6})(?=\s|$)", re.MULTILINE)
_UNDERLINE = re.compile(r"^( {0,3})(=+|-+)[ \t]*$", re.MULTILINE)
_LINK = re.compile(r"^([ >]*)(\[[^\]]{1,999}\]:)")  # it would hold for every part
# a comment, or an element that what follows would be in, not shown, or a heading; `List<Order>` stays as it is
_TAG = re.compile(
    r"<(?=[!?]|/?(?:h[1-6]|div|span|details|summary|dialog|template|table|tbody|tr|td|ul|ol|li|dl|p|a|b|i|s|u|del|center|font|form|"
    r"select|option|button|textarea|title|style|script|noscript|iframe|object|embed|svg|math|pre|code|xmp|plaintext|section|"
    r"article|aside|main|header|footer|nav|blockquote|base|link|meta|html|head|body|img|video|audio|input)\b)",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^\n]*)$")
_LINE_END = re.compile(r"\r\n?")  # a carriage return alone ends a line, too
_TITLE = 80  # characters of a subtask in a heading


def joined(parts: Sequence[Mapping[str, Any]]) -> str:
    """The parts of `part_of` as Markdown, in their order; the answer alone where there was one part and it is done."""
    if len(parts) == 1 and parts[0]["state"] == State.DONE:
        return str(parts[0]["answer"])
    return "\n\n".join(f"## {place}. {title(part)}\n\n{_body(part)}" for place, part in enumerate(parts, 1)) + "\n"


def part_of(result: Result, task: str, name: str | None) -> dict[str, Any]:
    """A part of the answer: what `--no-aggregate` gives of it."""
    record = result.as_dict()
    return {"subtask": record.pop("subtask"), "task": task, "state": record.pop("state"), "name": name, **record}


def title(part: Mapping[str, Any]) -> str:
    """What a part was, and who did it, on one line."""
    task = " ".join(str(part["task"]).split()).replace("`", "'")
    task = task if len(task) <= _TITLE else task[: _TITLE - 1].rstrip() + "…"
    if part["state"] == State.DONE:
        return f"{task} — {part['name']} ({part['agent']})"
    return f"{task} — not done"


def _body(part: Mapping[str, Any]) -> str:
    if part["state"] == State.DONE:
        return tamed(str(part["answer"])) or "(no text)"
    error = part["error"] or {"message": "not done", "fix": ""}
    return f"{part['state']}: {tamed(' '.join(str(error['message']).split()))}"


def tamed(text: str) -> str:
    """Markdown that stays within its part."""
    lines, opened = [], ""
    for line in _LINE_END.sub("\n", text).strip("\n").split("\n"):
        found = _FENCE.match(line)
        if opened:
            closes = found and found[1].startswith(opened) and not found[2].strip()
            opened = "" if closes else opened
        elif found:
            opened = found[1]
        else:
            line = _LINK.sub(r"\1\\\2", _UNDERLINE.sub(r"\1\\\2", _HEADING.sub(_lower, line)))
            line = _TAG.sub("&lt;", line)
        lines.append(line)
    return "\n".join([*lines, opened] if opened else lines).rstrip()


def _lower(found: re.Match[str]) -> str:
    return found[1] + "#" * min(len(found[2]) + 2, 6)
