"""OpenSmartRoute: agents as route targets of kind `agent`.

Settings: `default` (`Router` with its default strategies), `encoder` (the same, with its sentence-transformers embedder in the
similarity strategy), `retrieval` (its `Retriever` alone: BM25 and that embedder, fused by rank) and `rerank` (that retriever
narrows to ten, the similarity strategy alone ranks them).
"""

from collections.abc import Callable

from opensmartroute import Capabilities, Router, RouteTarget, TargetKind, TargetRegistry
from opensmartroute.adapters.optional import sentence_transformers_embedder
from opensmartroute.errors import NoRouteError
from opensmartroute.retrieval import Retriever
from opensmartroute.strategies import SimilarityStrategy, default_strategies
from protocol import TOP, Agent, Answer, Job, serve


def target(agent: Agent) -> RouteTarget:
    """A target that any language may reach, since a wrong guess of the language would exclude every agent."""
    return RouteTarget(
        agent.id,
        TargetKind.AGENT,
        name=agent.name,
        description=agent.card,
        examples=agent.examples,
        capabilities=Capabilities(languages=["*"]),
    )


def make_router(job: Job, targets: list[RouteTarget]) -> Router:
    registry, strategies = TargetRegistry(targets), default_strategies(seed=0)
    if job.setting == "default":
        return Router(registry, strategies=strategies)
    embedder = sentence_transformers_embedder(job.encoder, device="cpu")
    similarity = SimilarityStrategy(embedder)
    if job.setting == "rerank":
        return Router(registry, strategies=[similarity], retriever=Retriever(embedder), narrow_above=TOP, narrow_to=TOP)
    return Router(registry, strategies=[similarity if each.name == "similarity" else each for each in strategies])


def build(job: Job) -> Callable[[str], Answer]:
    targets = [target(agent) for agent in job.agents]
    if job.setting == "retrieval":
        retriever = Retriever(sentence_transformers_embedder(job.encoder, device="cpu"))
        retriever.index(targets)

        def search(task: str) -> Answer:
            found = retriever.search(task, targets, TOP)
            return Answer([(each, found.scores[each]) for each in found.ids])

        return search
    router = make_router(job, targets)

    def answer(task: str) -> Answer:
        try:
            decision = router.route(task, top_k=TOP)
        except NoRouteError:  # its own guard refused the task
            return Answer([], 0.0, 0.0)
        ranking = [(each.target.id, decision.propensities[each.target.id]) for each in decision.trace.ranked[:TOP]]
        # relative to the rivals, the confidence tells right from wrong; the utility itself tells whether anyone fits
        return Answer(ranking, decision.confidence, -decision.trace.ranked[0].utility)

    return answer


if __name__ == "__main__":
    serve(build)
