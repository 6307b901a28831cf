"""Throughput and memory of `delegate route --format jsonl -` (part of `make bench`).

Throughput: tasks a second of the whole command, start included, over texts a second of the bare encoder on the same tasks in
the same run. Memory: peak of 10,000 tasks over that of 100, since a stream must not grow with its length.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.data import read_tasks
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster

MANY, FEW = 10_000, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", default="clinc150")
    options = parser.parse_args()
    folder = options.data / "rosters" / options.set
    texts = [task.task for task in read_tasks(folder / "tasks.jsonl", None)]
    texts = (texts * (MANY // len(texts) + 1))[:MANY]
    delegator = Delegator(load_roster(folder / "roster.yaml"))
    encoder = delegator.ready().encoder
    sample = texts[:2000]
    encoder.encode(sample[0])
    started = time.perf_counter()
    for text in sample:
        encoder.encode(text)
    raw = len(sample) / (time.perf_counter() - started)
    few_seconds, few_peak = run(folder / "roster.yaml", texts[:FEW])
    many_seconds, many_peak = run(folder / "roster.yaml", texts)
    rate = MANY / many_seconds
    print(f"\n{options.set}: encoder alone {raw:.0f} texts/s, route {rate:.0f} tasks/s: ratio {rate / raw:.2f} (bound 0.8)")
    print(
        f"{FEW} tasks in {few_seconds:.1f} s; peak memory {few_peak / 1024:.0f} MiB at {FEW}, {many_peak / 1024:.0f} MiB",
        end="",
    )
    print(f" at {MANY:,}: ratio {many_peak / few_peak:.2f} (bound 1.15)")


# Linux counts what the process that starts a command holds at that moment into the command's own peak. This one holds
# an encoder, and after a rebuild all that made it, so a process of a few MiB starts the command and reads the peak.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)
"""


def run(roster: Path, texts: list[str]) -> tuple[float, int]:
    """Wall seconds of the command and its peak memory in KiB."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as tasks:
        tasks.write("\n".join(" ".join(text.split()) for text in texts) + "\n")
        tasks.seek(0)
        command = [sys.executable, "-m", "delegate_cli", "route", "--agents", str(roster), "--format", "jsonl", "-"]
        started = time.perf_counter()
        measured = subprocess.run(
            [sys.executable, "-S", "-c", MEASURE, *command], stdin=tasks, stdout=subprocess.PIPE, text=True, check=True
        )
        seconds = time.perf_counter() - started
    code, peak = map(int, measured.stdout.split())
    if code != 0:
        raise SystemExit(f"route ended with {code}")
    return seconds, peak


if __name__ == "__main__":
    main()
