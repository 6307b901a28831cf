"""Judgements and what many runs came to, as lines and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from delegate_cli.render.text import clean, shorten

_NOTHING = "unknown: nothing to count"


def fallback_line(fallback: Mapping[str, str]) -> str:
    """Why parts were joined without a model."""
    reason = fallback.get("reason") or fallback.get("message", "")
    return clean(f"model: {shorten(reason, 300)}; the parts are joined under headings")


def judgement_line(found: Mapping[str, Any]) -> str:
    """A judgement on one line."""
    if found["state"] != "judged":
        reward = f"; reward {found['reward']:g}" if "reward" in found else ""
        return clean(f"judgement: {found['state']}: {shorten(str(found.get('reason', '')), 300)}{reward}")
    points = {side: found["points"][side]["all"] for side in ("multi", "single")}
    words = {side: found[side]["length"]["words"] for side in ("multi", "single")}
    doubt = "" if found["consistent"] else ", the two orders disagree"
    return clean(
        f"judgement by {found['model']}: several agents {points['multi']:.1f}, {found['agent']} alone {points['single']:.1f} "
        f"(difference {found['difference']:+.1f}{doubt}); words {words['multi']} and {words['single']}; "
        f"reward {found['reward']:g}{_invalid(found['format'])}"
    )


def _invalid(format: Mapping[str, bool | None]) -> str:
    """Why a reward is not that of the difference."""
    names = {"split": "the model gave no valid plan", "answer": "the model gave no valid answer"}
    said = [text for name, text in names.items() if format.get(name) is False]
    return f" ({said[0]})" if said else ""


def summary_rows(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What many runs came to: names and values."""
    counts = summary["prompts"]
    rows = [
        ("prompts", f"{counts['all']}: {counts['done']} done, {counts['partial']} partly, {counts['failed']} failed"),
        ("split", f"{counts['split']}; the same agent alone: {counts['same']}"),
        ("compared", f"{counts['judged']} of {counts['all']}; judge unreadable: {counts['unreadable']}"),
        ("better, worse, equal", f"{counts['won']}, {counts['lost']}, {counts['tied']}"),
        ("win rate", share(summary["win_rate"])),
        ("mean difference", mean(summary["difference"])),
        ("mean reward", mean(summary["reward"])),
    ]
    rows += [(f"format ok: {name}", share(summary["format_ok"][name])) for name in ("split", "answer", "judge")]
    for side, title in (("multi", "several agents"), ("single", "one agent")):
        facts = summary[side]
        if not counts["judged"]:
            rows.append((title, _NOTHING))
            continue
        cost = "unknown" if facts["cost_usd"] is None else f"{facts['cost_usd']:.6g} USD"
        rows.append((title, f"{cost}, {facts['seconds']:.1f} s, {facts['words']:.0f} words, a prompt"))
    return rows


def result_row(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A prompt's line: number, status, parts, what the judge says, difference, reward, request."""
    number = "-" if row.get("difference") is None else f"{row['difference']:+.1f}"
    reward = "-" if row.get("reward") is None else f"{row['reward']:g}"
    error = "" if not row.get("error") else f" — {row['error']['message']}"
    return (
        str(row["number"]),
        row["status"],
        str(row.get("parts", 0)),
        row.get("judge") or "-",
        number,
        reward,
        shorten(row["request"] + error, 60),
    )


def outcome_line(name: str, row: Mapping[str, Any]) -> str:
    """What became of a prompt, on one line."""
    if row.get("error"):
        fix = row["error"].get("fix")
        return clean(f"{name}: {row['error']['message']}" + (f" ({fix})" if fix else ""))
    judge = row.get("judge") or "not compared"
    difference = "" if row.get("difference") is None else f" (difference {row['difference']:+.1f})"
    return clean(f"{name}: {row['status']}, {judge}{difference}")


RESULT_HEAD = ("prompt", "status", "parts", "judge", "difference", "reward", "request")


def summary_lines(summary: Mapping[str, Any], width: int = 22) -> str:
    """The same as aligned text."""
    return "".join(f"{name:<{width}}  {clean(value)}\n" for name, value in summary_rows(summary))


def summary_plain(summary: Mapping[str, Any]) -> str:
    """The same as tab-separated lines."""
    return "".join(f"{name}\t{clean(value)}\n" for name, value in summary_rows(summary))


def plain_lines(results: Sequence[Mapping[str, Any]]) -> str:
    """Prompts as tab-separated lines."""
    return "".join("\t".join(clean(cell) for cell in result_row(row)) + "\n" for row in results)


def share(found: Mapping[str, Any] | None) -> str:
    """A share with its interval, in %."""
    if found is None:
        return _NOTHING
    return f"{100 * found['value']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f}, n = {found['of']})"


def mean(found: Mapping[str, Any] | None) -> str:
    """A mean with its interval."""
    if found is None:
        return _NOTHING
    return f"{found['value']:+.2f} ({found['low']:+.2f} to {found['high']:+.2f}, n = {found['of']})"
