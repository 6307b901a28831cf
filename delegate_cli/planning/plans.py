"""Everything that could be done about a task: agent × operator × depth, each with its predicted success, cost and time.

P(success) is the probability that the agent is the right one for the task times that of its work's succeeding, as the operator
changes it. If the agent is the wrong one, nothing is gained by asking it harder: success is then taken to be 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from delegate_cli.agents import Agent, Cost, Kind
from delegate_cli.errors import SettingsError
from delegate_cli.planning.formulas import FormulaError
from delegate_cli.planning.gains import FORMULA
from delegate_cli.planning.operators import Assumptions, Operator, Operators, Range
from delegate_cli.planning.rates import Basis, Rate
from delegate_cli.roster.document import shown

LEAST = 0.01  # probability of being the right agent, below which one is not weighed
FEWEST = 1  # agents that are weighed however improbable they are
_PLACES = 9  # decimals, so that what is equal compares so


@dataclass(frozen=True, slots=True)
class Estimate:
    """An expected value with its 90 % interval, as far as that is known."""

    value: float
    low: float
    high: float

    def as_dict(self, places: int = 6) -> dict[str, float]:
        return {name: round(getattr(self, name), places) for name in ("value", "low", "high")}

    def times(self, factor: float) -> "Estimate":
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Doer:
    """An agent that may do a task.

    Attributes:
        right: probability in [0, 1] that it is the right one for it.
        rate: that one direct call of it succeeds, if so.
        cost: of a direct call, in USD; None where nobody says it.
        seconds: of a direct call; None likewise.
        assumed: what of these figures was assumed, in words.
    """

    agent: Agent
    right: float
    rate: Rate
    cost: Estimate | None
    seconds: Estimate | None
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """One thing that could be done."""

    agent: str
    kind: Kind
    operator: str
    depth: int
    calls: float
    rounds: float
    right: float
    work: Estimate
    success: Estimate
    cost: Estimate | None
    seconds: Estimate | None
    basis: Basis
    assumed: tuple[str, ...]

    @property
    def price(self) -> float:
        """Expected USD; without end where not known, since nothing is promised then."""
        return float("inf") if self.cost is None else self.cost.value

    @property
    def wait(self) -> float:
        """Expected seconds; without end where not known."""
        return float("inf") if self.seconds is None else self.seconds.value

    @property
    def key(self) -> tuple[str, str, int]:
        """Which plan it is."""
        return self.agent, self.operator, self.depth

    def as_dict(self) -> dict[str, Any]:
        """As JSON: what is not known is null."""
        return {
            "agent": self.agent,
            "kind": self.kind.value,
            "operator": self.operator,
            "depth": self.depth,
            "calls": round(self.calls, 3),
            "rounds": round(self.rounds, 3),
            "success": self.success.as_dict(),
            "right": round(self.right, 6),
            "work": self.work.as_dict(),
            "cost_usd": None if self.cost is None else self.cost.as_dict(_PLACES),
            "seconds": None if self.seconds is None else self.seconds.as_dict(3),
            "basis": self.basis.value,
            "assumed": list(self.assumed),
        }


def cost_of(cost: Cost | None, task: str, assumed: Assumptions) -> Estimate | None:
    """USD of one direct call at these prices, with tokens as estimated; None where there are none."""
    if cost is None or (cost.per_task is None and cost.per_1k_tokens is None):
        return None
    each = cost.per_1k_tokens or 0.0
    tokens = [each * (given + answer) / 1000 for given, answer in zip(*_tokens(task, assumed), strict=True)]
    low, value, high = sorted((cost.per_task or 0.0) + part for part in tokens)
    return Estimate(value, low, high)


def direct_seconds(latency_ms: float | None, assumed: Assumptions) -> Estimate | None:
    """Seconds of one direct call; None where the card has no latency."""
    if latency_ms is None:
        return None
    low, high = assumed.latency.bounds
    return Estimate(assumed.latency.value, low, high).times(latency_ms / 1000)


def _tokens(task: str, assumed: Assumptions) -> tuple[Sequence[float], Sequence[float]]:
    own = len(task.encode("utf-8", "replace")) / 4  # bytes of a token: of English text
    return [own + each for each in _ascending(assumed.prompt_tokens)], _ascending(assumed.answer_tokens)


def _ascending(given: Range) -> tuple[float, float, float]:
    low, high = given.bounds
    return low, given.value, high


def weighed(doers: Sequence[Doer]) -> list[Doer]:
    """Those that are probable enough, and always the first; the likeliest first, ties by id."""
    ordered = sorted(doers, key=lambda each: (-each.right, each.agent.id))
    return [each for place, each in enumerate(ordered) if each.right >= LEAST or (place < FEWEST and each.right > 0)]


def plans(doers: Sequence[Doer], known: Operators, clauses: int = 1) -> list[Plan]:
    """All plans, in the order of agents' ids, operators and depths.

    Args:
        clauses: how many the task has, by which it may be split.

    Raises:
        SettingsError: a formula of an operator has no value for one of them.
    """
    found: list[Plan] = []
    for operator in known.operators:
        try:
            found += [plan for doer in weighed(doers) for plan in _of(doer, operator, clauses)]
        except FormulaError as error:
            raise SettingsError(f"operator {shown(operator.name)}: {error}", error.fix) from None
    return sorted(found, key=lambda each: each.key)


def _of(doer: Doer, operator: Operator, clauses: int) -> Iterator[Plan]:
    if doer.agent.kind not in operator.kinds:
        return
    difficulty = 1 - doer.rate.mean
    for depth in operator.depths(difficulty, clauses):
        n = float(depth)
        calls, rounds, work = (max(each(n=n, d=difficulty), 0.0) for each in (operator.calls, operator.rounds, operator.work))
        done = _work(doer.rate, operator, depth, difficulty)
        yield Plan(
            doer.agent.id,
            doer.agent.kind,
            operator.name,
            depth,
            calls,
            rounds,
            doer.right,
            done,
            _rounded(done.times(doer.right)),
            None if doer.cost is None else _rounded(doer.cost.times(calls * work)),
            None if doer.seconds is None else _rounded(doer.seconds.times(rounds * work)),
            doer.rate.basis,
            doer.assumed + _assumed(operator),
        )


def _work(rate: Rate, operator: Operator, depth: int, difficulty: float) -> Estimate:
    """Success of the work of the right agent: over its rate's interval and all sides of the assumed gains."""
    gain = operator.gain
    around = [gain.success(s, depth, difficulty, side) for s in (rate.low, rate.mean, rate.high) for side in (0, 1, 2)]
    return Estimate(gain.success(rate.mean, depth, difficulty), min(around), max(around))


def _assumed(operator: Operator) -> tuple[str, ...]:
    if not operator.gain.assumed:
        return ()
    if operator.gain.model == FORMULA:
        return (f"what {operator.name} gains (a formula)",)
    given = ", ".join(f"{name} {each.value:g}" for name, each in operator.gain.parameters.items())
    return (f"what {operator.name} gains ({operator.gain.model}: {given})",)


def _rounded(given: Estimate) -> Estimate:
    return Estimate(*(round(each, _PLACES) for each in (given.value, given.low, given.high)))
