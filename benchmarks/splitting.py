"""Splitting requests, on public rosters: `make bench-split DATA=folder`.

Three questions, each on the test split. Two-tool tasks of MetaTool: are the two agents of a team the right ones, against the
first two of the whole task? Tasks of one intent: how many are split, wrongly? Pairs and triples of such tasks, joined by
various words: how many are split, into the right number of parts, with the right agents?

`--fit` prints the weights of `delegate_cli.splitting.cuts` from development tasks, and what they do on each set when it is
left out.
"""

import argparse
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import SEED, LabelledTask, read_tasks
from delegate_cli.ask import Ask
from delegate_cli.pipeline import Delegator
from delegate_cli.policy import ANYBODY_THERE
from delegate_cli.roster.load import load_roster
from delegate_cli.splitting import cuts, joint
from delegate_cli.splitting.reading import Reader

SETS = ("clinc150", "dstc11_banking", "hint3_sofmattress", "lobehub", "metatool", "sgd", "stackoverflow")
JOINS = (
    " and then ",
    " and ",
    ", and also ",
    "; ",
    ". ",
    ". Also, ",
    ", then ",
    ". After that, ",
    " as well as ",
    ", and ",
    "\n",
)
ASK = Ask(constraints=ANYBODY_THERE)
Weights = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request, the agents of its tasks in their order, and where in it each further task begins, in characters."""

    text: str
    agents: tuple[str, ...]
    joints: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Readers:
    """One set: requests of one task, and of several, with their readings."""

    name: str
    single: list[tuple[Request, Reader]]
    joined: list[tuple[Request, Reader]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--only", nargs="*", default=SETS)
    parser.add_argument("--single", type=int, default=500, help="tasks of one intent a set")
    parser.add_argument("--joined", type=int, default=200, help="joined requests a set")
    options = parser.parse_args()
    split = "dev" if options.fit else "test"
    if not options.fit and "metatool" in options.only:
        print_pairs(options.data)
    found = [read(options.data, name, split, options.single, options.joined) for name in options.only]
    print(f"\n{split}: tasks split wrongly; joined requests split, into the right number of parts, with the right agents")
    for each in found:
        weights = fit([other for other in found if other is not each]) if options.fit else cuts.WEIGHTS
        print(line(each, weights), flush=True)
    if options.fit:
        print("weights, all sets:", tuple(round(value, 2) for value in fit(found)))


def print_pairs(data: Path) -> None:
    """MetaTool's two-tool tasks."""
    folder = data / "rosters" / "metatool"
    rows = [json.loads(row) for row in (folder / "tasks_multi.jsonl").read_text(encoding="utf-8").splitlines()]
    with Delegator(load_roster(folder / "roster.yaml")) as delegator:
        picked = []
        for row in rows:
            reader = Reader(delegator, row["task"], ASK)
            first_two = tuple(reader.read(0, len(reader.clauses)).chances)[:2]
            picked.append((row, first_two, joint.most_likely(reader, 2)))
    print("metatool, two tools a task       tasks   exact pair      F1")
    for split in ("dev", "test", "all"):
        chosen = [each for each in picked if split in (each[0]["split"], "all")]
        for name, place in (("first two of the whole", 1), ("team of two", 2)):
            hits = np.array([len({*each[place]} & {*each[0]["agents"]}) for each in chosen])
            print(f"{split:5} {name:25} {len(chosen):6} {100 * (hits == 2).mean():11.1f} {100 * (hits / 2).mean():9.1f}")


def read(data: Path, name: str, split: str, single: int, several: int) -> Readers:
    """The requests of a set."""
    folder = data / "rosters" / name
    tasks = read_tasks(folder / "tasks.jsonl", split)
    chance = random.Random(SEED)
    chosen = chance.sample(tasks, min(single, len(tasks)))
    delegator = Delegator(load_roster(folder / "roster.yaml"))
    requests = list(joined([task for task in tasks if task.agents], several, chance))
    return Readers(
        name,
        [(Request(task.task, tuple(sorted(task.agents))), Reader(delegator, task.task, ASK)) for task in chosen],
        [(request, Reader(delegator, request.text, ASK)) for request in requests],
    )


def joined(tasks: Sequence[LabelledTask], count: int, chance: random.Random) -> Iterator[Request]:
    """Pairs of tasks of different agents, every fourth time three, joined by a word or a mark."""
    while count:
        chosen = chance.sample(tasks, 3 if chance.random() < 0.25 else 2)
        agents = tuple(min(task.agents) for task in chosen)
        if len(set(agents)) < len(agents):
            continue
        text, joints = _bare(chosen[0].task), []
        for task in chosen[1:]:
            word, more = chance.choice(JOINS), _bare(task.task)
            joints.append(len(text))
            text += word + (more[:1].upper() + more[1:] if word in (". ", "\n") else more)
        yield Request(text, agents, tuple(joints))
        count -= 1


def fit(sets: Sequence[Readers], rounds: int = 3) -> Weights:
    """Weights by logistic regression on the best cut of each request, which the weights of the round before choose."""
    from sklearn.linear_model import LogisticRegression

    weights = cuts.WEIGHTS
    for _ in range(rounds):
        rows = [row for each in sets for row in _rows(each, weights)]
        model = LogisticRegression(C=1.0, max_iter=3000).fit([row[0] for row in rows], [row[1] for row in rows])
        weights = (float(model.intercept_[0]), *map(float, model.coef_[0]))
    return weights


def _rows(each: Readers, weights: Weights) -> Iterator[tuple[tuple[float, ...], bool]]:
    """Features of the best cut, and whether it is meant. Sides of a joined request are tasks of one intent as well."""
    for _, reader in each.single:
        yield from _best(reader, 0, len(reader.clauses), weights, False)
    for request, reader in each.joined:
        count = len(reader.clauses)
        _, place = cuts.best_cut(reader, 0, count, weights)
        if place and _meant(reader, place, request):
            yield from _best(reader, 0, count, weights, True)
            for low, high in ((0, place), (place, count)):
                if not any(_meant(reader, inner, request) for inner in range(low + 1, high)):
                    yield from _best(reader, low, high, weights, False)


def _best(reader: Reader, low: int, high: int, weights: Weights, meant: bool) -> Iterator[tuple[tuple[float, ...], bool]]:
    _, place = cuts.best_cut(reader, low, high, weights)
    if place:
        found = cuts.features(reader.read(low, place), reader.read(place, high), reader.read(low, high), reader.clauses[place])
        assert found is not None
        yield found, meant


def _meant(reader: Reader, place: int, request: Request) -> bool:
    before, after = reader.clauses[place - 1], reader.clauses[place]
    return any(before.end <= joint + 2 and after.start >= joint for joint in request.joints)


def line(each: Readers, weights: Weights) -> str:
    """The figures of a set."""
    wrong = [len(cuts.find(reader, weights).parts) > 1 for _, reader in each.single]
    parts = [(request, reader, cuts.find(reader, weights).parts) for request, reader in each.joined]
    split = [len(found) > 1 for _, _, found in parts]
    counted = [len(found) == len(request.agents) for request, _, found in parts]
    right = [
        tuple(reader.read(part.low, part.high).best for part in found) == request.agents for request, reader, found in parts
    ]
    shares = [f"{100 * float(np.mean(values)):7.1f}" for values in (wrong, split, counted, right)]
    return f"{each.name:18} {len(wrong):5} {shares[0]}  {len(parts):5} {' '.join(shares[1:])}"


def _bare(task: str) -> str:
    return task.strip().strip('"').rstrip(".?!")


if __name__ == "__main__":
    main()
