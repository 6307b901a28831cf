"""Processes that must not outlive a run: marks in their environment, killing them, and a watcher that does so after kill -9.

Run as a program it is that watcher: it waits for the end of its stdin, which is the end of the run, however that came, and
kills what is left. It needs only the standard library. Marks and families are read from /proc; elsewhere only process groups
are killed.
"""

import os
import signal
import sys
import time
from collections.abc import Collection
from contextlib import suppress

MARK = "DELEGATE_CALLS"  # run.call of every delegate that this process descends from, the outermost first


def depth() -> int:
    """How many runs this process is within."""
    chain = os.environ.get(MARK, "")
    return len(chain.split("/")) if chain else 0


def mark(run: str, call: str) -> str:
    """The value of the variable for a process that is started for a call."""
    outer = os.environ.get(MARK, "")
    return f"{outer}/{run}.{call}" if outer else f"{run}.{call}"


def kill_group(group: int) -> None:
    """Kill a process group; one that is gone is no error."""
    with suppress(OSError):
        os.killpg(group, signal.SIGKILL)


def kill(pid: int) -> None:
    """Kill one process; one that is gone is no error."""
    _send(pid, signal.SIGKILL)


def kill_family(pid: int, rounds: int = 5) -> None:
    """Kill what a process has started and what those have, whatever group, session or environment they gave themselves.

    Each is stopped when it is found, so that it starts nothing while others are looked for.
    """
    found: set[int] = set()
    for _ in range(rounds):
        new = _descendants({pid, *found}) - found
        for each in new:
            _send(each, signal.SIGSTOP)
        found |= new
        if not new:
            break
    for each in found:
        kill(each)


def adopt() -> bool:
    """Become the parent of what children leave behind when they end, instead of process 1; whether that is possible."""
    if sys.platform != "linux":
        return False
    import ctypes  # 10 ms

    with suppress(OSError, AttributeError):
        return bool(ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0)  # PR_SET_CHILD_SUBREAPER
    return False


def children() -> set[int]:
    """The processes whose parent this is."""
    mine = os.getpid()
    return {pid for pid, parent in _parents().items() if parent == mine}


def kill_adopted(known: Collection[int]) -> None:
    """Kill children of this process that it did not start itself: those that bear no mark and are not `known`."""
    for pid in children().difference(known):
        if MARK.encode() not in _environment(pid):
            kill_family(pid)
            kill(pid)
            with suppress(OSError):
                os.waitpid(pid, 0)


def sweep(identity: str, rounds: int = 5) -> int:
    """Kill every process that was started for a run or a call with this id, also those that left its group; how many."""
    killed = 0
    for _ in range(rounds):
        found = _marked(identity)
        for pid in found:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        killed += len(found)
        if not found:
            break
        time.sleep(0.02)  # until they are gone, or have children of their own
    return killed


def _marked(identity: str) -> list[int]:
    wanted, own = identity.encode(), os.getpid()
    chains = ((pid, _environment(pid).get(MARK.encode(), b"")) for pid in _pids() if pid != own)
    return [pid for pid, chain in chains if wanted in chain]


def _descendants(pids: set[int]) -> set[int]:
    parents, found = _parents(), set[int]()
    while new := {pid for pid, parent in parents.items() if parent in found | pids} - found:
        found |= new
    return found - pids - {os.getpid()}


def _parents() -> dict[int, int]:
    """Process → its parent."""
    found = {}
    for pid in _pids():
        with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/stat", "rb") as stream:
            found[pid] = int(stream.read().rpartition(b")")[2].split()[1])  # the name before it may hold anything
    return found


def _environment(pid: int) -> dict[bytes, bytes]:
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as stream:
        return {name: value for name, _, value in (each.partition(b"=") for each in stream.read().split(b"\0"))}
    return {}


def _pids() -> list[int]:
    with suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    return []


def _send(pid: int, number: int) -> None:
    with suppress(OSError):
        os.kill(pid, number)


def main(run: str) -> None:
    """Read `+group` and `-group` lines until stdin ends; then kill the groups that are left, and what bears the mark."""
    groups: set[int] = set()
    for line in sys.stdin:
        with suppress(ValueError):
            group = int(line[1:])
            if line.startswith("+"):
                groups.add(group)
            else:
                groups.discard(group)
    for group in groups:
        kill_family(group)
        kill_group(group)
    sweep(run)


if __name__ == "__main__":
    main(sys.argv[1])
