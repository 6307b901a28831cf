"""Plans and teams as people, pipes and diagrams read them."""

import re
from typing import TYPE_CHECKING

from delegate_cli.decision import Status
from delegate_cli.render.plain import NOBODY, columns
from delegate_cli.render.text import clean, shorten

if TYPE_CHECKING:
    from delegate_cli.splitting.plan import Plan, Subtask
    from delegate_cli.splitting.team import Team

_PLAIN = re.compile(r"[^\w .,!?/+-]")
_WIDE = 90  # characters of a subtask in a box
_CLASSES = {Status.ASK: "ask", Status.NONE: "nobody", Status.NO_ELIGIBLE: "nobody"}


def plan_lines(plan: "Plan") -> str:
    """id, status, agent, probability, confidence, ids it waits for, task; a line a subtask."""
    return columns([(each.id, *_who(each), ",".join(each.after) or NOBODY, shorten(each.task, 200)) for each in plan.subtasks])


def plan_table(plan: "Plan", color: bool, width: int) -> str:
    """The plan as a person reads it."""
    from delegate_cli.render.table import listing

    rows = [(each.id, shorten(each.task, 4 * width), *_who(each), ", ".join(each.after)) for each in plan.subtasks]
    head = f"{plan.mode.value}: {plan.reason}" if plan.reason else plan.mode.value
    table = listing(("id", "task", "status", "agent", "prob", "sure", "after"), tuple(rows), color, width)
    reasons = "".join(f"{each.id}: {shorten(each.reason, 4 * width)}\n" for each in plan.subtasks if each.reason)
    return f"{shorten(head, 4 * width)}\n{table}{reasons}"


def plan_mermaid(plan: "Plan") -> str:
    """A flow chart in Mermaid's language. Texts are written as codes wherever they could be taken for its marks."""
    place = {each.id: f"s{number}" for number, each in enumerate(plan.subtasks)}  # an id may be a word of the language
    lines = ["flowchart TD", f'  request(["{_label(plan.request)}"])']
    for each in plan.subtasks:
        status, agent, chance, _ = _who(each)
        lines.append(f'  {place[each.id]}["{_label(f"{each.id}. {each.task}")}<br/>{_label(f"{agent} {chance} {status}")}"]')
    for each in plan.subtasks:
        lines += [f"  {place[other]} --> {place[each.id]}" for other in each.after] or [f"  request --> {place[each.id]}"]
    for each in plan.subtasks:
        if each.assigned is not None and each.assigned.status in _CLASSES:
            lines.append(f"  class {place[each.id]} {_CLASSES[each.assigned.status]}")
    return "\n".join([*lines, "  classDef ask stroke-dasharray: 4", "  classDef nobody stroke:#c00"]) + "\n"


def team_lines(team: "Team") -> str:
    """status, agent, probability, and what it is for; a line a member, a hyphen for nobody."""
    rows = [
        (team.status.value, each.agent, f"{each.probability:.3f}", shorten("; ".join(duty.text for duty in each.duties), 200))
        for each in team.members
    ]
    return columns(rows or [(team.status.value, NOBODY, "0.000", shorten(team.task, 200))])


def team_ids(team: "Team") -> str:
    """The ids of the members, separated by spaces, or a hyphen for nobody: one line a task, whatever happens."""
    return (" ".join(member.agent for member in team.members) or NOBODY) + "\n"


def team_table(team: "Team", color: bool, width: int) -> str:
    """The team as a person reads it."""
    from delegate_cli.render.table import listing

    rows = [
        (clean(each.name), each.agent, f"{each.probability:.2f}", f"{duty.probability:.2f} {shorten(duty.text, 4 * width)}")
        for each in team.members
        for duty in each.duties
    ]
    table = listing(("agent", "id", "prob", "for"), tuple(rows), color, width)
    return f"{shorten(team.task, 4 * width)}\n{table}{_verdict(team)}\n"


def _verdict(team: "Team") -> str:
    if not team.members:
        return "nobody fits" if team.status is Status.NONE else "no agent is eligible"
    agents = "one agent is enough" if len(team.members) == 1 else f"{len(team.members)} agents"
    return f"{team.status.value}: {agents}; every part is in the right hands with {team.coverage:.2f}"


def _who(subtask: "Subtask") -> tuple[str, str, str, str]:
    """Status, agent, probability and confidence."""
    assigned = subtask.assigned
    if assigned is None:
        return (NOBODY, NOBODY, NOBODY, NOBODY)
    chance = NOBODY if assigned.probability is None else f"{assigned.probability:.3f}"
    level = NOBODY if assigned.confidence is None else str(assigned.confidence)
    return (assigned.status.value, assigned.agent or NOBODY, chance, level)


def _label(text: str) -> str:
    return _PLAIN.sub(lambda char: f"#{ord(char[0])};", shorten(text, _WIDE))
