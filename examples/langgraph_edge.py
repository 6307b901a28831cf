"""A LangGraph conditional edge that delegate decides: each task goes to the node of its agent, or to a person.

pip install langgraph && python examples/langgraph_edge.py "Refund the scanner I sent back"
"""

import sys
from collections.abc import Callable, Collection
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph

from delegate_cli import Delegator, Status, load_roster

PERSON = "person"  # the node where somebody is asked


class State(TypedDict, total=False):
    """What passes between nodes."""

    task: str
    answer: str


def edge(delegator: Delegator, nodes: Collection[str], otherwise: str = PERSON) -> Callable[[State], str]:
    """The function of a conditional edge: the node called as the agent's id, where the task is handed over to it."""

    def pick(state: State) -> str:
        decision = delegator.decide(state["task"])
        agent = decision.agent if decision.status is Status.DECIDED else None
        return agent if agent is not None and agent in nodes else otherwise

    return pick


def graph(delegator: Delegator, work: dict[str, Callable[[State], State]], person: Callable[[State], State]) -> Any:
    """A graph that starts at that edge and ends after one node."""
    built = StateGraph(State)
    for name, node in {**work, PERSON: person}.items():
        built.add_node(name, node)
        built.add_edge(name, END)
    built.add_conditional_edges(START, edge(delegator, work), [*work, PERSON])
    return built.compile()


def main() -> None:
    roster = load_roster("agents.yaml")

    def node(name: str) -> Callable[[State], State]:
        return lambda state: {"answer": f"{name} does: {state['task']}"}

    with Delegator(roster) as delegator:
        built = graph(delegator, {each.id: node(each.name) for each in roster}, node("A person"))
        print(built.invoke({"task": sys.argv[1]})["answer"])


if __name__ == "__main__":
    main()
