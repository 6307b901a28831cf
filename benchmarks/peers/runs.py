"""A setting of a peer on a set: the job is written, a process answers it in the peer's environment, the answers are kept.

Answers lie in `build/peers/NAME/results/` under a name that changes with the versions, the adapter and the job (and delegate's
own source), so an interrupted benchmark goes on where it was. What failed is not kept, and tried again the next time.
"""

import hashlib
import json
import random
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import SEED, DataSet, LabelledTask, read_tasks
from benchmarks.peers.catalogue import DELEGATE, Peer, Setting
from benchmarks.peers.environments import ADAPTERS, PROJECT, PeerError, last_line, variables
from benchmarks.peers.figures import Figures, figures

LIMIT = 15 * 60  # seconds of CPU time that a process may take
PATIENCE = 8  # how much longer it may take by the clock, since the machine may be busy
MAX_LABELLED = 1000


@dataclass(frozen=True, slots=True)
class Entrant:
    """A setting of a peer, ready to run."""

    peer: Peer
    setting: Setting
    python: Path
    versions: dict[str, str]
    build: Path  # the folder `build/peers`


def measure(entrant: Entrant, data: DataSet, labelled: list[LabelledTask], fresh: bool) -> Figures:
    """The figures of one row, from kept answers if there are any.

    Raises:
        PeerError: it crashed or took too long.
    """
    job = job_of(entrant.setting, data, labelled)
    kept = (
        entrant.build / entrant.peer.name / "results" / f"{entrant.setting.name}-{data.name}-{fingerprint(entrant, job)}.jsonl"
    )
    if fresh or not kept.exists():
        answer(entrant, job, kept)
    timing, *rows = (json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines())
    return figures(rows, [task.agents for task in data.tasks], timing)


def job_of(setting: Setting, data: DataSet, labelled: list[LabelledTask]) -> dict[str, Any]:
    """The job as JSON; labels go only to settings that are fitted on them."""
    rows = [{"id": a.id, "name": a.name, "description": a.description or "", "examples": list(a.examples)} for a in data.roster]
    labels = [[task.task, min(task.agents, default=None)] for task in labelled] if setting.labels else []
    return {"setting": setting.name, "agents": rows, "labelled": labels, "tasks": [task.task for task in data.tasks]}


def labelled_tasks(data: Path, name: str) -> list[LabelledTask]:
    """Labelled tasks of the development split, at most MAX_LABELLED, drawn with the seed of the sets."""
    tasks = read_tasks(data / "rosters" / name / "tasks.jsonl", "dev")
    return random.Random(SEED).sample(tasks, MAX_LABELLED) if len(tasks) > MAX_LABELLED else tasks


def fingerprint(entrant: Entrant, job: dict[str, Any]) -> str:
    """Of all that answers depend on."""
    digest = hashlib.sha256(json.dumps([job, entrant.versions], sort_keys=True).encode())
    for path in sources(entrant.peer):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def sources(peer: Peer) -> Iterable[Path]:
    yield ADAPTERS / "protocol.py"
    yield ADAPTERS / peer.script
    if peer.name == DELEGATE:
        own = (path for path in (PROJECT / "delegate_cli").rglob("*") if path.is_file() and path.suffix != ".pyc")
        yield from sorted(own)


def answer(entrant: Entrant, job: dict[str, Any], kept: Path) -> None:
    """Run the processes of one job and keep timing and answers."""
    with tempfile.TemporaryDirectory() as work:
        state = Path(work) / "state"
        state.mkdir()
        job = job | {"state": str(state), "limit": LIMIT}
        build = None
        if entrant.peer.keeps:
            first = job | {"tasks": job["tasks"][:1]}
            build = process(entrant, first, Path(work))[0]["build_seconds"]
        head, *rows, tail = process(entrant, job, Path(work))
        cold = rows[0]["at"]
        if entrant.peer.name == DELEGATE:
            cold = command_seconds(entrant, state / "roster.yaml", job["tasks"][0])
            shutil.rmtree(Path(variables(entrant.build, entrant.peer)["DELEGATE_HOME"]) / "indexes")  # of a file that is gone
        timing = {"cold": cold, "build": build if build is not None else head["build_seconds"], "memory": tail["peak_mib"]}
    kept.parent.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(".part")
    part.write_text("".join(json.dumps(row) + "\n" for row in (timing, *rows)), encoding="utf-8")
    part.replace(kept)


def process(entrant: Entrant, job: dict[str, Any], work: Path) -> list[dict[str, Any]]:
    """The lines that the peer's script wrote for a job.

    Raises:
        PeerError: with the last line of its complaint.
    """
    asked, answers = work / "job.json", work / "answers.jsonl"
    asked.write_text(json.dumps(job), encoding="utf-8")
    command = [str(entrant.python), str(ADAPTERS / entrant.peer.script), str(asked), str(answers)]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE * LIMIT,
            env=variables(entrant.build, entrant.peer),
            cwd=work,
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"gave up after {PATIENCE * LIMIT // 60} minutes") from None
    if done.returncode != 0:
        raise PeerError(last_line(done.stderr))
    lines = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    if len(lines) != len(job["tasks"]) + 2:
        raise PeerError(f"answered {len(lines) - 2} of {len(job['tasks'])} tasks")
    return lines


def command_seconds(entrant: Entrant, roster: Path, task: str) -> float:
    """CPU time of one `delegate route`, from its start to its end."""
    command = [str(entrant.python.with_name("delegate")), "route", "--agents", str(roster), "--format", "json", "--", task]
    env = variables(entrant.build, entrant.peer)
    if entrant.setting.name == "base":
        env["DELEGATE_ENCODER"] = "all-MiniLM-L6-v2@base"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False, env=env)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise PeerError(last_line(done.stderr.decode(errors="replace")))
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
