"""Sample requests put into a roster's file: text is added where they stand, and every other byte stays as it is.

Where they stand is what the YAML parser says of each node. So comments, quotes, order and line ends are kept, which a library
that writes the whole file again would only nearly do. What comes out is loaded before it is written.
"""

import contextlib
import json
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from delegate_cli.errors import OutputError, RosterError
from delegate_cli.roster.parse import parse_roster

Insertion = tuple[int, str]  # before which character, and what


def add_examples(path: Path, more: Mapping[str, Sequence[str]]) -> int:
    """Add sample requests that are not there yet; how many were added.

    Raises:
        RosterError: an agent's requests stand where nothing can be added, such as in an alias.
        OutputError: it cannot be written, or was changed meanwhile.
    """
    path = path.resolve()  # of a link, the file
    before = path.read_bytes()
    roster = parse_roster(before, str(path))
    new: dict[str, list[str]] = {}
    for agent in roster:
        found = [text for text in dict.fromkeys(more.get(agent.id, ())) if text not in agent.examples]
        if found:
            new[agent.id] = found
    if not new:
        return 0
    text = before.decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    after = mark + _inserted(text[len(mark) :], roster.order, new, path)
    _check(path, after, more)
    replace_file(path, before, after.encode("utf-8"))
    return sum(map(len, new.values()))


def _inserted(text: str, order: Sequence[str], new: Mapping[str, Sequence[str]], path: Path) -> str:
    agents = agents_node(text, path)
    found = [
        _insertion(text, node, new[each], f"{path}: {each}")
        for node, each in zip(agents.value, order, strict=True)
        if each in new
    ]
    for place, added in sorted(found, reverse=True):
        text = text[:place] + added + text[place:]
    return text


def _insertion(text: str, agent: Any, new: Sequence[str], where: str) -> Insertion:
    end = "\r\n" if "\r\n" in text else "\n"
    examples = value_of(agent, "examples")
    if examples is None:
        return _new_key(text, agent, new, end)
    inside = agent.start_mark.index <= examples.start_mark.index and examples.end_mark.index <= agent.end_mark.index
    if not inside or any(not isinstance(each, yaml.ScalarNode) for each in getattr(examples, "value", ()) or ()):
        raise RosterError(
            f"{where}: its sample requests stand in another place", "write them out, and run delegate learn --write"
        )
    if not isinstance(examples, yaml.SequenceNode):  # `examples:` and nothing
        raise RosterError(f"{where}: its sample requests are no list", "write them as a list, or leave the key out")
    if examples.flow_style:
        added = ", ".join(map(_quoted, new))
        last = examples.value[-1].end_mark.index if examples.value else None
        return (examples.start_mark.index + 1, added) if last is None else (last, f", {added}")
    return insertion_below(
        text, examples.value[-1], [f"{' ' * examples.start_mark.column}- {_quoted(each)}" for each in new], end
    )


def _new_key(text: str, agent: Any, new: Sequence[str], end: str) -> Insertion:
    if agent.flow_style:
        return agent.value[-1][1].end_mark.index, f", examples: [{', '.join(map(_quoted, new))}]"
    key, value = next(pair for pair in agent.value if pair[0].value in ("id", "name"))
    indent = " " * key.start_mark.column
    return insertion_below(text, value, [f"{indent}examples:", *(f"{indent}  - {_quoted(each)}" for each in new)], end)


def insertion_below(text: str, node: Any, lines: Sequence[str], end: str) -> Insertion:
    """Lines under a scalar or a list in brackets: after the line in which it ends, with the comment that may follow."""
    place = node.end_mark.index
    if not (getattr(node, "style", None) in ("|", ">") and text[:place].endswith("\n")):
        found = text.find("\n", place)
        if found < 0:
            return len(text), "".join(end + line for line in lines)
        place = found + 1
    return place, "".join(line + end for line in lines)


def agents_node(text: str, path: Path) -> Any:
    """The node of the list of agents, by the parser that rosters are loaded with: the others refuse some of what it reads.

    Raises:
        RosterError: places cannot be told, as in JSON with characters that are written as two escapes.
    """
    try:
        root: Any = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        said = " ".join(str(getattr(error, "problem", None) or error).split())
        raise RosterError(f"{path}: it cannot be edited in place ({said})", "edit it by hand") from None
    return root if isinstance(root, yaml.SequenceNode) else value_of(root, "agents")


def value_of(node: Any, key: str) -> Any:
    """The node of a key's value in a mapping, or None."""
    return next((value for name, value in node.value if name.value == key), None)


def _quoted(text: str) -> str:
    """As a double-quoted scalar: JSON, with what YAML does not let stand written as escapes."""
    plain = all(char.isprintable() and ord(char) < 0xFFFE for char in text)
    return json.dumps(text, ensure_ascii=not plain) if plain else json.dumps(text)


def _check(path: Path, text: str, more: Mapping[str, Sequence[str]]) -> None:
    draft = path.with_name(f".{uuid.uuid4().hex}.yaml")
    try:
        draft.write_bytes(text.encode("utf-8"))
        was, now = parse_roster(path.read_bytes(), str(path)), parse_roster(draft.read_bytes(), str(draft))
        for old, new in zip(was, now, strict=True):
            wanted = [*old.examples, *(each for each in dict.fromkeys(more.get(old.id, ())) if each not in old.examples)]
            if list(new.examples) != wanted or new.id != old.id:
                raise RosterError(
                    f"{path}: sample requests of {old.id} cannot be added", "add them by hand; see delegate agents show"
                )
    except OSError as error:
        raise OutputError(f"cannot write beside {path}: {error.strerror}", "check the folder's permissions") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Put new bytes in the place of the ones that were read, whole or not at all.

    Raises:
        OutputError: it cannot be written, or was changed meanwhile.
    """
    draft = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with draft.open("xb") as stream:
            os.chmod(draft, path.stat().st_mode & 0o777)
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        if path.read_bytes() != before:
            raise OutputError(f"{path} was changed meanwhile", "run it again")
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}", "check its permissions") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
