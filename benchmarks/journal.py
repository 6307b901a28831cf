"""What the journal promises, at full size: `python -m benchmarks.journal`.

Eight processes record 500 decisions and feedbacks each at once: nothing may be lost and nothing doubled. Then a writing process
is killed (kill -9) at 50 random moments: each time the file must open, be whole, and hold every row that had been acknowledged.
At the end, what recording costs.
"""

import argparse
import random
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from delegate_cli.decision import Candidate, Criterion, DeciderInfo, Decision, Evidence, EvidenceKind, Rubric, Status
from delegate_cli.journal.entries import Feedback, Origin, Verdict
from delegate_cli.journal.recorder import Recorder
from delegate_cli.journal.store import Journal
from delegate_cli.settings import Settings

# prints the id of a decision as soon as it and its feedback are recorded: that is the acknowledgement
WRITER = """
import sys
from pathlib import Path
from benchmarks import journal
for identity in journal.write(Path(sys.argv[1]), int(sys.argv[2])):
    sys.stdout.write(identity + "\\n")
    sys.stdout.flush()
"""


def decision(task: str = "Refund the shoes I sent back", status: Status = Status.ASK, agent: str = "refunds") -> Decision:
    """A decision of the size that real ones have."""
    criteria = tuple(
        Criterion(name, 0.5, f"a reason of the length that reasons have, in words ({name})")
        for name in ("capability", "evidence", "separation", "clarity", "scope")
    )
    evidence = tuple(Evidence(EvidenceKind.EXAMPLE, f"a sample request of the usual length, number {n}", 0.5) for n in range(3))
    candidates = tuple(
        Candidate(each, each.title(), "ai", share, Rubric(3, criteria), evidence)
        for each, share in ((agent, 0.6), ("billing", 0.2), ("payroll", 0.1))
    )
    return Decision(
        task=task,
        status=status,
        agent=None if status is Status.NONE else agent,
        probability=0.6,
        none=0.1,
        margin=0.4,
        candidates=candidates,
        decider=DeciderInfo("head", "all-MiniLM-L6-v2", calibrated=True),
        roster={"path": "agents.yaml", "sha256": "0" * 64},
        threshold=0.7,
    )


def write(path: Path, count: int):
    """Record so many decisions, each with a feedback, and yield each id once both are kept."""
    said: list[str] = []
    journal = Journal(path)
    recorder = Recorder(journal, Settings(), origin=Origin.PIPELINE, say=said.append)
    for _ in range(count):
        made = decision()
        recorder.record(made)
        journal.say(Feedback(made.id, Verdict.RIGHT, made.agent))
        yield made.id
    recorder.close()
    if said:
        raise SystemExit(said[0])


def writers(path: Path, processes: int, count: int) -> list[str]:
    """Ids that so many processes recorded at once and acknowledged."""
    command = [sys.executable, "-c", WRITER, str(path), str(count)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    ids = [line.strip() for process in started for line in process.communicate()[0].splitlines()]
    if any(process.returncode for process in started):
        raise SystemExit("a writer failed")
    return ids


def kill(path: Path, after: float) -> tuple[list[str], bool]:
    """Ids that a writer acknowledged before it was killed, so many seconds after its first; whether it was still at work."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path), "1000000"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(after)
    process.kill()
    rest = process.stdout.read()
    process.stdout.close()
    # a line that the kill cut off was not acknowledged
    ids = [line.decode() for line in (first + rest).split(b"\n")[:-1]]
    return ids, process.wait() == -signal.SIGKILL


def check(path: Path, acknowledged: list[str], exactly: bool) -> str:
    """What is wrong with the journal, if anything: every acknowledged row must be there once, with its feedback."""
    with sqlite3.connect(path) as connection:
        state = connection.execute("PRAGMA integrity_check").fetchone()[0]
        kept = {row[0] for row in connection.execute("SELECT id FROM decisions")}
        said = [row[0] for row in connection.execute("SELECT decision FROM feedback")]
    connection.close()
    missing = set(acknowledged) - kept | set(acknowledged) - set(said)
    if state != "ok" or missing or len(said) != len(set(said)) or len(acknowledged) != len(set(acknowledged)):
        return f"integrity {state}, {len(missing)} of {len(acknowledged)} missing, {len(said)} feedbacks"
    if exactly and not len(kept) == len(said) == len(acknowledged):
        return f"{len(kept)} decisions and {len(said)} feedbacks of {len(acknowledged)}"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--kills", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "together.sqlite"
        started = time.perf_counter()
        ids = writers(path, options.processes, options.count)
        seconds = time.perf_counter() - started
        wrong = check(path, ids, exactly=True)
        print(f"{options.processes} processes × {options.count}: {wrong or 'nothing lost, nothing doubled'} ({seconds:.1f} s)")
        moments, path = random.Random(50), Path(folder) / "killed.sqlite"
        ids, struck = [], 0
        for _ in range(options.kills):
            acknowledged, at_work = kill(path, moments.uniform(0, 0.3))
            ids += acknowledged
            struck += at_work
            wrong = wrong or check(path, ids, exactly=False)
        print(f"{struck} of {options.kills} kills struck a writer: {wrong or f'all {len(ids):,} acknowledged rows are there'}")
        print(f"recording one decision: {cost(Path(folder) / 'alone.sqlite'):.2f} ms of CPU")
    sys.exit(bool(wrong))


def cost(path: Path, count: int = 1000) -> float:
    """Median milliseconds of CPU that recording one decision takes."""
    recorder, taken = Recorder(Journal(path), Settings()), []
    for _ in range(count):
        made, started = decision(), time.process_time()
        recorder.record(made)
        taken.append(time.process_time() - started)
    return 1e3 * statistics.median(taken)


if __name__ == "__main__":
    main()
