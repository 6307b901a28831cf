"""What each step adds: cards alone in the file's order, in other orders, through a shortlist, and with sample requests.

Whether order matters is measured, not assumed: every other order is a roster of its own with an index of its own.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from delegate_cli.agents import Roster
from delegate_cli.confidence.intervals import share
from delegate_cli.confidence.metrics import wilson
from delegate_cli.evaluation.run import Outcome, run_tasks
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.evaluation.variants import Progress, remembering, variant
from delegate_cli.pipeline import Delegator

SEEDS = 5
SHORTLIST = 10  # agents that the shortlist's step scores, whatever the roster's size
PARTS = 5  # of the file, by whose agents accuracy is shown


def ladder(delegator: Delegator, tasks: Sequence[LabelledTask], whole: Sequence[Outcome], progress: Progress) -> dict[str, Any]:
    """The steps, and accuracy by where in the file the right agent stands.

    Args:
        whole: outcomes of the same tasks with everything there is: the last step.
        progress: called with (what, done, of how many).
    """
    delegator = remembering(delegator)
    order = delegator.roster.order
    cards = tuple(replace(delegator.roster.agents[delegator.roster.position[each]], examples=(), learned=()) for each in order)
    total = SEEDS + 2
    progress("ladder", 0, total)
    with variant(delegator, Roster(cards, delegator.roster.path)) as alone:
        first, _ = run_tasks(alone, tasks)
        progress("ladder", 1, total)
        short = Delegator(
            alone.roster, alone.settings, folder=alone.folder, encoder=alone.encoder(), nearest=SHORTLIST, beside=alone
        )
        cut, _ = run_tasks(short, tasks)
        reached = [bool(short.shortlist(task.task) & task.agents) for task in tasks if task.agents]
    progress("ladder", 2, total)
    mixed = []
    for seed in range(SEEDS):
        agents = tuple(random.Random(seed).sample(cards, len(cards)))
        with variant(delegator, Roster(agents, delegator.roster.path)) as other:
            mixed.append(run_tasks(other, tasks)[0])
        progress("ladder", seed + 3, total)
    steps = [
        step("file order", first),
        shuffled(first, mixed),
        step("shortlist", cut) | {"size": min(SHORTLIST, len(cards)), "recall": share(sum(reached), len(reached))},
        step("with sample requests", whole),
    ]
    return {"steps": steps, "positions": positions(order, first, whole)}


def step(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Top-1 and top-3 of one step, with tokens and cost where a model was asked."""
    inside = [outcome for outcome in outcomes if outcome.fits]
    return {
        "step": name,
        "top1": share(sum(outcome.right for outcome in inside), len(inside)),
        "top3": share(sum(outcome.in_three for outcome in inside), len(inside)),
        **spent(outcomes),
    }


def spent(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Tokens and USD over all tasks; nothing for the head, which asks no model."""
    deciders = [outcome.decision.decider for outcome in outcomes]
    if all(decider.kind == "head" for decider in deciders):
        return {}
    tokens = {
        "input": sum(decider.input_tokens for decider in deciders),
        "output": sum(decider.output_tokens for decider in deciders),
    }
    costs = [decider.cost_usd for decider in deciders]
    known = [cost for cost in costs if cost is not None]
    return {"tokens": tokens, "cost_usd": sum(known) if len(known) == len(costs) else None}


def shuffled(first: Sequence[Outcome], mixed: Sequence[Sequence[Outcome]]) -> dict[str, Any]:
    """The mean over orders, the lowest and highest top-1, and how many decisions were not those of the file's order."""
    steps = [step("", outcomes) for outcomes in mixed]
    top1 = [each["top1"]["value"] for each in steps if each["top1"] is not None]
    changed = sum(
        (one.first, one.decision.status) != (other.first, other.decision.status)
        for outcomes in mixed
        for one, other in zip(first, outcomes, strict=True)
    )
    return {
        "step": "shuffled",
        "seeds": len(mixed),
        "top1": mean_share([each["top1"] for each in steps]),
        "top3": mean_share([each["top3"] for each in steps]),
        "lowest_top1": min(top1, default=None),
        "highest_top1": max(top1, default=None),
        "changed": {"decisions": changed, "of": len(first) * len(mixed)},
        **spent([outcome for outcomes in mixed for outcome in outcomes]),
    }


def mean_share(shares: Sequence[dict[str, Any] | None]) -> dict[str, Any] | None:
    """The mean of shares of the same tasks, with the interval of one of them: orders are no new tasks."""
    known = [each for each in shares if each is not None]
    if not known:
        return None
    value, of = float(np.mean([each["value"] for each in known])), known[0]["of"]
    low, high = wilson(value * of, of)
    return {"value": value, "low": low, "high": high, "of": of}


def positions(order: Sequence[str], first: Sequence[Outcome], whole: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Top-1 by the fifth of the file in which the right agent stands (the first one of several)."""
    place = {agent: number for number, agent in enumerate(order)}
    parts = min(PARTS, len(order))

    def part_of(outcome: Outcome) -> int:
        return min(place[agent] for agent in outcome.task.agents) * parts // len(order)

    def accuracy(outcomes: Sequence[Outcome], part: int) -> dict[str, Any] | None:
        here = [outcome.right for outcome in outcomes if outcome.fits and part_of(outcome) == part]
        return share(sum(here), len(here))

    return [
        {
            "part": part + 1,
            "of": parts,
            "agents": [-(-part * len(order) // parts) + 1, -(-(part + 1) * len(order) // parts)],
            "file_order": accuracy(first, part),
            "with_sample_requests": accuracy(whole, part),
        }
        for part in range(parts)
    ]
