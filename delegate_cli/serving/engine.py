"""What servers decide with: a roster that is loaded again when it changes, threads that decide, the journal, and figures.

Servers over HTTP and MCP differ only in how they are asked; both hold one `Engine`.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.ask import Ask
from delegate_cli.decision import Decision
from delegate_cli.errors import DelegateError
from delegate_cli.index import store
from delegate_cli.journal.claims import kept, room_of
from delegate_cli.journal.entries import Origin
from delegate_cli.journal.recorder import Recorder
from delegate_cli.journal.store import Journal
from delegate_cli.pipeline import Delegator
from delegate_cli.serving import whereabouts
from delegate_cli.serving.figures import Figures

WATCH = 1.0  # seconds between two looks at the roster and its index
_MOST_FILES = 10_000  # of a folder that is a roster
Signature = tuple[Any, ...]
Say = Callable[[str], None]


class Loaded:
    """One state of the roster, ready to decide; in use until the last request that began with it has ended."""

    def __init__(self, delegator: Delegator, recorder: Recorder | None, journal: Path | None, signature: Signature) -> None:
        self.delegator = delegator
        self.recorder = recorder
        self.signature = signature
        self.mark = whereabouts.fingerprint(delegator.roster, delegator.settings, delegator.folder, journal)
        self.since = time.time()
        self.users = 0

    @property
    def roster(self) -> Roster:
        """With what was learnt."""
        return self.delegator.roster

    def record(self, ask: Ask, decision: Decision, claim: bool = False) -> bool:
        """Keep a decision; whether it stands, where it is one that may be refused."""
        assert self.recorder is not None
        room = room_of(self.roster, decision) if claim and ask.constraints.presence else None
        if room is not None:
            return self.recorder.claim(decision, room, ask.as_dict())
        self.recorder.record(decision, asked=ask.as_dict())
        return True

    def close(self) -> None:
        """Write what is left for the journal, and end the connection to a model."""
        if self.recorder is not None:
            self.recorder.close()
        self.delegator.close()


class Engine:
    """Decides for many at once, in threads.

    Args:
        make: gives a delegator with the roster as it is now; called again when that changes.
        paths: files and folders of the roster, whose changes are looked for.
        journal: where decisions are recorded, if they are.
        say: gets a line when the roster was loaded again, or could not be.

    Raises:
        DelegateError: as `make` and opening the index do.
    """

    def __init__(
        self,
        make: Callable[[], Delegator],
        paths: Sequence[Path] = (),
        journal: Journal | None = None,
        say: Say = lambda line: None,
    ) -> None:
        self._make = make
        self._paths = tuple(paths)
        self.journal = journal
        self._say = say
        self._lock = threading.Lock()
        self._tried: Signature | None = None  # the last state that could not be loaded
        self.problem: str | None = None
        self.figures = Figures()
        self.current = self._load()
        most = max(4, os.cpu_count() or 1)
        if self.current.delegator.adviser is not None:
            most += self.current.delegator.settings.llm.concurrency  # threads that wait for a model
        self.pool = ThreadPoolExecutor(most, thread_name_prefix="delegate")
        self.lanes = most

    def _load(self) -> Loaded:
        before = _look(self._paths)  # what changes while it is read is noticed at the next look
        delegator = self._make()
        delegator.ready()
        recorder = None
        if self.journal is not None:
            recorder = Recorder(self.journal, delegator.settings, origin=Origin.PIPELINE, say=self._say)
        path = None if self.journal is None else self.journal.path
        return Loaded(delegator, recorder, path, (before, _kept(delegator)))

    @contextmanager
    def use(self) -> Iterator[Loaded]:
        """The roster as it is now, which stays the same until the end of the block."""
        with self._lock:
            loaded = self.current
            loaded.users += 1
        try:
            yield loaded
        finally:
            with self._lock:
                loaded.users -= 1
                over = loaded.users == 0 and loaded is not self.current
            if over:
                loaded.close()

    def decide(self, loaded: Loaded, task: str, ask: Ask, record: bool = True) -> Decision:
        """Decide, count and record; in the caller's thread.

        Raises:
            DelegateError: as `Delegator.decide` does.
        """
        started = time.perf_counter()
        try:
            if record and loaded.recorder is not None:
                decision = kept(partial(loaded.delegator.decide, task, ask), partial(loaded.record, ask))
            else:
                decision = loaded.delegator.decide(task, ask)
        except DelegateError as error:
            self.figures.failed(error.code)
            raise
        self.figures.decided(decision.status.value, time.perf_counter() - started)
        return decision

    async def decided(self, loaded: Loaded, task: str, ask: Ask, record: bool = True) -> Decision:
        """The same in a thread of the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, self.decide, loaded, task, ask, record)

    def changed(self, loaded: Loaded) -> bool:
        """Whether roster or index are no longer those that were loaded."""
        return loaded.signature != (_look(self._paths), _kept(loaded.delegator))

    async def watch(self, loaded_again: Callable[[Loaded, Loaded], None] = lambda old, new: None) -> None:
        """Load the roster again whenever it changes, until cancelled; a broken one is said, and the old one stays."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(WATCH)
            if await loop.run_in_executor(self.pool, self.changed, self.current):
                await loop.run_in_executor(self.pool, self.reload, loaded_again)

    def reload(self, loaded_again: Callable[[Loaded, Loaded], None] = lambda old, new: None) -> bool:
        """Load the roster as it is now; whether there is another one since."""
        state = (_look(self._paths), _kept(self.current.delegator))
        if state == self._tried:
            return False
        try:
            new = self._load()
        except DelegateError as error:
            self._tried, self.problem = state, error.message
            self.figures.reloads["failed"] += 1
            self._say(f"the roster is not loaded again, the former one stays: {error.message} ({error.fix})")
            return False
        with self._lock:
            old, self.current = self.current, new
            idle = old.users == 0
        self._tried = self.problem = None
        self.figures.reloads["ok"] += 1
        self._say(f"the roster was loaded again: {len(new.roster)} agents")
        loaded_again(old, new)
        if idle:
            old.close()
        return True

    def close(self) -> None:
        """After the last request: write what is left. Threads of requests that were given up are not waited for."""
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.current.close()


def _look(paths: Sequence[Path]) -> Signature:
    """What tells one state of files, and of folders of files, from another."""
    found: list[Any] = []
    for path in paths:
        try:
            facts = path.stat()
            found.append((facts.st_mtime_ns, facts.st_size, facts.st_ino))
            if path.is_dir():
                found += sorted(_inside(path))
        except OSError as error:
            found.append(error.errno)
    return tuple(found)


def _inside(folder: Path) -> Iterator[tuple[str, int, int]]:
    for each in islice(folder.rglob("*"), _MOST_FILES):
        with suppress(OSError):
            facts = each.stat()
            yield str(each), facts.st_mtime_ns, facts.st_size


def _kept(delegator: Delegator) -> Signature:
    """The same of the files beside the roster's index: the index, calibrations, what was learnt."""
    found = []
    for folder in store.folders_of(delegator.folder, delegator.roster):
        with suppress(OSError), os.scandir(folder) as entries:
            for each in entries:
                if each.is_file() and not each.name.startswith("."):
                    facts = each.stat()
                    found.append((folder.name, each.name, facts.st_mtime_ns, facts.st_size, facts.st_ino))
    return tuple(sorted(found))
