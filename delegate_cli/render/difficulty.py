"""Forecasts of failure, fits of difficulty and comparisons of rules, as plain lines and as tables."""

from typing import Any

from delegate_cli.render.plain import columns
from delegate_cli.render.table import listing
from delegate_cli.render.text import clean

_FAR = "far from anything seen: these are the agents' usual rates\n"
_PRICES = {
    "call": "prices are taken for USD a call\n",
    "1k": "prices are taken for USD and tokens\n",
    "other": "prices are in no unit that a plan could use\n",
}


class Forecasts:
    """`delegate difficulty TASK`."""

    @staticmethod
    def plain(record: dict[str, Any]) -> str:
        """Tab-separated: agent, P(fails), low, high; then a line where the task is far from anything seen."""
        rows = [
            (clean(row["agent"]), _share(row["failure"]), _share(row["low"]), _share(row["high"])) for row in record["agents"]
        ]
        return columns(rows) + (_FAR if record["far"] else "")

    @staticmethod
    def table(record: dict[str, Any], color: bool, width: int) -> str:
        """The same for a terminal, with each agent's usual rate and the number of its outcomes."""
        head = ("agent", "fails", "90 % interval", "usually", "outcomes")
        rows = [
            (
                clean(row["agent"]),
                _share(row["failure"]),
                f"{_share(row['low'])} to {_share(row['high'])}",
                _share(row["rate"]),
                str(row["tasks"]),
            )
            for row in record["agents"]
        ]
        return listing(head, rows, color, width) + _said(record)


class Fits:
    """`delegate difficulty fit`."""

    @staticmethod
    def plain(record: dict[str, Any]) -> str:
        """Tab-separated: estimator, Brier score, AUC, ECE, whether it was kept; then a sentence."""
        return columns(_tried(record)) + _fitted(record)

    @staticmethod
    def table(record: dict[str, Any], color: bool, width: int) -> str:
        """The same for a terminal."""
        head = ("on held-out tasks", "squared error", "AUC of success", "calibration error", "")
        return listing(head, _tried(record), color, width) + _fitted(record)


class Rules:
    """`delegate plan eval`."""

    @staticmethod
    def plain(record: dict[str, Any]) -> str:
        """Tab-separated: rule, quality with its interval, price, points above the best agent with their interval."""
        return columns(_compared(record)) + _sentence(record)

    @staticmethod
    def table(record: dict[str, Any], color: bool, width: int) -> str:
        """The same for a terminal."""
        head = ("rule", "quality (95 % interval)", "price", "points above the best")
        return listing(head, _compared(record), color, width) + _sentence(record)


def _share(value: float) -> str:
    return f"{value:.2f}"


def _said(record: dict[str, Any]) -> str:
    if record["far"]:
        return _FAR
    return "unlike most of what was seen: partly the agents' usual rates\n" if record["trust"] < 1 else ""


def _tried(record: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            each["estimator"],
            f"{each['brier']:.4f}",
            "–" if each["auc"] is None else f"{each['auc']:.3f}",
            f"{100 * each['ece']:.1f} %",
            "kept" if each["kept"] and record["stored"] else "best" if each["kept"] else "",
        )
        for each in record["tried"]
    ]


def _fitted(record: dict[str, Any]) -> str:
    families = "" if record["families"] is None else f" of {record['families']} families"
    what = f"{record['outcomes']} outcomes of {len(record['agents'])} agents on {record['tasks']} tasks{families}"
    if record["estimator"] == "average":
        what += ": nothing foretells held-out ones better than each agent's usual rate"
    said = f"{what}\n{_PRICES.get(record['prices_per'], '')}"
    return said if record["stored"] else f"dry run, nothing is kept: {said}"


def _compared(record: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            clean(each["rule"]),
            _interval(each["quality"], 1, "{:.3f}"),
            f"{each['price']:.4g}",
            "" if each["gain"] is None else _interval(each["gain"], 100, "{:+.1f}"),
        )
        for each in record["rules"]
    ]


def _interval(found: dict[str, float], scale: float, form: str) -> str:
    value, low, high = (form.format(scale * found[key]) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _sentence(record: dict[str, Any]) -> str:
    lines = [f"{record['tasks']} tasks, {record['how']}"]
    gap = record["recovered"]
    if gap is not None:
        pair = f"{clean(gap['weak'])} and {clean(gap['strong'])}"
        figure = f"{gap['value']:.3f} ({gap['low']:.3f} to {gap['high']:.3f})"
        lines.append(f"gap between {pair} recovered (APGR, 0.5 by chance): {figure}")
    return "\n".join(lines) + "\n"
