"""One subtask at one agent: called, waited for, called again where that may help and can do no harm; all of it written down."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from delegate_cli.decision import uuid7
from delegate_cli.errors import BudgetError
from delegate_cli.roster.runs import RunKind
from delegate_cli.running.blocks import Block
from delegate_cli.running.caps import Paces, Purse
from delegate_cli.running.desk import Desk
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.handover import key_of, told
from delegate_cli.running.office import Office
from delegate_cli.running.records import OPEN_ENDED, Call, CallStatus, Result, State, spent
from delegate_cli.running.secrets import Secrets
from delegate_cli.running.work import Answer, End, Failure, Given, Waits, Work
from delegate_cli.splitting.plan import Subtask

LONGEST_WAIT = 120.0  # seconds that an agent may ask to be left alone; beyond it the next one is tried
_WAITS = 5  # times that it may ask so
_BACKOFF, _SLOWEST = 0.5, 8.0  # seconds before another attempt where the agent does not say, and the most
_GRACE = 1.0  # seconds that an executor has to end by itself at its own time limit
_STATUS = {End.REFUSED: CallStatus.REFUSED, End.FAILED: CallStatus.FAILED, End.UNCLEAR: CallStatus.UNCLEAR}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a subtask ended at an agent. `final`: no other agent is to try it."""

    state: State
    agent: str | None = None
    answer: str | None = None
    error: Mapping[str, str] | None = None
    final: bool = False


class Attempts:
    """Calls agents for the engine.

    Args:
        slots: how many calls may be under way.
        backoff: seconds before the first further attempt.
    """

    def __init__(
        self,
        folder: RunFolder,
        office: Office,
        purse: Purse,
        paces: Paces,
        secrets: Secrets,
        slots: asyncio.Semaphore,
        backoff: float = _BACKOFF,
    ) -> None:
        self.folder = folder
        self.office = office
        self._purse = purse
        self._paces = paces
        self._secrets = secrets
        self._slots = slots
        self._backoff = backoff

    async def by(self, agent: str, subtask: Subtask, request: str | None, given: tuple[Given, ...]) -> Ended:
        """What came of a subtask at an agent."""
        block = self.office.blocks[agent]
        work = Work(self.folder.id, subtask.id, "", "", subtask.task, request, given)
        key = key_of(self.folder.id, subtask.id, agent, told(work))
        used = waits = 0
        while True:
            call = self._call_id(agent, subtask.id, block)
            now = Work(work.run, work.subtask, call, key, work.task, request, given)
            try:
                return await self._once(agent, block, now)
            except BudgetError as error:
                return Ended(State.FAILED, agent, error=error.as_dict())
            except Waits:
                return Ended(State.WAITING, agent, error=self._waiting(agent, call))
            except Failure as failure:
                error_facts = self._facts(failure)
                if failure.end is End.UNCLEAR and not block.repeatable:
                    return Ended(State.UNCLEAR, agent, error=error_facts)
                asked = failure.wait is not None and waits < _WAITS
                spare = used < block.retries and (block.repeatable or failure.end is End.REFUSED)
                if not failure.again or (failure.wait or 0.0) > LONGEST_WAIT or not (asked or spare):
                    if block.acts and self._perhaps_done(agent, subtask.id):  # for another agent it would be a second time
                        return Ended(State.UNCLEAR, agent, error=error_facts)
                    self._outcome(agent, subtask.id, call, False)
                    return Ended(State.FAILED, agent, error=error_facts)
                waits += asked
                used += not asked
                await self._rest(agent, used, failure.wait)

    def result(self, subtask: str, ended: Ended, seconds: float) -> Result:
        """The result of a subtask with what all its calls came to."""
        calls = [call for call in self.folder.calls.values() if call.subtask == subtask]
        before = self.folder.results.get(subtask)
        return Result(
            subtask,
            ended.state,
            ended.agent,
            ended.answer,
            ended.error,
            seconds + (0.0 if before is None else before.seconds),
            spent(calls),
            sum(call.input_tokens for call in calls),
            sum(call.output_tokens for call in calls),
            tuple(call.call for call in calls),
        )

    async def _once(self, agent: str, block: Block, work: Work) -> Ended:
        """One call, from the moment it is written down until its end is.

        Raises:
            Failure, Waits, BudgetError: as the executor and the caps say.
        """
        if block.kind is RunKind.HUMAN:  # takes no slot: it may last for days
            return await self._written(agent, block, work)
        await self._paces.turn(agent)
        async with self._slots:
            return await self._written(agent, block, work)

    async def _written(self, agent: str, block: Block, work: Work) -> Ended:
        executor = self.office.executor(agent)
        held = self.office.estimate(agent, work)
        self._purse.take(block, held)
        attempt = 1 + sum(1 for each in self.folder.calls.values() if (each.subtask, each.agent) == (work.subtask, agent))
        self.folder.start(Call(work.call, work.subtask, agent, block.kind.value, attempt, work.key, held_usd=held))
        started, cost = time.monotonic(), held
        status = CallStatus.INTERRUPTED
        facts: dict[str, Any] = {}
        try:
            async with asyncio.timeout(None if block.timeout_s is None else block.timeout_s + _GRACE * _own_limit(block)):
                answer = await executor.run(work)
            answer = self._clean(answer)
            cost_usd = self.office.cost(agent, answer)
            cost = cost_usd or 0.0
            status = CallStatus.DONE
            facts = self._doubted(agent, answer, cost_usd)
            facts |= {"cost_usd": cost_usd, "input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
            return self._done(agent, work, answer, facts, time.monotonic() - started)
        except TimeoutError:
            status, message = CallStatus.UNCLEAR, f"{agent} gave no answer within {block.timeout_s:g} s"
            facts = {"error": {"message": message, "fix": "raise run.timeout_s"}}
            raise Failure(End.UNCLEAR, message, "raise run.timeout_s") from None
        except Waits:
            status, cost = CallStatus.WAITING, 0.0
            raise
        except Failure as failure:
            status = _STATUS[failure.end]
            cost = 0.0 if failure.end is End.REFUSED else held
            facts = {"error": self._facts(failure), "cost_usd": cost or None}
            raise
        finally:
            self._purse.settle(agent, held, cost)
            self.folder.end(work.call, status, **facts)

    def _done(self, agent: str, work: Work, answer: Answer, facts: Mapping[str, object], seconds: float) -> Ended:
        """Keep an answer before its call is ended: if this is killed between the two, the answer is there."""
        ended = Ended(State.DONE, agent, answer.text)
        call = self.folder.calls[work.call]
        for name, value in facts.items():
            setattr(call, name, value)
        self.folder.keep(self.result(work.subtask, ended, seconds))
        self._outcome(agent, work.subtask, work.call, True, seconds)
        return ended

    def _perhaps_done(self, agent: str, subtask: str) -> bool:
        """Whether the last call that the agent did not simply refuse may have been done."""
        calls = [each for each in self.folder.calls.values() if (each.subtask, each.agent) == (subtask, agent)]
        taken = [each.status for each in calls if each.status is not CallStatus.REFUSED]
        return bool(taken) and taken[-1] in OPEN_ENDED

    def _facts(self, failure: Failure) -> dict[str, str]:
        return {"message": self._secrets.out_of(failure.message), "fix": self._secrets.out_of(failure.fix)}

    def _doubted(self, agent: str, answer: Answer, counts: float | None) -> dict[str, Any]:
        """What the agent says that a call cost, said aloud where its card makes that unlikely; else nothing."""
        if answer.cost_usd is None or answer.cost_usd == counts:
            return {}
        self.desk.say(
            f"{agent} says that it cost {answer.cost_usd:g} USD; {counts:g} are counted (correct the cost of its card)"
        )
        return {"said_usd": answer.cost_usd}

    def _clean(self, answer: Answer) -> Answer:
        text = self._secrets.out_of(answer.text)
        return Answer(text, answer.input_tokens, answer.output_tokens, answer.cost_usd)

    def _outcome(self, agent: str, subtask: str, call: str, success: bool, seconds: float | None = None) -> None:
        done = self.folder.calls.get(call)
        if done is None or self.office.blocks[agent].kind is RunKind.HUMAN:  # people say themselves how it went
            return
        taken = done.seconds if seconds is None else seconds
        self.desk.outcome(subtask, agent, call, success, round(taken, 3), done.cost_usd)

    @property
    def desk(self) -> Desk:
        """Where outcomes go."""
        return self.office.desk

    def _call_id(self, agent: str, subtask: str, block: Block) -> str:
        """A new id; for work that a person has already, that one's."""
        if block.kind is RunKind.HUMAN:
            for each in self.folder.calls.values():
                if (each.subtask, each.agent) == (subtask, agent) and each.unanswered:
                    return each.call
        return uuid7()

    def _waiting(self, agent: str, call: str) -> dict[str, str]:
        card = self.office.agent(agent)
        contact = f" ({card.contact})" if card.contact else ""
        fix = f'delegate feedback {call} --success --note "the answer", then --resume'
        return {"message": f"it waits for {card.name}{contact}", "fix": fix}

    async def _rest(self, agent: str, used: int, wait: float | None) -> None:
        if wait is not None:
            self._paces.pause(agent, wait)  # nobody calls it meanwhile
        else:
            await asyncio.sleep(min(self._backoff * 2 ** (used - 1), _SLOWEST) * random.uniform(0.5, 1.0))


def _own_limit(block: Block) -> int:
    """Whether the executor holds the time limit itself, and says more of it."""
    return int(block.kind in (RunKind.OPENAI, RunKind.HTTP))
