"""Two ways of deciding on the same tasks: is the difference real? Pure functions of what each got right.

Differences are B − A. Intervals are 95 %, by a paired bootstrap over tasks; the test is McNemar's in its exact form.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

DRAWS = 1000
SEED = 11
LEVEL = 0.05  # p below which a difference is called real
COARSE = 0.03  # a difference of so much would matter: tasks that would hardly find it are too few
POWER = 0.8416  # standard normal quantile of 0.8: how surely a real difference is to be found
_Z = 1.96
Statistic = Callable[[Any], float]  # rows of tasks, shape (tasks,) → a figure


class Verdict(StrEnum):
    """What the tasks say of a difference in top-1."""

    SAME = "same"
    REAL = "real"
    CHANCE = "chance"
    TOO_FEW = "too_few"


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many tasks only A, only B, both and neither got right."""

    only_a: int
    only_b: int
    both: int
    neither: int

    @classmethod
    def of(cls, right_a: Sequence[bool], right_b: Sequence[bool]) -> "Pairs":
        """Count tasks in the same order on both sides."""
        pairs = list(zip(right_a, right_b, strict=True))
        counts = [pairs.count(pair) for pair in ((True, False), (False, True), (True, True), (False, False))]
        return cls(*counts)

    @property
    def tasks(self) -> int:
        return self.only_a + self.only_b + self.both + self.neither

    @property
    def differ(self) -> int:
        """Tasks that one side got right and the other wrong."""
        return self.only_a + self.only_b


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided exact p (McNemar 1947): as unequal a split or more, were either side as likely to be the right one."""
    differ = only_a + only_b
    tail = ways = 1  # in whole numbers: halves to the power of thousands are no floats
    for count in range(min(only_a, only_b)):
        ways = ways * (differ - count) // (count + 1)
        tail += ways
    return min(1.0, float(2 * tail / 2**differ))


def difference(a: Statistic, b: Statistic, tasks: int) -> dict[str, float] | None:
    """b − a over all tasks, with its paired bootstrap interval: both are computed on the same draws of tasks.

    Draws on which either is not finite are left out; None without tasks, or where the figures themselves are not finite.
    """
    value = float(b(np.arange(tasks)) - a(np.arange(tasks))) if tasks else math.nan
    if not math.isfinite(value):
        return None
    random = np.random.default_rng(SEED)
    drawn = []
    for _ in range(DRAWS):
        rows = random.integers(tasks, size=tasks)
        drawn.append(b(rows) - a(rows))
    found = np.array(drawn)
    low, high = np.quantile(found[np.isfinite(found)], (0.025, 0.975))
    return {"value": value, "low": float(low), "high": float(high)}


def mean_difference(a: Any, b: Any) -> dict[str, float] | None:
    """The same of the means of two columns, a value a task."""
    first, second = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return difference(lambda rows: float(first[rows].mean()), lambda rows: float(second[rows].mean()), len(first))


def margin(pairs: Pairs, low: float, high: float) -> float:
    """The largest difference, either way, that the tasks do not rule out; with n tasks never less than 3 / n."""
    return max(abs(low), abs(high), 3 / max(pairs.tasks, 1))


def tasks_needed(pairs: Pairs) -> int:
    """About how many tasks find a difference of the observed size four times in five (Connor 1987).

    Where it is smaller than COARSE, or none, a difference of COARSE is meant. Where the sides never differed: how many tasks
    without a difference leave no more than COARSE possible (the rule of three).
    """
    if not pairs.differ:
        return math.ceil(3 / COARSE)
    gap = aim(pairs)
    discordant = max(pairs.differ / pairs.tasks, gap)
    root = _Z * math.sqrt(discordant) + POWER * math.sqrt(max(discordant - gap**2, 0.0))
    return math.ceil((root / gap) ** 2)


def aim(pairs: Pairs) -> float:
    """The difference that is to be found: the observed one, or COARSE where that is larger."""
    return max(abs(pairs.only_b - pairs.only_a) / max(pairs.tasks, 1), COARSE)


def verdict(pairs: Pairs) -> Verdict:
    """Whether the difference in top-1 is real."""
    if mcnemar(pairs.only_a, pairs.only_b) < LEVEL:
        return Verdict.REAL
    if pairs.tasks < tasks_needed(pairs):
        return Verdict.TOO_FEW
    return Verdict.CHANCE if pairs.differ else Verdict.SAME


def sentence(pairs: Pairs, low: float, high: float, names: tuple[str, str]) -> str:
    """The verdict in words."""
    found = verdict(pairs)
    gap = (pairs.only_b - pairs.only_a) / max(pairs.tasks, 1)
    p = mcnemar(pairs.only_a, pairs.only_b)
    within = f"{100 * margin(pairs, low, high):.1f} points"
    if found is Verdict.REAL:
        better, worse = names if gap < 0 else names[::-1]
        least, most = (-high, -low) if gap < 0 else (low, high)
        size = f"{100 * abs(gap):.1f} points more of the tasks right (95 % interval {100 * least:.1f} to {100 * most:.1f})"
        return f"{better} is really better than {worse}: {size}; chance alone would do that with {shown_p(p)}."
    if found is Verdict.TOO_FEW:
        possible = f"{pairs.tasks:,} tasks are too few to tell: a difference in top-1 of up to {within} is possible"
        return f"{possible}. It takes about {tasks_needed(pairs):,} to find one of {100 * aim(pairs):.1f} points."
    if found is Verdict.SAME:
        return f"No difference in top-1: each is right where the other is, on all {pairs.tasks:,} tasks."
    if not gap:
        return f"Top-1 is the same; a difference of more than {within} is unlikely."
    chance = f"The difference in top-1 of {100 * abs(gap):.1f} points could be chance ({shown_p(p)})"
    return f"{chance}; one of more than {within} is unlikely."


def shown_p(p: float) -> str:
    """A p value with as many digits as mean something."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
