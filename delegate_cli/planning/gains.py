"""Models of what a way of working does to success: from the success s of one direct call and a depth n to that of the whole.

Each is a few lines of probability with stated assumptions; none is learnt here. What its figures are comes from the file of
operators, where they are marked as assumed or measured.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

Limits = tuple[float, float]
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class GainModel:
    """`success(s, n, **parameters)` in [0, 1]; `parameters` have the limits that they must be within."""

    success: Callable[..., float]
    parameters: Mapping[str, Limits]


def _same(s: float, n: float) -> float:
    return s


def odds(s: float, n: float, factor: float) -> float:
    """Each of n steps multiplies the odds of success."""
    return _with_odds(s, factor**n)


def majority(s: float, n: float, correlation: float) -> float:
    """The answer of most of n calls, ties by lot.

    A beta-binomial: `correlation` (of any two answers' being right) is 0 where calls err independently, and 1 where all are
    right or wrong together and nothing is gained. Wrong answers are taken to agree, which is the worst case.
    """
    return _majority(round(s, 9), round(n), round(correlation, 9))


def review(s: float, n: float, finds: float, spoils: float) -> float:
    """n rounds of critique and another draft.

    A wrong draft is found wrong with probability `finds` and then done right with probability s; a right one becomes wrong
    with probability `spoils`.
    """
    right = s
    for _ in range(round(n)):
        right = right * (1 - spoils) + (1 - right) * finds * s
    return right


def debate(s: float, n: float, members: float, correlation: float, finds: float, spoils: float) -> float:
    """n rounds of review by each of so many members of the others' drafts, then the answer of most."""
    return majority(review(s, n, finds, spoils), members, correlation)


def split(s: float, n: float, easier: float, joins: float) -> float:
    """n parts that must all succeed, and n − 1 joints.

    As one piece the task fails as if each part failed by itself; alone, each part has its odds multiplied by `easier`.
    """
    if s <= 0:
        return 0.0
    return float(_with_odds(s ** (1 / n), easier) ** n * joins ** (n - 1))


def _with_odds(s: float, factor: float) -> float:
    return s * factor / (1 - s + s * factor) if s < 1 else 1.0


@lru_cache(maxsize=20_000)
def _majority(s: float, n: int, correlation: float) -> float:
    if n <= 2 or correlation >= 1 - _EDGE or s <= _EDGE or s >= 1 - _EDGE:
        return s
    chances = [math.exp(_log_chance(k, n, s, correlation)) for k in range(n // 2, n + 1)]
    first = chances[0] / 2 if n % 2 == 0 else 0.0  # of an odd number, half of it is no majority
    return min(first + math.fsum(chances[1:]), 1.0)


def _log_chance(k: int, n: int, s: float, correlation: float) -> float:
    """Logarithm of the chance that k of n are right."""
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    if correlation <= 1e-6:
        return ways + k * math.log(s) + (n - k) * math.log1p(-s)
    size = (1 - correlation) / correlation
    a, b = s * size, (1 - s) * size
    return ways + _log_beta(k + a, n - k + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


UNIT = (0.0, 1.0)
MODELS: Mapping[str, GainModel] = {
    "none": GainModel(_same, {}),
    "odds": GainModel(odds, {"factor": (0.01, 100.0)}),
    "majority": GainModel(majority, {"correlation": UNIT}),
    "review": GainModel(review, {"finds": UNIT, "spoils": UNIT}),
    "debate": GainModel(debate, {"members": (1.0, 25.0), "correlation": UNIT, "finds": UNIT, "spoils": UNIT}),
    "split": GainModel(split, {"easier": (0.01, 100.0), "joins": UNIT}),
}
FORMULA = "formula"  # a model of the user's own: `success`, a formula of s, n and d
