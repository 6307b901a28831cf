"""Roster and labelled tasks → what training draws from, and folds of them.

Sample requests are left out of the training on purpose: an index leaves them out one at a time to learn how far its
probabilities can be trusted, which says nothing about texts that the encoder was trained on.
"""

import random
from collections.abc import Sequence

from delegate_cli.agents import Agent, Roster
from delegate_cli.encoders.batches import Candidate, Pool
from delegate_cli.evaluation.tasks import LabelError
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import Part, agent_parts, sentences, spoken
from delegate_cli.injection import heard

FOLDS = 3
MIN_TASKS = 20  # that somebody fits: in each fold some 13 are trained on and 7 held out
TELLING = 100
MOST = 3000  # beyond it evenly spaced ones are used: judging more would only take longer


def usable(labels: Sequence[Label], roster: Roster) -> list[Label]:
    """The labels whose agents are in the roster, each task once.

    Raises:
        LabelError: they are too few to tune on.
    """
    found: dict[str, Label] = {}
    for label in labels:
        agents = tuple(agent for agent in label.agents if agent in roster.position)
        if agents or not label.agents:
            found.setdefault(label.task.casefold(), Label(label.task, agents))
    somebody = [label for label in found.values() if label.agents]
    asked = {agent for label in somebody for agent in label.agents}
    if len(somebody) < MIN_TASKS or len(asked) < 2:
        what = f"{len(somebody)} labelled tasks that some agent fits, of {len(asked)} agents, are too few to tune on"
        enough = f"give {MIN_TASKS} at least, of 2 agents or more; about {TELLING}, of most agents, tell"
        raise LabelError(what, f"{enough}; delegate calibrate needs 10")
    return list(found.values())[:: -(-len(found) // MOST)]


def folds_of(labels: Sequence[Label], seed: int) -> list[int]:
    """The fold of each label; the tasks of an agent, and those that nobody fits, are dealt out evenly."""
    chance = random.Random(seed)
    order = sorted(range(len(labels)), key=lambda row: (labels[row].agents[:1], chance.random()))
    folds = [0] * len(labels)
    for place, row in enumerate(order):
        folds[row] = place % FOLDS
    return folds


def pool_of(roster: Roster, labels: Sequence[Label]) -> Pool:
    """What a training step draws from: labelled tasks and cards."""
    requests: dict[str, list[str]] = {}
    for label in labels:
        for agent in label.agents:
            requests.setdefault(agent, []).append(heard(label.task))
    agents = tuple(_candidate(agent, requests.get(agent.id, ())) for agent in roster.heard)
    shared = {heard(label.task): frozenset(label.agents) for label in labels if len(label.agents) > 1}
    return Pool("", "", agents, shared, tuple(heard(label.task) for label in labels if not label.agents))


def rivalry(roster: Roster) -> Pool:
    """The roster with its sample requests, by which rivals are found; nothing is trained on it."""
    return Pool("", "", tuple(_candidate(agent, agent.examples) for agent in roster.heard), {}, ())


def _candidate(agent: Agent, requests: Sequence[str]) -> Candidate:
    passages = tuple(text for kind, text in agent_parts(agent) if kind is Part.CARD)
    said = tuple(sentence for sentence in sentences(agent.description) if len(sentence) >= 20)
    return Candidate(agent.id, tuple(requests), (passages,), said, spoken(agent.name))
