"""A policy of splitting, choosing and looking twice, learnt in `delegate_cli.running.env`: `make bench-policy DATA=folder`.

Requests are real tasks of public rosters, half of them alone and half joined to two or three, read and cut by the real head and
splitter. How well agents work, what they cost and what a second look finds are made up (`World`, `Rules`). It learns on the dev
split and is measured on the test split, on requests and tasks that it never saw, against fixed ways of working that meet the
same luck. Intervals of 95 % are bootstrapped over requests.
"""

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import SEED, read_tasks
from benchmarks.splitting import ASK, Request, joined
from delegate_cli.encoders.catalog import BASE
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster
from delegate_cli.running.cases import Case, Wanted, World, simulated
from delegate_cli.running.env import Env, Rules
from delegate_cli.running.reinforce import Acting, Schedule, learn
from delegate_cli.settings import Settings
from delegate_cli.splitting.reading import Reader

SETS = ("clinc150", "metatool", "sgd", "stackoverflow")
RANKS = 3
RESAMPLES = 2000
LUCKS = 3  # times that each request is met, each with other luck
Floats = Any


@dataclass(frozen=True, slots=True)
class Fixed:
    """A way of working that is settled beforehand: `split` where the likeliest cut has this much, the first agent, and `looks`:
    a second look at each answer, and the next agent where it doubts."""

    env: Env
    split: float
    looks: bool = False

    def act(self, observation: Floats, mask: Any) -> int:
        env = self.env
        if mask[env.split] and env.case.cut >= self.split:
            return env.split
        answered, verdict = observation[1] > 0, observation[2]
        if not answered or (self.looks and verdict < 0 and mask[: env.rules.ranks].any()):
            return int(mask.argmax())
        return env.critique if self.looks and mask[env.critique] else env.accept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=SETS)
    parser.add_argument("--requests", type=int, default=200, help="requests of a set and split")
    parser.add_argument("--rounds", type=int, default=Schedule().rounds)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    read = {
        (name, split): requests_of(options.data, name, split, options.requests)
        for name in options.only
        for split in ("dev", "test")
    }
    worlds = {
        "as assumed": (World(), Rules()),
        "calls cost three times as much": (World(), Rules(price=6.0)),
        "wrong agents do a third": (World(wrong=0.33), Rules()),
        "a second look finds little": (World(), Rules(found=0.4, alarmed=0.2)),
    }
    for title, (world, rules) in worlds.items():
        cases = {key: [build(world) for build in builds] for key, builds in read.items()}
        report(title, cases, rules, replace(Schedule(), rounds=options.rounds), options.seed)


def requests_of(data: Path, name: str, split: str, count: int) -> list[Callable[[World], Case]]:
    """Requests of a set, as functions from a world to a case; each is read by the head once."""
    folder = data / "rosters" / name
    tasks = [each for each in read_tasks(folder / "tasks.jsonl", split) if len(each.agents) == 1]
    chance = random.Random(SEED)
    single = [Request(each.task, (min(each.agents),)) for each in chance.sample(tasks, min(count - count // 2, len(tasks)))]
    delegator = Delegator(load_roster(folder / "roster.yaml"), Settings(encoder=BASE))

    def build(request: Request) -> Callable[[World], Case]:
        edges = [0, *request.joints, len(request.text)]
        wanted = [
            Wanted(frozenset((agent,)), low, high)
            for agent, low, high in zip(request.agents, edges[:-1], edges[1:], strict=True)
        ]
        reader = Reader(delegator, request.text, ASK)
        return lambda world: simulated(reader, wanted, world, RANKS)

    return [build(each) for each in (*single, *joined(tasks, count // 2, chance))]


def report(title: str, cases: dict[tuple[str, str], list[Case]], rules: Rules, schedule: Schedule, seed: int) -> None:
    """Learn, measure and print one world."""
    train = Env([case for (_, split), some in cases.items() if split == "dev" for case in some], rules)
    began = time.process_time()
    policy = learn(train, seed, schedule)
    print(f"\n{title}: learnt in {time.process_time() - began:.0f} s of CPU on {len(train.cases)} requests", flush=True)
    names = sorted({name for name, _ in cases})
    for name in (*names, "all"):
        some = [each for (of, split), found in cases.items() if split == "test" and name in (of, "all") for each in found]
        compare(Env(some, rules), policy, name, brief=name != "all")


def compare(env: Env, policy: Acting, name: str, brief: bool = False) -> None:
    """The policy and the fixed ways on the same requests with the same luck."""
    ways: dict[str, Acting] = {
        "always single": Fixed(env, 2.0),
        "always split": Fixed(env, 0.0),
        "delegate run (cut of 0.7)": Fixed(env, 0.7),
        "the same, looking twice": Fixed(env, 0.7, looks=True),
    }
    learnt = played(env, policy)
    chance = np.random.default_rng(SEED)
    picks = chance.integers(len(env.cases), size=(RESAMPLES, len(env.cases)))
    for way, acting in ways.items():
        fixed = played(env, acting)
        if not brief:
            print(f"{name:15} {way:28} {_figures(fixed)}")
        gap = learnt[:, 0] - fixed[:, 0]
        low, high = np.quantile(gap[picks].mean(axis=1), (0.025, 0.975))
        print(f"{name:15} learnt − {way:26} {gap.mean():+.3f} ({low:+.3f} to {high:+.3f})")
    print(f"{name:15} {'learnt':28} {_figures(learnt)}", flush=True)


def _figures(rows: Floats) -> str:
    reward, quality, usd, split = rows.mean(axis=0)
    return f"reward {reward:.3f}, done {100 * quality:.1f} %, USD {usd:.3f}, split {100 * split:.0f} %"


def played(env: Env, acting: Acting) -> Floats:
    """Reward, share done, USD and whether it was split, of each request, the mean over its lucks; shape (requests, 4)."""
    rows = np.zeros((len(env.cases), LUCKS, 4))
    for number in range(len(env.cases)):
        for luck in range(LUCKS):
            observation, info = env.reset(seed=1000 * number + luck, options={"case": number})
            total, split, over = 0.0, False, False
            while not over:
                action = acting.act(observation, info["mask"])
                split |= action == env.split
                observation, reward, ended, late, info = env.step(action)
                total, over = total + reward, ended or late
            rows[number, luck] = total, env.quality, info["usd"], split
    return rows.mean(axis=1)


if __name__ == "__main__":
    main()
