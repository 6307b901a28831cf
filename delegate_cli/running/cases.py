"""Requests to learn on: who might get them and their parts, and how likely each agent does each thing that is wanted.

`simulated` reads real requests with the real head and splitter, and makes up how well agents work and what they cost;
`recorded` takes a run from its folder, where what was called is known and everything else is what the decision says of it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from delegate_cli.running import folder as files
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.judge import Side
from delegate_cli.running.records import CallStatus, State
from delegate_cli.splitting import cuts, plan_json
from delegate_cli.splitting.plan import Subtask
from delegate_cli.splitting.reading import Reader

_OVERLAP = 0.15  # of the characters of what is wanted: a part that has less of it is not needed for it
_ENDED = (CallStatus.DONE, CallStatus.FAILED, CallStatus.UNCLEAR)


@dataclass(frozen=True, slots=True)
class Choice:
    """An agent that may get a part: its probability in [0, 1], USD a call, and its share of earlier work that was done."""

    agent: str
    probability: float
    usd: float
    rate: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """The whole request or a part of it.

    Attributes:
        choices: who may get it, best first.
        goals: the numbers of the things that are wanted and need it.
        chances: (agent, goal) → the probability that this agent, given this, does that; 0 and 1 where it was seen.
    """

    choices: tuple[Choice, ...]
    goals: tuple[int, ...]
    chances: Mapping[tuple[str, int], float]


@dataclass(frozen=True, slots=True)
class Case:
    """One request.

    Attributes:
        whole: as one task; None where nobody knows how that would have ended.
        parts: as it would be split; empty where it cannot be.
        cut: the probability of its likeliest cut, in [0, 1].
        goals: how many things are wanted.
    """

    text: str
    whole: Stretch | None
    parts: tuple[Stretch, ...]
    cut: float
    clauses: int
    goals: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """One goal of a labelled request: the agents that are right for it, and where it stands, in characters."""

    agents: frozenset[str]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class World:
    """What is assumed of agents.

    Attributes:
        right: the mean success of an agent that is right for a goal; `spread` is its standard deviation over agents.
        wrong: that of any other agent.
        load: what is left of both for each further goal that an agent gets at once.
        trials: how much earlier work the rates that can be seen are from.
        usd: the median price of a call; `dear` is the standard deviation of its logarithm over agents.
    """

    right: float = 0.9
    spread: float = 0.08
    wrong: float = 0.1
    load: float = 0.95
    trials: int = 20
    usd: float = 0.02
    dear: float = 0.6
    seed: int = 0

    def worker(self, agent: str) -> tuple[float, float, float]:
        """Success where it is right, its rate so far, and USD a call; the same whenever it is asked."""
        chance = np.random.default_rng([self.seed, crc32(agent.encode())])
        mean = float(np.clip(chance.normal(self.right, self.spread), 0.3, 0.99))
        rate = float(chance.binomial(self.trials, mean) + 1) / (self.trials + 2)
        return mean, rate, self.usd * float(np.exp(chance.normal(0.0, self.dear)))


def simulated(reader: Reader, wanted: Sequence[Wanted], world: World, ranks: int) -> Case:
    """A labelled request as a case: read and cut by the head, worked on by agents of a made-up world."""
    count = len(reader.clauses)
    found = cuts.find(reader)
    if len(found.parts) == 1 and found.probability:  # also where it would be left whole: at its likeliest cut
        found = cuts.find(reader, least=found.probability)
    parts = found.parts if len(found.parts) > 1 else ()
    places = [(reader.clauses[part.low].start, reader.clauses[part.high - 1].end) for part in parts]

    def stretch(low: int, high: int, goals: tuple[int, ...]) -> Stretch:
        likely = dict(list(reader.read(low, high).chances.items())[:ranks])
        workers = {agent: world.worker(agent) for agent in likely}
        load = world.load ** max(0, len(goals) - 1)
        chances = {
            (agent, goal): load * (workers[agent][0] if agent in wanted[goal].agents else world.wrong)
            for agent in likely
            for goal in goals
        }
        choices = tuple(Choice(agent, p, workers[agent][2], workers[agent][1]) for agent, p in likely.items())
        return Stretch(choices, goals, chances)

    made = tuple(stretch(part.low, part.high, _covered(place, wanted)) for part, place in zip(parts, places, strict=True))
    whole = stretch(0, count, tuple(range(len(wanted))))
    return Case(reader.request, whole, made, found.probability, count, len(wanted))


def _covered(place: tuple[int, int], wanted: Sequence[Wanted]) -> tuple[int, ...]:
    """The goals that a part has enough of to be needed for them."""
    shares = [min(place[1], each.end) - max(place[0], each.start) for each in wanted]
    return tuple(goal for goal, each in enumerate(wanted) if shares[goal] > _OVERLAP * (each.end - each.start))


def recorded(folder: RunFolder) -> Case:
    """A run as a case. Each subtask is a goal; the run of one agent beside it, where there is one, is the whole request.

    What is done counts 1, or what a judge gave it of 100. What nobody tried succeeds as often as the decision says.

    Raises:
        RunError, PlanError: the folder is damaged.
    """
    plan = plan_json.of_dict(folder.read(files.PLAN), f"the plan of run {folder.id}")
    judged = folder.read(files.JUDGEMENT) or {}
    worth = {side: judged["points"][side]["all"] / 100 for side in judged.get("points", {})}
    parts = [_seen(folder, each, (goal,), worth.get(Side.MULTI, 1.0)) for goal, each in enumerate(plan.subtasks)]
    if len(parts) == 1:
        return Case(plan.request, parts[0], (), 0.0, 1, 1)
    single, whole = folder.within(files.SINGLE), None
    if single is not None and single.results:
        (only,) = plan_json.of_dict(single.read(files.PLAN)).subtasks
        whole = _seen(single, only, tuple(range(len(parts))), worth.get(Side.SINGLE, 1.0))
    return Case(plan.request, whole, tuple(parts), 1.0, len(parts), len(parts))


def _seen(folder: RunFolder, subtask: Subtask, goals: tuple[int, ...], worth: float) -> Stretch:
    """Who was or might have been called for a subtask, and what came of it."""
    assigned = subtask.assigned
    likely = {} if assigned is None else {each.agent: each.probability or 0.0 for each in assigned.candidates}
    if assigned is not None and assigned.agent is not None:
        likely.setdefault(assigned.agent, assigned.probability or 0.0)
    calls = [each for each in folder.calls.values() if each.subtask == subtask.id and each.status in _ENDED]
    costs = {call.agent: call.cost_usd or call.held_usd for call in calls}
    likely = dict.fromkeys(costs, 0.0) | likely
    result = folder.results.get(subtask.id)
    done = result.agent if result is not None and result.state is State.DONE else None
    known = {agent: worth * (agent == done) if agent in costs else likely[agent] for agent in likely}
    order = sorted(likely, key=lambda agent: (-likely[agent], agent))
    choices = tuple(Choice(agent, likely[agent], costs.get(agent, 0.0), 0.5) for agent in order)
    return Stretch(choices, goals, {(agent, goal): known[agent] for agent in order for goal in goals})


def of_runs(folders: Sequence[RunFolder]) -> Iterator[Case]:
    """Those runs of which something is known: at least one part was done or failed."""
    for folder in folders:
        if any(result.state in (State.DONE, State.FAILED) for result in folder.results.values()):
            yield recorded(folder)
