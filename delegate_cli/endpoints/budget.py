"""What may be spent in one run, in calls and USD, and how fast: counted before anything is sent."""

import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from delegate_cli.errors import BudgetError
from delegate_cli.settings import Llm


@dataclass(slots=True)
class Usage:
    """What one run has used. `calls` are requests that were sent, retries among them; `cost_usd` is None without prices."""

    calls: int = 0
    cached: int = 0
    retries: int = 0
    failures: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Budget:
    """Holds an estimate for every request in flight, so that together they stay within what is left.

    Safe to use from several threads. An estimate may be too low: the budget can be exceeded by no more than what the
    requests in flight cost above their estimates.
    """

    def __init__(self, llm: Llm) -> None:
        self._most_usd = llm.budget_usd
        self._most_calls = llm.max_calls
        self._lock = threading.Lock()
        self._spent = 0.0
        self._held = 0.0
        self._calls = 0

    @property
    def spent(self) -> float:
        """USD, with the estimates of requests whose answers were lost and may have been paid for."""
        return self._spent

    def hold(self, usd: float) -> bool:
        """Take a call and so much USD; False when requests in flight must be waited for first.

        Raises:
            BudgetError: it is used up.
        """
        with self._lock:
            if self._most_calls is not None and self._calls >= self._most_calls:
                raise BudgetError(f"all {self._most_calls} calls of this run are used up", "raise llm.max_calls or --max-calls")
            if self._most_usd is not None and self._spent + self._held + usd > self._most_usd:
                if self._held > 1e-12:
                    return False
                raise BudgetError(
                    f"the next call would exceed the budget of {self._most_usd:g} USD ({self._spent:.6g} spent)",
                    "raise llm.budget_usd or --budget-usd",
                )
            self._calls += 1
            self._held += usd
            return True

    def settle(self, held: float, usd: float) -> None:
        """A request that held so much came to so much."""
        with self._lock:
            self._held = max(0.0, self._held - held)
            self._spent += usd


class Pace:
    """Not more than so many requests a minute, evenly spaced, and none while the server asked to wait."""

    def __init__(self, per_minute: float | None) -> None:
        self._gap = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def turn(self) -> float:
        """Seconds to wait before sending; the turn is taken."""
        with self._lock:
            now = time.monotonic()
            at = max(now, self._next)
            self._next = at + self._gap
            return at - now

    def pause(self, seconds: float) -> None:
        """Nobody sends for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
