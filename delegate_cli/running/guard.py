"""Processes that must not outlive a run: marks in their environment, killing them, and a watcher that does so after kill -9.

Run as a program it is that watcher: it waits for the end of its stdin, which is the end of the run, however that came, and
kills what is left. It needs only the standard library. Marks are read from /proc; elsewhere only process groups are killed.
"""

import os
import signal
import sys
import time
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
    wanted, found = identity.encode(), []
    with suppress(OSError):
        for name in os.listdir("/proc"):
            if not name.isdecimal() or int(name) == os.getpid():
                continue
            with suppress(OSError), open(f"/proc/{name}/environ", "rb") as stream:
                entries = [each for each in stream.read().split(b"\0") if each.startswith(MARK.encode() + b"=")]
                if any(wanted in each for each in entries):
                    found.append(int(name))
    return found


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
        kill_group(group)
    sweep(run)


if __name__ == "__main__":
    main(sys.argv[1])
