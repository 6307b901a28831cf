"""BM25 over words, one document an agent: its card and its sample requests."""

from collections.abc import Callable

import bm25s
from protocol import TOP, Answer, Job, serve


def build(job: Job) -> Callable[[str], Answer]:
    ids = [agent.id for agent in job.agents]
    kept = job.state / "bm25"
    if kept.exists():
        index = bm25s.BM25.load(str(kept))
    else:
        index = bm25s.BM25()
        index.index(bm25s.tokenize([" ".join(agent.texts) for agent in job.agents], show_progress=False), show_progress=False)
        index.save(str(kept), show_progress=False)

    def answer(task: str) -> Answer:
        words = bm25s.tokenize(task, show_progress=False)
        places, scores = index.retrieve(words, k=min(TOP, len(ids)), show_progress=False)
        return Answer([(ids[place], score) for place, score in zip(places[0], scores[0], strict=True) if score > 0])

    return answer


if __name__ == "__main__":
    serve(build)
