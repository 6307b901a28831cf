"""Answers → lessons: which of them are new sample requests, which are copies, and which contradict each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.encoders import Vectors
from delegate_cli.index.learned import Lesson
from delegate_cli.learning.answers import Answer

NEAR = 0.95  # cosine similarity from which on two tasks are the same one in other words
MOST = 200  # sample requests of one agent, learnt and written ones together; the newest answers win


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two answers to what is the same task: the later one counts. `was` of None: nobody; `written`: in the roster's file."""

    task: str
    was: str | None
    now: str | None
    written: bool


@dataclass(frozen=True, slots=True)
class Lessons:
    """What new answers come to.

    Attributes:
        new: a lesson for each new answer that counts, oldest first.
        replaced: decisions whose former lessons no longer stand.
        copies: new answers that are no sample requests, because one of the same agent says the same already.
        full: new answers that are none, because their agent has enough.
        gone: agents that answers name and the roster does not have, with the number of such answers.
    """

    new: tuple[Lesson, ...]
    replaced: tuple[str, ...]
    copies: int
    full: int
    contradictions: tuple[Contradiction, ...]
    gone: Mapping[str, int]

    @property
    def examples(self) -> dict[str, int]:
        """Agent → its new sample requests."""
        found: dict[str, int] = {}
        for lesson in self.new:
            if lesson.example and lesson.agent is not None:
                found[lesson.agent] = found.get(lesson.agent, 0) + 1
        return dict(sorted(found.items()))


def draw(
    answers: Sequence[Answer],
    vectors: Vectors,
    former: Sequence[Lesson],
    former_vectors: Vectors,
    roster: Roster,
    written: Vectors,
    owner: NDArray[np.int64],
) -> Lessons:
    """Lessons from new answers.

    Args:
        answers: oldest first, with `vectors` of shape (answers, dimension).
        former: the lessons that stand, with their vectors.
        written: vectors of the roster's own sample requests, shape (requests, dimension), and the places of their agents.
    """
    gone: dict[str, int] = {}
    for answer in answers:
        if answer.agent is not None and answer.agent not in roster.position:
            gone[answer.agent] = gone.get(answer.agent, 0) + 1
    order = [row for row, answer in enumerate(answers) if answer.agent is None or answer.agent in roster.position]
    answers, vectors = [answers[row] for row in order], vectors[order]
    last, replaced, found = _latest(answers, vectors, former, former_vectors)
    ids = [agent.id for agent in roster]
    known: dict[str, list[Vectors]] = {}
    for place, vector in zip(owner.tolist(), written, strict=True):
        known.setdefault(ids[place], []).append(vector)
    for lesson, vector in zip(former, former_vectors, strict=True):
        if lesson.example and lesson.agent is not None and lesson.decision not in replaced:
            known.setdefault(lesson.agent, []).append(vector)
    copies = full = 0
    new: list[Lesson] = []
    for row in reversed(last):  # the newest first, so that of two copies the newer one stays
        answer, example = answers[row], False
        if answer.agent is not None:
            own = known.setdefault(answer.agent, [])
            copy = bool(own) and float((np.asarray(own) @ vectors[row]).max()) >= NEAR
            example = not copy and len(own) < MOST
            copies, full = copies + copy, full + (not copy and not example)
            if example:
                own.append(vectors[row])
        new.append(Lesson(answer.task, answer.agent, answer.decision, answer.at, example, answer.sort))
    found += _against_the_file([answers[row] for row in last], vectors[last], written, [ids[place] for place in owner.tolist()])
    return Lessons(tuple(reversed(new)), tuple(sorted(replaced)), copies, full, tuple(found), dict(sorted(gone.items())))


def _latest(
    answers: Sequence[Answer], vectors: Vectors, former: Sequence[Lesson], former_vectors: Vectors
) -> tuple[list[int], set[str], list[Contradiction]]:
    """Rows of the answers that no later one contradicts, decisions of former lessons that one does, and which these are."""
    found: list[Contradiction] = []
    again = {answer.decision for answer in answers}
    replaced = {lesson.decision for lesson in former if lesson.decision in again}  # answered anew
    last = []
    likeness = vectors @ vectors.T if len(answers) else np.zeros((0, 0))
    beside = vectors @ former_vectors.T if len(answers) and len(former) else np.zeros((len(answers), 0))
    for row, answer in enumerate(answers):
        newer = np.flatnonzero(beside[row] >= NEAR).tolist()
        if any(former[number].at > answer.at and former[number].agent != answer.agent for number in newer):
            continue  # said before, and contradicted since
        later = row + 1 + np.flatnonzero(likeness[row, row + 1 :] >= NEAR)
        other = [each for each in later.tolist() if answers[each].agent != answer.agent]
        if other:
            found.append(Contradiction(answer.task, answer.agent, answers[other[-1]].agent, written=False))
            continue
        last.append(row)
        for number in newer:
            lesson = former[number]
            if lesson.agent != answer.agent and lesson.decision not in replaced:
                replaced.add(lesson.decision)
                found.append(Contradiction(lesson.task, lesson.agent, answer.agent, written=False))
    return last, replaced, found


def _against_the_file(
    answers: Sequence[Answer], vectors: Vectors, written: Vectors, owners: Sequence[str]
) -> list[Contradiction]:
    if not len(answers) or not len(written):
        return []
    likeness = vectors @ written.T
    found = []
    for answer, row in zip(answers, likeness, strict=True):
        at = int(row.argmax())
        if (
            row[at] >= NEAR
            and owners[at] != answer.agent
            and answer.agent not in {owners[o] for o in np.flatnonzero(row >= NEAR).tolist()}
        ):
            found.append(Contradiction(answer.task, owners[at], answer.agent, written=True))
    return found
