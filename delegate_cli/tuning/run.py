"""The tuning of a roster's encoder: cross-fitted training with early stopping, the verdict, and the last training on all tasks.

The labelled tasks are dealt into folds, and for each fold a run is trained on the others; the runs take turns, so that all can
stop when the held-out tasks stop gaining. Each fold is judged after as many steps as the *other* folds want.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.calibrating.fit import Judged
from delegate_cli.encoders.batches import Batch, Pool, draw
from delegate_cli.encoders.learn import Learner, Recipe, Run, rivals_of
from delegate_cli.errors import UsageError
from delegate_cli.index.build import Progress
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import parts_of
from delegate_cli.injection import heard
from delegate_cli.settings import Settings
from delegate_cli.tuning import judging
from delegate_cli.tuning.examples import FOLDS, folds_of, pool_of, rivalry
from delegate_cli.tuning.judging import Known, Measured, Requests, Verdict

STEPS = 60  # at most
CHECKS = 4  # times that held-out tasks are judged
PATIENCE = 2  # checks without a gain, after which training stops
LEAST_STEPS = 8
COMPILING = 40.0  # seconds that compiling and indexing take, roughly
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to train: steps at most, minutes at most (None: no limit), and the seed that decides everything else."""

    steps: int = STEPS
    minutes: float | None = None
    seed: int = 3


@dataclass(frozen=True, slots=True)
class Tuning:
    """What came of it. `curve` has held-out log loss after so many steps, `steps` those that are best for all folds."""

    labels: Sequence[Label]
    verdict: Verdict
    before: dict[str, float | None]
    after: dict[str, float | None]
    curve: dict[int, float]
    steps: int
    budget: Budget
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON."""
        somebody = [label for label in self.labels if label.agents]
        return {
            "tasks": len(self.labels),
            "nobody": len(self.labels) - len(somebody),
            "agents": len({agent for label in somebody for agent in label.agents}),
            "applied": self.verdict.applied,
            "reason": self.verdict.reason,
            "before": self.before,
            "after": self.after,
            "difference": dict(self.verdict.difference),
            "steps": self.steps,
            "curve": [{"steps": steps, "log_loss": loss} for steps, loss in self.curve.items()],
            "seed": self.budget.seed,
            "seconds": round(self.seconds, 1),
        }


@dataclass(slots=True)
class Tuner:
    """A roster, its labelled tasks and an encoder that learns, between the steps of `tune`."""

    roster: Roster
    settings: Settings
    labels: list[Label]
    learner: Learner
    progress: Progress
    say: Say
    started: float = field(default_factory=time.monotonic)
    done: int = 0  # steps, of all runs
    total: int = 0

    def tune(self, budget: Budget) -> Tuning:
        """Train and judge; where the verdict is good, the learner is left as trained on all tasks.

        Raises:
            UsageError: the minutes are too few.
        """
        self.progress("judging the usual encoder", 0, 1)
        began = time.monotonic()
        usual = self._measure(range(len(self.labels)))
        self.progress("judging the usual encoder", 1, 1)
        rivals = rivals_of(self.learner.model, rivalry(self.roster))
        every = _drawing(pool_of(self.roster, self.labels), rivals)
        steps = self._affordable(budget, time.monotonic() - began, every)
        self.learner.recipe = replace(self.learner.recipe, steps=steps)
        self.total = steps * (FOLDS + 1)
        found = self._cross_fit(usual, rivals, steps, budget.seed)
        best = found.best()
        tuned, requests = found.held_out()
        verdict = judging.verdict(usual.tasks, tuned, usual.requests, requests)
        if not best:
            verdict = replace(verdict, applied=False, reason="held-out tasks became no likelier")
        if verdict.applied:
            last = self.learner.start()
            self.learner.train(last, every, best, self._stepped)
        self.progress("training", self.total, self.total)
        before, after = judging.figures(usual.tasks), judging.figures(tuned)
        seconds = time.monotonic() - self.started
        return Tuning(self.labels, verdict, before, after, found.curve(), best, replace(budget, steps=steps), seconds)

    def _cross_fit(self, usual: Measured, rivals: NDArray[np.int64], steps: int, seed: int) -> "_Folds":
        fold = np.array(folds_of(self.labels, seed))
        found = _Folds(usual, [np.flatnonzero(fold == out) for out in range(FOLDS)])
        runs = [self.learner.start() for _ in range(FOLDS)]
        pools = [
            pool_of(self.roster, [label for row, label in enumerate(self.labels) if fold[row] != out]) for out in range(FOLDS)
        ]
        draws = [_drawing(pool, rivals) for pool in pools]
        for check in range(1, CHECKS + 1):
            until = -(-steps * check // CHECKS)
            found.add(
                until, [self._one(run, draw, until, rows) for run, draw, rows in zip(runs, draws, found.rows, strict=True)]
            )
            self._tell(found, steps)
            if found.idle() >= PATIENCE:
                break
        return found

    def _one(self, run: Run, draw: Callable[[random.Random], Batch], until: int, rows: NDArray[np.int64]) -> Measured:
        self.learner.train(run, draw, until, self._stepped)
        return self._measure(rows.tolist())

    def _measure(self, rows: Sequence[int]) -> Measured:
        labels = [self.labels[row] for row in rows]
        texts = list(dict.fromkeys([*parts_of(self.roster).texts, *(heard(label.task) for label in labels)]))
        known = Known(dict(zip(texts, self.learner.vectors(texts), strict=True)))
        return judging.measure(known, self.roster, labels, self.settings)

    def _affordable(self, budget: Budget, judging_takes: float, every: Callable[[random.Random], Batch]) -> int:
        """Steps for which the minutes suffice, after two steps on trial."""
        if budget.minutes is None:
            return budget.steps
        began = time.monotonic()
        self.learner.train(self.learner.start(), every, 2, lambda: None)
        each = (time.monotonic() - began) / 2
        fixed = time.monotonic() - self.started + CHECKS * FOLDS * judging_takes + COMPILING
        steps = int((60 * budget.minutes - fixed) / ((FOLDS + 1) * each))
        if steps < min(LEAST_STEPS, budget.steps):
            needed = (fixed + LEAST_STEPS * (FOLDS + 1) * each) / 60
            raise UsageError(f"{budget.minutes:g} minutes are too few for this roster", f"give --minutes {np.ceil(needed):.0f}")
        return min(steps, budget.steps)

    def _stepped(self) -> None:
        self.done += 1
        self.progress("training", self.done, self.total)

    def _tell(self, found: "_Folds", steps: int) -> None:
        taken, curve = list(found.curve().items())[-1], found.curve()
        left = (time.monotonic() - self.started) / self.done * (self.total - self.done) / 60
        loss = f"log loss on held-out tasks {curve[0]:.3f} before, {taken[1]:.3f} now"
        self.say(f"{taken[0]} of {steps} steps: {loss}; at most {max(1, round(left))} min left")


def _drawing(pool: Pool, rivals: NDArray[np.int64]) -> Callable[[random.Random], Batch]:
    return lambda chance: draw(pool, [], rivals, chance)


class _Folds:
    """What each fold was given before training and at each check."""

    def __init__(self, usual: Measured, rows: list[NDArray[np.int64]]) -> None:
        self.rows = rows
        self._size = len(usual.tasks.surprise)
        self.checks: dict[int, list[Measured]] = {0: [Measured(_some(usual.tasks, each), usual.requests) for each in rows]}

    def add(self, steps: int, measured: list[Measured]) -> None:
        self.checks[steps] = measured

    def curve(self) -> dict[int, float]:
        """Steps → mean log loss over all held-out tasks."""
        return {steps: self._loss(steps, range(FOLDS)) for steps in self.checks}

    def idle(self) -> int:
        """Checks since the best."""
        losses = list(self.curve().values())
        return len(losses) - 1 - int(np.argmin(losses))

    def best(self) -> int:
        """The steps that are best for all folds."""
        curve = self.curve()
        return min(curve, key=curve.__getitem__)

    def held_out(self) -> tuple[Judged, Requests | None]:
        """Held-out tasks, each fold after the steps that are best for the others; and the sample requests."""
        folds = []
        for out in range(FOLDS):
            others = [fold for fold in range(FOLDS) if fold != out]
            steps = min(self.checks, key=lambda steps: self._loss(steps, others))
            folds.append(self.checks[steps][out])
        requests = [fold.requests for fold in folds if fold.requests is not None]
        mean = Requests(*(np.mean(column, axis=0) for column in zip(*requests, strict=True))) if requests else None
        return judging.joined([fold.tasks for fold in folds], self.rows), mean

    def _loss(self, steps: int, folds: Sequence[int]) -> float:
        return float(np.concatenate([self.checks[steps][fold].tasks.surprise for fold in folds]).mean())


def _some(judged: Judged, rows: NDArray[np.int64]) -> Judged:
    return Judged(*(getattr(judged, name)[rows] for name in Judged.__slots__))


def open_learner(model: Any, roster: Roster, seed: int) -> Learner:
    """A learner whose anchor are the roster's own texts."""
    general = list(dict.fromkeys(parts_of(roster).texts))
    return Learner(model, general, Recipe(STEPS, seed))
