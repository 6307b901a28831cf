"""Learned choice beside simple rules on a table of outcomes: cross-fitted, or fitted on one table and judged on another.

Nothing is chosen on the tasks that are reported: estimators, slopes, trust and the weight of price come from the others.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate_cli.errors import UsageError
from delegate_cli.planning import choice
from delegate_cli.planning.choice import Interval, Places, Result
from delegate_cli.planning.difficulty import LEAST, fit
from delegate_cli.planning.estimators import choose
from delegate_cli.planning.features import Floats, Tasks
from delegate_cli.planning.outcomes import Outcomes

FOLDS = 5
RIVALS = {"neighbours": "nearest neighbours", "factors": "matrix factorisation"}
OURS = {
    "quality": "learnt, most success",
    "price": "learnt, at the best one's price",
    "cheap": "learnt, at the best one's quality",
}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Contest:
    """What each rule came to, and the share of the gap between the cheapest and the best agent that is recovered (APGR).

    `pair` names those two; it and `recovered` are None where the two are one, or equally good.
    """

    results: tuple[Result, ...]
    recovered: Interval | None
    pair: tuple[str, str] | None


@dataclass(slots=True)
class _Judged:
    """Of each judged task: the best agent by the others' rates, and what each rule chose; predictions of ours."""

    best: Places
    cheapest: Places
    chosen: dict[str, Places]
    predicted: Floats


def check_enough(outcomes: Outcomes, crossed: bool) -> None:
    """Raise a UsageError where too few tasks are left to learn from, in five folds or from the whole table."""
    most = len(outcomes) - (-(-len(outcomes) // FOLDS) if crossed else 0)
    if most < LEAST:
        least = LEAST * FOLDS // (FOLDS - 1) if crossed else LEAST
        where = f" in {FOLDS} folds" if crossed else ""
        raise UsageError(
            f"{len(outcomes)} tasks with outcomes are too few to learn from and to judge by{where}",
            f"at least {least} are needed",
        )


def crossed(
    outcomes: Outcomes, tasks: Tasks, prices: Floats, names: tuple[str, ...], progress: Progress | None = None
) -> Contest:
    """Five-fold: each task is judged by what was learnt from the other folds."""
    fold = np.random.default_rng(0).permutation(len(outcomes)) % FOLDS
    parts = [(np.flatnonzero(fold != each), np.flatnonzero(fold == each)) for each in range(FOLDS)]
    judged = _empty(outcomes)
    for done, (train, test) in enumerate(parts, 1):
        found = _judge(outcomes.rows(train), tasks.rows(train), tasks.rows(test), prices, names)
        _put(judged, test, found)
        if progress is not None:
            progress("fitting", done, FOLDS)
    return _contest(outcomes, prices, judged)


def held(
    train: Outcomes, train_tasks: Tasks, test: Outcomes, test_tasks: Tasks, prices: Floats, names: tuple[str, ...]
) -> Contest:
    """Learnt from one table, judged on another with the same agents."""
    judged = _empty(test)
    _put(judged, np.arange(len(test)), _judge(train, train_tasks, test_tasks, prices, names))
    return _contest(test, prices, judged)


def _judge(train: Outcomes, train_tasks: Tasks, tasks: Tasks, prices: Floats, names: tuple[str, ...]) -> _Judged:
    count = len(tasks.vectors)
    fitted = fit(train, train_tasks, names)
    rates = fitted.difficulty.rates
    best, cheap = int(np.argmax(rates)), int(np.lexsort((-rates, prices))[0])
    predicted = fitted.difficulty.forecast(tasks).success
    weights = {
        "quality": 0.0,
        "price": choice.equal_price(fitted.held, train.success, prices, float(prices[best])),
        "cheap": choice.equal_quality(fitted.held, train.success, prices, float(train.success[:, best].mean())),
    }
    chosen = {OURS[aim]: choice.pick(predicted, prices, weight) for aim, weight in weights.items()}
    for name, words in RIVALS.items():
        rival = choose.fitter(name)(train_tasks, train.success).predict(tasks)
        chosen[words] = choice.pick(rival, prices, 0.0)
    return _Judged(np.full(count, best), np.full(count, cheap), chosen, predicted)


def _empty(outcomes: Outcomes) -> _Judged:
    places = [np.zeros(len(outcomes), dtype=np.int64) for _ in range(2 + len(RIVALS) + len(OURS))]
    names = (*RIVALS.values(), *OURS.values())
    return _Judged(places[0], places[1], dict(zip(names, places[2:], strict=True)), np.zeros_like(outcomes.success))


def _put(judged: _Judged, rows: NDArray[np.int64], found: _Judged) -> None:
    judged.best[rows], judged.cheapest[rows], judged.predicted[rows] = found.best, found.cheapest, found.predicted
    for name, places in found.chosen.items():
        judged.chosen[name][rows] = places


def _contest(outcomes: Outcomes, prices: Floats, judged: _Judged) -> Contest:
    success = outcomes.success
    reference = choice.gained(success, judged.best)
    results = [
        choice.result(_named("always the best", judged.best, outcomes), success, prices, judged.best, None),
        choice.result(_named("always the cheapest", judged.cheapest, outcomes), success, prices, judged.cheapest, reference),
        choice.chance(success, prices, reference),
        choice.result("in hindsight (oracle)", success, prices, choice.pick(success, prices, 0.0), reference),
        *(choice.result(name, success, prices, places, reference) for name, places in judged.chosen.items()),
    ]
    weak, strong = (int(np.bincount(places).argmax()) for places in (judged.cheapest, judged.best))
    gain = judged.predicted[:, strong] - judged.predicted[:, weak]
    recovered = choice.recovered_interval(gain, success[:, weak], success[:, strong])
    return Contest(tuple(results), recovered, None if recovered is None else (outcomes.agents[weak], outcomes.agents[strong]))


def _named(rule: str, places: Places, outcomes: Outcomes) -> str:
    """A rule with the agent it takes; over folds it may take several."""
    return f"{rule} ({', '.join(outcomes.agents[place] for place in np.unique(places))})"
