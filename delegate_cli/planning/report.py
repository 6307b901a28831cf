"""A selected plan as a record, and in words why not the cheaper and why not the better one."""

import math
from typing import Any

from delegate_cli.agents import Auto
from delegate_cli.decision import Decision
from delegate_cli.planning.frontier import Neighbour, Selection, Verdict
from delegate_cli.planning.gathering import Gathered
from delegate_cli.planning.plans import Plan

VERSION = 1


def record(decision: Decision, found: Selection, gathered: Gathered, explain: bool) -> dict[str, Any]:
    """The plan as JSON, with stable keys."""
    chosen = found.plan
    made: dict[str, Any] = {
        "v": VERSION,
        "task": decision.task,
        "target": found.wish.target,
        "budget_usd": found.wish.budget,
        "verdict": found.verdict.value,
        "said": said(found),
        "plan": None if chosen is None else chosen.as_dict(),
        "frontier": [each.as_dict() for each in found.frontier],
        "unpriced": [each.as_dict() for each in found.unpriced],
        "weighed": found.weighed,
        "agents": [
            {"agent": each.agent.id, "right": round(each.right, 6), "success": each.rate.as_dict()} for each in gathered.doers
        ],
        "none": round(decision.none, 6),
        "excluded": [each.as_dict() for each in decision.excluded],
        "notes": [*gathered.notes, *_notes(found), *_unasked(found.plan, gathered)],
        "roster": dict(decision.roster),
    }
    if explain:
        made["why_not"] = {
            "cheaper": {"said": _why_cheaper(found), **_neighbour(found.cheaper)},
            "better": {"said": _why_better(found), **_neighbour(found.better)},
        }
    return made


def said(found: Selection) -> str:
    """What came of the wish, in a sentence."""
    wish, plan = found.wish, found.plan
    wanted = _wanted(found)
    if plan is None:
        return "nobody may get this task"
    if found.verdict is Verdict.REACHED:
        unknown = ", at a cost that is not known" if plan.cost is None else ""
        return f"the {'cheapest' if wish.target is not None else 'best'} plan with {wanted}{unknown}"
    if wish.affords(plan):
        return f"no plan has {wanted}; the best has {plan.success.value:.2f}"
    if plan.cost is None:
        return f"no plan has {wanted}: what this one costs is not known"
    return f"no plan has {wanted}; the cheapest costs {usd(plan.price)}"


def name(plan: Plan) -> str:
    """Such as `legal, self-consistency × 5`."""
    return f"{plan.agent}, {work(plan)}"


def work(plan: Plan) -> str:
    """Operator and depth."""
    return worded(plan.operator, plan.calls, plan.depth)


def worded(operator: str, calls: float, depth: int) -> str:
    """An operator with its depth, where that says anything."""
    return operator if calls <= 1 and depth == 1 else f"{operator} × {depth}"


def usd(value: float) -> str:
    """A price, small ones with the digits that matter."""
    if value == float("inf"):
        return "an unknown price"
    if value >= 1 or value <= 0:
        return f"${value:,.2f}"
    whole, _, digits = f"{value:.{1 - math.floor(math.log10(value))}f}".partition(".")
    return f"${whole}.{digits.rstrip('0').ljust(2, '0')}"


def _wanted(found: Selection) -> str:
    wish, parts = found.wish, []
    if wish.target is not None:
        parts.append(f"success of at least {wish.target:g}")
    if wish.budget is not None:
        parts.append(f"a cost of at most {usd(wish.budget)}")
    return " and ".join(parts)


def _why_cheaper(found: Selection) -> str:
    plan, other, wish = found.plan, found.cheaper, found.wish
    if plan is None:
        return "there is no plan"
    if other is None:
        return "what it costs is not known" if plan.cost is None else "there is no cheaper plan worth having"
    saves = f"{name(other.plan)} saves {usd(-other.cost)} and loses {-other.success:.3f} of success"
    if wish.target is not None and found.verdict is Verdict.REACHED:
        return f"{saves}: {other.plan.success.value:.3f} is {wish.target - other.plan.success.value:.3f} short of the target"
    return f"{saves}{_overlap(plan, other)}"


def _why_better(found: Selection) -> str:
    plan, other, wish = found.plan, found.better, found.wish
    if plan is None:
        return "there is no plan"
    if other is None:
        return "no plan with a known cost is likelier to succeed" if plan.cost is not None else "what it costs is not known"
    gains = f"{name(other.plan)} gains {other.success:.3f} of success for {usd(other.cost)} more"
    if wish.budget is not None and not wish.affords(other.plan):
        return f"{gains}: {usd(other.plan.price)} is {usd(other.plan.price - wish.budget)} over the budget"
    if wish.target is not None and found.verdict is Verdict.REACHED:
        return f"{gains}, and the target is reached without it{_overlap(plan, other)}"
    return f"{gains}{_overlap(plan, other)}"


def _overlap(plan: Plan, other: Neighbour) -> str:
    """What is to be said where the two may as well be equal."""
    first, second = plan.work, other.plan.work
    if plan.agent == other.plan.agent and first.low <= second.high and second.low <= first.high:
        return " (their intervals overlap: with what is known now, either may be the better)"
    return ""


def _neighbour(other: Neighbour | None) -> dict[str, Any]:
    return {"plan": None, "success": None, "cost_usd": None} if other is None else other.as_dict()


def _unasked(plan: Plan | None, gathered: Gathered) -> list[str]:
    """That the chosen agent must not simply be given the task."""
    never = {each.agent.id for each in gathered.doers if each.agent.auto is Auto.NEVER}
    return [f"{plan.agent} takes no task unasked"] if plan is not None and plan.agent in never else []


def _notes(found: Selection) -> list[str]:
    """What is to be known about the figures."""
    notes = []
    shown = [*found.frontier, *([found.plan] if found.plan is not None else [])]
    if found.unpriced:
        some = ", ".join(each.agent for each in found.unpriced[:5]) + (", …" if len(found.unpriced) > 5 else "")
        notes.append(f"cost not known, so left out of the frontier: {some}")
    late = sorted({each.agent for each in shown if each.seconds is None})
    if late:
        notes.append(f"time not known: {', '.join(late[:5])}")
    gains = list(dict.fromkeys(text for each in shown for text in each.assumed if text.startswith("what ")))
    if gains:
        notes.append(f"assumed, not measured: {'; '.join(gains)}")
    plan = found.plan
    if (
        found.verdict is Verdict.MISSED
        and plan is not None
        and found.wish.target is not None
        and plan.right < found.wish.target
    ):
        notes.append(f"{plan.agent} is the right agent with {plan.right:.2f} only: no work of its own gets beyond that")
    return notes
