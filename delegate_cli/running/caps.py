"""How much a run may use: calls, USD and depth in all, calls and USD for each agent; counted before anything is called."""

import asyncio
from dataclasses import dataclass, field

from delegate_cli.agents import Roster
from delegate_cli.endpoints.budget import Pace
from delegate_cli.errors import BudgetError, UsageError
from delegate_cli.running import guard
from delegate_cli.running.blocks import Block


@dataclass(frozen=True, slots=True)
class Caps:
    """What holds for a run as a whole; None is unlimited.

    Attributes:
        calls: of all agents together, further attempts included.
        usd: what all calls may cost together.
        seconds: for the run as a whole.
        depth: how many runs may be within one another, where an agent starts one itself.
        concurrency: calls at the same time.
        fallbacks: further agents for a subtask, after the one that it was assigned to.
    """

    calls: int | None = None
    usd: float | None = None
    seconds: float | None = None
    depth: int = 2
    concurrency: int = 4
    fallbacks: int = 2

    def check_depth(self) -> None:
        """Raise UsageError where this run is within too many others."""
        if guard.depth() >= self.depth:
            fix = "look for an agent that calls delegate itself, or raise --max-depth"
            raise UsageError(f"{guard.depth()} runs are around this one, and {self.depth} is the most within one another", fix)


@dataclass(slots=True)
class _Use:
    calls: int = 0
    usd: float = 0.0  # spent, and held for calls under way


class Purse:
    """What is left of the caps, what was used before among it."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._all = _Use()
        self._agents: dict[str, _Use] = {}

    def take(self, block: Block, usd: float) -> None:
        """Count a call and hold what it may cost.

        Raises:
            BudgetError: it would go beyond a cap.
        """
        own = self._agents.setdefault(block.agent, _Use())
        limits = (
            (self._all, self._caps.calls, self._caps.usd, "this run", "--max-calls", "--budget-usd"),
            (own, block.max_calls, block.budget_usd, block.agent, "run.max_calls of its card", "run.budget_usd of its card"),
        )
        for use, calls, most, who, more_calls, more_usd in limits:
            if calls is not None and use.calls >= calls:
                raise BudgetError(f"all {calls} calls of {who} are used up", f"raise {more_calls}")
            if most is not None and use.usd + usd > most + 1e-12:
                what = f"the next call would exceed the budget of {most:g} USD of {who} ({use.usd:.6g} used)"
                raise BudgetError(what, f"raise {more_usd}")
        for use in (self._all, own):
            use.calls += 1
            use.usd += usd

    def settle(self, agent: str, held: float, usd: float) -> None:
        """A call that held so much came to so much."""
        for use in (self._all, self._agents.setdefault(agent, _Use())):
            use.usd += usd - held

    def used(self, agent: str, calls: int, usd: float) -> None:
        """Count what was used before, such as in the run that this one goes on with."""
        for use in (self._all, self._agents.setdefault(agent, _Use())):
            use.calls += calls
            use.usd += usd


@dataclass(slots=True)
class Paces:
    """How fast each agent may be called, and until when it asked to be left alone. Runs of several threads may share it."""

    per_minute: dict[str, float]
    _paces: dict[str, Pace] = field(default_factory=dict)

    @classmethod
    def of(cls, roster: Roster) -> "Paces":
        """As the cards of a roster say."""
        return cls({agent.id: agent.rate_limit_rpm for agent in roster if agent.rate_limit_rpm})

    def _of(self, agent: str) -> Pace:
        return self._paces.setdefault(agent, Pace(self.per_minute.get(agent)))

    async def turn(self, agent: str) -> None:
        """Wait until the agent may be called."""
        await asyncio.sleep(self._of(agent).turn())

    def pause(self, agent: str, seconds: float) -> None:
        """It asked to be left alone for so long."""
        self._of(agent).pause(seconds)
