"""Accuracy against the number of agents: draws of the roster, each routed as a roster of its own.

Only tasks count one of whose right agents was drawn; tasks that nobody fits say nothing about accuracy and are left out.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.confidence.intervals import share
from delegate_cli.evaluation.run import Outcome, run_tasks
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.evaluation.variants import Progress, remembering, variant
from delegate_cli.pipeline import Delegator

SIZES = (10, 30, 50, 70, 100)
DRAWS = 3
SMALLEST = 2  # agents: with one there is nothing to decide


def default_sizes(agents: int) -> list[int]:
    """The usual sizes that are smaller than a roster of so many agents, and the roster's own last."""
    return [*(size for size in SIZES if size < agents), agents]


def sizes(
    delegator: Delegator, tasks: Sequence[LabelledTask], sizes: Sequence[int], draws: int, progress: Progress
) -> list[dict[str, Any]]:
    """Top-1 and top-3 at each size, over the tasks of all draws together.

    A task that is in several draws counts as often, so the intervals are somewhat narrower than the draws deserve. The
    whole roster is one draw.

    Args:
        sizes: numbers of agents, each at most the roster's.
        draws: how many rosters of each size; a draw's smaller rosters are part of its larger ones.
        progress: called with (what, done, of how many).
    """
    delegator = remembering(delegator)
    orders = [_order(delegator.roster, tasks, seed) for seed in range(draws)]
    plan = [(size, orders if size < len(delegator.roster) else orders[:1]) for size in sizes]
    done, total = 0, sum(len(drawn) for _, drawn in plan)
    found: list[dict[str, Any]] = []
    for size, drawn in plan:
        outcomes: list[Outcome] = []
        for order in drawn:
            progress("sizes", done, total)
            outcomes += _draw(delegator, tasks, frozenset(order[:size]))
            done += 1
        found.append(
            {
                "agents": size,
                "draws": len(drawn),
                "tasks": len(outcomes),
                "top1": share(sum(outcome.right for outcome in outcomes), len(outcomes)),
                "top3": share(sum(outcome.in_three for outcome in outcomes), len(outcomes)),
            }
        )
    progress("sizes", total, total)
    return found


def _order(roster: Roster, tasks: Sequence[LabelledTask], seed: int) -> list[str]:
    """The agents in the order in which they are drawn: those that have tasks first, so that there is something to measure."""
    asked = frozenset[str]().union(*(task.agents for task in tasks))
    mixed = random.Random(seed).sample([agent.id for agent in roster], len(roster))
    return sorted(mixed, key=lambda agent: agent not in asked)


def _draw(delegator: Delegator, tasks: Sequence[LabelledTask], drawn: frozenset[str]) -> list[Outcome]:
    inside = [replace(task, agents=task.agents & drawn) for task in tasks if task.agents & drawn]
    if not inside:
        return []
    if len(drawn) == len(delegator.roster):
        return run_tasks(delegator, inside)[0]
    roster = Roster(
        tuple(agent for agent in delegator.roster if agent.id in drawn), delegator.roster.path, blend=delegator.roster.blend
    )
    with variant(delegator, roster) as smaller:
        return run_tasks(smaller, inside)[0]
