"""Which agent to take for each task by predicted success and price, and how good that is beside simple rules.

The figures are those of the literature on routing among models: quality at equal price, price at equal quality, and the share
of the gap between a cheap and a good agent that is recovered (APGR; Ong et al. 2024).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate_cli.planning.features import Floats

Places = NDArray[np.int64]
DRAWS = 1000  # of a bootstrap
_STEPS = 60
_MARGIN = (
    0.01  # by which held-out quality must exceed that of the best agent where "equal quality" is aimed at: tasks to come differ
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Result:
    """What a rule came to: mean success, mean price, and its success above that of always taking the best agent."""

    name: str
    quality: Interval
    price: float
    gain: Interval | None


def pick(predicted: Floats, prices: Floats, weight: float) -> Places:
    """The agent with the most predicted success less `weight` times its price, shape (tasks,); of equals the cheaper."""
    worth = predicted - weight * prices
    best = worth.max(axis=1, keepdims=True)
    choice: Places = np.where(worth >= best - 1e-12, prices, np.inf).argmin(axis=1)
    return choice


def gained(success: Floats, choice: Places) -> Floats:
    """Success of the chosen agents, shape (tasks,)."""
    found: Floats = success[np.arange(len(success)), choice]
    return found


def weights(prices: Floats) -> Floats:
    """The weights of price that are tried, ascending from 0 to one with which the cheapest is always taken."""
    apart = float(np.ptp(prices))
    if apart <= 0:
        return np.zeros(1)
    return np.concatenate(([0.0], np.geomspace(0.002, 1.2, _STEPS) / apart, [1e6 / apart]))


def equal_price(predicted: Floats, success: Floats, prices: Floats, limit: float) -> float:
    """The weight with the most success at a mean price of at most `limit`, on tasks with known outcomes."""
    return _best(predicted, success, prices, lambda quality, price: (price <= limit + 1e-12, quality))


def equal_quality(predicted: Floats, success: Floats, prices: Floats, quality: float) -> float:
    """The weight with the least mean price at a success of at least `quality`, and some more, on tasks with known outcomes.

    Where no weight has as much success, the one with the most.
    """

    def rank(found: float, price: float) -> tuple[bool, float]:
        enough = found >= quality + _MARGIN
        return enough, -price if enough else found

    return _best(predicted, success, prices, rank)


def _best(predicted: Floats, success: Floats, prices: Floats, rank: Callable[[float, float], tuple[bool, float]]) -> float:
    found = []
    for weight in weights(prices):
        choice = pick(predicted, prices, weight)
        allowed, value = rank(float(gained(success, choice).mean()), float(prices[choice].mean()))
        found.append((allowed, value, -weight))
    return float(-max(found)[2])


def recovered(gain: Floats, weak: Floats, strong: Floats) -> float:
    """APGR: the tasks of most gain go to the strong agent first; the mean share of the gap that is closed, 0.5 by chance.

    Args:
        gain: what orders the tasks: the predicted advantage of the strong agent, shape (tasks,).
        weak, strong: success of the two, shape (tasks,). NaN where the two are equally good.
    """
    gap = float(strong.mean() - weak.mean())
    if abs(gap) < 1e-12:
        return float("nan")
    order = np.argsort(-gain, kind="stable")
    closed = np.concatenate(([0.0], np.cumsum((strong - weak)[order]))) / len(gain) / gap
    return float((closed[1:] + closed[:-1]).mean() / 2)


def bootstrap(values: Floats, draws: int = DRAWS) -> Interval:
    """The mean of one value a task, with its interval over tasks drawn again."""
    rng = np.random.default_rng(4)
    means = [float(values[rng.integers(0, len(values), len(values))].mean()) for _ in range(draws)]
    low, high = np.quantile(means, (0.025, 0.975))
    return Interval(float(values.mean()), float(low), float(high))


def result(name: str, success: Floats, prices: Floats, choice: Places, best: Floats | None) -> Result:
    """A rule's figures; `best` is the success of the agent that it is compared with, shape (tasks,)."""
    won = gained(success, choice)
    return Result(name, bootstrap(won), float(prices[choice].mean()), None if best is None else bootstrap(won - best))


def chance(success: Floats, prices: Floats, best: Floats) -> Result:
    """An agent drawn at random for each task."""
    mean: Floats = success.mean(axis=1)
    return Result("at random", bootstrap(mean), float(prices.mean()), bootstrap(mean - best))


def recovered_interval(gain: Floats, weak: Floats, strong: Floats, draws: int = DRAWS) -> Interval | None:
    """`recovered` with its interval over tasks drawn again; None where the two are equally good."""
    value = recovered(gain, weak, strong)
    if np.isnan(value):
        return None
    rng = np.random.default_rng(5)
    again = [
        recovered(*(part[rows] for part in (gain, weak, strong))) for rows in rng.integers(0, len(gain), (draws, len(gain)))
    ]
    low, high = np.nanquantile(again, (0.025, 0.975))
    return Interval(value, float(low), float(high))
