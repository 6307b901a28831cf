"""How well probabilities keep their word: calibration error, intervals, areas under curves."""

import math
from typing import Any

import numpy as np

BINS = 15


def expected_calibration_error(probability: Any, right: Any, bins: int = BINS) -> float:
    """Mean gap between stated probability and observed share of right ones, over equal-width bins (Guo et al. 2017).

    Args:
        probability: of the chosen candidate, in [0, 1], shape (tasks,).
        right: whether it was right, shape (tasks,).
    """
    probability, right = np.asarray(probability, dtype=float), np.asarray(right, dtype=float)
    if not len(probability):
        return math.nan
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gap = np.bincount(place, weights=probability - right, minlength=bins)
    return float(np.abs(gap).sum() / len(probability))


def chance_calibration_error(probability: Any, bins: int = BINS) -> float:
    """The calibration error that perfectly true probabilities are expected to show on so few tasks.

    Within a bin the number of right ones has a Poisson binomial distribution, which is computed exactly.

    Args:
        probability: as for `expected_calibration_error`.
    """
    probability = np.asarray(probability, dtype=float)
    if not len(probability):
        return math.nan
    place = np.minimum((probability * bins).astype(int), bins - 1)
    total = 0.0
    for bin in range(bins):
        inside = probability[place == bin]
        right = np.ones(1)  # P(so many right)
        for share in inside:
            right = np.convolve(right, (1.0 - share, share))
        total += float(right @ np.abs(np.arange(len(right)) - inside.sum()))
    return total / len(probability)


def wilson(successes: float, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) without trials. A mean of counts need not be whole."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def auroc(score: Any, positive: Any) -> float:
    """P(a positive scores higher than a negative), ties counting half; nan when there is only one sort."""
    score, positive = np.asarray(score, dtype=float), np.asarray(positive, dtype=bool)
    count, rest = int(positive.sum()), int((~positive).sum())
    if not count or not rest:
        return math.nan
    _, places, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2
    return float((rank[places][positive].sum() - count * (count + 1) / 2) / (count * rest))
