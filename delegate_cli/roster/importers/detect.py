"""Which format a file has: by its name where that says it, else by what it holds."""

import re
from typing import Any, Protocol

from delegate_cli.roster.importers import (
    a2a,
    ai_catalog,
    claude,
    copilot,
    crewai,
    handoffs,
    mcp_registry,
    mcp_servers,
    mcp_tools,
    openai_tools,
    own,
    semantic_router,
    skill,
)
from delegate_cli.roster.importers.files import File, Found, Refused
from delegate_cli.roster.importers.frontmatter import read_front


class Importer(Protocol):
    """A module of this folder."""

    FORMAT: str

    def read(self, file: File) -> Found: ...


class DataImporter(Importer, Protocol):
    """One for JSON and YAML, which are told apart by what they hold.

    `NAMES` are file names that leave no doubt; `TRACES` are keys that stand together in what cannot be parsed and is meant as
    such a file.
    """

    NAMES: tuple[str, ...]
    TRACES: tuple[str, ...]

    def claims(self, value: Any, file: File) -> bool: ...


def _ordered(*modules: DataImporter) -> tuple[DataImporter, ...]:
    return modules


# The more a format asks of a value, the earlier it is asked.
_DATA = _ordered(openai_tools, ai_catalog, semantic_router, mcp_registry, mcp_servers, a2a, mcp_tools, handoffs, own, crewai)
_NAMED = {name: module for module in _DATA for name in module.NAMES}
FORMATS = (*(module.FORMAT for module in (own, claude, skill, copilot)), *(m.FORMAT for m in _DATA if m is not own))
TRACED = 100_000  # characters in which keys are looked for
_KEYS = re.compile(r"(?:^[ \t-]*|[{,]\s*)[\"']?(\w{1,40})[\"']?\s*:", re.MULTILINE)
MARKDOWN = (".md", ".markdown")
DATA = (".json", ".jsonc", ".yaml", ".yml")
_PROSE = (
    *("readme", "changelog", "contributing", "license", "licence", "claude", "agents", "gemini", "security", "code_of_conduct"),
    *(
        "index",
        "summary",
        "todo",
        "notes",
        "notice",
        "support",
        "governance",
        "maintainers",
        "authors",
        "roadmap",
        "architecture",
    ),
)
_AGENTS = ("agents", "agent", "subagents")
_COMMANDS = ("commands", "prompts", "hooks", "templates", "issue_template")


def importer_of(file: File, alone: bool = False) -> Importer | None:
    """What reads a file, or None where it holds no agents.

    Args:
        alone: the file was named itself, so that any Markdown with words in it is meant as an agent.

    Raises:
        Refused: it looks like one, and its text cannot be read.
    """
    lower = file.name.lower()
    if lower == "skill.md":
        return skill
    if lower.endswith(copilot.ENDINGS):
        return copilot
    if lower.endswith(MARKDOWN):
        return claude if alone or _is_subagent(file) else None
    if not lower.endswith(DATA) and (file.text[:3] == "---" and "\n---" in file.text[3:]) and read_front(file).body.strip():
        return claude
    return _by_content(file)


def _by_content(file: File) -> Importer | None:
    named = _NAMED.get(file.name.lower())
    try:
        value = file.value
    except Refused:
        if own.claims_text(file):
            return own
        if named is None and not _is_traced(file):
            return None
        raise
    return next((module for module in _DATA if module.claims(value, file)), None)


def _is_traced(file: File) -> bool:
    """Whether a text that cannot be parsed has the keys of some format."""
    keys = {*_KEYS.findall(file.text[:TRACED])}
    return any({*module.TRACES} <= keys for module in _DATA)


def _is_subagent(file: File) -> bool:
    """Whether Markdown that lies in a folder with others is a subagent: by its frontmatter, else by the folder's name."""
    folders = [part.lower() for part in (file.within, *file.folders)]
    try:
        front = read_front(file)
    except Refused:
        return bool({*folders} & {*_AGENTS})
    names = [key for key in ("name", "description") if isinstance(front.values.get(key), str)]
    if any(part in _COMMANDS for part in folders):
        return False
    if len(names) == 2:
        return True
    if not {*folders} & {*_AGENTS} or is_prose(file):
        return False
    return bool(names) or not front.there


def is_prose(file: File) -> bool:
    """Whether a file is named as one for people."""
    return file.stem.lower() in _PROSE


def has_front(file: File) -> bool:
    """Whether Markdown has frontmatter at all."""
    try:
        return read_front(file).there
    except Refused:
        return True
