"""delegate, through its public Python API; its index is made by a first process and kept, as `delegate route` would find it."""

import json
import sys
from collections.abc import Callable

from protocol import TOP, Agent, Answer, Job, serve

from delegate_cli import Delegator, load_roster
from delegate_cli.agents import Agent as Card
from delegate_cli.agents import Roster
from delegate_cli.encoders.catalog import BASE, PACKAGED
from delegate_cli.pipeline import Ask
from delegate_cli.settings import Settings


def build(job: Job) -> Callable[[str], Answer]:
    settings = Settings(encoder=BASE) if job.setting == "base" else None
    delegator = Delegator(roster(job.agents, job), settings)
    delegator.ready()

    def answer(task: str) -> Answer:
        decision = delegator.decide(task, Ask(top=TOP))
        ranking = [(each.agent, each.probability) for each in decision.candidates]
        return Answer(ranking, decision.probability, decision.none)

    return answer


def roster(agents: list[Agent], job: Job) -> Roster:
    """The agents through a file, since an index belongs to a file."""
    path = job.state / "roster.yaml"
    rows = [{"id": a.id, "name": a.name, "description": a.description or None, "examples": a.examples} for a in agents]
    path.write_text(json.dumps(rows), encoding="utf-8")
    return load_roster(path)


if __name__ == "__main__":
    if sys.argv[1:] == ["--prepare"]:  # the encoder is compiled once a machine, not once a roster
        for name in (PACKAGED, BASE):
            Delegator(Roster((Card("any", "any"),)), Settings(encoder=name)).encoder()
    else:
        serve(build)
