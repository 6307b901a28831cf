"""Shares and means as reports give them: with their 95 % intervals and the number of cases."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from delegate_cli.confidence.metrics import wilson

DRAWS, SEED = 1000, 11


def share(part: Any, whole: int) -> dict[str, Any] | None:
    """A share with Wilson's interval; None of nothing. A tie counts half, so the part need not be whole."""
    if not whole:
        return None
    low, high = wilson(float(part), whole)
    return {"value": float(part) / whole, "low": low, "high": high, "of": whole}


def mean(values: Sequence[float]) -> dict[str, Any] | None:
    """A mean with its percentile bootstrap interval; None of nothing."""
    if not values:
        return None
    data = np.asarray(values, dtype=float)
    draws = np.random.default_rng(SEED).integers(len(data), size=(DRAWS, len(data)))
    low, high = np.quantile(data[draws].mean(axis=1), (0.025, 0.975))
    return {"value": float(data.mean()), "low": float(low), "high": float(high), "of": len(data)}
