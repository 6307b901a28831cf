"""Tables with a title and notes, in the formats of `delegate eval`. Knows nothing of what the figures mean."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from delegate_cli.render.plain import columns
from delegate_cli.render.text import clean, markdown_text


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table of text cells; `key` names it in lines for pipes."""

    key: str
    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    notes: Sequence[str] = ()


def as_table(sections: Sequence[Section], color: bool, width: int) -> str:
    """For a terminal of so many columns."""
    from delegate_cli.render.table import listing

    parts = []
    for each in sections:
        notes = [line for note in each.notes for line in textwrap.wrap(clean(note), width, break_on_hyphens=False)]
        table = listing(each.head, each.rows, color, width)
        parts.append(f"{each.title}\n\n{table}" + "".join(f"{line}\n" for line in ["", *notes] if notes))
    return "\n".join(parts)


def as_plain(sections: Sequence[Section]) -> str:
    """Tab-separated lines, each with its section's key first; column names and notes are lines too."""
    lines: list[tuple[str, ...]] = []
    for each in sections:
        lines += [(each.key, *row) for row in (each.head, *each.rows)]
        lines += [(each.key, "note", note) for note in each.notes]
    return columns(lines)


def as_markdown(sections: Sequence[Section]) -> str:
    """Headings, tables and paragraphs."""
    parts = []
    for each in sections:
        rows = [_row(each.head), "|" + "---|" * len(each.head), *map(_row, each.rows)]
        parts.append("\n".join([f"## {each.title}", "", *rows, *(f"\n{markdown_text(note)}" for note in each.notes)]) + "\n")
    return "\n".join(parts)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(map(markdown_text, cells))} |"
