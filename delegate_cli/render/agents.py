"""Imports in a few lines, and the difference of two rosters as plain lines or a table."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from delegate_cli.linting.finding import counted
from delegate_cli.render.plain import columns
from delegate_cli.render.text import shorten

if TYPE_CHECKING:
    from delegate_cli.roster.importers.sources import Imported

_WIDTH = 60  # characters of a value


def import_lines(done: "Imported") -> list[str]:
    """One line a format: files, agents, and how many files were mended or refused."""
    formats: dict[str, list[int]] = {}
    for report in done.reports:
        counts = formats.setdefault(report.format or "unknown", [0, 0, 0, 0])
        counts[0] += 1
        counts[1] += report.agents
        counts[2] += bool(report.reasons) and not report.refused
        counts[3] += report.refused
    lines = [
        f"{name}: {counted(files, 'file')}, {counted(agents, 'agent')}, {warned} with a warning, {refused} refused"
        for name, (files, agents, warned, refused) in sorted(formats.items())
    ]
    return [*lines, f"without agents: {counted(done.other, 'other file')}"] if done.other else lines


def _rows(record: dict[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    for agent_id in record["added"]:
        yield "+", agent_id, "", "", ""
    for agent_id in record["removed"]:
        yield "-", agent_id, "", "", ""
    for agent_id, fields in record["changed"].items():
        for name, value in fields.items():
            yield "~", agent_id, name, _value(value["before"]), _value(value["after"])


def _value(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def plain(record: dict[str, Any]) -> str:
    """Tab-separated lines: + - or ~, the id, and of a change the field, before and after."""
    return columns([row[:2] if row[0] != "~" else row for row in _rows(record)])


def table(record: dict[str, Any], color: bool, width: int) -> str:
    """The same with a head; long values are cut."""
    from delegate_cli.render.table import listing

    rows = [tuple(shorten(cell, _WIDTH) for cell in row) for row in _rows(record)]
    return listing(("", "id", "field", "before", "after"), rows, color, width) if rows else "no difference\n"
