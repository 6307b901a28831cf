"""What a good model is worth beside the head: `make bench-scripted DATA=folder`. No real model is asked.

A scripted one stands for it: it means a right agent for nine tasks of ten, where one is shown, else a wrong one, and likes
whatever stands first more than anything it means. So what is measured is the joining, not any model: the head alone, the
model's first order and its orders averaged, and both joined, by default and after `delegate calibrate --decider chat`.
"""

import argparse
import hashlib
import math
import random
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.data import LabelledTask, read_sets
from delegate_cli.confidence.metrics import chance_calibration_error, expected_calibration_error
from delegate_cli.deciders.orders import View, average, back, normalised, rotations
from delegate_cli.deciders.question import Answer, Question
from delegate_cli.decision import Decision
from delegate_cli.endpoints import Request
from delegate_cli.index.calibration import Label
from delegate_cli.injection import heard
from delegate_cli.pipeline import Ask, Delegator
from delegate_cli.settings import Llm, Settings, home

RIGHT = 0.9  # of its tasks it means a right agent
SURE, BIAS = 3.0, 3.5  # nats for the agent that it means, and for whichever stands first


def key(task: str) -> str:
    """The beginning of a task, as it is left by the prompt's cleaning."""
    return "".join(char for char in task.casefold() if char.isascii() and char.isalnum())[:50]


class Scripted:
    """A model decider that knows the right agents."""

    kind = "chat"

    def __init__(self, tasks: Sequence[LabelledTask], orders: int) -> None:
        # by the beginning of a task as written and as heard: what steers is taken out on the way
        self.gold = {key(text): task.agents for task in tasks for text in (heard(task.task), task.task)}
        self.orders = orders
        self.heard: dict[str, tuple[Question, View]] = {}

    async def answer(self, question: Question) -> Answer:
        agents = [card.agent for card in question.cards]
        meant = self._meant(question.task, agents)
        views = []
        for rotation in rotations(len(agents), self.orders):
            mass = [
                math.exp(SURE * (card == meant) + BIAS * (place == 0)) for place, card in enumerate((*rotation, len(agents)))
            ]
            views.append(View(back(normalised(np.array(mass)), rotation)))
        view = average(views)
        self.heard[key(question.task)] = question, view
        return Answer(view.probability, self.kind, "scripted", view.orders, view.missing, view.flips, view.raw)

    def requests(self, question: Question) -> Sequence[Request]:
        return ()

    def _meant(self, task: str, agents: Sequence[str]) -> int:
        right = [place for place, agent in enumerate(agents) if agent in self.gold[key(task)]] or [len(agents)]
        if random.Random(task).random() < RIGHT:
            return right[0]
        wrong = [place for place in range(len(agents)) if place not in right]
        return min(wrong, key=lambda place: hashlib.sha256((task + agents[place]).encode()).hexdigest())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="*", default=["clinc150", "metatool", "lobehub", "stackoverflow", "sgd"])
    parser.add_argument("--labels", type=int, default=300, help="tasks of the dev split to calibrate on")
    parser.add_argument("--orders", type=int, default=2)
    options = parser.parse_args()
    print("| set | tasks | by | top-1 | ECE | by chance | wrong among handed over | handed over |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with TemporaryDirectory() as folder:  # so that a fit of an earlier run is not there
        home().joinpath("encoders").mkdir(parents=True, exist_ok=True)
        Path(folder, "encoders").symlink_to(home() / "encoders")
        for name in options.sets:
            measure(options, name, Path(folder))


def measure(options: argparse.Namespace, name: str, folder: Path) -> None:
    """The lines of one public roster, whose index is made in this folder."""
    (dev,), (test,) = (read_sets(options.data, split, [name]) for split in ("dev", "test"))
    labels = [Label(task.task, tuple(task.agents)) for task in dev.tasks[: options.labels]]
    tasks = [task for task in test.tasks if task.agents]
    model = Scripted([*dev.tasks, *test.tasks], options.orders)
    encoder = "all-MiniLM-L6-v2@base"  # the default one was trained on the dev split of these sets
    llm = Llm(base_url="http://127.0.0.1:1/v1", model="scripted", orders=options.orders)
    with Delegator(test.roster, Settings(decider="head", encoder=encoder), folder=folder) as head:
        line(name, "head", tasks, [head.decide(task.task, Ask(top=1)) for task in tasks])
    with Delegator(test.roster, Settings(decider="chat", encoder=encoder, llm=llm), folder=folder, model=model) as joined:
        default = [joined.decide(task.task, Ask(top=1)) for task in tasks]
        for what, shares in (("model, first order", "raw"), ("model, orders averaged", "probability")):
            answers = [model.heard[key(heard(task.task))] for task in tasks]
            first = [int(np.argmax(getattr(view, shares)[:-1])) for _, view in answers]
            hits = [q.cards[place].agent in task.agents for (q, _), place, task in zip(answers, first, tasks, strict=True)]
            print(f"| {name} | {len(tasks)} | {what} | {100 * np.mean(hits):.1f} | | | | |")
        line(name, "joined, by default", tasks, default)
        facts = {"date": "2026-11-22", "source_sha256": None, "none_share": None}
        joined.calibrate_model(labels, facts)
        fitted = [joined.decide(task.task, Ask(top=1)) for task in tasks]
        line(name, f"joined, fitted on {len(labels)} tasks", tasks, fitted)


def line(name: str, what: str, tasks: Sequence[LabelledTask], found: Sequence[Decision]) -> None:
    """Top-1, calibration and hand-overs of decisions on tasks that somebody fits."""
    right = np.array([each.candidates[0].agent in task.agents for each, task in zip(found, tasks, strict=True)])
    stated = np.array([each.candidates[0].probability for each in found])
    decided = np.array([each.status.value == "decided" for each in found])
    wrong = 100 * (1 - right[decided].mean()) if decided.any() else math.nan
    ece, chance = 100 * expected_calibration_error(stated, right), 100 * chance_calibration_error(stated)
    figures = f"{100 * right.mean():.1f} | {ece:.1f} | {chance:.1f} | {wrong:.1f} | {100 * decided.mean():.1f}"
    print(f"| {name} | {len(tasks)} | {what} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
