"""`delegate run` and `delegate runs` as commands: consent, exit codes, output, interrupts, kill -9 and going on."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm import Llama, Reply, Scripted
from running import ECHO, check_files, part, plan, program, write_roster
from shell import COMMAND, TIMEOUT, Result, at_terminal, environment, invoke
from test_run_faults import ESCAPE, GRANDCHILDREN, alive

ACTING = {key: value for key, value in ECHO.items() if key != "read_only"}
Prepare = Callable[..., list[str]]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    """Write roster and plan; the arguments of `run` for them."""

    def make(agents: dict[str, Any], *parts: Any, **settings: Any) -> list[str]:
        roster = write_roster(tmp_path, agents, **settings)
        (tmp_path / "plan.json").write_text(json.dumps(plan(*parts)))
        return ["run", "--agents", str(roster), str(tmp_path / "plan.json")]

    return make


def folders(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "kept" / "runs").iterdir()) if (tmp_path / "kept" / "runs").exists() else []


def test_parts_are_put_together_under_who_did_them(prepare: Prepare, tmp_path: Path) -> None:
    arguments = prepare({"echo": {"kind": "ai", "name": "Echo", "run": ECHO}}, part("a"), part("b"))
    result = invoke(*arguments)
    assert result.code == 0
    first, second = "## 1. the task of a — Echo (echo)", "## 2. the task of b — Echo (echo)"
    assert result.out == f"{first}\n\nthe task of a\n\n{second}\n\nthe task of b\n"
    assert result.err.endswith(": done, 2 of 2 parts done, calls: 2\n")
    (folder,) = folders(tmp_path)
    check_files(folder)


def test_one_part_is_the_answer_alone_and_json_has_it_all(prepare: Prepare) -> None:
    arguments = prepare({"echo": ECHO}, part("a"))
    assert invoke(*arguments, "--quiet") == Result(0, "the task of a\n", "")
    record = invoke(*arguments, "--format", "json").json
    assert (record["status"], record["answer"], record["calls"]) == ("done", "the task of a", 1)
    parts = invoke(*arguments, "--no-aggregate").json
    assert [(each["subtask"], each["state"], each["agent"], each["answer"]) for each in parts] == [
        ("a", "done", "echo", "the task of a")
    ]
    assert record["parts"][0].keys() == parts[0].keys()


def test_what_acts_is_refused_without_anybody_to_ask(prepare: Prepare, tmp_path: Path) -> None:
    arguments = prepare({"act": ACTING, "echo": ECHO}, part("a", "act", others=["echo"]), part("b"))
    result = invoke(*arguments)
    assert (result.code, result.out, folders(tmp_path)) == (2, "", [])
    assert f"a act: runs {Path(sys.executable).name} (agree with --yes" in result.err
    assert invoke(*arguments, "--yes").code == 0


def test_a_stand_in_that_acts_is_left_out_where_nobody_agreed(prepare: Prepare) -> None:
    bad = program("import sys; sys.exit(1)")
    arguments = prepare({"bad": bad, "act": ACTING}, part("a", "bad", others=["act"]))
    assert invoke(*arguments).code == 5
    assert invoke(*arguments, "-y").code == 0


def test_an_unsure_part_is_asked_about(prepare: Prepare) -> None:
    arguments = prepare({"echo": ECHO, "shy": {"kind": "ai", "run": ECHO, "auto": "never"}}, part("a", status="ask"))
    result = invoke(*arguments)
    assert (result.code, result.out) == (1, "")
    assert "a echo: not sure to be right (0.50)" in result.err
    assert invoke(*arguments, "-y").code == 0
    arguments = prepare({"shy": {"kind": "ai", "run": ECHO, "auto": "never"}}, part("a", "shy"))
    assert "takes no task unasked" in invoke(*arguments).err


def test_asked_at_a_terminal(prepare: Prepare, tmp_path: Path) -> None:
    arguments = prepare({"act": ACTING}, part("a", "act"))
    no = at_terminal(*arguments, typed=b"n\n", pipe_stdout=True)
    assert (no.code, no.out, folders(tmp_path)) == (1, "", [])
    assert "a  act: runs" in no.err
    yes = at_terminal(*arguments, typed=b"y\n", pipe_stdout=True)
    assert (yes.code, yes.out) == (0, "the task of a\n")
    assert "✔ a  the task of a  done  act" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", yes.err)


def test_constraints_hold_for_every_subtask(prepare: Prepare) -> None:
    legal = {"kind": "ai", "run": ECHO, "allow": ["legal"]}
    bad = program("import sys; sys.exit(1)")
    arguments = prepare({"legal": legal, "echo": ECHO, "bad": bad}, part("a"), part("b", "legal"))
    result = invoke(*arguments)
    assert (result.code, result.out) == (6, "")
    assert "subtask b: legal may not get it (allow: needs role legal)" in result.err
    assert invoke(*arguments, "--as", "legal").code == 0
    assert invoke(*arguments, "--as", "legal", "--deny", "echo").code == 6
    arguments = prepare({"legal": legal, "echo": ECHO, "bad": bad}, part("a", "bad", others=["legal"]))
    assert invoke(*arguments).code == 5  # nor is it a stand-in
    assert invoke(*arguments, "--as", "legal").code == 0


@pytest.mark.parametrize(
    ("cards", "agent", "more", "said"),
    [
        ({"x": {"kind": "ai"}}, "x", [], "x cannot be run, since its card does not say how (add `run:"),
        ({"echo": ECHO}, "ecco", [], "did you mean echo?"),
        ({"echo": ECHO}, "echo", ["--resume", "last"], "takes no request"),
        ({"echo": ECHO}, "echo", ["--format", "xml"], "'xml' is not one of"),
    ],
)
def test_mistakes_are_said_in_one_line(
    prepare: Prepare, tmp_path: Path, cards: dict[str, Any], agent: str, more: list[str], said: str
) -> None:
    (tmp_path / "kept" / "runs" / "0198").mkdir(parents=True)
    (tmp_path / "kept" / "runs" / "0198" / "run.json").write_text("{}")
    result = invoke(*prepare(cards, part("a", agent)), *more)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert result.err.count("\n") == 1
    assert len(folders(tmp_path)) == 1


def test_runs_and_plans_that_are_not_there() -> None:
    assert "there is no run 'abcdef' (see: delegate runs list)" in invoke("run", "--resume", "abcdef").err
    assert "there is no run 'last'" in invoke("runs", "show", "last").err
    assert "missing.json: No such file" in invoke("run", "missing.json").err


def test_how_deep_runs_may_be(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = prepare({"echo": ECHO}, part("a"))
    monkeypatch.setenv("DELEGATE_CALLS", "run-1.call-1")
    assert invoke(*arguments).code == 0
    monkeypatch.setenv("DELEGATE_CALLS", "run-1.call-1/run-2.call-2")
    result = invoke(*arguments)
    assert result.code == 2
    assert "2 runs are around this one" in result.err


def test_work_for_people_waits_and_is_gone_on_with(prepare: Prepare, tmp_path: Path) -> None:
    ann = {"kind": "human", "name": "Ann", "contact": "ann@example.org"}
    arguments = prepare({"ann": ann, "echo": ECHO}, part("a", "ann", others=["echo"]), part("b", after=["a"]))
    result = invoke(*arguments)
    assert result.code == 1
    assert "waiting: it waits for Ann (ann@example.org)" in result.out
    (waiting,) = invoke("review", "--format", "jsonl").rows
    assert (waiting["task"], waiting["agent"], waiting["reason"]) == (
        "the task of a",
        "ann",
        "Ann is to do it (ann@example.org)",
    )
    again = invoke("run", "--resume", "last")
    assert again.code == 1
    assert len(invoke("review", "--format", "jsonl").rows) == 1
    assert invoke("feedback", waiting["id"], "--success", "--note", "signed").code == 0
    done = invoke("run", "--resume", "last")
    assert done.code == 0
    assert "signed" in done.out
    assert "result of a, by ann]\nsigned" in done.out
    assert invoke("review", "--format", "jsonl").rows == []
    invoke(*arguments)
    (waiting,) = invoke("review", "--format", "jsonl").rows
    assert invoke("feedback", waiting["id"], "--nobody").code == 0
    parts = invoke("run", "--resume", "last", "--no-aggregate").json
    assert [(each["agent"], each["state"]) for each in parts] == [("echo", "done"), ("echo", "done")]
    for folder in folders(tmp_path):
        check_files(folder)


def test_waiting_for_people_until_they_answer(prepare: Prepare, tmp_path: Path) -> None:
    arguments = prepare({"ann": {"kind": "human"}}, part("a", "ann"))
    with subprocess.Popen([*COMMAND, *arguments, "--wait"], stdout=subprocess.PIPE, env=environment(), text=True) as process:
        end = time.monotonic() + TIMEOUT
        while not (waiting := invoke("review", "--format", "jsonl").rows) and time.monotonic() < end:
            time.sleep(0.1)
        assert process.poll() is None
        invoke("feedback", waiting[0]["id"], "--success", "--note", "I did")
        out, _ = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (0, "I did\n")


def test_outcomes_reach_the_journal(prepare: Prepare) -> None:
    bad = program("import sys; sys.exit(1)")
    card = {"kind": "ai", "run": ECHO, "cost": {"per_task": 0.02}}
    invoke(*prepare({"echo": card, "bad": bad}, part("a", "bad", others=["echo"])))
    entries = {row["decision"]["agent"]: row for row in invoke("journal", "export").rows}
    assert entries["bad"]["outcome"]["success"] is False
    assert entries["echo"]["outcome"]["success"] is True
    assert entries["echo"]["outcome"]["cost"] == 0.02
    assert entries["echo"]["outcome"]["seconds"] > 0
    assert entries["echo"]["decision"]["reason"] == "bad failed"
    assert invoke("review", "--format", "jsonl").rows == []


def test_runs_are_listed_shown_and_exported(prepare: Prepare) -> None:
    late = program("import time; time.sleep(0.3); print('late')")
    arguments = prepare({"echo": ECHO, "late": late}, part("a", "late"), part("b"))
    invoke(*arguments)
    invoke(*arguments)
    listed = [line.split("\t") for line in invoke("runs", "list").out.splitlines()]
    assert [(row[2], row[3], row[6]) for row in listed] == [("done", "2/2", "all of it")] * 2
    assert listed[0][0] > listed[1][0]
    shown = invoke("runs", "show", listed[1][0][:23]).out
    assert [line.split("\t")[:3] for line in shown.splitlines() if "\t" in line] == [
        ["a", "done", "late"],
        ["b", "done", "echo"],
    ]
    rows = invoke("runs", "export").rows
    assert [row["run"]["id"] for row in rows] == [listed[1][0], listed[0][0]]
    assert rows[0].keys() == {"run", "plan", "decisions", "calls", "answers", "answer", "asked", "single", "judgement"}
    assert invoke("runs", "export", "last").rows == rows[1:]
    assert invoke("runs", "show", "last", "--format", "json").json == rows[1]


def test_a_damaged_run_is_named_and_the_others_go_on(prepare: Prepare, tmp_path: Path) -> None:
    arguments = prepare({"echo": ECHO}, part("a"))
    for _ in range(3):
        invoke(*arguments)
    first, second, _ = folders(tmp_path)
    (first / "run.json").write_text("{}")
    (second / "calls.jsonl").write_text('{"call": ')
    listed = invoke("runs", "list")
    assert (listed.code, listed.out.count("\n"), listed.err.count("left out: ")) == (0, 1, 2)
    for each in (first, second):
        result = invoke("runs", "show", each.name)
        assert (result.code, result.out) == (2, "")
        assert "is damaged" in result.err
        assert invoke("run", "--resume", each.name).code == 2


def start(arguments: list[str], **more: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **more,
    )


def wait_for(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_ctrl_c_stops_children_and_keeps_what_is_done(prepare: Prepare, tmp_path: Path) -> None:
    pids, go = tmp_path / "pids", tmp_path / "go"
    code = "import os, sys\nif os.path.exists(sys.argv[2]): sys.exit(print('went on'))\n" + GRANDCHILDREN + "time.sleep(60)"
    slow = program(code, str(pids), str(go))
    arguments = prepare({"slow": slow, "echo": ECHO}, part("a"), part("b", "slow", after=["a"]))
    process = start(arguments, start_new_session=True)
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out) == (130, "")
    assert "go on with: delegate run --resume" in err
    wait_for(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))
    (folder,) = folders(tmp_path)
    check_files(folder)
    assert json.loads((folder / "run.json").read_text())["status"] == "interrupted"
    assert json.loads((folder / "answer.json").read_text())["parts"] == ["a"]
    go.touch()
    record = invoke("run", "--resume", "last", "--format", "json").json
    assert [(each["state"], len(each["calls"])) for each in record["parts"]] == [("done", 1), ("done", 2)]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere only process groups are killed")
@pytest.mark.parametrize("end", ["", "time.sleep(60)"])
def test_nothing_that_an_agent_left_behind_outlives_the_command(prepare: Prepare, tmp_path: Path, end: str) -> None:
    pids = tmp_path / "pids"
    process = start(prepare({"bad": program(ESCAPE + end, str(pids))}, part("a", "bad")))
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    if end:
        process.kill()
    process.communicate(timeout=TIMEOUT)
    wait_for(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))


def test_kill_9_then_resume(prepare: Prepare, tmp_path: Path, scripted: Scripted) -> None:
    """No lost part, no duplicated paid call, no orphan process."""
    pids, go = tmp_path / "pids", tmp_path / "go"
    code = "import os, sys\nif os.path.exists(sys.argv[2]): sys.exit(print('went on'))\n" + GRANDCHILDREN + "time.sleep(60)"
    scripted.reply = lambda request: Reply({"answer": "paid"}, delay=60.0 if b"of c" in request.body and not go.exists() else 0)
    paid = {"kind": "ai", "run": {"kind": "http", "url": f"{scripted.base_url}/x"}, "cost": {"per_task": 1.0}}
    agents = {"slow": program(code, str(pids), str(go)), "paid": paid, "echo": ECHO}
    parts = [part("a", "paid"), part("b", "slow", after=["a"]), part("c", "paid"), part("d", after=["b"])]
    process = start([*prepare(agents, *parts), "--yes"])
    wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 3 and len(scripted.received) == 2)
    process.kill()
    process.communicate(timeout=TIMEOUT)
    wait_for(lambda: not any(alive(int(pid)) for pid in pids.read_text().split()))
    (folder,) = folders(tmp_path)
    check_files(folder)
    assert invoke("runs", "list").out.split("\t")[2:6] == ["stopped", "1/4", "3", "2"]  # what may have been paid for counts
    go.touch()
    result = invoke("run", "--resume", "last", "--format", "json")
    assert result.code == 5
    states = {each["subtask"]: each["state"] for each in result.json["parts"]}
    assert states == {"a": "done", "b": "done", "c": "unclear", "d": "done"}
    assert len(scripted.received) == 2  # nothing was paid for twice unasked
    result = invoke("run", "--resume", "last", "--repeat-lost", "--format", "json")
    assert (result.code, len(scripted.received)) == (0, 3)
    assert len({each.headers["idempotency-key"] for each in scripted.received if b"of c" in each.body}) == 1
    check_files(folder)


def test_kill_9_of_an_idempotent_call_needs_no_word(prepare: Prepare, scripted: Scripted) -> None:
    scripted.replies = [Reply({"answer": "late"}, delay=60.0)]
    scripted.reply = lambda request: Reply({"answer": "again"})
    block = {"kind": "http", "url": f"{scripted.base_url}/x", "idempotent": True}
    process = start([*prepare({"web": {"kind": "ai", "run": block, "cost": {"per_task": 1}}}, part("a", "web")), "--yes"])
    wait_for(lambda: scripted.received)
    process.kill()
    process.communicate(timeout=TIMEOUT)
    assert invoke("run", "--resume", "last").out == "again\n"
    assert len({each.headers["idempotency-key"] for each in scripted.received}) == 1


def test_a_run_under_way_is_not_gone_on_with(prepare: Prepare, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    slow = program("import sys, time; open(sys.argv[1], 'w'); time.sleep(60)", str(mark))
    process = start(prepare({"slow": slow}, part("a", "slow")))
    wait_for(mark.exists)
    result = invoke("run", "--resume", "last")
    assert result.code == 2
    assert "is under way in another process" in result.err
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130


def test_a_request_is_decided_and_done(kept: Path, small: Path, llama: Llama) -> None:
    """From a sentence to an answer of a real model."""
    text = small.read_text().replace("version: 1\n", "version: 1\nsettings: {run: {kind: openai, max_tokens: 8}}\n")
    small.write_text(text)
    model = ["--base-url", llama.base_url, "--model", llama.model, "--decider", "head", "--min-probability", "0"]
    result = invoke("run", "--agents", str(small), *model, "--format", "json", "Refund the shoes I sent back")
    assert result.code == 0, result.err
    (only,) = result.json["parts"]
    assert (only["agent"], only["state"]) == ("refunds", "done")
    assert only["answer"]
    assert result.json["tokens"]["output"] <= 8
    (entry,) = invoke("journal", "export").rows
    assert entry["outcome"]["success"] is True
    assert os.listdir(kept / "runs") == [result.json["id"]]
