"""Outcomes in the journal → a table of outcomes: what became of tasks that were handed over."""

from pathlib import Path

import numpy as np

from delegate_cli.agents import Roster
from delegate_cli.errors import UsageError
from delegate_cli.journal.entries import Filter
from delegate_cli.journal.store import Journal
from delegate_cli.planning.outcomes import Outcomes

JOURNAL = "journal"  # what a fit says its outcomes came from


def read_journal(journal: Journal, roster: Roster) -> Outcomes:
    """Every decision of this roster whose outcome was reported and whose text is kept, repeated work as its mean.

    Raises:
        UsageError: there is none.
    """
    path = None if roster.path is None else str(Path(roster.path).absolute())
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    for entry in journal.entries(Filter(roster_path=path)):
        outcome, agent = entry.outcome, doer(entry.agent, None if entry.answer is None else entry.answer.agent)
        success = outcome.get("score", outcome.get("success"))
        if entry.task is None or agent is None or success is None:
            continue
        cost, seconds = (float(outcome.get(name, np.nan)) for name in ("cost", "seconds"))
        found.setdefault((entry.task, agent), []).append((float(success), cost, seconds))
    if not found:
        raise UsageError("the journal has no outcome of this roster's work", "report some: delegate feedback ID --success")
    tasks, agents = (tuple(dict.fromkeys(key[place] for key in found)) for place in (0, 1))
    agents = tuple(sorted(agents))
    grids = np.full((3, len(tasks), len(agents)), np.nan)
    task_at, agent_at = ({name: place for place, name in enumerate(names)} for names in (tasks, agents))
    for (task, agent), reported in found.items():
        for grid, values in zip(grids, np.array(reported).T, strict=True):
            known = values[~np.isnan(values)]
            grid[task_at[task], agent_at[agent]] = known.mean() if len(known) else np.nan
    return Outcomes(tasks, agents, grids[0], grids[1], grids[2])


def doer(proposed: str | None, answered: str | None) -> str | None:
    """Who did the work: the one that a person named, else the one that was proposed."""
    return answered if answered is not None else proposed
