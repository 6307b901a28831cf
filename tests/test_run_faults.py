"""Agents that do everything wrong, one by one: what the engine does with each, and what it writes down."""

import gzip
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from llm import Reply, Scripted, completion, failure
from running import ECHO, Runs, check_files, part, plan, program

from delegate_cli.journal.entries import Feedback
from delegate_cli.running.caps import Caps
from delegate_cli.running.records import State

PID = "import os, sys; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n')\n"
FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "exits 1": (program("import sys; sys.exit('no such order')"), "failed", "ended with exit code 1: no such order"),
    "dies by signal": (program("import os; os.kill(os.getpid(), 9)"), "unclear", "was ended by signal 9"),
    "hangs": (program("import time; time.sleep(60)", timeout_s=0.4), "unclear", "no answer within 0.4 s"),
    "floods": (program("while True: print('x' * 9999)", max_output_kb=64), "unclear", "wrote more than 64 kB"),
    "floods, and reads nothing": (
        {"kind": "command", "argv": ["yes"], "read_only": True, "max_output_kb": 64},
        "unclear",
        "wrote more than 64 kB",
    ),
    "floods stderr": (program("import sys\nfor n in range(9999): sys.stderr.write('y' * 99)\nsys.exit(3)"), "failed", "code 3"),
    "broken JSON": (program("print('{\"answer\": ')", output="json"), "unclear", "answered with broken JSON"),
    "no such key": (program("print('{}')", output="json", answer="result.text"), "unclear", "answered without result.text"),
    "does not start": (
        {"kind": "command", "argv": ["no-such-program-here"], "read_only": True},
        "refused",
        "cannot be started",
    ),
    "no such folder": (ECHO | {"cwd": "missing"}, "refused", "cannot be started"),
    "busy": (program("import sys; sys.exit(75)"), "refused", "takes no task for now"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_written_down_and_the_next_agent_does_it(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    block, status, said = FAULTS[name]
    runs = Runs(tmp_path, {"bad": block, "echo": ECHO})
    result = runs(plan(part("a", "bad", others=["echo"])))["a"]
    assert (result.state, result.agent, result.answer) == (State.DONE, "echo", "the task of a")
    assert [(call["agent"], call["status"]) for call in runs.calls] == [("bad", status), ("echo", "done")]
    assert said in runs.calls[0]["error"]["message"]
    assert runs.folder is not None
    check_files(runs.folder.path)
    assert not caplog.records  # asyncio's own words, such as a traceback of a pipe, would stand among the progress


@pytest.mark.parametrize("name", ["hangs", "dies by signal", "floods", "broken JSON"])
def test_what_may_have_been_done_is_not_done_again_by_anybody(tmp_path: Path, name: str) -> None:
    runs = Runs(tmp_path, {"bad": FAULTS[name][0] | {"read_only": False, "retries": 3}, "echo": ECHO})
    facts = plan(part("a", "bad", others=["echo"]), part("b"), part("c", after=["a"]))
    found = runs(facts)
    assert [found[each].state for each in "abc"] == [State.UNCLEAR, State.DONE, State.SKIPPED]
    assert sum(call["agent"] == "bad" for call in runs.calls) == 1
    found = runs.again(facts)
    assert found["a"].state is State.UNCLEAR
    assert "may have been done" in found["a"].error["message"]
    assert len(runs.calls) == 2
    assert runs.again(facts, repeat=frozenset("a"))["b"].state is State.DONE
    assert len(runs.calls) == 3


def test_what_says_that_it_failed_goes_to_the_next_agent_also_where_it_acts(tmp_path: Path) -> None:
    runs = Runs(tmp_path, {"bad": FAULTS["exits 1"][0] | {"read_only": False, "retries": 3}, "echo": ECHO})
    assert runs(plan(part("a", "bad", others=["echo"])))["a"].agent == "echo"
    assert len(runs.calls) == 2


def test_the_same_agent_is_asked_again_as_often_as_its_card_says(tmp_path: Path) -> None:
    mark = tmp_path / "count"
    code = PID + "sys.exit(1) if open(sys.argv[1]).read().count('\\n') < 3 else print('at last')"
    runs = Runs(tmp_path, {"slow": program(code, str(mark), retries=2)})
    assert runs(plan(part("a", "slow")))["a"].answer == "at last"
    assert [call["status"] for call in runs.calls] == ["failed", "failed", "done"]
    assert len({call["key"] for call in runs.calls}) == 1


def test_all_agents_fail(tmp_path: Path) -> None:
    runs = Runs(tmp_path, {"bad": FAULTS["exits 1"][0], "worse": FAULTS["hangs"][0]})
    result = runs(plan(part("a", "bad", others=["worse"]), part("b", "worse")), Caps(fallbacks=1))
    assert [result[each].state for each in "ab"] == [State.FAILED, State.FAILED]
    assert runs.folder is not None
    assert runs.folder.read("run.json")["status"] == "failed"
    assert "## 1. the task of a — not done" in runs.folder.read("answer.json")["text"]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


GRANDCHILDREN = """
import os, subprocess, sys, time
child = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
started = [subprocess.Popen(child), subprocess.Popen(child, start_new_session=True)]
with open(sys.argv[1], "w") as file:
    file.write(" ".join(str(each.pid) for each in started) + f" {os.getpid()}")
"""


@pytest.mark.parametrize("end", ["time.sleep(60)", "print('done', flush=True)", "os.kill(os.getpid(), 9)"])
def test_a_whole_family_is_gone_when_its_call_ends(tmp_path: Path, end: str) -> None:
    pids = tmp_path / "pids"
    runs = Runs(tmp_path, {"bad": program(GRANDCHILDREN + end, str(pids), timeout_s=1.5)})
    runs(plan(part("a", "bad")))
    numbers = [int(pid) for pid in pids.read_text().split()]
    assert len(numbers) == 3
    assert not [pid for pid in numbers if alive(pid)]


def http(scripted: Scripted, **keys: Any) -> dict[str, Any]:
    return {"kind": "http", "url": f"{scripted.base_url}/do", "read_only": True, "retries": 0} | keys


def test_an_agent_that_asks_to_wait_is_waited_for(tmp_path: Path, scripted: Scripted) -> None:
    scripted.replies = [failure(429, "slow down", retry_after="0.3"), Reply({"answer": "done"})]
    runs = Runs(tmp_path, {"web": http(scripted, read_only=False), "echo": ECHO})
    assert runs(plan(part("a", "web", others=["echo"])))["a"].answer == "done"
    assert scripted.received[1].at - scripted.received[0].at >= 0.29
    assert [call["status"] for call in runs.calls] == ["refused", "done"]
    assert len({request.headers["idempotency-key"] for request in scripted.received}) == 1


def test_an_agent_that_asks_to_wait_too_long_is_left(tmp_path: Path, scripted: Scripted) -> None:
    scripted.reply = lambda request: failure(429, "slow down", retry_after="3600")
    runs = Runs(tmp_path, {"web": http(scripted), "echo": ECHO})
    assert runs(plan(part("a", "web", others=["echo"])))["a"].agent == "echo"
    assert len(scripted.received) == 1


def test_a_rate_is_held(tmp_path: Path) -> None:
    runs = Runs(tmp_path, {"echo": {"kind": "ai", "run": ECHO, "rate_limit_rpm": 120}})
    runs(plan(part("a"), part("b"), part("c")))
    at = sorted(call["started"] for call in runs.calls)
    assert at[2] - at[0] >= 0.9


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        (Reply(cut="before"), "unclear", "broke off"),
        (Reply({"answer": "x" * 999}, cut="within"), "unclear", "broke off"),
        (Reply("x" * 99_999), "unclear", "sent more than 10 kB"),
        (Reply("{", headers={"content-type": "application/json"}), "unclear", "broken JSON"),
        (Reply({}, 500), "unclear", "answered 500"),
        (Reply({}, 404), "failed", "answered 404"),
        (Reply({}, 302, {"location": "http://169.254.169.254/"}), "refused", "redirects elsewhere"),
        (Reply({"answer": "late"}, delay=1.5), "unclear", "no answer within 0.5 s"),
    ],
)
def test_a_web_service_that_fails(tmp_path: Path, scripted: Scripted, reply: Reply, status: str, said: str) -> None:
    scripted.reply = lambda request: reply
    runs = Runs(tmp_path, {"web": http(scripted, max_output_kb=10, timeout_s=0.5), "echo": ECHO})
    assert runs(plan(part("a", "web", others=["echo"])))["a"].agent == "echo"
    assert runs.calls[0]["status"] == status
    assert said in runs.calls[0]["error"]["message"]


def test_an_endpoint_that_goes_down_in_the_middle(tmp_path: Path, scripted: Scripted) -> None:
    model = {"kind": "openai", "base_url": scripted.base_url, "model": "m", "retries": 1}
    scripted.replies = [Reply(completion("first")), Reply(cut="before"), Reply(cut="before")]
    runs = Runs(tmp_path, {"model": model, "echo": ECHO})
    found = runs(plan(part("a", "model"), part("b", "model", after=["a"], others=["echo"])))
    assert (found["a"].answer, found["b"].agent) == ("first", "echo")
    assert [call["status"] for call in runs.calls] == ["done", "unclear", "unclear", "done"]


def test_the_time_of_a_run_is_held(tmp_path: Path) -> None:
    runs = Runs(tmp_path, {"slow": program("import time; time.sleep(60)"), "echo": ECHO})
    facts = plan(part("a", "slow"), part("b"), part("c", after=["a"]))
    started = time.monotonic()
    found = runs(facts, Caps(seconds=1.5))
    assert time.monotonic() - started < 30
    assert [found[each].state for each in "abc"] == [State.FAILED, State.DONE, State.FAILED]
    assert "time of the run" in found["a"].error["message"]


def test_calls_and_money_are_held(tmp_path: Path) -> None:
    card = {"kind": "ai", "run": ECHO, "cost": {"per_task": 0.04}}
    facts = plan(part("a"), part("b", after=["a"]), part("c", after=["b"]))
    runs = Runs(tmp_path, {"echo": card})
    found = runs(facts, Caps(usd=0.1))
    assert [found[each].state for each in "abc"] == [State.DONE, State.DONE, State.FAILED]
    assert "exceed the budget of 0.1 USD" in found["c"].error["message"]
    assert runs.folder is not None
    assert runs.folder.read("run.json")["cost_usd"] == pytest.approx(0.08)
    assert runs.again(facts, Caps(usd=0.12))["c"].state is State.DONE  # what was spent before counts
    found = runs(facts, Caps(calls=1))
    assert [found[each].state for each in "abc"] == [State.DONE, State.FAILED, State.SKIPPED]
    limited = {"echo": {**card, "run": {**ECHO, "max_calls": 1}}, "other": ECHO}
    found = Runs(tmp_path, limited)(plan(part("a"), part("b", after=["a"], others=["other"])))
    assert found["b"].agent == "other"
    found = Runs(tmp_path, limited)(plan(part("a"), part("b", after=["a"])))
    assert "run.max_calls" in found["b"].error["fix"]


def test_nothing_is_spent_by_who_takes_no_task_or_has_not_answered(tmp_path: Path) -> None:
    ann = {"kind": "human", "cost": {"per_task": 50}}
    busy = {"kind": "ai", "run": program("import sys; sys.exit(75)"), "cost": {"per_task": 3}}
    runs = Runs(tmp_path, {"ann": ann, "busy": busy, "echo": {"kind": "ai", "run": ECHO, "cost": {"per_task": 0.5}}})
    facts = plan(part("a", "ann"), part("b", "busy", others=["echo"]))
    caps = Caps(calls=3, usd=51)
    found = runs(facts, caps)
    assert (found["a"].state, found["a"].cost_usd) == (State.WAITING, None)
    assert (found["b"].agent, found["b"].cost_usd) == ("echo", 0.5)
    assert runs.folder is not None
    assert runs.folder.read("run.json")["cost_usd"] == 0.5
    assert runs.again(facts, caps)["a"].state is State.WAITING  # it is the same call, and counts once
    runs.journal.say(Feedback(runs.calls[0]["call"], success=True, note="signed"))
    found = runs.again(facts, caps)
    assert (found["a"].answer, found["a"].cost_usd) == ("signed", 50)
    assert runs.folder.read("run.json")["cost_usd"] == 50.5


@pytest.mark.parametrize(
    ("card", "says", "counts"),
    [
        ({"cost": {"per_task": 0.02}}, 0.03, 0.03),
        ({"cost": {"per_task": 0.02}}, 900000, 0.2),
        ({"cost": {"per_task": 0.02}}, 0, 0.002),
        ({"cost": {"per_task": 0}}, 4, 4),
        ({"budget_usd": 0.1}, 5, 0.1),
        ({}, 5, 5),
    ],
)
def test_what_an_agent_says_that_it_cost_is_held_against_its_card(
    tmp_path: Path, card: dict[str, Any], says: float, counts: float
) -> None:
    block = program(f'print(\'{{"answer": 1, "cost_usd": {says}}}\')', output="json")
    own = {"budget_usd": card["budget_usd"]} if "budget_usd" in card else {}
    runs = Runs(tmp_path, {"j": {"kind": "ai", "run": block | own, **{key: card[key] for key in card if key == "cost"}}})
    said: list[str] = []
    assert runs(plan(part("a", "j")), say=said.append)["a"].cost_usd == pytest.approx(counts)
    assert runs.calls[0]["said_usd"] == (None if says == counts else says)
    assert [f"j says that it cost {says:g} USD" in line for line in said] == ([] if says == counts else [True])


def test_concurrency_is_held_and_used(tmp_path: Path) -> None:
    log = tmp_path / "log"
    code = (
        "import sys, time\nfile = open(sys.argv[1], 'a')\nfile.write('+'); file.flush(); time.sleep(0.5)\n"
        "file.write('-'); file.flush()"
    )
    runs = Runs(tmp_path, {"slow": program(code, str(log))})
    runs(plan(*(part(each, "slow") for each in "abcd")), Caps(concurrency=2))
    level = most = 0
    for sign in log.read_text():
        level += 1 if sign == "+" else -1
        most = max(most, level)
    assert most == 2


def test_interrupted_within_this_process(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    runs = Runs(tmp_path, {"slow": program(PID + "import time; time.sleep(60)", str(mark)), "echo": ECHO})
    facts = plan(part("a", "slow"), part("b"))

    def interrupt() -> None:
        while not mark.exists() or not mark.read_text().endswith("\n"):
            time.sleep(0.02)
        while runs.folder is not None and "b" not in {row["subtask"] for row in runs.folder.lines("answers.jsonl")}:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        runs(facts)
    thread.join()
    assert not alive(int(mark.read_text()))
    assert [call["status"] for call in runs.calls if call["agent"] == "slow"] == ["interrupted"]
    assert runs.folder is not None
    assert runs.folder.read("run.json")["status"] == "interrupted"
    states = {row["subtask"]: row["state"] for row in runs.folder.lines("answers.jsonl")}
    assert states == {"a": "interrupted", "b": "done"}


def test_what_an_agent_may_have_done_no_other_agent_does_although_it_could_do_it_again_itself(
    tmp_path: Path, scripted: Scripted
) -> None:
    scripted.replies = [Reply(cut="before"), failure(503, "down")]
    scripted.reply = lambda request: Reply({"answer": "done"})
    runs = Runs(tmp_path, {"web": http(scripted, read_only=False, idempotent=True, retries=1), "echo": ECHO})
    facts = plan(part("a", "web", others=["echo"]))
    assert runs(facts)["a"].state is State.UNCLEAR
    assert [(call["agent"], call["status"]) for call in runs.calls] == [("web", "unclear"), ("web", "refused")]
    assert runs.again(facts)["a"].answer == "done"  # by itself it may go on
    assert len({request.headers["idempotency-key"] for request in scripted.received}) == 1


def test_a_lost_call_of_an_agent_that_is_gone_needs_a_word(tmp_path: Path) -> None:
    runs = Runs(tmp_path, {"bad": FAULTS["dies by signal"][0] | {"read_only": False}, "echo": ECHO})
    assert runs(plan(part("a", "bad")))["a"].state is State.UNCLEAR
    (tmp_path / "later").mkdir()
    later = Runs(tmp_path / "later", {"echo": ECHO})
    later.folder = runs.folder
    assert later.again(plan(part("a")))["a"].state is State.UNCLEAR
    assert later.again(plan(part("a")), repeat=frozenset("a"))["a"].agent == "echo"


def test_a_lost_call_is_not_made_by_another_agent_unasked(tmp_path: Path, scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(cut="before")
    runs = Runs(tmp_path, {"web": http(scripted, read_only=False, idempotent=True), "echo": ECHO})
    assert runs(plan(part("a", "web")))["a"].state is State.UNCLEAR
    assert runs.again(plan(part("a", "echo")))["a"].state is State.UNCLEAR


def test_a_model_that_floods_is_cut_off(tmp_path: Path, scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delegate_cli.endpoints.client._LARGEST", 1 << 20)
    packed = gzip.compress(b" " * (64 << 20))
    scripted.replies = [Reply(b"x" * (2 << 20)), Reply(packed, headers={"content-encoding": "gzip"})]
    runs = Runs(tmp_path, {"m": {"kind": "openai", "base_url": scripted.base_url, "model": "m", "retries": 1}})
    assert "it sent more than 1 MB" in runs(plan(part("a", "m")))["a"].error["message"]
    assert [call["status"] for call in runs.calls] == ["unclear", "unclear"]


def test_a_server_of_a_tool_that_floods_is_cut_off(tmp_path: Path, scripted: Scripted) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 99999)"
    server = {"kind": "mcp", "tool": "t", "argv": [sys.executable, "-S", "-c", code], "max_output_kb": 1, "retries": 0}
    far = {"kind": "mcp", "tool": "t", "url": f"{scripted.base_url}/mcp", "max_output_kb": 1, "retries": 0, "timeout_s": 20}
    scripted.reply = lambda request: Reply(b" " * 99_999)
    found = Runs(tmp_path, {"flood": server, "far": far})(plan(part("a", "flood"), part("b", "far")))
    assert "wrote more than 1 kB" in found["a"].error["message"]
    assert found["b"].state is not State.DONE


def test_a_server_of_a_tool_that_dies_in_the_middle_may_have_done_it(tmp_path: Path) -> None:
    code = """
import json, os, sys
for line in sys.stdin:
    said = json.loads(line)
    if said.get("method") == "tools/call":
        os.kill(os.getpid(), 9)
    if said.get("method") == "initialize":
        result = {"protocolVersion": said["params"]["protocolVersion"], "capabilities": {}}
        result["serverInfo"] = {"name": "s", "version": "1"}
        print(json.dumps({"jsonrpc": "2.0", "id": said["id"], "result": result}), flush=True)
    elif "id" in said:
        print(json.dumps({"jsonrpc": "2.0", "id": said["id"], "error": {"code": -32601, "message": "no"}}), flush=True)
"""
    block = {"kind": "mcp", "tool": "t", "argument": "x", "argv": [sys.executable, "-S", "-c", code], "timeout_s": 20}
    runs = Runs(tmp_path, {"dies": block, "echo": ECHO})
    assert runs(plan(part("a", "dies", others=["echo"])))["a"].state is State.UNCLEAR
    assert [call["status"] for call in runs.calls] == ["unclear"]


ESCAPE = """
import os, subprocess, sys, time
nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
child = subprocess.Popen(["sleep", "60"], env={"PATH": os.environ["PATH"]}, start_new_session=True, **nowhere)
with open(sys.argv[1], "w") as file:
    file.write(f"{child.pid} {os.getpid()}")
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere only process groups are killed")
def test_what_left_its_group_and_its_environment_is_gone_too(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    runs = Runs(tmp_path, {"bad": program(ESCAPE + "time.sleep(60)", str(pids), timeout_s=1.5)})
    runs(plan(part("a", "bad")))
    numbers = [int(pid) for pid in pids.read_text().split()]
    assert len(numbers) == 2
    assert not [pid for pid in numbers if alive(pid)]
