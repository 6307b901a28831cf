"""`make year`: what a year of answers does, simulated on public rosters.

Each roster starts with one sample request an agent. Tasks of the dev split come in one after another; a person, who always
knows, answers those that end as `ask` or `none`, and nothing else. After 50, 100, 200 and 400 answers `learn` is run, and what
it keeps is measured on tasks of the test split (at most 1,000, with the dev split's share of tasks that nobody fits). Beside it
stands the same with as many answers to tasks drawn at random. The encoder is the published one: the default one was trained on
these very tasks. No agent of lobehub has tasks in both splits, so all its tasks are also dealt anew in two halves.
"""

import argparse
import json
import random
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import LabelledTask, read_sets, read_tasks
from benchmarks.labels import drawn, labels
from delegate_cli import policy
from delegate_cli.agents import Roster
from delegate_cli.calibrating.fit import figures, judge, see
from delegate_cli.calibrating.seen import Seen, Unseen
from delegate_cli.decision import Status
from delegate_cli.encoders import Vectors
from delegate_cli.encoders.catalog import BASE
from delegate_cli.index.calibration import Label
from delegate_cli.index.learned import Learned
from delegate_cli.index.parts import Part, parts_of
from delegate_cli.learning.answers import Answer, Population, Sort, quantiles, weights
from delegate_cli.learning.lessons import draw
from delegate_cli.learning.trial import try_out
from delegate_cli.loaded import Loaded
from delegate_cli.pipeline import Delegator
from delegate_cli.settings import Settings

SETS = ["clinc150", "lobehub", "hint3_sofmattress"]
STEPS = (50, 100, 200, 400)
ORDERS = 3
FIGURES = ("top1", "coverage", "error", "error_all", "ece_all", "log_loss")
TARGET = 0.05


class Remembered:
    """An encoder that embeds each text once."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self._known: dict[str, Vectors] = {}
        self.name, self.fingerprint, self.dimension = encoder.name, encoder.fingerprint, encoder.dimension

    def encode(self, text: str) -> Vectors:
        if text not in self._known:
            self._known[text] = self._encoder.encode(text)
        return self._known[text]


@dataclass
class Year:
    """One roster on its way: what it was taught, what came in, and what waits to be learnt."""

    first: Roster
    ready: Loaded
    random: bool
    shortlist: int
    weighted: bool = True
    learned: Learned = field(default_factory=Learned)
    asked: int = 0
    decided: int = 0
    nobody: float = 0.0
    promised: tuple[float, ...] = ()
    waiting: tuple[Answer, ...] = ()
    answers: tuple[Answer, ...] = ()

    def __post_init__(self) -> None:
        self.roster = self.first

    def take(self, number: int, task: LabelledTask) -> None:
        """A task comes in, is decided, and answered where somebody is asked."""
        label = Label(task.task, tuple(sorted(task.agents)))
        seen = see(self.ready, [label], self.roster, self.shortlist)[0]
        ranking = self.ready.rank(seen.query, seen.views, len(self.roster), None)
        top, second = float(ranking.probability[0]), float(ranking.probability[1])
        status = policy.hand_over(top, top - second, ranking.none, self.ready.threshold(TARGET), 0.0)
        decided = status is Status.DECIDED
        self.asked, self.decided = self.asked + (not decided), self.decided + decided
        self.nobody += ranking.none * decided
        if self.random or not decided:
            agent = label.agents[0] if label.agents else None
            first = self.roster.agents[ranking.places[0]].id
            answer = Answer(
                f"{number:06d}", task.task, agent, float(number), Sort.LOOKED if decided else Sort.ASKED, first, top
            )
            self.waiting += (answer,)
            self.answers += (answer,)
        else:
            self.promised += (top,)

    def learn(self) -> str:
        """What `delegate learn` does, in memory."""
        encoder, parts = self.ready.encoder, parts_of(self.first)
        rows = parts.rows(Part.EXAMPLE)
        written = np.stack([encoder.encode(parts.texts[row]) for row in rows])
        former = self.learned.standing
        lessons = draw(
            self.waiting,
            np.stack([encoder.encode(answer.task) for answer in self.waiting]),
            former,
            np.stack([encoder.encode(lesson.task) for lesson in former]) if former else np.zeros((0, encoder.dimension)),
            self.first,
            written,
            parts.owner[rows],
        )
        each, unseen = weights(self.answers, Population(self.asked, self.decided, self.nobody, quantiles(self.promised)))
        if not self.weighted:
            each, unseen = {}, Unseen()
        after = self.learned.then(lessons.new, lessons.replaced, {"weights": each})
        new_ids = {lesson.decision for lesson in lessons.new}
        known, fresh = ([each for each in after.labels if (each.answered in new_ids) is new] for new in (False, True))
        taught = after.taught(self.first)
        found = try_out(self.ready, self.roster, taught, fresh, known, unseen, self.shortlist, TARGET, lambda *_: None)
        parts_applied = "".join(name[0] if part.applied else "·" for name, part in found.calibration.verdicts.items())
        if found.applied:
            after = after if found.blend is None else after.blended(found.blend.blend)
            self.learned, self.roster, self.ready, self.waiting = after, after.taught(self.first), found.ready, ()
        elif found.alone.applied:
            self.ready = self.ready.with_fit(found.alone.fit, len(known) + len(fresh))
        blend = "" if found.blend is None else f" {found.blend.blend.weight:g}/{found.blend.blend.offset:g}"
        return f"{'applied' if found.applied else 'left'} {parts_applied}{blend} {found.reason} +{found.gained} -{found.lost}"

    def measure(self, test: list[LabelledTask]) -> dict[str, float]:
        seen: list[Seen] = see(self.ready, labels(test), self.roster, self.shortlist)
        judged = judge(self.ready, seen, len(self.roster))
        cuts = np.full(len(seen), self.ready.threshold(TARGET))
        found = figures(judged, cuts, np.ones(len(seen)))
        handed = float(((judged.top >= cuts) & (judged.none < 0.5)).sum())
        return {name: float("nan") if found[name] is None else float(found[name] or 0) for name in FIGURES} | {"handed": handed}


def start(roster: Roster) -> Roster:
    """The roster with the first sample request of each agent."""
    return Roster(tuple(replace(agent, examples=agent.examples[:1]) for agent in roster), None, roster.settings)


def by_agents(tasks: list[LabelledTask]) -> tuple[list[LabelledTask], list[LabelledTask]]:
    """The tasks of one half of the agents, and of the other; those that nobody fits in two halves."""
    agents, tasks = sorted({agent for task in tasks for agent in task.agents}), list(tasks)
    for each in (agents, tasks):
        random.Random(0).shuffle(each)
    first = frozenset(agents[: len(agents) // 2])
    nobody = [task for task in tasks if not task.agents]
    halves = ([task for task in tasks if task.agents and bool(task.agents & first) is side] for side in (True, False))
    one, other = ([*half, *nobody[start::2]] for start, half in enumerate(halves))
    return one, other


def dealt(dev: list[LabelledTask], test: list[LabelledTask]) -> tuple[list[LabelledTask], list[LabelledTask]]:
    """All tasks in two halves, at random."""
    tasks = [*dev, *test]
    random.Random(0).shuffle(tasks)
    return tasks[: len(tasks) // 2], tasks[len(tasks) // 2 :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=SETS)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--most", type=int, default=1000, help="test tasks a set")
    parser.add_argument("--unweighted", action="store_true", help="take the answered tasks for typical ones")
    parser.add_argument("--out", type=Path, default=Path("build/year.jsonl"))
    parser.add_argument(
        "--develop", action="store_true", help="the dev split alone, dealt in two halves: by tasks, and by agents"
    )
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    work: list[tuple[str, list[LabelledTask], list[LabelledTask], Loaded, Roster]] = []
    with options.out.open("a") as out:
        for data in read_sets(options.data, "dev", options.only, most=10**9):
            first = start(data.roster)
            settings = Settings(encoder=BASE)
            encoder = Remembered(Delegator(first, settings).encoder())
            ready = Delegator(first, settings, encoder=encoder).ready().label_free()
            share = sum(not task.agents for task in data.tasks) / len(data.tasks)
            tests = read_tasks(options.data / "rosters" / data.name / "tasks.jsonl", "test")
            name, stream_of = data.name, list(data.tasks)
            if options.develop:
                ways = {"tasks": dealt(stream_of, []), "agents": by_agents(stream_of)}
                work += [(f"{name}, by {way}", one, other[: options.most], ready, first) for way, (one, other) in ways.items()]
                continue
            if not {agent for task in tests for agent in task.agents} & {agent for task in stream_of for agent in task.agents}:
                work.append((f"{name}, dealt anew", *dealt(stream_of, tests), ready, first))
            work.append((name, stream_of, drawn(tests, options.most, 0, share), ready, first))
        for name, stream_of, test, ready, first in work:
            for order in range(options.orders):
                stream = list(stream_of)
                random.Random(order).shuffle(stream)
                for at_random in (False,) if options.develop else (False, True):
                    year = Year(first, ready, at_random, Settings().shortlist, not options.unweighted)
                    run(year, name, order, stream, test, out)


def run(year: Year, name: str, order: int, stream: list[LabelledTask], test: list[LabelledTask], out: Any) -> None:
    tasks = iter(enumerate(stream))
    who = "random" if year.random else "asked"
    for count in (0, *STEPS):
        while len(year.answers) < count and (task := next(tasks, None)) is not None:
            year.take(*task)
        if count and len(year.answers) <= (STEPS[STEPS.index(count) - 1] if STEPS.index(count) else 0):
            return
        said = year.learn() if year.waiting else ""
        row = {"set": name, "who": who, "order": order, "answers": len(year.answers), **year.measure(test), "said": said}
        row |= {"seen": year.asked + year.decided, "target": TARGET}
        print(
            json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}), flush=True
        )
        out.write(json.dumps(row) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
