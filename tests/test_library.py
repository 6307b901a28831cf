"""The library: what its page shows runs, it is asynchronous, and frameworks can ask it."""

import asyncio
import contextlib
import importlib.util
import io
import re
import shutil
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from llm import Reply, Scripted
from shell import SMALL

from delegate_cli import Ask, Constraints, Decision, Delegator, Settings, Status, load_roster

ROOT = Path(__file__).resolve().parent.parent
TASK = "Refund the shoes I sent back"


def example(name: str) -> Any:
    """A file of `examples/` as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_runs_from_top_to_bottom(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(SMALL, tmp_path / "agents.yaml")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "library.md").read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    said = []
    for block in blocks:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block, "library.md", "exec"), names)
        said.append(out.getvalue())
    assert len(blocks) == 7
    assert said[0].startswith(("decided refunds", "ask refunds"))
    assert said[1].startswith("ticket-7 FollowUp(")
    assert "['bug-triage']" in said[1]
    assert said[2] == "0.01\n"
    assert [line.split()[1] for line in said[3].splitlines()] == ["refunds", "bug-triage"]
    assert said[4] == "tech\n"
    assert said[5] == "task | the task is empty | say in words what is to be done\n"
    assert said[6].strip() in ("decided", "ask")


def test_deciding_does_not_block_the_loop(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delegator = Delegator(load_roster(SMALL))
    main, seen, ticks = threading.get_ident(), [], [0]
    path = delegator.path

    def slow(*arguments: Any) -> Any:
        seen.append(threading.get_ident())
        time.sleep(0.2)
        return path(*arguments)

    monkeypatch.setattr(delegator, "path", slow)

    async def both() -> Any:
        async def tick() -> None:
            while True:
                await asyncio.sleep(0.01)
                ticks[0] += 1

        ticking = asyncio.create_task(tick())
        found = await asyncio.gather(*(delegator.adecide(TASK) for _ in range(3)))
        ticking.cancel()
        return found

    assert {each.candidates[0].agent for each in asyncio.run(both())} == {"refunds"}
    assert main not in seen
    assert ticks[0] >= 3


def test_threads_share_a_delegator_and_never_each_others_constraints(kept: Path) -> None:
    delegator = Delegator(load_roster(SMALL))
    asks = [Ask(None, constraints=Constraints(deny=frozenset({agent.id}))) for agent in delegator.roster]
    wrong = []

    def decide(ask: Ask) -> None:
        for _ in range(12):
            found = delegator.decide(TASK, ask)
            if {each.agent for each in found.candidates} & ask.constraints.deny:
                wrong.append(ask)

    threads = [threading.Thread(target=decide, args=(ask,)) for ask in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.fixture
def sure(kept: Path) -> Delegator:
    """A delegator that hands over what is at all likely."""
    return Delegator(load_roster(SMALL), Settings(min_probability=0.2))


def test_a_langgraph_edge(sure: Delegator) -> None:
    edge = example("langgraph_edge")
    work = {name: (lambda state, name=name: {"answer": f"{name}: {state['task']}"}) for name in ("refunds", "bug-triage")}
    graph = edge.graph(sure, work, lambda state: {"answer": "a person was asked"})
    tasks = [TASK, "The app freezes after I log in", "Book a hotel in Vienna", "Who won the match?"]
    answers = [graph.invoke({"task": task})["answer"] for task in tasks]
    assert answers == [f"refunds: {tasks[0]}", f"bug-triage: {tasks[1]}", "a person was asked", "a person was asked"]
    assert set(graph.get_graph().nodes) == {"__start__", "__end__", "refunds", "bug-triage", "person"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDK
def test_an_openai_agents_handoff(sure: Delegator, scripted: Scripted) -> None:
    import agents
    import openai

    handoff = example("openai_agents_handoff")
    agents.set_tracing_disabled(True)
    known = handoff.specialists(sure.roster)
    unsure = Delegator(sure.roster, Settings(min_probability=1))

    async def ask() -> None:
        async with openai.AsyncOpenAI(base_url=scripted.base_url, api_key="any", max_retries=0) as client:
            model = agents.OpenAIChatCompletionsModel("any", client)
            config = agents.RunConfig(model=model)
            triage = agents.Agent(name="Triage", instructions="Hand over.")
            straight = await handoff.first_agent(sure, triage, known, TASK)
            assert straight is known["refunds"]
            result = await agents.Runner.run(straight, TASK, run_config=config)
            assert result.final_output == "It is on its way."
            start = await handoff.first_agent(unsure, triage, known, TASK)
            offered = [each.name for each in start.handoffs]
            assert start.name == "Triage"
            assert "Refunds" in offered
            assert len(offered) <= 3
            result = await agents.Runner.run(start, TASK, run_config=config)
            assert (result.last_agent.name, result.final_output) == ("Refunds", "It is on its way.")
            nobody = await handoff.first_agent(Nobody(), triage, known, TASK)
            assert (nobody.name, nobody.handoffs) == ("Triage", [])

    class Nobody:
        async def adecide(self, task: str) -> Decision:
            return replace(sure.decide(task), status=Status.NONE, agent=None)

    call = {"id": "c1", "type": "function", "function": {"name": "transfer_to_refunds", "arguments": "{}"}}
    scripted.replies = [Reply(said("It is on its way.")), Reply(said(None, [call])), Reply(said("It is on its way."))]
    asyncio.run(ask())
    tools = [tool["function"]["name"] for tool in scripted.received[1].json["tools"]]
    assert "transfer_to_refunds" in tools
    assert "tools" not in scripted.received[0].json


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDK
def test_the_examples_say_who_did_it(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scripted: Scripted
) -> None:
    import agents

    shutil.copy(SMALL, tmp_path / "agents.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["example", TASK])
    example("langgraph_edge").main()
    assert capsys.readouterr().out == f"Refunds does: {TASK}\n"
    monkeypatch.setenv("OPENAI_BASE_URL", scripted.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    agents.set_tracing_disabled(True)
    agents.set_default_openai_api("chat_completions")
    scripted.replies = [Reply(said("It is on its way."))]
    asyncio.run(example("openai_agents_handoff").main())
    assert capsys.readouterr().out == "Refunds: It is on its way.\n"


def said(text: str | None, calls: list[Any] | None = None) -> dict[str, Any]:
    """A chat completion."""
    message = {"role": "assistant", "content": text} | ({"tool_calls": calls} if calls else {})
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "any", "choices": [choice], "usage": usage}
