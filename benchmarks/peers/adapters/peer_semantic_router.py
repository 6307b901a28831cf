"""semantic-router 1.x: an `IndexedRouter` over its own `LocalEncoder`, one route an agent.

Settings: `default`, `max` (its `max` aggregation) and `fit` (`max`, and its `fit` on labelled tasks, which turns its score
into a probability). The last two look at more than the default of five nearest utterances, which may all be of one agent.
"""

from collections.abc import Callable

from protocol import Answer, Job, serve
from semantic_router import IndexedRouter, Route
from semantic_router.encoders import LocalEncoder

NEAREST = 30


def build(job: Job) -> Callable[[str], Answer]:
    routes = [Route(name=agent.id, utterances=agent.texts, description=agent.card) for agent in job.agents]
    encoder = LocalEncoder(name=job.encoder, device="cpu")
    how = {} if job.setting == "default" else {"aggregation": "max", "top_k": NEAREST}
    router = IndexedRouter(encoder=encoder, routes=routes, **how)
    if job.setting == "fit":
        router.fit([task for task, _ in job.labelled], [agent for _, agent in job.labelled])

    def answer(task: str) -> Answer:
        choices = router(task, limit=None)
        ranking = [(choice.name, choice.confidence) for choice in choices if choice.confidence > 0]
        return Answer(ranking, ranking[0][1] if router.calibrated and ranking else None)

    return answer


if __name__ == "__main__":
    serve(build)
