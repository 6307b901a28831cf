"""Figures of `--ladder`, `--sizes`, `--without` and `--compare` as titled tables. Shares are in percent with 95 % intervals."""

from collections.abc import Sequence
from typing import Any

from delegate_cli.render.report import decimal
from delegate_cli.render.sections import Section

_NOTHING = "–"
_PERCENT = "Shares are in percent, with 95 % intervals in brackets."


def sections(figures: dict[str, Any]) -> list[Section]:
    """What was asked for beside the plain figures, in a fixed order."""
    found = []
    if "ladder" in figures:
        found += [_ladder(figures), _positions(figures["ladder"]["positions"])]
    if "sizes" in figures:
        found.append(_sizes(figures["sizes"]))
    if "without" in figures:
        found.append(_without(figures["without"]))
    return found


def short(figure: dict[str, Any] | None) -> str:
    """A share in percent with its interval."""
    if figure is None:
        return _NOTHING
    return f"{100 * figure['value']:.1f} ({100 * figure['low']:.1f}–{100 * figure['high']:.1f})"


def signed(figure: dict[str, Any] | None, scale: float = 100.0, digits: int = 1) -> str:
    """A difference with its interval, each with its sign."""
    if figure is None:
        return _NOTHING
    value, low, high = (_sign(scale * figure[key], digits) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _sign(value: float, digits: int) -> str:
    text = f"{abs(value):.{digits}f}"
    return text if float(text) == 0 else ("−" if value < 0 else "+") + text


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{100 * value:.1f}"


def _value(figure: dict[str, Any] | None) -> str:
    return _NOTHING if figure is None else _percent(figure["value"])


def _ladder(figures: dict[str, Any]) -> Section:
    steps = figures["ladder"]["steps"]
    asked = any("tokens" in step for step in steps)
    head = ("step", "top-1", "top-3", "recall", *(("tokens in", "tokens out", "USD") if asked else ()))
    rows = [(step["step"], short(step["top1"]), short(step["top3"]), *_extra(step, asked)) for step in steps]
    notes = [f"{_PERCENT} {figures['fits']} tasks that some agent fits, {figures['agents']} agents."]
    for step in steps:
        if "changed" in step:
            changed, of = step["changed"]["decisions"], step["changed"]["of"]
            span = f"top-1 from {_percent(step['lowest_top1'])} to {_percent(step['highest_top1'])}"
            notes.append(f"shuffled: {step['seeds']} orders, {span}; {changed:,} of {of:,} decisions changed.")
        if "recall" in step:
            notes.append(
                f"shortlist: only the {step['size']} nearest agents are scored; recall is how often a right one is there."
            )
    notes.append("All steps but the last have cards alone.")
    return Section("ladder", "Ladder", head, rows, notes)


def _extra(step: dict[str, Any], asked: bool) -> tuple[str, ...]:
    recall = short(step["recall"]) if "recall" in step else ""
    if not asked:
        return (recall,)
    if "tokens" not in step:
        return (recall, "", "", "")
    return (recall, f"{step['tokens']['input']:,}", f"{step['tokens']['output']:,}", _usd(step["cost_usd"]))


def _usd(cost: float | None) -> str:
    return _NOTHING if cost is None else f"{cost:.4f}"


def _positions(rows: Sequence[dict[str, Any]]) -> Section:
    head = ("agents in the file", "file order", "with sample requests")
    body = [("{} to {}".format(*row["agents"]), short(row["file_order"]), short(row["with_sample_requests"])) for row in rows]
    return Section("positions", "Top-1 by where in the file the right agent stands", head, body)


def _sizes(rows: Sequence[dict[str, Any]]) -> Section:
    head = ("agents", "draws", "tasks", "top-1", "top-3")
    body = [
        (str(row["agents"]), str(row["draws"]), f"{row['tasks']:,}", short(row["top1"]), short(row["top3"])) for row in rows
    ]
    note = f"{_PERCENT} Tasks of all draws together; only those one of whose right agents was drawn."
    return Section("sizes", "Accuracy by roster size", head, body, [note])


def _without(rows: Sequence[dict[str, Any]]) -> Section:
    head = ("without", "top-1", "top-3", "ECE", "AUROC", "top-1, difference")
    body = [
        (
            row["without"] or "(whole)",
            short(row["top1"]),
            _value(row["top3"]),
            _percent(row["ece"]),
            decimal(row["none_auroc"]),
            signed(row["difference"]) if row["without"] else "",
        )
        for row in rows
    ]
    notes = [f"{_PERCENT} AUROC is that of none. Differences are to the whole, over the same tasks."]
    if absent := [row["without"] for row in rows if row.get("agents") == 0]:
        notes.append(f"No agent has: {', '.join(absent)}.")
    return Section("without", "What each part is worth", head, body, notes)


def compared(figures: dict[str, Any]) -> Section:
    """Both sides, their difference, and what follows."""
    a, b, gap = figures["a"], figures["b"], figures["difference"]
    rows = [
        ("top-1", short(a["top1"]), short(b["top1"]), signed(gap["top1"])),
        ("top-3", short(a["top3"]), short(b["top3"]), signed(gap["top3"])),
        ("ECE", _percent(a["ece"]), _percent(b["ece"]), signed(gap["ece"])),
        ("log loss", decimal(a["log_loss"]), decimal(b["log_loss"]), signed(gap["log_loss"], 1.0, 3)),
        ("handed over", short(a["handed_over"]), short(b["handed_over"]), ""),
        ("wrong of those", short(a["error"]), short(b["error"]), ""),
    ]
    left = f", {figures['left_out']} left out that are not for agents of both" if figures["left_out"] else ""
    notes = [
        f"A: {a['name']} ({a['agents']} agents)",
        f"B: {b['name']} ({b['agents']} agents)",
        f"{figures['tasks']} tasks ({figures['tasks'] - figures['fits']} that nobody fits){left}. {_PERCENT}",
        figures["summary"],
    ]
    test = figures["mcnemar"]
    if test is not None and test["only_a"] + test["only_b"]:
        notes.append(f"Only A right: {test['only_a']}, only B right: {test['only_b']} (McNemar, exact: p = {test['p']:.3g}).")
    return Section("compare", "Comparison", ("measure", "A", "B", "B − A"), rows, notes)
