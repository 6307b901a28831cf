"""A file that may hold agents: its path and bytes, its text, and the JSON or YAML value in it.

Text is untrusted and often broken: what can be read is read, and every repair leaves a reason. Knows nothing of formats.
"""

import codecs
import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import yaml

from delegate_cli.agents import Agent
from delegate_cli.errors import RosterError
from delegate_cli.roster import document
from delegate_cli.roster.document import Source

MAX_YAML = 2 * 1024 * 1024  # bytes: a tree of nodes takes a hundred times as much
MAX_NODES = 200_000
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# a string, or a comment, or the comma before a closing bracket; each alternative also ends at the end of the text, so that no
# text takes more than one pass
_LOOSE = re.compile(r'"(?:\\.|[^"\\])*(?:"|\Z)|//[^\n]*|/\*.*?(?:\*/|\Z)|,(?=\s*[}\]])', re.DOTALL)
_JSON = (".json", ".jsonc")
_COLONS = re.compile(r"([ \t]*(?:- +)*[\w.-]+:[ \t]+)([^\s\"'|>\[{&*!%@`#-].*?:(?:[ \t].*?)?)[ \t]*(?:[ \t]#.*)?")
_BLOCK = re.compile(r":[ \t]+[|>][-+0-9]{0,2}[ \t]*(?:#.*)?$")


class Refused(Exception):
    """A file that holds agents by its name or content, and that nothing can be read from; says why."""


@dataclass
class File:
    """One file. `path` is what `source` of its agents will say; `beside` has files that belong to it, by name.

    `cut` where `data` is only the beginning. `within` is the name of the folder that `path` starts in. `reasons` are
    repairs, in the order of reading.
    """

    path: str
    data: bytes
    beside: Mapping[str, bytes] = field(default_factory=dict)
    cut: bool = False
    within: str = ""
    memory: dict[str, Any] = field(default_factory=dict, repr=False)  # what a format found in it before
    reasons: list[str] = field(default_factory=list)

    @cached_property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self.path).name

    @cached_property
    def stem(self) -> str:
        """The name up to its first dot; of a hidden file, what follows the dot."""
        return self.name.lstrip(".").partition(".")[0] or self.name

    @cached_property
    def folders(self) -> tuple[str, ...]:
        """The folders of the path, outermost first."""
        return tuple(part for part in PurePosixPath(self.path).parts[:-1] if part not in ("/", ".", ".."))

    def mend(self, reason: str) -> None:
        """Note a repair, once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    @cached_property
    def text(self) -> str:
        """The text with line feeds as line ends.

        Raises:
            Refused: it is no text.
        """
        text = self._decoded()
        if "\x00" in text:
            raise Refused("it is not a text file")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _decoded(self) -> str:
        wide = _WIDE.get(self.data[:2])
        try:
            if wide is not None:
                return self.data.decode(wide)
            decoder = codecs.getincrementaldecoder("utf-8-sig")()
            return decoder.decode(self.data, final=not self.cut)
        except UnicodeDecodeError:
            if b"\x00" in self.data:
                raise Refused("it is not a text file") from None
            self.mend("it is not UTF-8; read as Latin-1")
            return self.data.decode("latin-1")

    @cached_property
    def value(self) -> Any:
        """What a JSON or YAML file says, as plain data.

        Raises:
            Refused: it is neither.
        """
        text = self.text.strip()
        if not text:
            raise Refused("it is empty")
        if self.name.lower().endswith(_JSON) or text[0] in "{[":
            return self._json(text)
        try:
            return read_yaml(text, self)
        except Refused:
            mended = _quoted(text)
            if mended == text:
                raise
            with contextlib.suppress(Refused):
                value = read_yaml(mended, self)
                self.mend("it has colons without quotes, which YAML does not allow")
                return value
            raise

    def _json(self, text: str) -> Any:
        try:
            return json.loads(text)
        except RecursionError:
            raise Refused("it is nested too deeply") from None
        except ValueError as error:
            try:
                value = json.loads(_LOOSE.sub(lambda match: match[0] if match[0][0] == '"' else "", text))
            except (ValueError, RecursionError):
                if not self.name.lower().endswith(_JSON):
                    return read_yaml(text, self)
                raise Refused(f"it is not valid JSON: {error}") from None
        self.mend("it has comments or trailing commas, which JSON does not allow")
        return value


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of a file that came from the network, and the address they came from, without its query."""

    url: str
    data: bytes


@dataclass
class Found:
    """The agents of a file in its order, those ids that the file itself gives, and settings, which only agents.yaml has."""

    agents: list[Agent]
    fixed: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_yaml(text: str, file: File, where: str = "") -> Any:
    """A YAML text as plain data, the first of a key that is there twice; nothing is constructed from tags.

    Raises:
        Refused: it is not YAML, too large, too deep, or it expands without end.
    """
    if len(text) > MAX_YAML:
        raise Refused(f"it is larger than {MAX_YAML // 2**20} MiB")
    source = Source(where or "it", MAX_NODES)
    try:
        node = document.compose(text.encode("utf-8", "replace"), source)
        return None if node is None else _plain(node, source, file)
    except RosterError as error:
        raise Refused(error.message if where else error.message.removeprefix("it, ")) from None


def _quoted(text: str) -> str:
    """YAML with quotes around those values of a line that have a colon in them, but for blocks of text."""
    lines: list[str] = []
    block: int | None = None  # the indentation of the key whose block this is
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if block is None or (line.strip() and indent <= block):
            match = _COLONS.fullmatch(line)
            if match is not None:
                line = match[1] + json.dumps(match[2], ensure_ascii=False)
            block = indent if _BLOCK.search(line) else None
        lines.append(line)
    return "\n".join(lines)


def _plain(node: yaml.Node, source: Source, file: File, depth: int = 0) -> Any:
    source.count(node)
    if depth > document.MAX_DEPTH:
        raise source.error("nested too deeply", node)
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in found:
                file.mend(f"the key {document.shown(name)} is there twice; the first counts")
            elif name:
                found[name] = _plain(value, source, file, depth + 1)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(each, source, file, depth + 1) for each in node.value]
    if document.is_null(node):
        return None
    if node.tag.endswith(":bool"):
        return node.value.lower() in ("yes", "true", "on")
    return str(node.value)
