"""A plan in which every subtask has a decision, of a request or of a plan that somebody wrote."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from delegate_cli.ask import Ask
from delegate_cli.decision import Decision
from delegate_cli.pipeline import Delegator
from delegate_cli.splitting.plan import Assignment, Plan, Subtask


@dataclass(frozen=True, slots=True)
class Assigned:
    """A plan, and the decisions that were made for it now, by subtask; `asked`: what a model was asked to split it."""

    plan: Plan
    decisions: tuple[tuple[str, Decision], ...]
    asked: Mapping[str, Any] | None = None


def single(request: str) -> Plan:
    """A request as a plan of one subtask.

    Raises:
        PlanError: it is empty, too long or not text.
    """
    return Plan(request, (Subtask("t1", request),), "it was not to be split")


def divided(delegator: Delegator, request: str, ask: Ask) -> Assigned:
    """A request, split where that is worth it."""
    from delegate_cli.splitting.split import split

    found = split(delegator, request, ask)
    pairs = zip(found.plan.subtasks, found.decisions, strict=True)
    return Assigned(found.plan, tuple((subtask.id, decision) for subtask, decision in pairs), found.asked)


def assign(delegator: Delegator, plan: Plan, ask: Ask) -> Assigned:
    """Decide who gets each subtask that nobody was named for."""
    made = []
    subtasks = []
    for each in plan.subtasks:
        if each.assigned is None:
            context = ask.context if not each.context else f"{ask.context}\n{plan.request}" if ask.context else plan.request
            decision = delegator.decide(each.task, replace(ask, ref=each.id, context=context))
            made.append((each.id, decision))
            each = replace(each, assigned=Assignment.of(decision))
        subtasks.append(each)
    roster = plan.roster or {"path": delegator.roster.path, "sha256": delegator.roster.sha256}
    return Assigned(replace(plan, subtasks=tuple(subtasks), roster=roster), tuple(made))
