"""Entries taken out of lists of a roster's file; comments and every other byte stay as they are.

Where an entry stands is what the YAML parser says of it, as in `edit`. What comes out is loaded and compared before it is
written.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.errors import RosterError
from delegate_cli.roster.edit import agents_node, replace_file, value_of
from delegate_cli.roster.parse import parse_roster

Cut = tuple[int, int]  # from this character to before that one
Entries = Mapping[str, Mapping[str, Collection[str]]]  # agent → field → texts in its list


def remove_entries(path: Path, entries: Entries) -> int:
    """Take entries out of lists of the file; how many.

    Raises:
        RosterError: an entry stands where it cannot be taken out, such as in an alias.
        OutputError: it cannot be written, or was changed meanwhile.
    """
    path = path.resolve()  # of a link, the file
    before = path.read_bytes()
    roster = parse_roster(before, str(path))
    text = before.decode("utf-8")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    cuts = _cuts(body, roster, entries, path)
    for start, end in sorted(cuts, reverse=True):
        body = body[:start] + body[end:]
    after = (mark + body).encode("utf-8")
    _check(path, roster, after, entries)
    replace_file(path, before, after)
    return len(cuts)


def _cuts(text: str, roster: Roster, entries: Entries, path: Path) -> list[Cut]:
    agents = agents_node(text, path)
    found = []
    for node, name in zip(agents.value, roster.order, strict=True):
        for field, texts in entries.get(name, {}).items():
            items = value_of(node, field)
            found += [_cut(text, items, place) for place, item in enumerate(items.value) if item.value.strip() in texts]
    return found


def _cut(text: str, items: Any, place: int) -> Cut:
    """Where an entry stands with what sets it off from the others; a comment behind it stays."""
    node = items.value[place]
    if items.flow_style:
        return _cut_in_brackets(text, items.value, place)
    line = text.rfind("\n", 0, node.start_mark.index) + 1
    dash = text.find("-", line, node.start_mark.index)
    end = node.end_mark.index
    if node.style in ("|", ">") and text[:end].endswith("\n"):
        return line, end
    rest = text.find("\n", end)
    stop = len(text) if rest < 0 else rest + 1
    if "#" in text[end:stop]:
        return dash, text.index("#", end)
    return line, stop


def _cut_in_brackets(text: str, items: Sequence[Any], place: int) -> Cut:
    """With the comma before it; where a comment stands there, or nothing, with the one behind it."""
    start, end = items[place].start_mark.index, items[place].end_mark.index
    if place and "#" not in text[items[place - 1].end_mark.index : start]:
        return items[place - 1].end_mark.index, end
    comma = re.compile(r"\s*,[ \t]*").match(text, end)
    return start, end if comma is None else comma.end()


def _check(path: Path, was: Roster, after: bytes, entries: Entries) -> None:
    """The file says the same without those entries, and nothing else changed."""
    wanted = []
    for agent in was:
        fields = {
            field: tuple(text for text in getattr(agent, field) if text not in texts)
            for field, texts in entries.get(agent.id, {}).items()
        }
        wanted.append(replace(agent, **fields))  # type: ignore[arg-type]
    try:
        now = parse_roster(after, str(path))
        same = list(now) == wanted and now.settings == was.settings
    except RosterError:
        same = False
    if not same:
        raise RosterError(
            f"{path}: an entry cannot be taken out as it stands there", "take it out by hand; see delegate agents check"
        )
