"""graph-tool-call: agents as tools, sample requests as their example queries; keyword and graph search, and with embeddings."""

from collections.abc import Callable

from graph_tool_call import ToolGraph
from graph_tool_call.core.tool import ToolSchema
from graph_tool_call.retrieval.embedding import SentenceTransformerProvider
from protocol import TOP, Answer, Job, serve


def build(job: Job) -> Callable[[str], Answer]:
    kept = job.state / "graph.json"
    if kept.exists():
        graph = ToolGraph.load(kept)
    else:
        graph = ToolGraph()
        graph.add_tools(
            [
                ToolSchema(name=agent.id, description=agent.card, metadata={"example_queries": agent.examples})
                for agent in job.agents
            ]
        )
        if job.setting == "embedding":
            graph.enable_embedding(SentenceTransformerProvider(job.encoder))
        graph.save(kept)

    def answer(task: str) -> Answer:
        found = graph.retrieve_with_scores(task, top_k=TOP)
        return Answer([(each.tool.name, each.score) for each in found])

    return answer


if __name__ == "__main__":
    serve(build)
