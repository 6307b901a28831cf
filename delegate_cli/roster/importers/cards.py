"""An agent made of what a foreign file says: texts without control characters, of bounded length, with an id and a source."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from delegate_cli.agents import Agent, Kind
from delegate_cli.roster.importers.files import File
from delegate_cli.roster.parse import slug

MAX_NAME = 200  # characters, as all limits here
MAX_DESCRIPTION = 20_000
MAX_EXAMPLE = 2_000
MAX_EXAMPLES = 200
MAX_WORDS = 1_000  # tools or tags of one agent
MAX_SCHEMA = 100_000
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HOME = ("agents", "agent", "subagents", "skills", "index", "readme", "skill")  # says nothing of an agent


def card(
    file: File,
    format: str,
    name: Any,
    description: Any = "",
    *,
    key: Any = None,
    kind: Kind = Kind.AI,
    examples: Iterable[Any] = (),
    tools: Iterable[Any] = (),
    tags: Iterable[Any] = (),
    **more: Any,
) -> Agent:
    """An agent whose id is made of `key`, else of its name, else of the file's name.

    Args:
        more: what else `source` says, where it is not empty.
    """
    shown = " ".join(text(name).split())[:MAX_NAME].strip()
    identity = slug(text(key)) or slug(shown) or slug(file.stem) or "agent"
    source = {"format": format, "path": text(file.path)} | {name: text(value) for name, value in more.items() if text(value)}
    return Agent(
        id=identity,
        name=shown or identity,
        kind=kind,
        description=text(description)[:MAX_DESCRIPTION].strip(),
        examples=texts(examples, MAX_EXAMPLE)[:MAX_EXAMPLES],
        tools=texts(tools, MAX_NAME)[:MAX_WORDS],
        tags=texts(tags, MAX_NAME)[:MAX_WORDS],
        source=source,
    )


def text(value: Any) -> str:
    """A text, or a number as one; anything else is no text. Without what a roster may not hold."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return _BAD.sub("", str(value) if not isinstance(value, int) or abs(value) < 10**18 else "").strip()


def texts(values: Any, limit: int = MAX_EXAMPLE) -> tuple[str, ...]:
    """The texts of a list, or one text, each once; empty ones are left out."""
    if isinstance(values, str):
        values = [values]
    if not isinstance(values, Iterable) or isinstance(values, Mapping):
        return ()
    return tuple(dict.fromkeys(found for each in values if (found := text(each)[:limit].strip())))


def words(value: Any) -> tuple[str, ...]:
    """Names of tools: a list, or a text with commas between them that are not inside brackets."""
    if not isinstance(value, str):
        return texts(value, MAX_NAME)
    found, open_brackets = [""], 0
    for char in value[:MAX_SCHEMA].strip("[] "):
        open_brackets = max(0, open_brackets + (char == "(") - (char == ")"))
        if char == "," and not open_brackets:
            found.append("")
        else:
            found[-1] += char
    return texts((each.strip().strip("\"'") for each in found), MAX_NAME)


def plain(value: Any) -> str:
    """A value as JSON in one line, for what a roster keeps and does not read; empty where it is too large."""
    if value in (None, {}, []):
        return ""
    try:
        found = json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
    except (RecursionError, ValueError):
        return ""
    return found if len(found) <= MAX_SCHEMA else ""


def telling(file: File) -> str:
    """The name of a file, or of the nearest folder that tells more."""
    for part in (file.stem, *reversed(file.folders)):
        if part.lower().lstrip(".") not in (*_HOME, "claude", "github"):
            return part
    return file.stem


def dicts(value: Any) -> list[dict[str, Any]]:
    """The mappings of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
