"""What could be done about a task, as lines and as a table: the chosen plan, the frontier, and what it all rests on."""

from collections.abc import Mapping, Sequence
from typing import Any

from delegate_cli.planning.report import usd, worded
from delegate_cli.render.plain import NOBODY, columns
from delegate_cli.render.table import listing
from delegate_cli.render.text import clean, shorten

_NAME = 40
_UNPRICED = 5
Record = Mapping[str, Any]


def plain(record: Record) -> str:
    """mark (`*` for the chosen plan), agent, operator, depth, calls, then value, low and high of success, USD and seconds.

    One line for each plan of the frontier, then those whose cost is not known; a hyphen for what is not known.
    """
    return columns([_plain_row(mark, each) for mark, each in _marked(record)])


def table(record: Record, color: bool, width: int) -> str:
    """The same for a terminal, with the verdict above and the notes below."""
    head = ("", "agent", "work", "calls", "success", "90 %", "cost", "time")
    rows = [_row(mark, each) for mark, each in _marked(record, _UNPRICED)]
    out = f"{clean(record['said'])}\n"
    if record["plan"] is not None:
        out += f"{_sentence(record['plan'])}\n\n" + listing(head, rows, color, width)
    for side, each in record.get("why_not", {}).items():
        out += f"why not the {side}: {clean(each['said'])}\n"
    return out + "".join(f"note: {clean(note)}\n" for note in record["notes"])


def _marked(record: Record, most: int | None = None) -> list[tuple[str, Record]]:
    """The frontier, then the unpriced; the chosen one is marked."""
    return [("*" if each == record["plan"] else "", each) for each in [*record["frontier"], *record["unpriced"][:most]]]


def _plain_row(mark: str, plan: Record) -> tuple[str, ...]:
    numbers = (*_three(plan["success"], 4), *_three(plan["cost_usd"], 6), *_three(plan["seconds"], 2))
    return mark or NOBODY, plan["agent"], plan["operator"], str(plan["depth"]), f"{plan['calls']:g}", *numbers


def _three(estimate: Mapping[str, float] | None, places: int) -> Sequence[str]:
    if estimate is None:
        return (NOBODY,) * 3
    return [f"{estimate[key]:.{places}f}" for key in ("value", "low", "high")]


def _row(mark: str, plan: Record) -> tuple[str, ...]:
    success = plan["success"]
    return (
        mark,
        shorten(plan["agent"], _NAME),
        shorten(_work(plan), _NAME),
        f"{plan['calls']:g}",
        f"{success['value']:.3f}",
        f"{success['low']:.2f} – {success['high']:.2f}",
        "unknown" if plan["cost_usd"] is None else usd(plan["cost_usd"]["value"]),
        "unknown" if plan["seconds"] is None else span(plan["seconds"]["value"]),
    )


def _sentence(plan: Record) -> str:
    """The chosen plan in words."""
    success = plan["success"]
    figures = f"success {success['value']:.3f} ({success['low']:.2f} – {success['high']:.2f})"
    return f"{shorten(plan['agent'], _NAME)}: {shorten(_work(plan), _NAME)}; {figures}; {_cost(plan)}; {_time(plan)}"


def _work(plan: Record) -> str:
    return worded(plan["operator"], plan["calls"], plan["depth"])


def _cost(plan: Record) -> str:
    cost = plan["cost_usd"]
    if cost is None:
        return "cost unknown"
    value = usd(cost["value"])
    return value if cost["high"] - cost["low"] < 1e-9 else f"{value} ({usd(cost['low'])} – {usd(cost['high'])})"


def _time(plan: Record) -> str:
    seconds = plan["seconds"]
    if seconds is None:
        return "time unknown"
    return f"{span(seconds['value'])} ({span(seconds['low'])} – {span(seconds['high'])})"


def span(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
