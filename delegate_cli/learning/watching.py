"""The journal's answers, put to the drift test."""

from pathlib import Path

from delegate_cli.agents import Roster
from delegate_cli.index import store
from delegate_cli.index.learned import read
from delegate_cli.journal.entries import Filter, Verdict
from delegate_cli.journal.store import Journal
from delegate_cli.learning.answers import Sort, first_probability, sort_of
from delegate_cli.learning.drift import Drift, watch


def drift(journal: Journal, roster: Roster, home: Path) -> Drift:
    """Whether answers to decisions made since the last step of learning disagree with what was promised.

    Complaints about tasks that were handed over are left out: nobody complains where all is well.
    """
    since = None
    try:
        steps = read(store.folder_of(home, roster)).steps
        since = float(steps[-1]["at"]) if steps else None
    except (store.Unusable, KeyError, TypeError, ValueError):
        pass
    path = None if roster.path is None else str(Path(roster.path).absolute())
    found = []
    for entry in journal.entries(Filter(since=since, roster_path=path, answered=True)):
        answer = entry.answer
        if answer is None or entry.first is None or sort_of(entry) is Sort.COMPLAINED:
            continue
        if answer.verdict is Verdict.WRONG and entry.agent not in (None, entry.first):
            continue  # the likeliest was not the one that was proposed
        right = answer.verdict is not Verdict.WRONG and answer.agent == entry.first
        found.append((answer.at, first_probability(entry), right))
    return watch((promised, right) for _, promised, right in sorted(found))
