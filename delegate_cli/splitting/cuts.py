"""Where a request is really several: cuts whose two sides go to different agents, probably enough. Offline, from readings.

A request is cut at its best place if that is probable enough, then each side is looked at in the same way.
"""

import math
from dataclasses import dataclass

from delegate_cli.splitting.clauses import Clause, Joint
from delegate_cli.splitting.plan import MOST
from delegate_cli.splitting.reading import Reader, Reading

# Fitted by `python -m benchmarks.splitting DATA --fit` on development tasks and pairs of them: constant, then FEATURES.
WEIGHTS = (1.42, 0.33, 1.05, 0.62, -3.38, -5.19, -0.92)
FEATURES = ("weaker", "separation", "share", "stop", "and", "leans")
SURE = 0.7  # the least probability of a cut
_EDGE = 1e-3  # keeps logarithms of probabilities finite


@dataclass(frozen=True, slots=True)
class Stretch:
    """A range of clauses that is one part of the request, the end not included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Cuts:
    """The parts in their order, and the probability of the likeliest cut of the whole, which was too low where there is one."""

    parts: tuple[Stretch, ...]
    probability: float


def find(reader: Reader, weights: tuple[float, ...] = WEIGHTS, least: float = SURE) -> Cuts:
    """The parts of a request; one where no cut is probable enough."""
    count = len(reader.clauses)
    if count == 1:
        return Cuts((Stretch(0, 1),), 0.0)
    reader.prefetch()
    best = best_cut(reader, 0, count, weights)
    parts = _divided(reader, 0, count, weights, least)
    return Cuts(_joined(reader, parts), best[0])


def best_cut(reader: Reader, low: int, high: int, weights: tuple[float, ...]) -> tuple[float, int]:
    """The probability of the likeliest cut inside a stretch, and before which clause it is; (0, 0) where there is none."""
    best = (0.0, 0)
    for place in range(low + 1, high):
        found = features(reader.read(low, place), reader.read(place, high), reader.read(low, high), reader.clauses[place])
        if found is not None:
            best = max(best, (probability(found, weights), place))
    return best


def probability(found: tuple[float, ...], weights: tuple[float, ...] = WEIGHTS) -> float:
    """That a cut with these features parts two tasks, in [0, 1]."""
    logit = weights[0] + sum(weight * value for weight, value in zip(weights[1:], found, strict=True))
    return 1.0 / (1.0 + math.exp(-logit))


def features(left: Reading, right: Reading, both: Reading, clause: Clause) -> tuple[float, ...] | None:
    """What speaks for a cut, in the order of FEATURES; None where both sides go to the same agent, or one to nobody.

    How sure the less sure side is, how much better each side's agent is for it than the other's, what the less likely of the
    two is given for both sides together (all logarithms), and what stands at the cut.
    """
    first, second = left.best, right.best
    if first is None or second is None or first == second:
        return None
    weaker = min(_log(left.sure), _log(right.sure))
    separation = min(_log(left.sure) - _log(left.chances[second]), _log(right.sure) - _log(right.chances[first]))
    share = min(_log(both.chances[first]), _log(both.chances[second]))
    leans = clause.leans and clause.joint is not Joint.AND
    return (weaker, separation, share, float(clause.joint is Joint.STOP), float(clause.joint is Joint.AND), float(leans))


def _divided(reader: Reader, low: int, high: int, weights: tuple[float, ...], least: float) -> list[Stretch]:
    chance, place = best_cut(reader, low, high, weights)
    if chance < least:
        return [Stretch(low, high)]
    return _divided(reader, low, place, weights, least) + _divided(reader, place, high, weights, least)


def _joined(reader: Reader, parts: list[Stretch]) -> tuple[Stretch, ...]:
    """Without cuts between neighbours that go to the same agent, and with at most eight parts."""
    joined: list[Stretch] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last is not None and (len(joined) == MOST or _best(reader, last) == _best(reader, part)):
            joined[-1] = Stretch(last.low, part.high)
        else:
            joined.append(part)
    return tuple(joined)


def _best(reader: Reader, part: Stretch) -> str | None:
    return reader.read(part.low, part.high).best


def _log(share: float) -> float:
    return math.log(share + _EDGE)
