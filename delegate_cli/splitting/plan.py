"""A plan, version 1: a request as one to eight subtasks, what each waits for, and who gets it.

A `Plan` that exists is valid: texts are there, ids are unique and known, and nothing waits for itself, at once or by a detour.
Reading one from JSON stands in `plan_json`.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from delegate_cli.ask import check_task
from delegate_cli.decision import PLACES, Decision, Status
from delegate_cli.errors import PlanError, TaskError

VERSION = 1
MOST = 8  # subtasks of a plan
ID = "[A-Za-z0-9][A-Za-z0-9_-]{0,31}"  # of a subtask, as a regular expression
_ID = re.compile(ID)


class Mode(StrEnum):
    """How the subtasks hang together: there is one, none waits for another, or at least one does."""

    ONE = "one"
    PARALLEL = "parallel"
    SEQUENCE = "sequence"


@dataclass(frozen=True, slots=True)
class Option:
    """An agent that a subtask may go to, with its probability in [0, 1] and its level from 1 to 5, where they are known."""

    agent: str
    probability: float | None = None
    confidence: int | None = None

    def __post_init__(self) -> None:
        _check_share(self.probability, f"the probability of {self.agent!r}")
        if self.confidence is not None and not 1 <= self.confidence <= 5:
            raise PlanError(f"the confidence of {self.agent!r} must be 1 to 5, not {self.confidence}", "correct it")

    def as_dict(self) -> dict[str, Any]:
        return {"agent": self.agent, "probability": self.probability, "confidence": self.confidence}


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who gets a subtask, from its decision.

    Attributes:
        status: of the decision; `decided` where a person wrote the agent into the plan.
        agent: None where nobody fits or nobody is eligible.
        probability: that this agent is right, in [0, 1]; None where a person chose.
        confidence: level from 1 to 5.
        none: the probability that no agent fits.
        candidates: the best agents, best first; the next to try where the first fails.
        decision: the id of the decision, as the journal knows it.
    """

    status: Status
    agent: str | None
    probability: float | None = None
    confidence: int | None = None
    none: float | None = None
    candidates: tuple[Option, ...] = ()
    decision: str | None = None

    def __post_init__(self) -> None:
        nobody = self.status in (Status.NONE, Status.NO_ELIGIBLE)
        if nobody and self.agent is not None:
            raise PlanError(
                f"status {self.status.value} names the agent {self.agent!r}", "remove the agent, or correct the status"
            )
        if not nobody and self.agent is None:
            raise PlanError(f"status {self.status.value} names no agent", "name one, or correct the status")
        Option(self.agent or "nobody", self.probability, self.confidence)
        _check_share(self.none, "none")

    @classmethod
    def of(cls, decision: Decision) -> "Assignment":
        """What a decision says."""
        options = tuple(
            Option(each.agent, round(each.probability, PLACES), None if each.rubric is None else each.rubric.level)
            for each in decision.candidates
        )
        level = next((option.confidence for option in options if option.agent == decision.agent), None)
        agent = None if decision.status is Status.NO_ELIGIBLE else decision.agent
        probability, none = round(decision.probability, PLACES), round(decision.none, PLACES)
        return cls(decision.status, agent, probability, level, none, options, decision.id)

    def as_dict(self) -> dict[str, Any]:
        return {
            "status": self.status.value,
            "agent": self.agent,
            "probability": self.probability,
            "confidence": self.confidence,
            "none": self.none,
            "candidates": [option.as_dict() for option in self.candidates],
            "decision": self.decision,
        }


@dataclass(frozen=True, slots=True)
class Subtask:
    """One part of a request.

    Attributes:
        id: letters, digits, hyphens and underscores, at most 32.
        task: what its agent is told, never empty.
        reason: why it is a part of its own.
        after: the ids of those whose results it needs.
        context: whether it can only be understood beside the request (it says "it", "the same", "there"): its agent is then
            shown the request, too.
        assigned: who gets it; None in a plan that is not routed.
    """

    id: str
    task: str
    reason: str = ""
    after: tuple[str, ...] = ()
    context: bool = False
    assigned: Assignment | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            fix = "use at most 32 letters, digits, hyphens and underscores, a letter or digit first"
            raise PlanError(f"{self.id[:40]!r} cannot be the id of a subtask", fix)
        object.__setattr__(self, "task", _checked(self.task, f"the task of {self.id}"))
        if self.id in self.after:
            raise PlanError(f"subtask {self.id} waits for itself", "remove it from its own `after`")
        object.__setattr__(self, "after", tuple(dict.fromkeys(self.after)))

    def as_dict(self) -> dict[str, Any]:
        record: dict[str, Any] = {
            "id": self.id,
            "task": self.task,
            "reason": self.reason,
            "after": list(self.after),
            "context": self.context,
        }
        return record if self.assigned is None else record | self.assigned.as_dict()


@dataclass(frozen=True, slots=True)
class Plan:
    """A request and its subtasks, as they were given, but that none comes before those it waits for.

    Attributes:
        request: what was asked, as a whole.
        subtasks: one to eight.
        reason: why it was split, or was not.
        splitter: what made the plan: rules, the name of a model, or nothing where a person wrote it.
        roster: path and sha256 of the roster it was routed over.
        fallback: code and reason of what failed, where rules stood in for a model.

    Raises:
        PlanError: it is not valid.
    """

    request: str
    subtasks: tuple[Subtask, ...]
    reason: str = ""
    splitter: str = ""
    roster: Mapping[str, str | None] = field(default_factory=dict)
    fallback: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "request", _checked(self.request, "the request"))
        if not 1 <= len(self.subtasks) <= MOST:
            raise PlanError(f"a plan of {len(self.subtasks)} subtasks", f"give it 1 to {MOST}")
        _check_distinct(self.subtasks)
        _check_known(self.subtasks)
        object.__setattr__(self, "subtasks", _ordered(self.subtasks))

    @property
    def mode(self) -> Mode:
        """One, parallel or sequence."""
        if len(self.subtasks) == 1:
            return Mode.ONE
        return Mode.SEQUENCE if any(each.after for each in self.subtasks) else Mode.PARALLEL

    @property
    def waves(self) -> tuple[tuple[Subtask, ...], ...]:
        """The subtasks in waves: those of a wave need only results of earlier ones, and each stands in the first it can."""
        return _waves(self.subtasks)

    def get(self, subtask_id: str) -> Subtask:
        """The subtask with this id. Raises KeyError."""
        return {each.id: each for each in self.subtasks}[subtask_id]

    def context_of(self, subtask: Subtask) -> str | None:
        """The request, where the subtask can only be understood beside it."""
        return self.request if subtask.context else None

    def check_agents(self, known: Collection[str]) -> None:
        """That every agent of the plan is one of the roster's, whose ids are `known`.

        Raises:
            PlanError: one is not.
        """
        for each in self.subtasks:
            agent = None if each.assigned is None else each.assigned.agent
            if agent is not None and agent not in known:
                near = get_close_matches(agent, known, n=1, cutoff=0.6)
                fix = f"did you mean {near[0]}?" if near else "see: delegate agents list"
                raise PlanError(f"subtask {each.id} names the agent {agent!r}, which the roster lacks", fix)

    def as_dict(self) -> dict[str, Any]:
        """The JSON of version 1."""
        record: dict[str, Any] = {
            "v": VERSION,
            "request": self.request,
            "mode": self.mode.value,
            "reason": self.reason,
            "splitter": self.splitter,
            "roster": dict(self.roster),
            "subtasks": [each.as_dict() for each in self.subtasks],
        }
        return record if self.fallback is None else record | {"fallback": dict(self.fallback)}


def _checked(text: str, what: str) -> str:
    try:
        return check_task(text)
    except TaskError as error:
        raise PlanError(f"{what}: {error.message}", error.fix) from None


def _check_share(value: float | None, what: str) -> None:
    if value is not None and not 0 <= value <= 1:
        raise PlanError(f"{what} must lie between 0 and 1, not {value:g}", "correct it")


def _check_distinct(subtasks: tuple[Subtask, ...]) -> None:
    said: dict[str, str] = {}
    seen: set[str] = set()
    for each in subtasks:
        if each.id in seen:
            raise PlanError(f"two subtasks have the id {each.id}", "give each its own")
        seen.add(each.id)
        words = " ".join(each.task.casefold().split())
        if words in said:
            raise PlanError(f"subtasks {said[words]} and {each.id} say the same", "leave out one of them")
        said[words] = each.id


def _check_known(subtasks: tuple[Subtask, ...]) -> None:
    ids = [each.id for each in subtasks]
    for each in subtasks:
        for other in each.after:
            if other not in ids:
                raise PlanError(
                    f"subtask {each.id} waits for {other[:40]!r}, which the plan lacks", f"its subtasks are: {', '.join(ids)}"
                )


def _waves(subtasks: tuple[Subtask, ...]) -> tuple[tuple[Subtask, ...], ...]:
    done: set[str] = set()
    left = list(subtasks)
    waves = []
    while left:
        wave = tuple(each for each in left if done.issuperset(each.after))
        if not wave:
            raise PlanError(f"subtasks wait for each other in a circle: {_circle(left)}", "remove one of these from an `after`")
        waves.append(wave)
        done |= {each.id for each in wave}
        left = [each for each in left if each.id not in done]
    return tuple(waves)


def _ordered(subtasks: tuple[Subtask, ...]) -> tuple[Subtask, ...]:
    """In the given order, but that each comes after those it waits for."""
    _waves(subtasks)  # finds a circle
    done: list[Subtask] = []
    left = list(subtasks)
    while left:
        ready = next(each for each in left if {other.id for other in done}.issuperset(each.after))
        done.append(ready)
        left.remove(ready)
    return tuple(done)


def _circle(left: list[Subtask]) -> str:
    """The ids along one circle, the first again at its end; every subtask that is left waits for another that is left."""
    by_id = {each.id: each for each in left}
    path = [left[0].id]
    while True:
        step = next(other for other in by_id[path[-1]].after if other in by_id)
        if step in path:
            return " → ".join([*path[path.index(step) :], step])
        path.append(step)
