"""`make year`: what a year of answers does, simulated on public rosters.

Each roster starts with one sample request an agent. Tasks of the dev split come in one after another; a person, who always
knows, answers those that end as `ask` or `none`, and nothing else. After 50, 100, 200 and 400 answers `learn` is run, and what
it keeps is measured on tasks of the test split (at most 1,000, with the dev split's share of tasks that nobody fits). Beside it
stands the same with as many answers to tasks drawn at random. The encoder is the published one: the default one was trained on
these very tasks. No agent of lobehub has tasks in both splits, so all its tasks are also dealt anew in two halves.

With --backlog the tasks (four fifths of the split, at most 1,000) have all come in before anybody answers, and there is time
for some answers only: of what ended as `ask` or `none` those that `delegate review --order informative` takes first, beside as
many of all tasks at random.
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
from delegate_cli.learning.selection import informative, look
from delegate_cli.learning.trial import try_out
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.pipeline import Delegator
from delegate_cli.settings import Settings

SETS = ["clinc150", "lobehub", "hint3_sofmattress"]
STEPS = (50, 100, 200, 400)
ORDERS = 3
FIGURES = ("top1", "coverage", "error", "error_all", "ece_all", "log_loss")
TARGET = 0.05
BACKLOG = 1000  # tasks, and at most four fifths of a split: else every order would have the same ones


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
        answer = self.decide(number, task)
        if self.random or answer.sort is Sort.ASKED:
            self.hear(answer)
        else:
            self.promised += (answer.promised,)

    def decide(self, number: int, task: LabelledTask) -> Answer:
        """A task comes in and is decided; what a person would say of it."""
        label = Label(task.task, tuple(sorted(task.agents)))
        ranking = self.rank(task.task)
        top, second = float(ranking.probability[0]), float(ranking.probability[1])
        status = policy.hand_over(top, top - second, ranking.none, self.ready.threshold(TARGET), 0.0)
        decided = status is Status.DECIDED
        self.asked, self.decided = self.asked + (not decided), self.decided + decided
        self.nobody += ranking.none * decided
        agent = label.agents[0] if label.agents else None
        first = self.roster.agents[ranking.places[0]].id
        return Answer(f"{number:06d}", task.task, agent, float(number), Sort.LOOKED if decided else Sort.ASKED, first, top)

    def rank(self, task: str) -> Ranking:
        seen = see(self.ready, [Label(task, ())], self.roster, self.shortlist)[0]
        return self.ready.rank(seen.query, seen.views, len(self.roster), None)

    def hear(self, *answers: Answer) -> None:
        """A person answers."""
        self.waiting += answers
        self.answers += answers

    def order(self, queue: list[Answer]) -> list[Answer]:
        """What `delegate review --order informative` does, in memory."""
        encoder, parts = self.ready.encoder, parts_of(self.roster)
        written = [parts.texts[row] for row in parts.rows(Part.EXAMPLE)]
        known = np.stack([encoder.encode(text) for text in dict.fromkeys([*written, *(each.task for each in self.answers)])])
        tasks = [answer.task for answer in queue]
        vectors = np.stack([encoder.encode(task) for task in tasks])
        doubt, none = look(self.ready, tasks, vectors, len(self.roster), self.shortlist)
        return [queue[row] for row in informative(vectors, doubt, none, known)]

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
    parser.add_argument("--backlog", action="store_true", help="all tasks come in before the first answer")
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
                    (run_backlog if options.backlog else run)(year, name, order, stream, test, out)


def run(year: Year, name: str, order: int, stream: list[LabelledTask], test: list[LabelledTask], out: Any) -> None:
    tasks = iter(enumerate(stream))
    for count in (0, *STEPS):
        while len(year.answers) < count and (task := next(tasks, None)) is not None:
            year.take(*task)
        if count and len(year.answers) <= (STEPS[STEPS.index(count) - 1] if STEPS.index(count) else 0):
            return
        step(year, name, order, test, out)


def run_backlog(year: Year, name: str, order: int, stream: list[LabelledTask], test: list[LabelledTask], out: Any) -> None:
    came = [year.decide(number, task) for number, task in enumerate(stream[: min(BACKLOG, 4 * len(stream) // 5)])]
    queue = [answer for answer in came if answer.sort is Sort.ASKED]
    most = len(queue)  # as many answers at random as there are in doubt: at the end both have answered nearly all
    queue = came if year.random else queue
    for count in (0, *STEPS):
        new = min(count, most) - len(year.answers)
        if count and new <= 0:
            return
        queue = queue if year.random else year.order(queue)
        year.hear(*queue[:new])
        queue = queue[new:]
        answered = {answer.decision for answer in year.answers}
        year.promised = tuple(each.promised for each in came if each.sort is not Sort.ASKED and each.decision not in answered)
        step(year, f"{name}, backlog", order, test, out)


def step(year: Year, name: str, order: int, test: list[LabelledTask], out: Any) -> None:
    """Learn, measure, and write a row."""
    said, who = year.learn() if year.waiting else "", "random" if year.random else "asked"
    row = {"set": name, "who": who, "order": order, "answers": len(year.answers), **year.measure(test), "said": said}
    row |= {"seen": year.asked + year.decided, "target": TARGET}
    print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}), flush=True)
    out.write(json.dumps(row) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
