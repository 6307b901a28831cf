"""What anyone would write first: the nearest text of an agent, or the mean of its texts, by cosine."""

from collections.abc import Callable

import numpy as np
from protocol import Answer, Job, serve
from sentence_transformers import SentenceTransformer


def build(job: Job) -> Callable[[str], Answer]:
    model = SentenceTransformer(job.encoder, device="cpu")
    owner = np.array([place for place, agent in enumerate(job.agents) for _ in agent.texts])
    kept = job.state / "vectors.npy"
    if kept.exists():
        vectors = np.load(kept)
    else:
        texts = [text for agent in job.agents for text in agent.texts]
        vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        np.save(kept, vectors)
    ids = [agent.id for agent in job.agents]
    if job.setting == "centroid":
        vectors = np.stack([vectors[owner == place].mean(axis=0) for place in range(len(ids))])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        owner = np.arange(len(ids))

    def answer(task: str) -> Answer:
        vector = model.encode(task, normalize_embeddings=True, show_progress_bar=False)
        scores = np.full(len(ids), -1.0)
        np.maximum.at(scores, owner, vectors @ vector)
        order = np.argsort(-scores, kind="stable")[:10]
        return Answer([(ids[place], scores[place]) for place in order])

    return answer


if __name__ == "__main__":
    serve(build)
