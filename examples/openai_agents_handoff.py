"""An OpenAI Agents SDK handoff, picked by delegate instead of by a model that reads every agent's description.

A task that is decided goes straight to its specialist: no model is asked who should have it. Where a person would be asked, the
triage agent's model chooses, among the three best alone. Where nobody fits, the triage agent answers itself.

    pip install openai-agents && OPENAI_API_KEY=… python examples/openai_agents_handoff.py "Refund the scanner I sent back"
"""

import asyncio
import sys
from collections.abc import Mapping

from agents import Agent, Runner

from delegate_cli import Delegator, Roster, Status, load_roster


def specialists(roster: Roster) -> dict[str, Agent]:
    """An SDK agent for each AI agent of the roster, by id. Give them tools and instructions of your own."""
    return {
        each.id: Agent(
            name=each.name, handoff_description=each.description, instructions=f"You are {each.name}. {each.description}"
        )
        for each in roster
        if each.kind == "ai"
    }


async def first_agent(delegator: Delegator, triage: Agent, known: Mapping[str, Agent], task: str) -> Agent:
    """Who starts with a task: its specialist, or the triage agent with as few handoffs as possible."""
    decision = await delegator.adecide(task)
    if decision.status is Status.DECIDED and decision.agent in known:
        return known[decision.agent]
    offered = [each.agent for each in decision.candidates] if decision.status is not Status.NONE else []
    return triage.clone(handoffs=[known[agent] for agent in offered if agent in known])


async def main() -> None:
    roster = load_roster("agents.yaml")
    triage = Agent(name="Triage", instructions="Hand over to the agent that fits. If none does, answer yourself.")
    async with Delegator(roster) as delegator:
        start = await first_agent(delegator, triage, specialists(roster), sys.argv[1])
    result = await Runner.run(start, sys.argv[1])
    print(f"{result.last_agent.name}: {result.final_output}")


if __name__ == "__main__":
    asyncio.run(main())
