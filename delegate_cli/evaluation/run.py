"""Labelled tasks → outcomes: one decision each, through the same path as `route`, with what the measures need of it."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from delegate_cli.decision import PLACES, Decision, Status
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.pending import Pending
from delegate_cli.pipeline import Ask, Delegator
from delegate_cli.policy import ANYBODY_THERE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one labelled task.

    `rank` is the place of the first right agent among all (1 is best), None where nobody fits or it was not eligible;
    `gold_probability` is what the right answer (any right agent, or nobody) was given. Probabilities are those that the
    record prints, so that every figure can be computed again from the JSON Lines of `route --all`.
    """

    task: LabelledTask
    decision: Decision
    rank: int | None
    gold_probability: float

    @property
    def fits(self) -> bool:
        """Whether some agent is right for the task."""
        return bool(self.task.agents)

    @property
    def right(self) -> bool:
        """Whether the first candidate is a right one."""
        return self.rank == 1

    @property
    def in_three(self) -> bool:
        """Whether a right one is among the first three candidates."""
        return self.rank is not None and self.rank <= 3

    @property
    def probability(self) -> float:
        """Of the first candidate, as the record prints it."""
        return round(self.decision.probability, PLACES)

    @property
    def none(self) -> float:
        """That nobody fits, as the record prints it."""
        return round(self.decision.none, PLACES)

    @property
    def handed_over(self) -> bool:
        return self.decision.status is Status.DECIDED

    @property
    def missed(self) -> bool:
        """Whether the first candidate is a wrong one, or the task was handed over though nobody fits."""
        return not self.right if self.fits else self.handed_over

    @property
    def first(self) -> str | None:
        """The id of the first candidate."""
        return self.decision.candidates[0].agent if self.decision.candidates else None

    @property
    def level(self) -> int:
        """The rubric level of the first candidate, 0 without candidates."""
        first = self.decision.candidates[0] if self.decision.candidates else None
        return first.rubric.level if first is not None and first.rubric is not None else 0


def run_tasks(
    delegator: Delegator, tasks: Sequence[LabelledTask], progress: Callable[[int], None] = lambda done: None
) -> tuple[list[Outcome], float]:
    """Outcomes in the order of the tasks, and the seconds that deciding took (loading not counted)."""
    delegator.ready()
    outcomes: list[Outcome] = []
    begun: deque[tuple[LabelledTask, Pending]] = deque()

    def finish_first() -> None:
        task, pending = begun.popleft()
        outcomes.append(_outcome(task, pending.result()))
        progress(len(outcomes))

    started = time.perf_counter()
    for task in tasks:
        begun.append((task, delegator.begin(task.task, None, Ask(top=None, constraints=ANYBODY_THERE))))
        # while a model is asked about one task the next ones are begun
        while begun and (begun[0][1].ready() or len(begun) >= delegator.settings.llm.concurrency):
            finish_first()
    while begun:
        finish_first()
    return outcomes, time.perf_counter() - started


def _outcome(task: LabelledTask, full: Decision) -> Outcome:
    rank = next((place for place, each in enumerate(full.candidates, 1) if each.agent in task.agents), None)
    shares = [round(each.probability, PLACES) for each in full.candidates if each.agent in task.agents]
    gold = math.fsum(shares) if task.agents else round(full.none, PLACES)
    return Outcome(task, replace(full, candidates=full.candidates[:3]), rank, gold)
