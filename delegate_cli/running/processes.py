"""Children of a run: started in a group of their own with a small environment, and watched so that none outlives it."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from delegate_cli.running import guard

# what programs need to work at all; everything else a card must name
_ALWAYS = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT", "PYTHONUTF8")


def environment(names: Sequence[str], run: str, call: str) -> dict[str, str]:
    """The environment of a child: what every program needs, what its card names, and the mark."""
    found = {name: os.environ[name] for name in (*_ALWAYS, *names) if name in os.environ}
    return found | {guard.MARK: guard.mark(run, call)}


def folder(cwd: str | None, roster_path: str | None) -> Path:
    """Where a child works: a relative folder is taken from the roster's."""
    base = Path(roster_path).absolute().parent if roster_path else Path.cwd()
    return base / Path(cwd).expanduser() if cwd else base


class Watch:
    """The watcher process of a run, started with the first child."""

    _adopting: ClassVar[bool] = False
    _shared: ClassVar[bool] = False
    _live: ClassVar[set[int]] = set()  # children and watchers of all runs of this process, and whom it had before

    def __init__(self, run: str) -> None:
        self.run = run
        self._process: subprocess.Popen[bytes] | None = None
        self._under_way = 0

    @classmethod
    def adopt(cls) -> None:
        """From now on only runs start children of this process: any other is what one of those left behind, and is killed."""
        if not cls._shared:
            cls._adopting = guard.adopt()
            cls._live |= guard.children()

    @classmethod
    @contextmanager
    def shared(cls) -> Iterator[None]:
        """Within it runs of several threads start children. What one left behind looks like what another is just starting, so
        that it is only killed at the end.
        """
        cls.adopt()
        cls._shared = True
        try:
            yield
        finally:
            cls._shared = False
            if cls._adopting:
                guard.kill_adopted(cls._live)

    def start(self) -> None:
        """Before a child is started."""
        if self._process is None and os.name == "posix":
            command = [sys.executable, "-I", "-S", guard.__file__, self.run]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C must not end it before the run
                env={"PATH": os.environ.get("PATH", "")},
                cwd="/",
            )
            self._live.add(self._process.pid)

    def add(self, group: int) -> None:
        """A child was started."""
        self._live.add(group)
        self._under_way += 1
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """It is gone."""
        self._live.discard(group)
        self._tell(f"-{group}\n")
        self._under_way -= 1
        if not self._under_way:  # nobody else can have left anything
            self._end_adopted()

    def close(self) -> None:
        """End of the run: the watcher kills what is left, and ends."""
        if self._process is None:
            return
        self._end_adopted()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._live.discard(self._process.pid)
        self._process = None

    def _end_adopted(self) -> None:
        if self._adopting and not self._shared:
            guard.kill_adopted(self._live)

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with suppress(OSError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


async def end(process: asyncio.subprocess.Process, call: str) -> None:
    """Kill a child, its group, and what left the group; afterwards none of them runs."""
    guard.kill_family(process.pid)
    guard.kill_group(process.pid)
    if process.returncode is None:
        guard.kill(process.pid)  # asyncio's own `kill` would first ask how it ended, and take that from asyncio's watcher
    guard.sweep(call)
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while process.returncode is None:  # `wait` would also wait for the end of pipes that nobody reads any more
                await asyncio.sleep(0.005)
    transport = getattr(process, "_transport", None)  # nothing public closes such pipes
    if transport is not None:
        transport.close()
