"""What a tuning came to, as lines and as a table: figures before and after, and what became of it."""

from typing import Any

from delegate_cli.render.plain import columns
from delegate_cli.render.table import listing

_NAMES = {"top1": "top-1", "log_loss": "log loss", "ece": "calibration error (ECE)", "none_auroc": "AUROC of none"}
_REQUESTS = {"requests_top1": "sample requests told apart", "requests_log_loss": "log loss on sample requests"}
_SHARES = {"top1", "ece", "requests_top1"}


def plain(record: dict[str, Any]) -> str:
    """Tab-separated lines: measure, before, after, difference with its interval; then what became of it."""
    return columns(_rows(record)) + _sentence(record)


def table(record: dict[str, Any], color: bool, width: int) -> str:
    """The same for a terminal."""
    head = ("on held-out tasks", "before", "after", "difference (95 % interval)")
    return listing(head, _rows(record), color, width) + _sentence(record)


def undo_line(removed: bool) -> str:
    """What an undo did."""
    return "back to the usual encoder\n" if removed else "there was no tuned encoder to undo\n"


def status_words(record: dict[str, Any]) -> str:
    """A tuned encoder in words, from its record."""
    try:
        gain = _difference("top1", record["difference"]["top1"])
        return f"tuned on {int(record['tasks'])} tasks of {str(record['date'])[:10]}: top-1 {gain} on held-out ones"
    except (KeyError, TypeError, ValueError):
        return "tuned; its record is missing"


def _rows(record: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    rows = []
    for name, words in _NAMES.items():
        before, after = record["before"][name], record["after"][name]
        rows.append((words, _shown(name, before), _shown(name, after), _difference(name, record["difference"].get(name))))
    for name, words in _REQUESTS.items():
        if record["difference"].get(name):
            rows.append((words, "", "", _difference(name, record["difference"][name])))
    return rows


def _shown(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{100 * value:.1f} %" if name in _SHARES else f"{value:.3f}"


def _difference(name: str, found: dict[str, float] | None) -> str:
    if found is None:
        return ""
    scale, digits = (100, 1) if name in _SHARES else (1, 3)
    value, low, high = (f"{scale * found[key]:+.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _sentence(record: dict[str, Any]) -> str:
    tasks = f"{record['tasks']} labelled tasks of {record['agents']} agents ({record['nobody']} that nobody fits)"
    if record["stored"]:
        return f"in use from now on: {record['reason']}; trained on {tasks}, {record['steps']} steps\n"
    if record["applied"]:
        return f"dry run: nothing is kept of {tasks}; {record['reason']}\n"
    return f"the encoder stays as it was: {record['reason']} ({tasks})\n"
