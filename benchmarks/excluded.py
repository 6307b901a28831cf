"""What happens where constraints exclude the agent that fits: `python -m benchmarks.excluded DATA`.

Of every roster, agents are excluded at random, once so that the right agent is among those who are left, once so that it is
not. Shares of tasks, in percent, mean over rosters: how many are handed over where the right agent is excluded (all of them
wrongly), and where it is not how many are handed over and how many of these wrongly. What stands before → is by how well the
eligible agents fit alone, as if nobody knew of the others.
"""

import argparse
import random
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.data import SEED, encoder_for, read_sets
from delegate_cli.agents import Roster
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.pipeline import Delegator
from delegate_cli.policy import hand_over
from delegate_cli.settings import resolve

MOST = 200  # tasks a set


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument(
        "--encoders", type=Path, nargs="*", default=[], help="for each set the first that was trained without it"
    )
    options = parser.parse_args()
    rates: dict[str, list[list[float]]] = defaultdict(list)
    for found in read_sets(options.data, options.split, most=MOST):
        encoder = encoder_for(found.name, options.encoders) if options.encoders else None
        delegator = Delegator(found.roster, resolve({"encoder": encoder}, found.roster.settings))
        tasks = [(task.task, task.agents) for task in found.tasks if task.agents]
        for left, row in measure(delegator.ready(), found.roster, tasks, delegator.settings.target_error).items():
            rates[left].append(row)
    print("eligible        right one excluded: handed over    left in: handed over      wrong of these")
    for left, rows in rates.items():
        mean = np.nanmean(np.array(rows), axis=0)
        print(f"{left:14}" + "".join(f"{mean[at]:18.1f} → {mean[at + 1]:4.1f}" for at in (0, 2, 4)), flush=True)


def measure(ready: Loaded, roster: Roster, tasks: list[tuple[str, frozenset[str]]], target: float) -> dict[str, list[float]]:
    """By how many are eligible, before and now: handed over with the right one out, with it in, and of the latter wrongly."""
    agents = len(roster)
    sizes = {
        "1 agent": 1,
        "2 agents": 2,
        "3 agents": 3,
        "a quarter": agents // 4,
        "half": agents // 2,
        "all but one": agents - 1,
    }
    chance, threshold, rates = random.Random(SEED), ready.threshold(target), {}
    for name, size in sizes.items():
        if not 0 < size < agents:
            continue
        handed: dict[tuple[bool, bool], list[tuple[bool, bool]]] = defaultdict(list)
        for task, right in tasks:
            places = [place for place, agent in enumerate(roster) if agent.id in right]
            others = [place for place, agent in enumerate(roster) if agent.id not in right]
            for inside in (False, True):
                chosen = [chance.choice(places)] * inside
                eligible = np.zeros(agents, bool)
                eligible[chosen + chance.sample(others, min(size - len(chosen), len(others)))] = True
                for now, ranking in enumerate(rankings(ready, task, eligible)):
                    top, second = float(ranking.probability[0]), float(ranking.probability[1:2].sum())
                    status = hand_over(top, top - second, ranking.none, threshold, 0.0)
                    handed[inside, bool(now)].append((status.value == "decided", ranking.places[0] in places))
        out, kept = ([np.array(handed[inside, now]) for now in (False, True)] for inside in (False, True))
        wrong = [100 * np.mean(~each[each[:, 0], 1]) if each[:, 0].any() else np.nan for each in kept]
        rates[name] = [*(100 * each[:, 0].mean() for each in out), *(100 * each[:, 0].mean() for each in kept), *wrong]
    return rates


def rankings(ready: Loaded, task: str, eligible: np.ndarray) -> tuple[Ranking, Ranking]:
    """By the eligible agents alone, and as it is decided."""
    query = ready.query(task)
    everybody = ready.decider.views(query, ready.retriever.shortlist(query, 50))
    views = ready.decider.views(query, ready.retriever.shortlist(query, 50, eligible))
    return ready.rank(query, views, int(eligible.sum()), eligible), ready.rank_among(query, everybody, views, eligible)


if __name__ == "__main__":
    main()
