"""Figures of `delegate eval` in words: what a reader should take from them, and from each picture."""

from collections.abc import Mapping, Sequence
from typing import Any

from delegate_cli.confidence.metrics import wilson

SPACE = "\u00a0"  # no line ends between a number and its sign
_SURE = 0.8  # an edge of the fifteen bins
_FEW = 100  # tasks below which every interval is wide


def whole_percent(share: float) -> str:
    return f"{100 * share:.0f}{SPACE}%"


def percent(share: float) -> str:
    return f"{100 * share:.1f}{SPACE}%"


def between(share: Mapping[str, Any]) -> str:
    """The interval of a share, in percent."""
    return f"{100 * share['low']:.1f} to {100 * share['high']:.1f}"


def headlines(figures: Mapping[str, Any], target_error: float | None) -> list[tuple[str, str]]:
    """The figures to know first: each a number, and the rest of its sentence."""
    found = []
    top1, top3, given = figures["top1"], figures["top3"], figures["handed_over"]
    if top1:
        chance = percent(figures["random_top1"])
        found += [
            (
                percent(top1["value"]),
                f"of the time its first choice is right ({between(top1)}); chance alone would give {chance}.",
            ),
            (percent(top3["value"]), f"of the time a right agent is among its first three ({between(top3)})."),
        ]
        found += _when_sure(figures["reliability"])
    if given["coverage"]:
        found.append(
            (percent(given["coverage"]["value"]), f"of these tasks are handed over unasked{_wrong(given, target_error)}.")
        )
    if figures["false_accept"]:
        share = figures["false_accept"]
        rest = f"of the tasks that nobody fits are handed over all the same ({between(share)}, of {share['of']})."
        found.append((percent(share["value"]), rest))
    return found


def caution(figures: Mapping[str, Any]) -> str:
    """What a reader of few tasks must know; else nothing."""
    tasks = figures["tasks"]
    if tasks >= _FEW:
        return ""
    return (
        f"{'One task says' if tasks == 1 else f'{tasks} tasks say'} little: look at the intervals rather than at the figures."
    )


def _when_sure(bins: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    sure = [each for each in bins if each["from"] > _SURE - 1e-9 and each["count"]]
    count = sum(each["count"] for each in sure)
    if not count:
        return []
    stated = sum(each["count"] * each["probability"] for each in sure) / count
    right = sum(each["count"] * each["right"]["value"] for each in sure) / count
    low, high = wilson(round(right * count), count)
    states = f"it states {whole_percent(_SURE)} or more, on average {percent(stated)}"
    rest = f"of the time it is right where {states} ({100 * low:.1f} to {100 * high:.1f}, of {count})."
    return [(percent(right), rest)]


def _wrong(given: Mapping[str, Any], target_error: float | None) -> str:
    if given["error"] is None:
        return ""
    target = "" if target_error is None else f"; the target is {100 * target_error:g}{SPACE}%"
    return f", of which {percent(given['error']['value'])} are wrong ({between(given['error'])}{target})"


def _points(gap: float) -> str:
    return f"{100 * gap:.1f} points"


def _tasks(count: int) -> str:
    return "one task" if count == 1 else f"{count} tasks"


def finding(name: str, figures: Mapping[str, Any], target_error: float | None) -> str:
    """What the picture of this name shows, so that nobody has to see it."""
    return {
        "reliability": _reliability,
        "risk-coverage": _risk,
        "levels": _levels,
        "sizes": _sizes,
        "confusion": _confusion,
    }[name](figures, target_error)


def _reliability(figures: Mapping[str, Any], _: float | None) -> str:
    bins = [each for each in figures["reliability"] if each["count"]]
    astray = [each for each in bins if not each["right"]["low"] <= each["probability"] <= each["right"]["high"]]
    inside = (
        f"In {len(bins) - len(astray)} of {len(bins)} bins the stated probability lies within the interval of what was right."
    )
    low = sum(each["count"] * each["probability"] for each in bins)
    high = sum(each["count"] * each["right"]["value"] for each in bins)
    gap = (high - low) / figures["fits"]
    lean = "on the whole it is "
    lean += "as sure as it may be" if abs(gap) < 0.01 else f"{_points(abs(gap))} too {'cautious' if gap > 0 else 'sure'}"
    return f"Stated and true shares lie {_points(figures['ece'])} apart on average; {lean}. {inside}"


def _risk(figures: Mapping[str, Any], target_error: float | None) -> str:
    given = figures["handed_over"]
    parts = [
        f"{percent(each['error']['value'])} of the surest {whole_percent(each['coverage'])}"
        for each in figures["risk_coverage"]
        if each["error"]
    ]
    curve = f"Wrong are {', '.join(parts)}." if parts else "There are too few tasks for a curve."
    threshold = f"{given['threshold']:.3f}"
    if not given["error"]:
        return f"{curve} At the threshold of {threshold} nothing is handed over."
    wrong = percent(given["error"]["value"])
    target = "" if target_error is None else f" (target: {100 * target_error:g}{SPACE}%)"
    over = percent(given["coverage"]["value"])
    return f"{curve} At the threshold of {threshold}, {over} are handed over and {wrong} of them are wrong{target}."


def _levels(figures: Mapping[str, Any], _: float | None) -> str:
    parts = [
        f"{percent(each['accuracy']['value'])} of {_tasks(each['accuracy']['of'])} at level {each['level']}"
        for each in figures["levels"]
        if each["accuracy"]
    ]
    return f"Right are {', '.join(parts)}." if parts else "No task had a candidate."


def _sizes(figures: Mapping[str, Any], _: float | None) -> str:
    shown = [each for each in figures["sizes"] if each["top1"]]
    parts = [f"{percent(each['top1']['value'])} of the time with {each['agents']} agents" for each in (shown[:1] + shown[-1:])]
    return f"Its first choice is right {' and '.join(dict.fromkeys(parts))}. Smaller rosters are drawn at random from this one."


def _confusion(figures: Mapping[str, Any], _: float | None) -> str:
    misses = figures["fits"] - round(figures["top1"]["value"] * figures["fits"])
    pairs = sum(pair["count"] for pair in figures["confused"])
    worst = figures["confused"][0]
    count = len(figures["confused"])
    among = "this pair of agents" if count == 1 else f"these {count} pairs of agents"
    return f"{pairs} of {misses} misses lie between {among}; most, {worst['count']}, between {' and '.join(worst['agents'])}."
