"""How an agent is called: its card's `run` block with defaults, and what follows from it for asking and repeating."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from delegate_cli.agents import Agent, Kind, Roster
from delegate_cli.roster.runs import RunKind

TIMEOUT = {RunKind.OPENAI: 120.0, RunKind.COMMAND: 300.0, RunKind.HTTP: 60.0, RunKind.MCP: 120.0}  # seconds
OUTPUT_KB = 1024.0
RETRIES = 1
_ACTING = (RunKind.COMMAND, RunKind.HTTP, RunKind.MCP)


@dataclass(frozen=True, slots=True)
class Block:
    """How one agent is called. `keys` are those of its kind alone; they may hold what nobody else is to see.

    Attributes:
        timeout_s: for one call; None has none.
        retries: further calls of the same agent after a failure.
        max_calls, budget_usd: of one run; None is unlimited.
        max_output: bytes of an answer.
        read_only: it changes nothing in the world.
        idempotent: the same call twice is the same as once.
    """

    agent: str
    kind: RunKind
    timeout_s: float | None = None
    retries: int = RETRIES
    max_calls: int | None = None
    budget_usd: float | None = None
    max_output: int = int(OUTPUT_KB * 1024)
    read_only: bool = False
    idempotent: bool = False
    keys: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def acts(self) -> bool:
        """Whether it may change something in the world, so that it is asked for first."""
        return self.kind in _ACTING and not self.read_only

    @property
    def repeatable(self) -> bool:
        """Whether a call of which it is not known how it ended may simply be made again."""
        return self.idempotent or not self.acts


def block_of(agent: Agent, roster: Roster) -> Block | None:
    """The block of an agent: its card's own; people need none; for others the roster's default, or None."""
    run = agent.run
    if run is None:
        run = {"kind": "human"} if agent.kind in (Kind.HUMAN, Kind.TEAM) else roster.settings.get("run")
    if run is None:
        return None
    kind = RunKind(run["kind"])
    common = ("retries", "max_calls", "budget_usd", "read_only", "idempotent")
    given = {name: run[name] for name in common if name in run}
    used = {*common, "kind", "timeout_s", "max_output_kb"}
    return Block(
        agent=agent.id,
        kind=kind,
        timeout_s=run.get("timeout_s", TIMEOUT.get(kind)),
        max_output=int(run.get("max_output_kb", OUTPUT_KB) * 1024),
        keys={key: value for key, value in run.items() if key not in used},
        **given,
    )
