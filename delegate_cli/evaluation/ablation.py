"""What each part of a card and each view is worth: everything is fitted again without it.

The whole is fitted again too, so that all rows are made in the same way.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from delegate_cli.agents import Agent, Roster
from delegate_cli.deciders.head import VIEWS
from delegate_cli.errors import UsageError
from delegate_cli.evaluation.compare import mean_difference
from delegate_cli.evaluation.measures import measure
from delegate_cli.evaluation.run import Outcome, run_tasks
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.evaluation.variants import Progress, remembering, variant
from delegate_cli.pipeline import Delegator

# What an agent becomes without a part of its card. A card always has a name, so all get the same one.
CARD: dict[str, Callable[[Agent], Agent]] = {
    "examples": lambda agent: replace(agent, examples=(), learned=()),
    "description": lambda agent: replace(agent, description=""),
    "not_for": lambda agent: replace(agent, not_for=()),
    "name": lambda agent: replace(agent, name="agent"),
}
VIEW = {"bm25" if view == "words" else view: view for view in VIEWS}
KNOWN = (*CARD, *VIEW)


def check_names(names: Sequence[str]) -> list[str]:
    """The names once each, in the order given.

    Raises:
        UsageError: a name that nothing goes by.
    """
    for name in names:
        if name not in KNOWN:
            raise UsageError(f"--without knows no {name!r}", f"use some of: {','.join(KNOWN)}")
    return list(dict.fromkeys(names))


def ablation(
    delegator: Delegator, tasks: Sequence[LabelledTask], names: Sequence[str], progress: Progress
) -> list[dict[str, Any]]:
    """One row for the whole (`without` is null) and one without each name; differences are to the whole.

    `agents` is how many had such a part. Without a view its weight is 0, but the model of `none` keeps all its features.
    """
    delegator = remembering(delegator)
    roster = delegator.roster
    progress("without", 0, len(names) + 1)
    with variant(delegator, roster) as whole:
        base, _ = run_tasks(whole, tasks)
    rows = [row(None, base, len(roster))]
    for done, name in enumerate(names, 1):
        progress("without", done, len(names) + 1)
        views = frozenset((VIEW[name],)) if name in VIEW else frozenset[str]()
        agents = tuple(CARD[name](agent) for agent in roster) if name in CARD else roster.agents
        touched = len(roster) if views else sum(new != old for new, old in zip(agents, roster, strict=True))
        outcomes = base
        if touched:
            with variant(delegator, Roster(agents, roster.path, blend=roster.blend), views) as less:
                outcomes, _ = run_tasks(less, tasks)
        rows.append(row(name, outcomes, len(roster)) | {"agents": touched, "difference": top1_difference(base, outcomes)})
    progress("without", len(names) + 1, len(names) + 1)
    return rows


def row(name: str | None, outcomes: Sequence[Outcome], agents: int) -> dict[str, Any]:
    """The figures by which rows are compared."""
    figures = measure(outcomes, agents, 0.0)
    return {"without": name} | {key: figures[key] for key in ("top1", "top3", "ece", "none_auroc")}


def top1_difference(a: Sequence[Outcome], b: Sequence[Outcome]) -> dict[str, float] | None:
    """Top-1 of b − a over tasks that somebody fits."""
    return mean_difference(*([each.right for each in side if each.fits] for side in (a, b)))
