"""Which of many plans to take: the cheapest that is good enough, or the best that is cheap enough, and why no other.

The frontier has the plans that no other beats: none is at once as cheap and as likely to succeed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from delegate_cli.planning.plans import Plan


class Verdict(StrEnum):
    """What came of the wish."""

    REACHED = "reached"
    MISSED = "missed"  # the best or the nearest is shown
    NOBODY = "no_eligible"


@dataclass(frozen=True, slots=True)
class Wish:
    """Least probability of success, most USD, or both."""

    target: float | None = None
    budget: float | None = None

    def affords(self, plan: Plan) -> bool:
        """Whether it is within the budget; a cost that is not known is within none."""
        return self.budget is None or plan.price <= self.budget

    def reaches(self, plan: Plan) -> bool:
        """Whether it is likely enough to succeed."""
        return self.target is None or plan.success.value >= self.target


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The next plan along the frontier, and how it differs from the chosen one: probability and USD, each with its sign."""

    plan: Plan
    success: float
    cost: float

    def as_dict(self) -> dict[str, Any]:
        return {"plan": self.plan.as_dict(), "success": round(self.success, 6), "cost_usd": round(self.cost, 9)}


@dataclass(frozen=True, slots=True)
class Selection:
    """What to do.

    Attributes:
        plan: the chosen one; where the wish is missed the nearest to it; None where there is none.
        frontier: ascending in cost and success, plans with a known cost alone.
        unpriced: the best of each agent whose cost is not known, the likeliest to succeed first.
        cheaper, better: the neighbours of the chosen plan on the frontier.
    """

    verdict: Verdict
    plan: Plan | None
    wish: Wish
    frontier: tuple[Plan, ...]
    unpriced: tuple[Plan, ...]
    cheaper: Neighbour | None
    better: Neighbour | None
    weighed: int


def select(plans: Sequence[Plan], wish: Wish) -> Selection:
    """The plan for a wish. With a target the cheapest that reaches it, else the likeliest to succeed within the budget.

    Plans without a known cost are taken only where none with one reaches the target, and never within a budget.
    """
    front = frontier(plans)
    within = [each for each in front if wish.affords(each)]
    good = [each for each in within if wish.reaches(each)]
    loose = unpriced(plans)
    if not plans:
        return Selection(Verdict.NOBODY, None, wish, (), (), None, None, 0)
    if good:
        chosen, verdict = (good[0] if wish.target is not None else good[-1]), Verdict.REACHED
    elif wish.budget is None and any(map(wish.reaches, loose)):
        chosen, verdict = next(filter(wish.reaches, loose)), Verdict.REACHED
    else:
        chosen, verdict = _nearest(front, within, loose, wish), Verdict.MISSED
    cheaper, better = _neighbours(front, chosen)
    return Selection(verdict, chosen, wish, front, loose, cheaper, better, len(plans))


def _nearest(front: Sequence[Plan], within: Sequence[Plan], loose: Sequence[Plan], wish: Wish) -> Plan:
    """The best that can be had; where nothing is within the budget the cheapest."""
    if within:
        best = within[-1]
        return loose[0] if wish.budget is None and loose and loose[0].success.value > best.success.value else best
    return front[0] if front else loose[0]


def frontier(plans: Iterable[Plan]) -> tuple[Plan, ...]:
    """Those with a known cost that no other beats, ascending in both; of equals the faster, then the first name."""
    priced = [each for each in plans if each.cost is not None]
    found: list[Plan] = []
    for each in sorted(priced, key=lambda plan: (plan.price, -plan.success.value, plan.wait, plan.key)):
        if not found or each.success.value > found[-1].success.value:
            found.append(each)
    return tuple(found)


def unpriced(plans: Iterable[Plan]) -> tuple[Plan, ...]:
    """The best plan of each agent whose cost is not known, with the fewest calls of equals."""
    best: dict[str, Plan] = {}
    for each in sorted(plans, key=lambda plan: (-plan.success.value, plan.calls, plan.wait, plan.key)):
        if each.cost is None:
            best.setdefault(each.agent, each)
    return tuple(best.values())


def _neighbours(front: Sequence[Plan], chosen: Plan) -> tuple[Neighbour | None, Neighbour | None]:
    if chosen not in front:
        return None, None
    place = front.index(chosen)
    cheaper = _beside(front[place - 1], chosen) if place else None
    return cheaper, _beside(front[place + 1], chosen) if place + 1 < len(front) else None


def _beside(plan: Plan, chosen: Plan) -> Neighbour:
    return Neighbour(plan, plan.success.value - chosen.success.value, plan.price - chosen.price)
