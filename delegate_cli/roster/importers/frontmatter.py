"""The block between two lines of `---` at the top of a Markdown file, also where it is no valid YAML.

Wild files have unquoted colons, line breaks without indentation, unclosed blocks: then it is read line by line, and only words
that are known as keys begin a new value.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from delegate_cli.roster.importers.files import File, Refused, read_yaml

MAX_FRONT = 1_000_000  # characters
_KEYS = (
    "name description tools model color emoji vibe author authors services permissionMode permission version license category"
    " mode target handoffs skills hooks memory metadata tags allowed-tools disallowedTools disallowed-tools argument-hint"
    " mcpServers mcp-servers maxTurns title temperature compatibility user-invocable disable-model-invocation delegate"
)
_KEY = re.compile(rf"(?P<key>{'|'.join(map(re.escape, _KEYS.split()))})\s*:(?:\s+(?P<value>.*))?$")
_OPEN = re.compile(r"\s*(?:<!--.*?-->\s*)?(?:`{3,4}\w*\n)?---[ \t]*\n", re.DOTALL)
_CLOSE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^#{1,3} ", re.MULTILINE)
_FENCE = re.compile(r"^(?:```|~~~).*?(?:^(?:```|~~~)[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_MARKS = re.compile(r"^[ \t]*(?:[#>*+-]+|\d+\.)[ \t]+|\*\*|__|`|^-{3,}$|^[|=].*$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
LEAD = 1200  # characters of a text that stand for a description


@dataclass
class Front:
    """The values of the block, and the text below it. `there` is False where a file has no such block."""

    values: dict[str, Any] = field(default_factory=dict)
    body: str = ""
    there: bool = False


def read_front(file: File) -> Front:
    """Split a file and read its block.

    Raises:
        Refused: it is no text.
    """
    known = file.memory.get("front")
    if known is None:
        known = file.memory["front"] = _read(file)
    found: Front = known
    return found


def _read(file: File) -> Front:
    text = file.text
    opened = _OPEN.match(text[:5000])
    if opened is None:
        return Front(body=text)
    rest = text[opened.end() :]
    closed = _CLOSE.search(rest[:MAX_FRONT])
    if closed is not None:
        block, body = rest[: closed.start()], rest[closed.end() :]
    else:
        file.mend("the frontmatter is not closed")
        heading = _HEADING.search(rest)
        end = min(heading.start() if heading else len(rest), MAX_FRONT)
        block, body = rest[:end], rest[end:]
    return Front(_values(block, file), body, True)


def _values(block: str, file: File) -> dict[str, Any]:
    try:
        values = read_yaml(block, file, "frontmatter")
        if isinstance(values, dict):
            return values
        reason = "frontmatter: there are no keys"
    except Refused as refused:
        reason = str(refused)
    found = _by_lines(block)
    if found:
        file.mend(f"{reason}; read line by line")
    elif block.strip():
        file.mend(f"{reason}; left out")
    return found


def _by_lines(block: str) -> dict[str, Any]:
    parts: dict[str, list[str]] = {}
    lines: list[str] = []  # before the first key: nobody's
    for line in block.split("\n"):
        match = _KEY.match(line)
        if match is not None:
            lines = [match["value"] or ""]
            parts.setdefault(match["key"], lines)
        else:
            lines.append(line)
    return {key: _value(lines) for key, lines in parts.items()}


def _value(lines: list[str]) -> Any:
    first = lines[0].strip()
    if first[:1] in ("|", ">") and len(first) <= 3:
        lines = lines[1:]
    elif not first:
        items = [line.strip() for line in lines[1:] if line.strip()]
        if items and all(item.startswith("- ") for item in items):
            return [_unquoted(item[2:].strip()) for item in items]
    return _unquoted("\n".join(line.strip() for line in lines).strip())


def _unquoted(text: str) -> str:
    quote = text[:1]
    if quote in ('"', "'") and quote:
        inner = text[1:-1] if len(text) > 1 and text.endswith(quote) else text[1:]
        return inner.replace('\\"', '"').replace("\\n", "\n") if quote == '"' else inner.replace("''", "'")
    return text


def title(body: str) -> str:
    """The first heading of a Markdown text."""
    match = re.search(r"^# +(.+)$", body[:5000], re.MULTILINE)
    return "" if match is None else _MARKS.sub("", match[1]).strip()


def lead(body: str) -> str:
    """The beginning of a Markdown text without its marks, for want of a description: whole paragraphs."""
    text = _COMMENT.sub("", _FENCE.sub("", body[: 8 * LEAD]))
    text = re.sub(r"\A\s*# .*$", "", text, count=1, flags=re.MULTILINE)
    found: list[str] = []
    for paragraph in re.split(r"\n{2,}", _MARKS.sub("", text)):
        if sum(map(len, found)) + len(paragraph) > LEAD:
            break
        if paragraph.strip():
            found.append(paragraph.strip())
    return "\n\n".join(found) or text.strip()[:LEAD]
