"""Scales of scores: a score as it was written ↔ its value inside, where everything is Gaussian, and the noise of few trials.

A bounded score becomes a share in [0, 1] and then a logit; others (Elo) stay as they are. Pure functions of arrays.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.errors import UsageError
from delegate_cli.roster.scores import SCALES, parse_bounds

EDGE = 0.1  # a share is drawn towards the middle by so much of itself first, so that 0 and 1 have logits
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(9)  # expectation over a standard normal
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """Bounds of a score as it is written; without them (None) it is open, as Elo is.

    `logit`: whether a bounded one is bent.
    """

    low: float | None = None
    high: float | None = None
    logit: bool = True

    @property
    def bounded(self) -> bool:
        return self.low is not None

    def share(self, written: Any) -> Any:
        """A written score as it is told: a share in [0, 1] where it is bounded, else as it is."""
        if self.low is None or self.high is None:
            return written
        return (written - self.low) / (self.high - self.low)

    def inside(self, told: Any) -> Any:
        """A told score → its value inside."""
        if not (self.bounded and self.logit):
            return told
        drawn = EDGE + (1 - 2 * EDGE) * np.clip(told, 0.0, 1.0)
        return np.log(drawn / (1 - drawn))

    def told(self, inside: Any) -> Any:
        """A value inside → the score as it is told."""
        if not self.bounded:
            return inside
        if not self.logit:
            return np.clip(inside, 0.0, 1.0)
        return np.clip((1 / (1 + np.exp(-inside)) - EDGE) / (1 - 2 * EDGE), 0.0, 1.0)

    def moments(self, mean: float, std: float) -> tuple[float, float]:
        """Mean and standard deviation as told of a value that is normal inside."""
        if not (self.bounded and self.logit):
            return float(self.told(mean)), std
        values = self.told(mean + std * _NODES)
        middle = float(_WEIGHTS @ values)
        return middle, math.sqrt(max(float(_WEIGHTS @ (values - middle) ** 2), 0.0))

    def slope(self, inside: float) -> float:
        """How much the told score grows with the value inside, at this value."""
        if not (self.bounded and self.logit):
            return 1.0
        drawn = 1 / (1 + math.exp(-inside))
        return drawn * (1 - drawn) / (1 - 2 * EDGE)

    def noise(self, told: float, trials: float) -> float:
        """Variance inside that so many trials leave, binomial; 0 for endlessly many.

        The share is taken with one success and one failure more (Agresti and Coull), so that 3 right of 3 are not certain.
        """
        if not self.bounded or math.isinf(trials):
            return 0.0
        share = (told * trials + 1) / (trials + 2)
        drawn = EDGE + (1 - 2 * EDGE) * min(max(told, 0.0), 1.0)
        bent = (1 - 2 * EDGE) / (drawn * (1 - drawn)) if self.logit else 1.0
        return share * (1 - share) / trials * bent**2

    def as_dict(self) -> dict[str, float] | str:
        return "open" if self.low is None or self.high is None else {"low": self.low, "high": self.high}


SHARE, PERCENT, OPEN = Scale(0.0, 1.0), Scale(0.0, 100.0), Scale()


def parse_scale(text: str) -> Scale:
    """`share`, `percent`, `elo` (or `open`), or bounds such as `1..5`.

    Raises:
        UsageError: it is none of them.
    """
    try:
        bounds = parse_bounds(text)
    except ValueError as error:
        raise UsageError(str(error), SCALES) from None
    return OPEN if bounds is None else Scale(*bounds)


def detect(scores: Floats) -> Scale:
    """The scale of a column: shares lie in 0 to 1, per cent in 0 to 100, and anything else is open. NaN is a hole."""
    known = scores[~np.isnan(scores)]
    if not len(known) or known.min() < 0 or known.max() > 100:
        return OPEN if len(known) else SHARE
    return SHARE if known.max() <= 1 else PERCENT
