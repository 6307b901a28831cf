"""The journal → answers, and how many tasks each stands for.

People are mostly asked where the tool was in doubt, so answered tasks are harder than the others. Each answer therefore
stands for as many tasks of its kind (handed over or not) as there are for one that was answered.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from delegate_cli.agents import Roster
from delegate_cli.calibrating.seen import Unseen
from delegate_cli.decision import Status
from delegate_cli.journal.entries import Entry, Filter, Origin, Verdict
from delegate_cli.journal.store import Journal

MOST = 10.0  # of a handed-over task's weight, in that of a task that was asked about: one confirmation is not a hundred


class Sort(StrEnum):
    """How a task came to be answered."""

    ASKED = "asked"  # it ended as `ask` or `none`
    LOOKED = "looked"  # it was handed over, and a person looked all the same, in a review or with --confirm
    COMPLAINED = "complained"  # it was handed over, and somebody came back to it: mostly where it went wrong


@dataclass(frozen=True, slots=True)
class Answer:
    """Who is right for a task, as somebody said; no agent: nobody is.

    Attributes:
        sort: how it came to be answered.
        first: the agent that was the likeliest, with the probability that it was given.
    """

    decision: str
    task: str
    agent: str | None
    at: float
    sort: Sort
    first: str | None
    promised: float


class Population(NamedTuple):
    """How many tasks there were, and what they were promised, by whether they were handed over."""

    asked: int
    decided: int
    nobody_decided: float  # how many of those handed over were expected to fit nobody
    promised: tuple[float, ...]  # quantiles of the probabilities of those handed over, without an answer


@dataclass(frozen=True, slots=True)
class Reading:
    """What a journal holds for one roster: answers oldest first, and how many cannot be learnt from, by reason."""

    answers: tuple[Answer, ...]
    population: Population
    unusable: dict[str, int]


def read(journal: Journal, roster: Roster, since: float | None = None) -> Reading:
    """All answers to decisions made with this roster file."""
    path = None if roster.path is None else str(Path(roster.path).absolute())
    which = Filter(since=since, roster_path=path, answered=True)
    answers: list[Answer] = []
    unusable = {"only that it was wrong was said": 0, "the task's text is not kept": 0, "the agent that fits was excluded": 0}
    for entry in journal.entries(which):
        answer = entry.answer
        if answer is None or answer.verdict is Verdict.WRONG:
            unusable["only that it was wrong was said"] += 1
        elif entry.task is None:
            unusable["the task's text is not kept"] += 1
        elif answer.agent is None and entry.record.get("missed"):
            unusable["the agent that fits was excluded"] += 1  # nobody who was left fits: that says nothing of the roster
        elif entry.status != Status.NO_ELIGIBLE.value:
            answers.append(_answer(entry))
    reasons = {reason: count for reason, count in unusable.items() if count}
    return Reading(tuple(answers), _population(journal, path, since), reasons)


def _answer(entry: Entry) -> Answer:
    said = entry.answer
    assert said is not None
    assert entry.task is not None
    return Answer(entry.id, entry.task, said.agent, said.at, sort_of(entry), entry.first, first_probability(entry))


def sort_of(entry: Entry) -> Sort:
    """How an answered decision came to be answered."""
    if entry.status != Status.DECIDED.value:
        return Sort.ASKED
    looked = entry.answer is not None and entry.answer.origin in (Origin.REVIEW, Origin.CONFIRM)
    return Sort.LOOKED if looked else Sort.COMPLAINED


def first_probability(entry: Entry) -> float:
    """Of the likeliest agent."""
    candidates = entry.record.get("candidates", ())
    return max((float(each["probability"]) for each in candidates), default=entry.probability)


class Outcome(NamedTuple):
    """What became of a task: who did it, and how well, in [0, 1]."""

    task: str
    agent: str
    success: float


def outcomes(journal: Journal, roster: Roster) -> list[Outcome]:
    """All work of this roster file's agents of which it is known how it went."""
    path = None if roster.path is None else str(Path(roster.path).absolute())
    known = journal.rows(
        "SELECT id FROM decisions WHERE (? IS NULL OR roster_path = ?) AND task IS NOT NULL AND EXISTS (SELECT 1 FROM standing"
        " WHERE decision = id AND (success IS NOT NULL OR score IS NOT NULL)) ORDER BY id",
        (path, path),
    )
    found = []
    for (identity,) in known:
        entry = journal.get(str(identity))
        answer, outcome = entry.answer, entry.outcome
        agent = entry.agent if answer is None else answer.agent
        if entry.task is not None and agent in roster.position:
            found.append(Outcome(entry.task, str(agent), float(outcome.get("score", outcome.get("success", 0.0)))))
    return found


def _population(journal: Journal, path: str | None, since: float | None) -> Population:
    rows = journal.rows(
        "SELECT status = 'decided', count(*), total(none) FROM decisions"
        " WHERE status IN ('decided', 'ask', 'none') AND (? IS NULL OR roster_path = ?) AND at >= ? GROUP BY 1",
        (path, path, since or 0.0),
    )
    found = {int(decided): (int(count), float(none)) for decided, count, none in rows}
    decided, nobody = found.get(1, (0, 0.0))
    silent = journal.rows(
        "SELECT probability FROM decisions WHERE status = 'decided' AND (? IS NULL OR roster_path = ?) AND at >= ?"
        " AND NOT EXISTS (SELECT 1 FROM answers WHERE decision = id)",
        (path, path, since or 0.0),
    )
    return Population(found.get(0, (0, 0.0))[0], decided, nobody, quantiles([float(row[0]) for row in silent]))


def quantiles(values: Sequence[float], most: int = 100) -> tuple[float, ...]:
    """Evenly spaced values of a sorted sample, all of them where they are few."""
    ordered = sorted(values)
    if len(ordered) <= most:
        return tuple(ordered)
    return tuple(ordered[int((row + 0.5) * len(ordered) / most)] for row in range(most))


def weights(answers: Sequence[Answer], population: Population) -> tuple[dict[str, float], Unseen]:
    """What an answer of each sort stands for, and the tasks that none does; in the unit of a task that was asked about.

    An answer to a task that was handed over and that nobody was asked to look at says that something went wrong: it stands
    for itself, since of those that went well nobody speaks.
    """
    asked, looked, complained = (sum(answer.sort == sort for answer in answers) for sort in Sort)
    one = max(population.asked, asked) / asked if asked else 1.0
    left = max(population.decided, looked + complained) - complained
    each = min(left / looked, MOST * one) if looked else 0.0
    unseen = max(0.0, left - each * looked)
    share = population.nobody_decided / population.decided if population.decided else 0.0
    found = {Sort.ASKED.value: 1.0, Sort.LOOKED.value: each / one, Sort.COMPLAINED.value: 1.0 / one}
    return found, Unseen(unseen / one, unseen * share / one, population.promised)
