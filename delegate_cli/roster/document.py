"""Text of a YAML or JSON file → a tree of nodes that know their lines; mistakes in the text become RosterErrors.

Nothing is ever constructed from tags, so loading executes nothing. Knows nothing of agents.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import yaml

from delegate_cli.errors import RosterError

MAX_BYTES = 64 * 1024 * 1024
MAX_NODES = 3_000_000  # 5,000 agents with 100 lines each are 1.5 million; an alias bomb passes this at once
MAX_DEPTH = 60
_TAG = "tag:yaml.org,2002:"
_NUMBERS = re.compile(r"[-+]?(\d[\d_]*)?(\.\d*)?([eE][-+]?\d+)?$")
_EXPONENT = re.compile(r"-?\d+(\.\d+)?[eE][-+]?\d+")
_SURROGATE_PAIR = re.compile(r"((?<!\\)(?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE)
_BAD = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


@dataclass(slots=True)
class Source:
    """Where the text came from, and how many nodes may still be read from it."""

    name: str
    nodes_left: int = MAX_NODES

    def error(self, message: str, node: yaml.Node | None, fix: str = "") -> RosterError:
        """An error that names file and line."""
        line = f", line {node.start_mark.line + 1}" if node is not None else ""
        return RosterError(f"{self.name}{line}: {message}", fix)

    def count(self, node: yaml.Node) -> None:
        """Take one node off the allowance: aliases are counted as often as they are used."""
        self.nodes_left -= 1
        if self.nodes_left < 0:
            raise self.error("too many values (an alias that expands without end?)", node, "write the values out")


def compose(data: bytes, source: Source) -> yaml.Node | None:
    """The root node of a UTF-8 document (a BOM and CRLF are fine), or None for an empty one."""
    if len(data) > MAX_BYTES:
        raise source.error(f"larger than {MAX_BYTES // 2**20} MiB", None, "split the roster into several files")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RosterError(
            f"{source.name}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x})", "save the file as UTF-8"
        ) from None
    if text.lstrip()[:1] in ("{", "["):
        text = _SURROGATE_PAIR.sub(_joined, text)
    try:
        _check_depth(text, source)
        return yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}" if mark else ""
        problem = error.problem or error.context or "cannot be read"
        raise RosterError(f"{source.name}{place}: not valid YAML: {problem}", _yaml_hint(problem)) from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", "cannot be read")
        raise RosterError(f"{source.name}: not valid YAML: {reason}", "remove control characters") from None


def _joined(match: re.Match[str]) -> str:
    """The character that JSON writes as two escapes; YAML, otherwise a superset of JSON, knows only one for it."""
    pair = bytes.fromhex(match[2] + match[3])
    return match[1] + pair.decode("utf-16-be")


def _check_depth(text: str, source: Source) -> None:
    """Refuse deep nesting before libyaml's recursive composer sees it: 100,000 brackets would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark is not None else 0
                raise RosterError(f"{source.name}, line {line}: nested too deeply", "a roster needs six levels at most")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _yaml_hint(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "put quotes around a text that contains a colon followed by a space"
    if "cannot start any token" in problem:
        return "indent with spaces, not tabs, and put quotes around texts that start with @, ` or %"
    return "check indentation and quotes on this line"


def unknown_key(key: str, known: list[str]) -> str:
    """How to mend a key that does not exist: the nearest known one, else all of them."""
    near = get_close_matches(key, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"


def nearest(word: str, known: list[str]) -> list[str]:
    """Up to three known words like this one, the nearest first."""
    return get_close_matches(word, known, n=3, cutoff=0.5)


def mapping(node: yaml.Node, source: Source, what: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Key → (key node, value node) of a mapping with distinct text keys."""
    source.count(node)
    if not isinstance(node, yaml.MappingNode):
        raise source.error(f"{what} must be a mapping, not {describe(node)}", node, "write `key: value` lines")
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
    for key_node, value in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise source.error(f"{what} has a key that is not text", key_node, "write plain keys")
        key = key_node.value
        if key in found:
            first = found[key][0].start_mark.line + 1
            raise source.error(f"{what} has the key {shown(key)} twice (first on line {first})", key_node, "remove one")
        found[key] = (key_node, value)
    return found


def sequence(node: yaml.Node, source: Source, what: str) -> list[yaml.Node]:
    """The nodes of a list."""
    source.count(node)
    if not isinstance(node, yaml.SequenceNode):
        raise source.error(f"{what} must be a list, not {describe(node)}", node, "write `- item` lines or [a, b]")
    return list(node.value)


def text(node: yaml.Node, source: Source, what: str) -> str:
    """A text scalar without control characters."""
    source.count(node)
    if not isinstance(node, yaml.ScalarNode) or node.tag != _TAG + "str":
        raise source.error(f"{what} must be text, not {describe(node)}", node, "put it in quotes")
    bad = _BAD.search(node.value)
    if bad:
        raise source.error(f"{what} has the control character U+{ord(bad[0]):04X}", node, "remove it")
    return str(node.value)


def number(node: yaml.Node, source: Source, what: str) -> float:
    """A finite number; whole numbers come back as int."""
    source.count(node)
    if isinstance(node, yaml.ScalarNode) and (node.tag in (_TAG + "int", _TAG + "float") or _is_json_number(node)):
        raw = node.value.replace("_", "")
        if _NUMBERS.fullmatch(raw) and any(char.isdigit() for char in raw) and len(raw) < 40:
            value = float(raw)
            if abs(value) < 1e15:
                return int(value) if value.is_integer() and raw.lstrip("+-").isdigit() else value
    raise source.error(f"{what} must be a number, not {describe(node)}", node, "write a plain number such as 0.5")


def _is_json_number(node: yaml.Node) -> bool:
    """`1e-07`, which is text to YAML 1.1 for want of a dot."""
    return (
        isinstance(node, yaml.ScalarNode)
        and node.tag == _TAG + "str"
        and not node.style
        and _EXPONENT.fullmatch(node.value) is not None
    )


def is_null(node: yaml.Node) -> bool:
    """Whether the value was left empty or written as null."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _TAG + "null"


def plain(node: yaml.Node, source: Source, what: str, depth: int = 0) -> Any:
    """Any JSON-like value, for blocks that this program keeps but does not interpret yet."""
    if depth > MAX_DEPTH:
        raise source.error(f"{what} is nested too deeply", node, "flatten it")
    if isinstance(node, yaml.MappingNode):
        pairs = mapping(node, source, what)
        return {key: plain(value, source, what, depth + 1) for key, (_, value) in pairs.items()}
    if isinstance(node, yaml.SequenceNode):
        return [plain(value, source, what, depth + 1) for value in sequence(node, source, what)]
    if is_null(node):
        return None
    if node.tag == _TAG + "bool":
        return node.value.lower() in ("yes", "true", "on")
    if node.tag in (_TAG + "int", _TAG + "float") or _is_json_number(node):
        return number(node, source, what)
    if node.tag == _TAG + "timestamp":
        node.tag = _TAG + "str"
    return text(node, source, what)


def describe(node: yaml.Node) -> str:
    """What a node is, in words for an error message."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    kind = {"null": "nothing", "bool": "true/false", "int": "a number", "float": "a number", "timestamp": "a date"}
    word = kind.get(node.tag.removeprefix(_TAG), "text" if node.tag == _TAG + "str" else f"a {node.tag} value")
    return word if word == "nothing" else f"{word} ({shown(node.value)})"


def shown(value: str) -> str:
    """A value as an error message may quote it: short, without control characters."""
    clean = "".join(char if char.isprintable() else "�" for char in value)
    return repr(clean if len(clean) <= 40 else clean[:39] + "…")
