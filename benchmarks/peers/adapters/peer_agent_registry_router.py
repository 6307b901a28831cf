"""agent-registry-router: its `FaissClassifier`, its way without a language model, with the shared encoder as `embed_fn`.

It knows descriptions only, of at most 512 characters, and refuses longer ones: what is longer is cut. Settings: `default` (the
card) and `examples` (the card and as many sample requests as fit).
"""

from collections.abc import Callable

from agent_registry_router import AgentRegistration, AgentRegistry, FaissClassifier
from agent_registry_router.core.registry import MAX_DESCRIPTION_LENGTH
from protocol import TOP, Answer, Job, serve
from sentence_transformers import SentenceTransformer


def build(job: Job) -> Callable[[str], Answer]:
    model = SentenceTransformer(job.encoder, device="cpu")
    registry = AgentRegistry()
    for agent in job.agents:
        text = "\n".join([agent.card, *agent.examples]) if job.setting == "examples" else agent.card
        registry.register(AgentRegistration(name=agent.id, description=text[:MAX_DESCRIPTION_LENGTH]))

    def embed(texts: list[str]) -> list[list[float]]:
        return model.encode(texts, show_progress_bar=False).tolist()

    classifier = FaissClassifier(registry=registry, embed_fn=embed)
    ids = {agent.id.strip().lower(): agent.id for agent in job.agents}

    def answer(task: str) -> Answer:
        found = classifier.classify_with_scores(task, top_k=TOP)
        ranking = [(ids[each["agent"]], each["similarity"]) for each in found]
        # what `classify` calls confidence: the first similarity, kept within [0, 1]
        return Answer(ranking, max(0.0, min(1.0, ranking[0][1])))

    return answer


if __name__ == "__main__":
    serve(build)
