"""The smallest set of agents that covers a task which needs several, and what each is for.

Without a size: the parts of the task, as `split` finds them, and the fewest agents that do them about as surely as each part's
best. With a size: the agents with the highest chance that the task, or any clause of it, is theirs.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

from delegate_cli.ask import Ask, check_task
from delegate_cli.decision import PLACES, VERSION, Decision, Status
from delegate_cli.pipeline import Delegator
from delegate_cli.splitting import cuts
from delegate_cli.splitting.joint import chances, most_likely, stretches
from delegate_cli.splitting.reading import Reader, Reading
from delegate_cli.splitting.split import Keep, as_decided, split

KEEP = 0.8  # of the chance that every part's best agent is right, what a smaller team must reach


@dataclass(frozen=True, slots=True)
class Duty:
    """A stretch of the task that is a member's, and the probability in [0, 1] that it is the right one for it."""

    text: str
    probability: float

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "probability": round(self.probability, PLACES)}


@dataclass(frozen=True, slots=True)
class Member:
    """One agent of a team; `probability` is the chance that anything of the task is its own."""

    agent: str
    name: str
    kind: str
    probability: float
    duties: tuple[Duty, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "agent": self.agent,
            "name": self.name,
            "kind": self.kind,
            "probability": round(self.probability, PLACES),
            "for": [duty.as_dict() for duty in self.duties],
        }


@dataclass(frozen=True, slots=True)
class Team:
    """Who does a task together.

    Attributes:
        status: decided where everything would be handed over; without members it is that of the whole.
        members: agents with what each is for.
        coverage: the probability that every part has its right agent among them, if parts are independent.
        decisions: about each part, or about the whole where a size was given.
    """

    task: str
    status: Status
    members: tuple[Member, ...]
    coverage: float
    decisions: tuple[Decision, ...]
    ref: Any = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "v": VERSION,
            "ref": self.ref,
            "task": self.task,
            "status": self.status.value,
            "team": [member.as_dict() for member in self.members],
            "coverage": round(self.coverage, PLACES),
            "excluded": [exclusion.as_dict() for exclusion in self.decisions[0].excluded],
            "roster": dict(self.decisions[0].roster),
        }


def team(delegator: Delegator, task: str, ask: Ask = Ask(), size: int | None = None, keep: Keep = as_decided) -> Team:
    """The team for a task, of `size` agents (fewer where fewer are eligible), else of as few as its parts need.

    Args:
        keep: says of each decision whether it stands, as for `split`.

    Raises:
        TaskError: the task is empty, too long or not text.
        EndpointError: a model failed, and the manner of asking is strict.
    """
    task = check_task(task)
    return _of_parts(delegator, task, ask, keep) if size is None else _of_size(delegator, task, ask, size, keep)


def _of_parts(delegator: Delegator, task: str, ask: Ask, keep: Keep) -> Team:
    decisions = split(delegator, task, replace(ask, top=None), keep).decisions
    parts = [Reading.of(decision) for decision in decisions if decision.agent is not None]
    agents = fewest(parts)
    sure = all(decision.status is Status.DECIDED for decision in decisions)
    status = (Status.DECIDED if sure else Status.ASK) if agents else decisions[0].status
    duties = _duties(agents, parts, parts)
    return Team(task, status, _members(delegator, duties, parts), coverage(parts, agents), decisions, ask.ref)


def _of_size(delegator: Delegator, task: str, ask: Ask, size: int, keep: Keep) -> Team:
    whole = keep(partial(delegator.decide, task, ask), delegator.decide(task, ask))
    if whole.status is Status.NO_ELIGIBLE:
        return Team(task, whole.status, (), 0.0, (whole,), ask.ref)
    reader = Reader(delegator, task, ask)
    parts = [reader.read(part.low, part.high) for part in cuts.find(reader).parts]
    agents = most_likely(reader, size)
    duties = _duties(agents, parts, stretches(reader))
    # each duty once more by the whole path, with the rules of handing over
    found = [(agent, delegator.decide(duty.text, ask)) for agent, own in duties.items() for duty in own]
    sure = all(each.status is Status.DECIDED and each.agent == agent for agent, each in found)
    status = Status.DECIDED if sure else Status.ASK
    return Team(task, status, _members(delegator, duties, stretches(reader)), coverage(parts, agents), (whole,), ask.ref)


def _duties(agents: Sequence[str], parts: Sequence[Reading], readings: Sequence[Reading]) -> dict[str, list[Reading]]:
    """Each part goes to its likeliest member; a member without one gets the stretch that speaks most for it."""
    duties: dict[str, list[Reading]] = {agent: [] for agent in agents}
    for part in parts if agents else ():
        duties[max(agents, key=lambda agent: part.chances.get(agent, 0.0))].append(part)
    for agent, own in duties.items():
        if not own:
            own.append(max(readings, key=lambda reading: reading.chances.get(agent, 0.0)))
    return duties


def _members(delegator: Delegator, duties: Mapping[str, list[Reading]], readings: Sequence[Reading]) -> tuple[Member, ...]:
    joint = chances(readings)
    members = []
    for agent_id, own in duties.items():
        agent = delegator.roster.agents[delegator.roster.position[agent_id]]
        done = tuple(Duty(reading.text, reading.chances.get(agent_id, 0.0)) for reading in own)
        members.append(Member(agent.id, agent.name, agent.kind.value, joint[agent_id], done))
    return tuple(members)


def fewest(parts: Sequence[Reading], keep: float = KEEP) -> tuple[str, ...]:
    """The fewest agents so that all parts are in the right hands with `keep` of the best chance; of as few, the best."""
    agents = sorted({best for part in parts if (best := part.best) is not None})
    least = keep * coverage(parts, agents)
    sizes = (max(combinations(agents, size), key=partial(coverage, parts)) for size in range(1, len(agents) + 1))
    return next((found for found in sizes if coverage(parts, found) >= least), ())


def coverage(parts: Sequence[Reading], agents: Sequence[str]) -> float:
    """The chance that every part's right agent is the one of these that is likeliest for it, if parts are independent."""
    return math.prod(max((part.chances.get(agent, 0.0) for agent in agents), default=0.0) for part in parts)
