"""Tables of scores → histories and evaluations. One row an agent with a column a skill, or one row an evaluation.

The latter has the columns agent (or model, name), skill (or benchmark), score, and where known trials. What was evaluated more
than once accumulates: weighted by trials where all were counted, else as a plain mean.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from delegate_cli.errors import TableError
from delegate_cli.skills.population import History, family_names
from delegate_cli.skills.profile import Evaluation
from delegate_cli.skills.scales import Scale, detect
from delegate_cli.tables.table import Floats, Table, as_number, shown

_NAMES = ("agent", "model", "name", "entity", "occupation", "")
_SKILLS = ("skill", "benchmark", "task")
LONG = "long tables have the columns agent, skill, score and, where known, trials"


@dataclass(frozen=True, slots=True)
class Scores:
    """Written scores by agent and skill, each with its evaluation, and the text columns that could name families.

    `scales`: those that were told, by skill.
    """

    by_agent: Mapping[str, Mapping[str, Evaluation]]
    skills: tuple[str, ...]
    families: Mapping[str, str]
    scales: Mapping[str, Scale] = field(default_factory=dict)


def read_scores(table: Table, columns: Sequence[str] = (), family: str | None = None) -> Scores:
    """The scores of a table.

    Args:
        columns: the skills to take; by default all columns of numbers, in a long table all skills.
        family: the column that says which rows belong together.

    Raises:
        TableError: a column is missing, holds text where scores are needed, or there are none at all.
    """
    named = next((name for name in _NAMES if name in table.columns), None)
    if named is None:
        named = next((name for name in table.columns if not table.numeric(name)), None)
    if named is None:
        raise table.error(None, None, "no column names the agents", "add a column `agent` with their names")
    agents = table.texts(named)
    table.require(*(() if family is None else (family,)))
    families = {} if family is None else dict(zip(agents, table.texts(family), strict=True))
    skill = next((name for name in _SKILLS if name in table.columns and not table.numeric(name)), None)
    if skill is not None and "score" in table.columns:
        found = _long(table, agents, skill, columns)
    else:
        found = _wide(table, agents, columns or [name for name in table.columns if name != named and _measured(table, name)])
    skills = tuple(sorted({name for each in found.values() for name in each}))
    if not skills:
        raise table.error(None, None, "there are no scores", f"add columns of numbers; {LONG}")
    return Scores(found, skills, families)


def history(scores: Scores, scales: Mapping[str, Scale], path: str) -> History:
    """The history of scores; a scale that is not given is detected.

    Raises:
        TableError: a score lies outside its scale, or fewer than two agents have scores.
    """
    agents = sorted(agent for agent, found in scores.by_agent.items() if found)
    if len(agents) < 2:
        raise TableError(f"{path}: fewer than two agents have scores", "a history needs many: fifty and more tell most")
    grid = np.full((len(agents), len(scores.skills)), math.nan)
    for row, agent in enumerate(agents):
        for at, skill in enumerate(scores.skills):
            if skill in scores.by_agent[agent]:
                grid[row, at] = scores.by_agent[agent][skill].score
    used = [scales.get(skill) or detect(grid[:, at]) for at, skill in enumerate(scores.skills)]
    for at, (skill, scale) in enumerate(zip(scores.skills, used, strict=True)):
        _check(grid[:, at], scale, agents, skill, path)
    families = [scores.families[agent] for agent in agents] if scores.families else family_names(agents)
    return History.of(agents, scores.skills, grid, used, families)


def _measured(table: Table, name: str) -> bool:
    """Whether a column holds scores; one of scores with some text among them does, and reading it says where."""
    values = [as_number(cell) for cell in table.columns[name]]
    numbers = sum(value is not None and not math.isnan(value) for value in values)
    return table.numeric(name) or numbers >= max(values.count(None), 1)


def _wide(table: Table, agents: list[str], columns: Sequence[str]) -> dict[str, dict[str, Evaluation]]:
    found: dict[str, dict[str, Evaluation]] = {agent: {} for agent in agents}
    for name in columns:
        for agent, score in zip(agents, table.numbers(name, holes=True).tolist(), strict=True):
            _add(found[agent], name, score, None)
    return found


def _long(table: Table, agents: list[str], skill: str, columns: Sequence[str]) -> dict[str, dict[str, Evaluation]]:
    scores, skills = table.numbers("score", holes=True), table.texts(skill)
    missing = [name for name in columns if name not in skills]
    if missing:
        raise table.error(
            None, skill, f"there is no skill {shown(missing[0])}", f"it has: {', '.join(sorted(set(skills))[:12])}"
        )
    trials: Floats = np.full(len(table), math.nan)
    if "trials" in table.columns:
        trials = table.numbers("trials", low=1, holes=True)
    found: dict[str, dict[str, Evaluation]] = {agent: {} for agent in agents}
    for agent, name, score, count in zip(agents, skills, scores.tolist(), trials.tolist(), strict=True):
        if not columns or name in columns:
            _add(found[agent], name, score, None if math.isnan(count) else count)
    return found


def _add(found: dict[str, Evaluation], skill: str, score: float, trials: float | None) -> None:
    if not math.isnan(score):
        new = Evaluation(score, trials)
        found[skill] = found[skill].joined(new) if skill in found else new


def _check(scores: Floats, scale: Scale, agents: list[str], skill: str, path: str) -> None:
    if scale.low is None or scale.high is None:
        return
    outside = np.flatnonzero((scores < scale.low) | (scores > scale.high))
    if len(outside):
        what = f"{agents[outside[0]]} has {scores[outside[0]]:g} in {shown(skill)}, outside {scale.low:g} to {scale.high:g}"
        raise TableError(f"{path}: {what}", f"correct it, or give the scale: --scale '{skill}=percent' (or elo, or 1..5)")
