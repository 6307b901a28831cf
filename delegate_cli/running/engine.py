"""A plan → its results: every subtask as soon as those it waits for are done, so many calls at a time, within the caps.

Nothing that an agent answers is ever read as anything but an answer: who does what, after what, and what it may do was settled
before the first call.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from delegate_cli.roster.runs import RunKind
from delegate_cli.running.attempts import Attempts, Ended
from delegate_cli.running.caps import Caps
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.records import Result, State
from delegate_cli.running.work import Given
from delegate_cli.splitting.plan import Plan, Subtask


@dataclass(frozen=True, slots=True)
class Event:
    """Something that whoever watches a run may show; `state` is waiting, running, or how a subtask stands."""

    subtask: str
    state: str
    agent: str | None = None
    detail: str = ""
    seconds: float = 0.0
    cost_usd: float | None = None


Watcher = Callable[[Event], None]


@dataclass(slots=True)
class Engine:
    """Runs a plan, or what is left of it.

    Attributes:
        chosen: subtask → agents that may do it, best first (`prospects.prospects`); those that need a consent nobody gave are
            not among them.
        held: subtask → why it is not done again unasked, such as a paid call of which nobody knows how it ended.
    """

    plan: Plan
    folder: RunFolder
    chosen: Mapping[str, tuple[str, ...]]
    attempts: Attempts
    caps: Caps
    held: Mapping[str, str] = field(default_factory=dict)
    watch: Watcher = lambda event: None
    _tasks: dict[str, asyncio.Task[Result]] = field(default_factory=dict)
    _late: bool = False

    async def run(self) -> dict[str, Result]:
        """What became of each subtask; everything is in the folder as soon as it is known.

        Raises:
            asyncio.CancelledError: it was interrupted; children are stopped, and what is done is kept.
        """
        try:
            for each in self.plan.subtasks:
                self._tasks[each.id] = asyncio.create_task(self._part(each))
            _, late = await asyncio.wait(self._tasks.values(), timeout=self.caps.seconds)
            if late:
                self._late = True
                await self._stop()
            return {subtask: task.result() for subtask, task in self._tasks.items()}
        except asyncio.CancelledError:
            await self._stop()
            raise
        finally:
            await self.attempts.office.close()

    async def _stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _part(self, subtask: Subtask) -> Result:
        kept = self.folder.results.get(subtask.id)
        if kept is not None and kept.state is State.DONE:
            self._tell(kept, "kept from before")
            return kept
        started = time.monotonic()
        try:
            self.watch(Event(subtask.id, "waiting", detail=f"for {', '.join(subtask.after)}" if subtask.after else ""))
            before = [await self._result(each) for each in subtask.after]
            missing = [each for each in before if each.state is not State.DONE]
            ended = self._skipped(missing) if missing else await self._do(subtask, before)
        except asyncio.CancelledError:
            ended = self._cancelled(subtask)
            if not self._late:
                self._keep(subtask, ended, started)
                raise
        return self._keep(subtask, ended, started)

    async def _result(self, subtask: str) -> Result:
        await asyncio.wait([self._tasks[subtask]])  # unlike awaiting it, this does not cancel it when cancelled
        return self._tasks[subtask].result()

    async def _do(self, subtask: Subtask, before: list[Result]) -> Ended:
        if subtask.id in self.held:
            fix = "look whether it was done; --repeat-lost does it again"
            return Ended(State.UNCLEAR, error={"message": self.held[subtask.id], "fix": fix})
        if not self.chosen[subtask.id]:
            return Ended(State.FAILED, error={"message": "nobody fits", "fix": "name an agent in the plan"})
        given = tuple(Given(each.subtask, each.agent or "", each.answer or "") for each in before)
        last = Ended(State.FAILED)
        for place, agent in enumerate(self.chosen[subtask.id]):
            block = self.attempts.office.blocks[agent]
            detail = f"after {last.agent} failed" if place else ""
            self.watch(Event(subtask.id, "running" if block.kind is not RunKind.HUMAN else "waiting", agent, detail))
            last = await self.attempts.by(agent, subtask, self.plan.context_of(subtask), given)
            if last.state is not State.FAILED or last.final:
                break
        return last

    def _skipped(self, missing: list[Result]) -> Ended:
        waiting = all(each.state in (State.WAITING, State.SKIPPED) for each in missing)
        names = ", ".join(f"{each.subtask} ({each.state})" for each in missing)
        fix = "answer it, then --resume" if waiting else "see what became of it, then --resume"
        return Ended(State.SKIPPED, error={"message": f"it needs the result of {names}", "fix": fix})

    def _cancelled(self, subtask: Subtask) -> Ended:
        calls = [call for call in self.folder.calls.values() if call.subtask == subtask.id]
        agent = calls[-1].agent if calls else None
        if self._late:
            fix = "raise --timeout, then --resume"
            return Ended(State.FAILED, agent, error={"message": "the time of the run was used up", "fix": fix})
        return Ended(State.INTERRUPTED, agent, error={"message": "interrupted", "fix": "go on with --resume"})

    def _keep(self, subtask: Subtask, ended: Ended, started: float) -> Result:
        kept = self.folder.results.get(subtask.id)
        if kept is not None and kept.state is State.DONE:  # written down with its call, perhaps as it was interrupted
            self._tell(kept, "")
            return kept
        result = self.attempts.result(subtask.id, ended, time.monotonic() - started)
        self.folder.keep(result)
        self._tell(result, "")
        return result

    def _tell(self, result: Result, detail: str) -> None:
        detail = detail or (result.error["message"] if result.error else "")
        self.watch(Event(result.subtask, result.state.value, result.agent, detail, result.seconds, result.cost_usd))
