"""A roster's own profiles: its cards' scores, further evaluations and a history → a population and a profile for each agent."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from delegate_cli.agents import Agent, Roster, Skill
from delegate_cli.errors import TableError, UsageError
from delegate_cli.skills.population import Floats, History, Population
from delegate_cli.skills.profile import Evaluation, Profile, profile
from delegate_cli.skills.scales import OPEN, PERCENT, SHARE, Scale, detect
from delegate_cli.skills.tables import Scores

_FIX = "give `skills` on the cards, or --scores TABLE with evaluations of these agents"


@dataclass(frozen=True, slots=True)
class Team:
    """Profiles by agent id, and what was left aside in making them, in words."""

    population: Population
    profiles: Mapping[str, Profile]
    notes: tuple[str, ...] = ()
    alone: bool = field(default=False)  # whether the roster is its own population


def team(roster: Roster, history: History | None, scores: Scores | None = None, raw: bool = False) -> Team:
    """The profiles of all agents of a roster.

    Args:
        history: others that were measured; without one the roster's own agents are the population.
        scores: further evaluations of the roster's agents, which join those of the cards.
        raw: the Gaussian alone on the scores as they are (`Population`).

    Raises:
        UsageError: no agent has a score.
        TableError: a skill is on another scale in the history.
    """
    known, notes = _evaluations(roster, history, scores)
    if not any(known.values()):
        raise UsageError("no agent of the roster has a score", _FIX)
    alone, seen = history is None, dict[str, Floats]()
    if history is None:
        history = _own_history(known)
    else:
        history, unknown = _with_columns(history, known)
        seen = {name: np.array([found[name][0].score for found in known.values() if name in found]) for name in unknown}
        if unknown:
            notes.append(f"not in the history, so nothing follows from them: {', '.join(unknown)}")
    population = Population(history, raw, seen)
    told = {agent: {name: each for name, (each, _) in found.items()} for agent, found in known.items()}
    made = {agent: profile(population, agent, found, itself=alone) for agent, found in sorted(told.items())}
    return Team(population, made, tuple(notes), alone)


def _evaluations(
    roster: Roster, history: History | None, scores: Scores | None
) -> tuple[dict[str, dict[str, tuple[Evaluation, Scale]]], list[str]]:
    """Told evaluations with their scale by agent and skill; a skill is called as the history calls it, whatever its case."""
    called = sorted({name for agent in roster for name in agent.skills}, reverse=True) if history is None else history.skills
    names = {name.casefold().strip(): name for name in called}
    scales = {} if history is None else dict(zip(history.skills, history.scales, strict=True))
    known = {agent.id: _of_card(agent, names) for agent in roster}
    notes: list[str] = []
    if scores is None:
        return known, notes
    told = {
        skill: scores.scales.get(skill) or scales.get(names.get(skill.casefold().strip(), skill)) for skill in scores.skills
    }
    columns = {skill: _column(skill, scores, told[skill]) for skill in scores.skills}
    guessed = [name for name in columns if told[name] is None and columns[name] != SHARE]
    for kind, scale in (("per cent", PERCENT), ("an open scale", OPEN)):
        if some := [name for name in guessed if columns[name] == scale]:
            notes.append(f"scores taken for {kind}, which --scale can change: {', '.join(some)}")
    strangers = sorted(set(scores.by_agent) - set(known))
    if strangers:
        more = f" and {len(strangers) - 3} more" if len(strangers) > 3 else ""
        notes.append(f"scores of agents that the roster does not have: {', '.join(strangers[:3])}{more}")
    for agent in sorted(set(scores.by_agent) & set(known)):
        for skill, each in sorted(scores.by_agent[agent].items()):
            name, scale = names.get(skill.casefold().strip(), skill), columns[skill]
            new = Evaluation(float(scale.share(each.score)), each.trials, each.runs)
            before = known[agent].get(name)
            known[agent][name] = (new if before is None else before[0].joined(new), scale)
    return known, notes


def _of_card(agent: Agent, names: Mapping[str, str]) -> dict[str, tuple[Evaluation, Scale]]:
    return {names.get(name.casefold().strip(), name): _of_skill(skill) for name, skill in agent.skills.items()}


def _of_skill(skill: Skill) -> tuple[Evaluation, Scale]:
    return Evaluation(skill.score, skill.trials, skill.runs), OPEN if skill.open else SHARE


def _column(skill: str, scores: Scores, scale: Scale | None) -> Scale:
    """The scale of a skill in a table of evaluations: the history's, else as its scores look."""
    found = np.array([each[skill].score for each in scores.by_agent.values() if skill in each])
    if scale is None:
        return detect(found)
    low, high = (-math.inf, math.inf) if scale.low is None or scale.high is None else (scale.low, scale.high)
    if not ((found >= low) & (found <= high)).all():
        raise TableError(f"scores in {skill!r} lie outside {low:g} to {high:g}", "correct them, or give the scale: --scale")
    return scale


def _own_history(known: Mapping[str, Mapping[str, tuple[Evaluation, Scale]]]) -> History:
    agents = sorted(agent for agent, found in known.items() if found)
    skills = sorted({name for found in known.values() for name in found})
    grid = np.full((len(agents), len(skills)), math.nan)
    scales = [next(found[name][1] for found in known.values() if name in found) for name in skills]
    scales = [SHARE if scale.bounded else OPEN for scale in scales]
    for row, agent in enumerate(agents):
        for at, name in enumerate(skills):
            if name in known[agent]:
                grid[row, at] = known[agent][name][0].score
    return History.of(agents, skills, grid, scales, [""] * len(agents))


def _with_columns(
    history: History, known: Mapping[str, Mapping[str, tuple[Evaluation, Scale]]]
) -> tuple[History, Sequence[str]]:
    """The history with empty columns for skills that only the roster has, which are told, too."""
    own: dict[str, Scale] = {}
    for found in known.values():
        for name, (_, scale) in found.items():
            own.setdefault(name, scale)
    for name, scale in zip(history.skills, history.scales, strict=True):
        if name in own and own[name].bounded != scale.bounded:
            said, other = ("a share", "an open scale") if own[name].bounded else ("open", "a scale with bounds")
            column: Floats = history.scores[:, history.skills.index(name)]
            span = f"{np.nanmin(column):g} to {np.nanmax(column):g}"
            problem = f"the roster has {name!r} as {said}, the history on {other} (scores of {span})"
            raise TableError(problem, f"correct them, or give the scale: --scale '{name}=percent', `scale: elo` on the card")
    extra = sorted(set(own) - set(history.skills))
    if not extra:
        return history, extra
    grid = np.column_stack([history.scores, np.full((len(history.rows), len(extra)), math.nan)])
    scales = [*history.scales, *(SHARE if own[name].bounded else OPEN for name in extra)]
    return History.of(history.rows, [*history.skills, *extra], grid, scales, history.families), extra
