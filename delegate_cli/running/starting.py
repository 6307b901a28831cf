"""A run from its beginning, or from where it stopped: the folder, what is known of earlier calls, the engine and its end.

What `delegate run` does beyond this is asking people and showing what happens.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from delegate_cli import __version__
from delegate_cli.agents import Roster
from delegate_cli.journal.entries import iso
from delegate_cli.journal.store import Journal
from delegate_cli.running import folder as files
from delegate_cli.running import guard, joining, looping
from delegate_cli.running.attempts import Attempts
from delegate_cli.running.blocks import Block
from delegate_cli.running.caps import Caps, Paces, Purse
from delegate_cli.running.desk import Desk
from delegate_cli.running.engine import Engine, Watcher
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.office import Office
from delegate_cli.running.records import OPEN_ENDED, Call, CallStatus, Result, State, totals
from delegate_cli.running.secrets import Secrets
from delegate_cli.settings import Settings
from delegate_cli.splitting.plan import Plan

VERSION = 1


@dataclass(slots=True)
class Start:
    """Everything that a run needs.

    Attributes:
        chosen: subtask → agents that may do it, best first, consented to where that is needed.
        asked: what was wanted of the decisions, as `Ask.as_dict` gives it.
        wait: stay until people have answered.
        repeat: subtasks that may be done again although nobody knows how their last call ended.
        decisions: records of the decisions, one for each subtask that was routed now.
        paces: how fast agents may be called, where other runs call them, too.
        backoff: seconds before the first further attempt of an agent.
    """

    plan: Plan
    roster: Roster
    settings: Settings
    blocks: Mapping[str, Block]
    chosen: Mapping[str, tuple[str, ...]]
    caps: Caps = field(default_factory=Caps)
    journal: Journal | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    local_only: bool = False
    wait: bool = False
    repeat: frozenset[str] = frozenset()
    decisions: tuple[Mapping[str, Any], ...] = ()
    paces: Paces | None = None
    backoff: float = 0.5
    watch: Watcher = lambda event: None
    say: Callable[[str], None] = lambda line: None


def begin(start: Start, run: str) -> RunFolder:
    """A new run's folder with its plan and decisions.

    Raises:
        RunError: it cannot be written.
    """
    folder = RunFolder.create(run)
    folder.write(files.PLAN, start.plan.as_dict())
    folder.write_lines(files.DECISIONS, start.decisions)
    folder.write(files.RUN, _facts(start, folder, "running", time.time(), None))
    return folder


def open_ended(plan: Plan, folder: RunFolder) -> dict[str, Call]:
    """Subtask → its last call, where nobody knows whether it was done."""
    found = {}
    for each in plan.subtasks:
        result = folder.results.get(each.id)
        calls = [call for call in folder.calls.values() if call.subtask == each.id]
        if calls and calls[-1].status in OPEN_ENDED and (result is None or result.state is not State.DONE):
            found[each.id] = calls[-1]
    return found


def needs_word(start: Start, office: Office, call: Call) -> bool:
    """Whether somebody must agree before such a call is made again: it may have changed or cost something."""
    if call.kind == "human":
        return False
    block = start.blocks.get(call.agent)
    if block is None:  # nobody knows any more what it did
        return True
    if block.idempotent:  # for the same agent once and twice are the same; for another it would be a second time
        return block.acts and start.chosen[call.subtask][:1] != (call.agent,)
    return not block.repeatable or office.paid(call.agent)


def office_of(start: Start, run: str) -> Office:
    """The executors of a run."""
    desk = Desk(start.journal, start.roster, start.plan, start.settings, start.say)
    return Office(run, start.roster, start.settings, start.blocks, desk, start.wait, start.local_only)


def settle(folder: RunFolder) -> int:
    """Of a run that was killed: stop what still runs, and end what was left open; how many processes were stopped."""
    stopped = guard.sweep(folder.id)
    done = {result.calls[-1] for result in folder.results.values() if result.state is State.DONE and result.calls}
    for call in list(folder.calls.values()):
        if call.status is CallStatus.STARTED and call.kind != "human":
            folder.end(call.call, CallStatus.DONE if call.call in done else CallStatus.INTERRUPTED)
    return stopped


def execute(start: Start, folder: RunFolder) -> dict[str, Result]:
    """Run what is not done yet, and write down how it ended. The caller holds the folder's lock.

    Raises:
        KeyboardInterrupt: it was interrupted, or told to end; what is done is kept.
    """
    before = folder.read(files.RUN) or {}
    began = before.get("started_at", time.time())
    office = office_of(start, folder.id)
    held = {
        subtask: f"its last call, of {call.agent}, may have been done: it {_how(call)}"
        for subtask, call in open_ended(start.plan, folder).items()
        if subtask not in start.repeat and needs_word(start, office, call)
    }
    folder.write(files.RUN, _facts(start, folder, "running", began, None))
    try:
        return looping.run(_run(start, folder, office, held))
    finally:
        folder.write(files.ANSWER, answer(start.plan, start.roster, folder))
        folder.write(files.RUN, _facts(start, folder, status(start.plan, folder), began, time.time()))


async def _run(start: Start, folder: RunFolder, office: Office, held: Mapping[str, str]) -> dict[str, Result]:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGHUP):  # as Ctrl-C
        with suppress(NotImplementedError, RuntimeError, ValueError):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    office.load(agents[0] for agents in start.chosen.values() if agents)
    purse = Purse(start.caps)
    purse.used("", 0, folder.decided_usd + folder.asked_usd)
    for call in folder.calls.values():
        if not call.unanswered:
            purse.used(call.agent, 1, call.usd or 0.0)
    attempts = Attempts(
        folder,
        office,
        purse,
        start.paces or Paces.of(start.roster),
        Secrets.of(start.roster),
        asyncio.Semaphore(start.caps.concurrency),
        start.backoff,
    )
    return await Engine(start.plan, folder, start.chosen, attempts, start.caps, held, start.watch).run()


def status(plan: Plan, folder: RunFolder) -> str:
    """How a run stands: done, partial, failed, waiting, interrupted."""
    states = [folder.results[each.id].state if each.id in folder.results else State.INTERRUPTED for each in plan.subtasks]
    if all(state is State.DONE for state in states):
        return "done"
    if State.INTERRUPTED in states:
        return "interrupted"
    if not {State.FAILED, State.UNCLEAR} & set(states):
        return "waiting"
    return "partial" if State.DONE in states else "failed"


def parts(plan: Plan, roster: Roster, folder: RunFolder) -> list[dict[str, Any]]:
    """What became of each subtask, in the order of the plan."""
    found = []
    for each in plan.subtasks:
        result = folder.results.get(each.id) or Result(each.id, State.INTERRUPTED)
        agent = roster.get(result.agent) if result.agent else None
        found.append(joining.part_of(result, each.task, None if agent is None else agent.name))
    return found


def answer(plan: Plan, roster: Roster, folder: RunFolder) -> dict[str, Any]:
    """The run's answer: the parts joined, and which of them are in it."""
    found = parts(plan, roster, folder)
    done = [part["subtask"] for part in found if part["state"] == State.DONE]
    missing = [part["subtask"] for part in found if part["state"] != State.DONE]
    return {"v": VERSION, "by": "headings", "text": joining.joined(found), "parts": done, "missing": missing}


def _how(call: Call) -> str:
    what = {CallStatus.UNCLEAR: "ended unclearly", CallStatus.INTERRUPTED: "was cut off"}.get(call.status, "was cut off")
    return f"{what} at {iso(call.ended or call.started)}"


def _facts(start: Start, folder: RunFolder, state: str, began: float, ended: float | None) -> dict[str, Any]:
    """`run.json`."""
    return {
        "v": VERSION,
        "id": folder.id,
        "status": state,
        "request": start.plan.request,
        "started": iso(began),
        "started_at": began,
        "ended": None if ended is None else iso(ended),
        "roster": {
            "path": None if start.roster.path is None else str(Path(start.roster.path).absolute()),
            "sha256": start.roster.sha256,
        },
        "asked": dict(start.asked),
        "caps": asdict(start.caps),
        "chosen": {subtask: list(agents) for subtask, agents in start.chosen.items()},
        **totals(folder.calls.values()),
        "version": __version__,
    }
