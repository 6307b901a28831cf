"""Skill profiles, rankings and what to evaluate next, as lines and as tables. Observed and inferred figures are told apart."""

from collections.abc import Mapping, Sequence
from typing import Any

from delegate_cli.render.plain import columns
from delegate_cli.render.table import listing
from delegate_cli.render.text import clean, shorten

_NAMED = 3  # skills of an agent in an overview
Row = tuple[str, ...]


def plain_profiles(record: Mapping[str, Any]) -> str:
    """agent, skill, mean, std, low, high, observed or inferred, trials: one line for each agent and skill."""
    rows = []
    for profile in record["agents"]:
        for name, each in profile["skills"].items():
            numbers = (_number(each[key]) for key in ("mean", "std", "low", "high"))
            rows.append((profile["agent"], name, *numbers, _source(each), _trials(each)))
    return columns(rows)


def table_profiles(record: Mapping[str, Any], color: bool, width: int) -> str:
    """One agent's skills, or a line for each of several."""
    if len(record["agents"]) != 1:
        head = ("agent", "observed", "inferred", "strongest inferred")
        return listing(head, [_overview(each) for each in record["agents"]], color, width) + _said(record)
    (profile,) = record["agents"]
    skills = sorted(profile["skills"].items(), key=lambda item: (not item[1]["observed"], -item[1]["mean"], item[0]))
    rows = [
        (shorten(name, 60), _number(each["mean"]), f"± {_number(each['std'])}", _interval(each), _source(each), _measured(each))
        for name, each in skills
    ]
    return listing((profile["agent"], "score", "", "90 %", "", "measured"), rows, color, width) + _said(record)


def plain_ranking(record: Mapping[str, Any]) -> str:
    """agent, score, std, low, high, share of the weights that was observed, P(score > bar) or a hyphen."""
    return columns([(each["agent"], *_score_cells(each)) for each in record["ranking"]])


def table_ranking(record: Mapping[str, Any], color: bool, width: int) -> str:
    """The same for a terminal, with the weights and where they come from."""
    above = () if record["bar"] is None else (f"above {record['bar']:g}",)
    rows = []
    for rank, each in enumerate(record["ranking"], 1):
        cells = (str(rank), each["agent"], _number(each["mean"]), f"± {_number(each['std'])}", _interval(each))
        rows.append((*cells, _percent(each["observed"]), *(_percent(each["above"]) for _ in above)))
    head = ("", "agent", "score", "", "90 %", "observed", *above)
    return listing(head, rows, color, width) + f"weights ({record['by']}): {_weights(record['weights'])}\n" + _said(record)


def plain_next(record: Mapping[str, Any]) -> str:
    """skill, std now, expected std after its evaluation, share of the variance that goes away."""
    keys = ("std", "expected_std", "share")
    return columns([(each["skill"], *(_number(each[key]) for key in keys)) for each in record["next"]])


def table_next(record: Mapping[str, Any], color: bool, width: int) -> str:
    """The same for a terminal."""
    rows = [
        (shorten(each["skill"], 60), f"± {_number(each['std'])}", f"± {_number(each['expected_std'])}", _percent(each["share"]))
        for each in record["next"]
    ]
    of = "all skills together" if record["weights"] is None else f"the score with {_weights(record['weights'])}"
    said = f"what an evaluation of {clean(record['agent'])} would tell of {of}\n"
    return listing(("evaluate", "now", "expected", "less variance"), rows, color, width) + said + _said(record)


def _overview(profile: Mapping[str, Any]) -> Row:
    skills = profile["skills"]
    observed = [f"{name} {_number(each['mean'])}" for name, each in skills.items() if each["observed"]]
    others = sorted((each["mean"], name) for name, each in skills.items() if not each["observed"])[::-1]
    best = ", ".join(f"{shorten(name, 30)} {_number(mean)} ± {_number(skills[name]['std'])}" for mean, name in others[:_NAMED])
    more = f" and {len(observed) - _NAMED} more" if len(observed) > _NAMED else ""
    return profile["agent"], ", ".join(shorten(each, 40) for each in observed[:_NAMED]) + more, str(len(others)), best


def _score_cells(each: Mapping[str, Any]) -> Row:
    above = _number(each["above"]) if "above" in each else "-"
    return (*(_number(each[key]) for key in ("mean", "std", "low", "high", "observed")), above)


def _weights(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{shorten(name, 40)}={weight:g}" for name, weight in weights.items())


def _said(record: Mapping[str, Any]) -> str:
    notes: Sequence[str] = record.get("notes", ())
    return "".join(f"{clean(note)}\n" for note in notes)


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _interval(each: Mapping[str, Any]) -> str:
    return f"{_number(each['low'])} – {_number(each['high'])}"


def _source(each: Mapping[str, Any]) -> str:
    return "observed" if each["observed"] else "inferred"


def _measured(each: Mapping[str, Any]) -> str:
    if not each["observed"]:
        return ""
    return _number(each["score"]) + (f" in {each['trials']:g} trials" if each["trials"] else "")


def _trials(each: Mapping[str, Any]) -> str:
    return f"{each['trials']:g}" if each.get("trials") else "-"
