"""Fitted difficulty: P(success | task, agent) with an interval, and how far it is to be trusted.

Estimators are judged by their predictions of held-out tasks; the best of them is kept, or each agent's rate where none beats
it. What it says is drawn to the agents' rates as a task is less like what is known (`novelty`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate_cli.confidence.metrics import auroc, expected_calibration_error
from delegate_cli.errors import UsageError
from delegate_cli.planning import novelty
from delegate_cli.planning.estimators import base, choose
from delegate_cli.planning.features import Floats, Tasks
from delegate_cli.planning.novelty import Novelty
from delegate_cli.planning.outcomes import Outcomes
from delegate_cli.planning.spread import Spread, fit_spread
from delegate_cli.planning.transfer import fit_bounds

LEAST = 20  # tasks
FOLDS = 5
WITHIN = (0.01, 0.99)  # nothing is certain
Z90 = 1.645
_SLOPES = (0.0, 1.25)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected of tasks; arrays of shape (tasks, agents) but for `trust`, shape (tasks,).

    Attributes:
        success: P(success).
        low, high: 90 % interval of that probability, not of the outcome.
        trust: 0 where a task is far from anything seen, and the forecast is the agents' rates; 1 where it is like known ones.
    """

    success: Floats
    low: Floats
    high: Floats
    trust: Floats


@dataclass(frozen=True, slots=True)
class Score:
    """How well an estimator predicted held-out tasks: means over agents.

    Attributes:
        error: mean squared error (Brier).
        auc: of success, where an agent has both outcomes; NaN where none has.
        ece: calibration error, a share.
    """

    estimator: str
    error: float
    auc: float
    ece: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit came to: scores of all estimators, and held-out predictions of the one that is kept, shape (tasks, agents)."""

    difficulty: "Difficulty"
    scores: tuple[Score, ...]
    held: Floats


@dataclass(frozen=True, slots=True)
class Difficulty:
    """Everything that was fitted; `slope` scales the estimator's departures from the rates so that held-out ones hold."""

    agents: tuple[str, ...]
    name: str
    estimator: base.Estimator
    slope: float
    rates: Floats
    novelty: Novelty
    spread: Spread

    def forecast(self, tasks: Tasks) -> Forecast:
        """What to expect of each agent on each task."""
        trust = self.novelty.trust(tasks)
        departure = self.slope * (self.estimator.predict(tasks) - self.rates)
        success = np.clip(self.rates + trust[:, None] * departure, *WITHIN)
        half = Z90 * self.spread(tasks, trust)
        low, high = (np.clip(edge, 0, 1) for edge in (success - half, success + half))
        return Forecast(success, low, high, trust)


def fit(
    outcomes: Outcomes, tasks: Tasks, names: Sequence[str], progress: Callable[[str, int, int], None] | None = None
) -> Fitted:
    """Fit difficulty, with the estimator out of `names` that predicts held-out tasks best.

    Raises:
        UsageError: there are too few tasks.
    """
    check_enough(outcomes)
    held = {}
    for place, name in enumerate(dict.fromkeys(("average", *names))):
        held[name] = held_out(name, tasks, outcomes.success)
        if progress is not None:
            progress("fitting", place + 1, len(names) + 1)
    slopes = {name: _slope(predicted, outcomes.success) for name, predicted in held.items()}
    labels = novelty.families_of(tasks, outcomes.families)
    bounds, trust = fit_bounds(tasks, outcomes.success, labels)
    drawn = {name: _drawn(held[name], outcomes.success, slopes[name] * trust[:, None]) for name in held}
    scores = tuple(score(name, predicted, outcomes.success) for name, predicted in drawn.items())
    name = min(scores, key=lambda each: each.error).estimator
    difficulty = Difficulty(
        outcomes.agents,
        name,
        choose.fitter(name)(tasks, outcomes.success),
        slopes[name],
        base.rates(outcomes.success),
        novelty.fit_novelty(tasks, labels, bounds),
        fit_spread(tasks, outcomes.success, labels, drawn[name], folds(len(outcomes))),
    )
    return Fitted(difficulty, scores, drawn[name])


def check_enough(outcomes: Outcomes) -> None:
    """Raise a UsageError where there are too few tasks to learn from."""
    if len(outcomes) < LEAST:
        raise UsageError(f"{len(outcomes)} tasks with outcomes are too few to learn from", f"at least {LEAST} are needed")


def folds(count: int) -> NDArray[np.int64]:
    """The fold of each of so many tasks; always the same."""
    return np.random.default_rng(3).permutation(count) % FOLDS


def held_out(name: str, tasks: Tasks, success: Floats) -> Floats:
    """Each task's prediction by an estimator that was fitted without its fold, shape (tasks, agents)."""
    fold = folds(len(success))
    predicted = np.zeros_like(success)
    for each in range(FOLDS):
        train, test = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        predicted[test] = choose.fitter(name)(tasks.rows(train), success[train]).predict(tasks.rows(test))
    return predicted


def score(name: str, predicted: Floats, success: Floats) -> Score:
    """Scores of predictions; success of at least a half counts as one where two sorts are needed."""
    errors, areas, gaps = [], [], []
    for agent in range(success.shape[1]):
        known = ~np.isnan(success[:, agent])
        stated, right = predicted[known, agent], success[known, agent]
        errors.append(float(((stated - right) ** 2).mean()))
        areas.append(auroc(stated, right >= 0.5))
        gaps.append(expected_calibration_error(stated, right))
    whole = [area for area in areas if not np.isnan(area)]
    return Score(name, float(np.mean(errors)), float(np.mean(whole)) if whole else float("nan"), float(np.mean(gaps)))


def _slope(predicted: Floats, success: Floats) -> float:
    """By which departures from the rates are scaled, by least squares on held-out tasks."""
    known = ~np.isnan(success)
    departure, true = (values - base.rates(success) for values in (predicted, success))
    size = float((departure[known] ** 2).sum())
    return float(np.clip((departure[known] * true[known]).sum() / size, *_SLOPES)) if size > 1e-9 else 0.0


def _drawn(predicted: Floats, success: Floats, share: Floats) -> Floats:
    """Predictions drawn to the agents' rates: `share` of their departure is left, shape (tasks, 1)."""
    own = base.rates(success)
    return np.clip(own + share * (predicted - own), *WITHIN)
