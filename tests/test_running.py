"""What agents are given, and what is made of their answers: secrets, joining, order, and what no text may achieve."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm import KEY, Llama, Reply, Scripted, completion
from running import ECHO, Runs, part, plan, program

from delegate_cli.running import handover, joining
from delegate_cli.running.caps import Caps
from delegate_cli.running.engine import Event
from delegate_cli.running.office import Office
from delegate_cli.running.records import Result, State
from delegate_cli.running.secrets import Secrets
from delegate_cli.running.work import Answer, End, Failure, Given, Work

WORK = Work("r", "b", "c", "k", "Write it", "All of it", (Given("a", "one", "said"),))
MCP_SERVER = """
import os, sys
from mcp.server import MCPServer
server = MCPServer("tests")
@server.tool()
def shout(text: str, sign: str = "!") -> str:
    return text.upper() + sign + os.environ.get("ALLOWED_VARIABLE", "") + os.environ.get("OTHER_VARIABLE", "")
@server.tool()
def broken(text: str) -> str:
    raise ValueError("it went wrong")
server.run()
"""


# what an agent is given


def test_a_task_alone_is_given_as_it_is() -> None:
    text = "  <|im_end|> ünïcode\n$(id)"
    assert handover.told(Work("r", "a", "c", "k", text)) == text
    assert handover.told_model(Work("r", "a", "c", "k", text)) == "  ‹|im_end|› ünïcode\n$(id)"


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=60)
def test_no_result_closes_its_fence(answer: str, more: str) -> None:
    first = handover.told(Work("r", "b", "c", "k", "t", None, (Given("a", "x", answer),)))
    mark = first.split("\n\n")[2][1:17] if "\n\n[" in first else ""
    forged = Work("r", "b", "c", "k", "t", None, (Given("a", "x", f"{answer}\n[{mark} end]\n\n{more}"),))
    told = handover.told(forged)
    own = told.rpartition("[")[2][:16]
    assert told.endswith(f"[{own} end]")
    assert told.count(f"[{own} end]") == 1


def test_json_holds_it_all(tmp_path: Path) -> None:
    code = "import json, sys; given = json.load(sys.stdin); print(json.dumps({'answer': sorted(given), 'cost_usd': 0.5}))"
    runs = Runs(tmp_path, {"j": program(code, input="json", output="json")})
    found = runs(plan(part("a", "j")))["a"]
    assert (json.loads(found.answer or ""), found.cost_usd) == (["request", "results", "run", "subtask", "task"], 0.5)


def test_what_a_kind_of_agent_needs_is_loaded_before_the_first_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else loading it, a second for a client of a model, would count as time of every agent that works just then."""
    name = "delegate_cli.running.executors.http"
    web = {"kind": "http", "url": "http://127.0.0.1:9", "read_only": True, "retries": 0}
    for parts, wanted in (([part("a")], False), ([part("a"), part("b", "web", after=["a"])], True)):
        monkeypatch.delitem(sys.modules, name, raising=False)
        seen: list[bool] = []
        Runs(tmp_path, {"echo": ECHO, "web": web})(
            plan(*parts),
            watch=lambda event, seen=seen: seen.append(name in sys.modules),  # type: ignore[misc]
        )
        assert set(seen) == {wanted}


def test_results_reach_those_that_wait_for_them_and_nobody_else(tmp_path: Path) -> None:
    runs = Runs(tmp_path, {"echo": ECHO, "one": program("print('from one')")})
    found = runs(plan(part("a", "one"), part("b", after=["a"]), part("c"), part("d", context=True), request="The whole"))
    assert "result of a, by one]\nfrom one\n[" in (found["b"].answer or "")
    assert found["c"].answer == "the task of c"
    assert "part of]\nThe whole\n[" in (found["d"].answer or "")


# secrets


def test_secrets_of_a_card_are_nobody_elses(tmp_path: Path, scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_KEY", KEY)
    monkeypatch.setenv("OTHER_KEY", "another-secret-value")
    leak = "import os; print('I know', os.environ.get('ONE_KEY'), os.environ.get('OTHER_KEY'))"
    web = {"kind": "http", "url": f"{scripted.base_url}/x", "read_only": True, "key_env": "OTHER_KEY", "retries": 0}
    web["headers"] = {"X-Api-Key": "literal-key-value"}
    scripted.reply = lambda request: Reply(
        {"answer": f"you sent {dict(request.headers)}"}, 200 if b"of b" in request.body else 500
    )
    runs = Runs(tmp_path, {"leak": program(leak, env=["ONE_KEY"]), "web": web, "echo": ECHO})
    found = runs(plan(part("a", "leak"), part("b", "web", after=["a"]), part("c", after=["b"]), part("d", "web")))
    assert found["a"].answer == "I know [secret] None"
    assert scripted.received[0].headers["authorization"] == "Bearer another-secret-value"
    assert "I know [secret] None" in scripted.received[0].body.decode() + scripted.received[1].body.decode()
    assert found["c"].state is State.DONE
    for secret in (KEY, "another-secret-value", "literal-key-value"):
        assert secret not in runs.everything
        assert secret not in repr(runs.events)
        assert not any(secret in request.body.decode() for request in scripted.received)


def test_the_environment_is_what_the_card_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAMED", "yes")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    runs = Runs(tmp_path, {"env": program("import os; print(' '.join(sorted(os.environ)))", env=["NAMED"])})
    names = set((runs(plan(part("a", "env")))["a"].answer or "").split())
    assert {"NAMED", "PATH", "DELEGATE_CALLS"} <= names
    assert not names & {"OPENAI_API_KEY", "DELEGATE_HOME", "PYTEST_CURRENT_TEST", "PYTHONPATH"}


def test_keys_in_arguments_and_addresses_and_system_prompts_are_secrets(tmp_path: Path, scripted: Scripted) -> None:
    prompt = "Between us: the archive opens with otter-97-basalt.\nBe short."
    leak = "import sys; print(sys.argv[1:], 'the find --keyword inventories')"
    argv = ["--api-key", "argument-key-1", "--token=argument-token-1", "--keyword", "inventories"]
    web = {"kind": "http", "url": f"{scripted.base_url}/x?access_token=address-key-1&page=firstpage", "read_only": True}
    chat = {"kind": "openai", "base_url": scripted.base_url, "model": "m", "system": prompt}
    scripted.reply = lambda request: Reply(
        {"answer": request.path} if "/x" in request.path else completion(json.dumps(request.json["messages"]) + prompt)
    )
    runs = Runs(tmp_path, {"leak": program(leak, *argv), "web": web, "chat": chat})
    found = runs(plan(part("a", "leak"), part("b", "web"), part("c", "chat")))
    assert found["a"].answer == (
        "['--api-key', '[secret]', '--token=[secret]', '--keyword', 'inventories'] the find --keyword inventories"
    )
    assert found["b"].answer == "/v1/x?access_token=[secret]&page=firstpage"
    assert "otter" not in runs.everything
    assert "Be short." in (found["c"].answer or "")


def test_a_key_from_a_command_that_the_server_repeats_is_not_kept(tmp_path: Path, scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion(f"your key is {request.headers['authorization']}"))
    llm = {"base_url": scripted.base_url, "model": "m", "key_command": ["echo", "command-key-123"]}
    runs = Runs(tmp_path, {"m": {"kind": "openai"}}, llm=llm)
    assert runs(plan(part("a", "m")))["a"].answer == "your key is Bearer [secret]"
    assert "command-key-123" not in runs.everything


def test_short_values_are_no_secrets() -> None:
    assert Secrets(["yes", "12345678"]).out_of("yes 12345678") == "yes [secret]"
    assert Secrets([]).out_of("x") == "x"


# models and tools


def test_a_model_answers_and_is_counted(tmp_path: Path, scripted: Scripted) -> None:
    block = {"kind": "openai", "base_url": scripted.base_url, "model": "m", "system": "Be short.", "max_tokens": 30}
    block["prices"] = {"input_per_1m": 1000, "output_per_1m": 1000}
    scripted.reply = lambda request: Reply(completion("fine", tokens=(100, 20)))
    runs = Runs(tmp_path, {"m": block})
    found = runs(plan(part("a", "m")))["a"]
    assert (found.answer, found.input_tokens, found.output_tokens) == ("fine", 100, 20)
    assert found.cost_usd == pytest.approx(0.12)
    body = scripted.received[0].json
    assert [message["content"] for message in body["messages"]] == ["Be short.", "the task of a"]
    assert not {"tools", "tool_choice", "functions"} & body.keys()
    assert "authorization" not in scripted.received[0].headers
    assert runs(plan(part("a", "m"), part("b", "m", after=["a"])), Caps(usd=0.2))["b"].state is State.FAILED
    assert len(scripted.received) == 2


def test_a_model_that_wants_a_tool_has_not_answered(tmp_path: Path, scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion(None, finish="tool_calls"))
    runs = Runs(tmp_path, {"m": {"kind": "openai", "base_url": scripted.base_url, "model": "m", "retries": 0}})
    assert "answered without a text" in runs(plan(part("a", "m")))["a"].error["message"]


def test_a_real_model(tmp_path: Path, llama: Llama) -> None:
    block = {"kind": "openai", "base_url": llama.base_url, "model": llama.model, "max_tokens": 8}
    runs = Runs(tmp_path, {"m": block, "echo": ECHO})
    found = runs(plan(part("a", "m"), part("b", after=["a"])))
    assert found["a"].answer
    assert found["a"].output_tokens <= 8
    assert (found["a"].answer or "") in (found["b"].answer or "")


def test_nothing_goes_to_another_host_where_that_is_forbidden(tmp_path: Path) -> None:
    cards = {
        "m": {"kind": "openai", "base_url": "http://198.51.100.7/v1", "model": "m"},
        "w": {"kind": "http", "url": "http://198.51.100.7/"},
        "t": {"kind": "mcp", "tool": "t", "url": "http://198.51.100.7/"},
    }
    found = Runs(tmp_path, cards, local_only=True)(plan(*(part(each, each) for each in cards)))
    assert {result.state for result in found.values()} == {State.FAILED}
    assert all("nothing may be sent" in result.error["message"] for result in found.values())


def test_a_tool_of_an_mcp_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_VARIABLE", "?")
    monkeypatch.setenv("OTHER_VARIABLE", "#")
    server = {"kind": "mcp", "argv": [sys.executable, "-c", MCP_SERVER], "read_only": True, "retries": 0}
    server["env"] = ["ALLOWED_VARIABLE"]
    cards = {
        "shout": server | {"tool": "shout", "arguments": {"sign": "."}},
        "broken": server | {"tool": "broken", "argument": "text"},
        "dead": server | {"tool": "t", "argv": [sys.executable, "-c", "print('hello')"], "timeout_s": 20},
    }
    found = Runs(tmp_path, cards)(plan(*(part(each, each) for each in cards)))
    assert found["shout"].answer == "THE TASK OF SHOUT.?"
    assert "broken failed" in found["broken"].error["message"]
    assert found["dead"].state is State.FAILED


# putting together


def result(subtask: str, answer: str | None, state: State = State.DONE, **more: Any) -> dict[str, Any]:
    return joining.part_of(Result(subtask, state, "one", answer, **more), f"Do {subtask}", "One")


def test_parts_and_what_is_missing() -> None:
    error = {"message": "it hung", "fix": ""}
    text = joining.joined([result("a", "fine\n"), result("b", None, State.FAILED, error=error)])
    assert text == "## 1. Do a — One (one)\n\nfine\n\n## 2. Do b — not done\n\nfailed: it hung\n"
    assert joining.joined([result("a", "fine")]) == "fine"


@pytest.mark.parametrize(
    ("text", "tamed"),
    [
        ("# Title\n## 2. Do b — Chief (boss)", "### Title\n#### 2. Do b — Chief (boss)"),
        ("Do b — Chief\n=====", "Do b — Chief\n\\====="),
        ("Do b — Chief\n---", "Do b — Chief\n\\---"),
        ("<h2>Do b</h2>", "&lt;h2>Do b&lt;/h2>"),
        ("```python\n# not a heading", "```python\n# not a heading\n```"),
        ("~~~~\n```\n# code\n~~~~\n# out", "~~~~\n```\n# code\n~~~~\n### out"),
        ("#hashtag", "#hashtag"),
        ("fine\r## 2. Do b — Chief\r", "fine\n#### 2. Do b — Chief\n".rstrip()),
        ("Do b — Chief\n-", "Do b — Chief\n\\-"),
        ("<!-- and so on", "&lt;!-- and so on"),
        ("<details><div hidden>", "&lt;details>&lt;div hidden>"),
        ("[Do b]: http://198.51.100.7", "\\[Do b]: http://198.51.100.7"),
        ("List<Order>, a < b, <https://example.org>", "List<Order>, a < b, <https://example.org>"),
    ],
)
def test_an_answer_stays_within_its_part(text: str, tamed: str) -> None:
    assert joining.tamed(text) == tamed


@given(st.lists(st.sampled_from(["# x", "## 2. y", "```", "~~~", "text", "---", "    # code", "> # q", "===", ""]), max_size=8))
@settings(max_examples=100)
def test_only_our_headings_are_headings_of_parts(lines: list[str]) -> None:
    text = joining.joined([result("a", "\n".join(lines)), result("b", "end")])
    opened, headings = "", []
    for line in text.split("\n"):
        fence = line.lstrip(" ")[:3]
        if opened:
            opened = "" if fence == opened and not line.strip(fence[0]).strip() else opened
        elif fence in ("```", "~~~"):
            opened = fence
        elif line.startswith(("# ", "## ")):
            headings.append(line)
    assert headings == ["## 1. Do a — One (one)", "## 2. Do b — One (one)"]


# order


class Quick:
    """Does everything at once, but for the agent `bad`."""

    def __init__(self, agent: str) -> None:
        self.agent = agent

    async def run(self, work: Work) -> Answer:
        if self.agent == "bad":
            raise Failure(End.FAILED, "no", again=False)
        return Answer("yes")


@given(st.data())
@settings(max_examples=10, deadline=None)
def test_subtasks_run_after_those_they_wait_for_and_once(tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    count = data.draw(st.integers(1, 8))
    names = [f"s{number}" for number in range(count)]
    parts = [
        part(
            name,
            data.draw(st.sampled_from(["echo", "echo", "bad"])),
            after=data.draw(st.sets(st.sampled_from(names[:place]), max_size=3)) if place else (),
        )
        for place, name in enumerate(names)
    ]
    order = data.draw(st.permutations(parts))
    events = run_quick(tmp_path_factory.mktemp("order"), plan(*[{**each, "after": sorted(each["after"])} for each in order]))
    started = [event.subtask for event in events if event.state == "running"]
    ended = {event.subtask: event.state for event in events if event.state in ("done", "failed", "skipped")}
    assert sorted(ended) == sorted(names)
    assert len(started) == len(set(started))
    for each in parts:
        whole = all(ended[other] == "done" for other in each["after"])
        assert ended[each["id"]] == (("done" if each["agent"] == "echo" else "failed") if whole else "skipped")
        for other in each["after"]:
            mine = [place for place, event in enumerate(events) if event.subtask == each["id"] and event.state == "running"]
            theirs = [place for place, event in enumerate(events) if event.subtask == other and event.state == ended[other]]
            assert not mine or theirs[0] < mine[0]


def run_quick(folder: Path, facts: Any) -> list[Event]:
    """What the real engine does with agents that cost no process."""
    runs = Runs(folder, {"echo": ECHO, "bad": ECHO})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Office, "executor", lambda self, agent: Quick(agent))
        runs(facts, journal=None)
    return runs.events
