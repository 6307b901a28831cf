"""The executors of a run, made when they are first needed, and what a call of each may cost."""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from delegate_cli.agents import Agent, Roster
from delegate_cli.endpoints import Request, is_loopback
from delegate_cli.endpoints.wire import estimated_tokens
from delegate_cli.roster.runs import RunKind
from delegate_cli.running import processes
from delegate_cli.running.blocks import Block
from delegate_cli.running.desk import Desk
from delegate_cli.running.work import Answer, End, Executor, Failure, Work
from delegate_cli.settings import Settings

_BELIEVED = 10.0  # times more or less than its card says that an agent's own figure of its cost counts


@dataclass(slots=True)
class Office:
    """Who does the work of one run. A kind's module is loaded when an agent of that kind is to be called.

    `local_only`: nothing may be sent to another host.
    """

    run: str
    roster: Roster
    settings: Settings
    blocks: Mapping[str, Block]
    desk: Desk
    wait: bool = False
    local_only: bool = False
    watch: processes.Watch = field(init=False)
    _made: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.watch = processes.Watch(self.run)

    def load(self, agents: Iterable[str]) -> None:
        """Load what calls of these agents need: within a call it would count as their time.

        Raises:
            UsageError: an extra is not installed.
        """
        for kind in sorted({self.blocks[agent].kind.value for agent in agents}):
            _kind(kind)

    def executor(self, agent_id: str) -> Executor:
        """The one that does the work of an agent.

        Raises:
            UsageError: it needs an extra that is not installed.
            Failure: it is at another host, and nothing may be sent there.
        """
        if agent_id not in self._made:
            self._made[agent_id] = self._make(self.agent(agent_id), self.blocks[agent_id])
        made: Executor = self._made[agent_id]
        return made

    def agent(self, agent_id: str) -> Agent:
        """The card of an agent of the roster."""
        return self.roster.agents[self.roster.position[agent_id]]

    def paid(self, agent_id: str) -> bool:
        """Whether a call may cost money."""
        if self.agent(agent_id).cost is not None:
            return True
        if self.blocks[agent_id].kind is not RunKind.OPENAI:
            return False
        return not getattr(self.executor(agent_id), "free", False)

    def estimate(self, agent_id: str, work: Work) -> float:
        """USD that a call may cost, on the high side; 0 where nothing is known."""
        cost = self.agent(agent_id).cost
        usd = 0.0 if cost is None else cost.per_task or 0.0
        if self.blocks[agent_id].kind is RunKind.OPENAI:
            made: Any = self.executor(agent_id)
            inputs, outputs = estimated_tokens(Request("chat/completions", made.body(work)))
            if made.llm.prices is not None:
                return float(made.llm.prices.cost(inputs, outputs))
            usd += 0.0 if cost is None else (cost.per_1k_tokens or 0.0) * (inputs + outputs) / 1000
        return usd

    def cost(self, agent_id: str, answer: Answer) -> float | None:
        """USD that a call came to; None where nothing is known.

        What the answer says of it is data like the rest of it. It counts as far as the card allows: a tenth to ten times its
        price, and no more than its budget where it has no price. Else it is what the card says.
        """
        card, block = self.agent(agent_id).cost, self.blocks[agent_id]
        price = 0.0
        if card is not None:
            price = (card.per_task or 0.0) + (card.per_1k_tokens or 0.0) * (answer.input_tokens + answer.output_tokens) / 1000
        said = answer.cost_usd
        if said is None:
            return None if card is None else price
        if block.kind is RunKind.OPENAI:  # of prices that the roster or the settings name
            return said
        if price:
            return min(max(said, price / _BELIEVED), price * _BELIEVED)
        return said if block.budget_usd is None else min(said, block.budget_usd)

    async def close(self) -> None:
        """End what was opened; what was started for the run and still lives is killed."""
        for each in self._made.values():
            if hasattr(each, "close"):
                await each.close()
        self.watch.close()

    def _make(self, agent: Agent, block: Block) -> Any:
        if block.kind is RunKind.HUMAN:
            return _kind("human").Human(agent.id, self.desk, self.wait)
        if block.kind is RunKind.OPENAI:
            return _kind("openai").OpenAI(agent, block, self.settings, self.local_only)
        url = block.keys.get("url")
        if url is not None and (self.local_only or self.settings.local_only) and not is_loopback(url):
            raise Failure(End.REFUSED, f"{agent.id} runs at another host, and nothing may be sent there", "", again=False)
        if block.kind is RunKind.HTTP:
            return _kind("http").Http(block)
        base = processes.folder(block.keys.get("cwd"), self.roster.path)
        if block.kind is RunKind.MCP:
            return _kind("mcp").Mcp(block, base, self.watch)
        return _kind("command").Command(block, base, self.watch)


def _kind(name: str) -> Any:
    return importlib.import_module(f"delegate_cli.running.executors.{name}")
