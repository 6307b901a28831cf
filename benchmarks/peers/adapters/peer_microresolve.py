"""MicroResolve: one intent an agent, its sample requests and card as seed phrases; words only.

The confidence of a match is relative to the first match, so that of the first is always 1; `confidence_for` is the one that
differs from task to task.
"""

from collections.abc import Callable

from microresolve import MicroResolve
from protocol import Answer, Job, serve


def build(job: Job) -> Callable[[str], Answer]:
    kept = job.state / "microresolve"
    known = kept.exists()
    engine = MicroResolve(data_dir=str(kept))
    space = engine.namespace("roster")
    if not known:
        for agent in job.agents:
            space.add_intent(agent.id, agent.texts)
        engine.flush()

    def answer(task: str) -> Answer:
        result, trace = space.resolve_with_trace(task)
        ranking = [(each.id, each.score) for each in result.intents]
        if not ranking:
            return Answer([], 0.0)
        return Answer(ranking, space.confidence_for(ranking[0][1], trace.tokens, ranking[0][0]))

    return answer


if __name__ == "__main__":
    serve(build)
