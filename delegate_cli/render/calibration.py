"""What labelled tasks came to, as lines and as a table: figures before and after, and a verdict on each part."""

from typing import Any

from delegate_cli.render.plain import columns
from delegate_cli.render.table import listing

_SHARES = {
    "top1": "top-1",
    "ece": "calibration error (ECE)",
    "ece_all": "ECE, tasks that nobody fits included",
    "coverage": "handed over",
    "error": "error among handed over",
    "error_all": "error, tasks that nobody fits included",
    "nobody_handed_over": "nobody fits, yet handed over",
}
_NUMBERS = {"log_loss": "log loss", "none_auroc": "AUROC of none"}


def plain(record: dict[str, Any]) -> str:
    """Tab-separated lines: measure, (head alone,) before, after; then part, what became of it, why."""
    return columns([*_figures(record), *_parts(record)]) + _sentence(record)


def table(record: dict[str, Any], color: bool, width: int) -> str:
    """The same for a terminal."""
    head = ("measure", *(("head alone",) if "head" in record else ()), "before", "after, cross-fitted")
    parts = listing(("part", "", "why"), _parts(record), color, width)
    return listing(head, _figures(record), color, width) + "\n" + parts + _sentence(record)


def reset_line(removed: bool) -> str:
    """What a reset did."""
    return "calibration removed: the label-free fit decides\n" if removed else "there was no calibration to remove\n"


def _figures(record: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a measure; `head` is there where a model was asked, and stands for the decision without it."""
    sides = [side for side in ("head", "before", "after") if side in record]
    return [
        (_SHARES.get(name) or _NUMBERS[name], *(_shown(name, record[side][name]) for side in sides))
        for name in record["before"]
    ]


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if name in _SHARES else f"{value:.3f}"


def _parts(record: dict[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, part in record["parts"].items():
        gain = "" if part["gain"] is None else f" (log loss {-part['gain']:+.3f} ± {part['noise']:.3f})"
        rows.append((name, "fitted" if part["applied"] else "left as it was", part["reason"] + gain))
    return rows


def _sentence(record: dict[str, Any]) -> str:
    tasks = f"{record['tasks']} labelled tasks ({record['nobody']} that nobody fits)"
    if record["stored"]:
        return f"kept: fitted on {tasks}\n"
    if record["applied"]:
        return f"dry run: nothing is kept of {tasks}\n"
    return f"nothing changed: {tasks} gave nothing better\n"
