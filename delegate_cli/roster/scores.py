"""Scores of a card: `math: 0.9`, or a mapping with trials and a scale, or a list of evaluations, which become one."""

import re
from collections.abc import Sequence

import yaml

from delegate_cli.agents import Skill
from delegate_cli.roster import document
from delegate_cli.roster.document import Source
from delegate_cli.roster.readers import TEXT, UNIT, Field, at_least, object_schema, read_fields, text, whole

SCALES = "write share, percent, elo, or a range such as 1..5"
_NAMED = {"share": (0.0, 1.0), "percent": (0.0, 100.0), "elo": None, "open": None}
_RANGE = re.compile(r"(?P<low>[-+]?\d+(\.\d+)?)\.\.(?P<high>[-+]?\d+(\.\d+)?)")


def parse_bounds(text: str) -> tuple[float, float] | None:
    """The bounds of a scale: `share`, `percent`, or `1..5`; None for an open one, `elo` or `open`.

    Raises:
        ValueError: it is none of them.
    """
    word = text.strip().lower()
    if word in _NAMED:
        return _NAMED[word]
    found = _RANGE.fullmatch(word)
    low, high = (float(found["low"]), float(found["high"])) if found else (0.0, 0.0)
    if low >= high:
        raise ValueError(f"there is no scale {text!r}")
    return low, high


def joined(skills: Sequence[Skill]) -> Skill:
    """Several evaluations of one skill as one: weighted by trials where all counted them, else by how often it was run."""
    if len(skills) == 1:
        return skills[0]
    runs = sum(skill.runs for skill in skills)
    counted = [skill.trials for skill in skills if skill.trials is not None]
    if len(counted) == len(skills):
        trials = sum(counted)
        score = sum(skill.score * count for skill, count in zip(skills, counted, strict=True)) / trials
        return Skill(score, trials, runs, skills[0].open)
    return Skill(sum(skill.score * skill.runs for skill in skills) / runs, None, runs, skills[0].open)


def read_skills(node: yaml.Node, source: Source, what: str) -> dict[str, Skill]:
    """The skills of a card by name."""
    skills = {}
    for name, (_, value) in document.mapping(node, source, what).items():
        here = f"{what}.{name}"
        if not isinstance(value, yaml.SequenceNode):
            skills[name] = _skill(value, source, here)
            continue
        found = [_skill(each, source, f"{here}[{at}]") for at, each in enumerate(document.sequence(value, source, here))]
        if not found or len({each.open for each in found}) > 1:
            problem = f"{here} has no score" if not found else f"{here} is on two scales"
            raise source.error(problem, value, "write a score, or several on one scale")
        skills[name] = joined(found)
    return skills


def _skill(node: yaml.Node, source: Source, what: str) -> Skill:
    """One evaluation: a share, or a mapping with a score on its own scale."""
    if not isinstance(node, yaml.MappingNode):
        return Skill(at_least(0, 1)(node, source, what))
    facts = read_fields(node, source, what, _SKILL)
    if "score" not in facts:
        raise source.error(f"{what} has no score", node, "add `score: 0.8`")
    bounds, score = facts.get("scale", [(0.0, 1.0)])[0], facts["score"]
    if bounds is None:
        return Skill(score, facts.get("trials"), facts.get("runs", 1), open=True)
    low, high = bounds
    if not low <= score <= high:
        problem = f"{what}.score must be between {low:g} and {high:g}, not {score:g}"
        raise source.error(problem, node, "correct it, or add a `scale` such as percent, elo or 1..5")
    share = score if high - low == 1 and low == 0 else (score - low) / (high - low)
    return Skill(share, facts.get("trials"), facts.get("runs", 1))


def _scale(node: yaml.Node, source: Source, what: str) -> list[tuple[float, float] | None]:
    """The bounds, in a list of one, so that an open scale is not taken for an absent key."""
    try:
        return [parse_bounds(text(node, source, what))]
    except ValueError as error:
        raise source.error(f"{what}: {error}", node, SCALES) from None


def read_descriptions(node: yaml.Node, source: Source, what: str) -> dict[str, str]:
    """What each skill means, in words, by name."""
    return {name: text(value, source, f"{what}.{name}") for name, (_, value) in document.mapping(node, source, what).items()}


_SKILL = {
    "score": Field(document.number, {"type": "number"}),
    "scale": Field(_scale, TEXT),
    "trials": Field(whole(1), {"type": "integer", "minimum": 1}),
    "runs": Field(whole(1), {"type": "integer", "minimum": 1}),
}
_ONE = [UNIT, object_schema(_SKILL)]
_SEVERAL = {"type": "array", "minItems": 1, "items": {"anyOf": _ONE}}
SKILLS = Field(read_skills, {"type": "object", "additionalProperties": {"anyOf": [*_ONE, _SEVERAL]}})
DESCRIPTIONS = Field(read_descriptions, {"type": "object", "additionalProperties": TEXT})
