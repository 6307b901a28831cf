"""`delegate run --judge`, `delegate process` and what is exported, as commands: with a scripted model, and with a real one."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llm import Llama, Received, Reply, Scripted, completion
from running import check_files, part, plan, program, write_roster
from shell import COMMAND, TIMEOUT, Result, environment, invoke
from test_run_faults import alive

from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster
from delegate_cli.running import aggregating, judge

CARDS = {
    "refunds": {"kind": "ai", "name": "Refunds", "description": "Gives customers their money back for returned shoes."},
    "notes": {"kind": "ai", "name": "Notes", "description": "Writes release notes about new versions of the software."},
}
REQUEST = "Refund the shoes I sent back, then write the release notes of version 3"
PARTS = (part("a", "refunds"), part("b", "notes"))
Prepare = Callable[..., list[str]]


def model(
    good: tuple[int, int] = (80, 60), verdict: str | None = None, answer: str | None = None
) -> Callable[[Received], Reply]:
    """A model that puts together and judges: `good` are its points for the answer of several and that of one."""

    def reply(request: Received) -> Reply:
        system, user = (each["content"] for each in request.json["messages"])
        if "put one answer" in system:
            found = answer or json.dumps({"passages": [{"from": ["a", "b"], "text": "Both are DONE-TOGETHER."}]})
            return Reply(completion(found, tokens=(100, 20)))
        if "compare two answers" not in system:
            return Reply(completion("A"))  # who does the request alone
        first, second = good if user.index("DONE-TOGETHER") < user.index("ALONE") else good[::-1]
        sides = {"first": first, "second": second}
        names = ("helpfulness", "correctness", "completeness", "clarity")
        record = {side: {name: {"reason": "so", "score": points} for name in names} for side, points in sides.items()}
        return Reply(completion(verdict or json.dumps(record), tokens=(200, 50)))

    return reply


@pytest.fixture(scope="module")
def index(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of the cards, which is the same whatever they run."""
    roster = load_roster(write_roster(tmp_path_factory.mktemp("cards"), CARDS))
    Delegator(roster, folder=compiled).ready()
    (found,) = (compiled / "indexes").glob(f"{roster.folder_name}*")
    return found


@pytest.fixture
def prepare(tmp_path: Path, scripted: Scripted, kept: Path, index: Path) -> Prepare:
    """A roster of two programs that say what they do, and a plan for both; the arguments of `run`."""
    scripted.reply = model()

    def make(*parts: Any, base_url: str | None = None, run: Any = None, **settings: Any) -> list[str]:
        says = run or program("import sys; print('ALONE', sys.stdin.read()[:40])")
        cards = {name: card | {"run": says} for name, card in CARDS.items()}
        llm = {"base_url": base_url or scripted.base_url, "model": scripted.model}
        llm["prices"], llm["retries"] = {"input_per_1m": 100, "output_per_1m": 1000}, 0
        roster = write_roster(tmp_path, cards, llm=llm, **settings)
        copy = kept / "indexes" / load_roster(roster).folder_name
        if not copy.exists():
            shutil.copytree(index, copy)
        (tmp_path / "plan.json").write_text(json.dumps(plan(*(parts or PARTS), request=REQUEST)))
        return ["run", "--agents", str(roster), "--decider", "auto", str(tmp_path / "plan.json")]

    return make


def asked(server: Scripted) -> list[Any]:
    """What the model was asked beside who does the request."""
    bodies = [each.json for each in server.received]
    return [body for body in bodies if "assign tasks" not in body["messages"][0]["content"]]


def folder(tmp_path: Path) -> Path:
    return max((tmp_path / "kept" / "runs").iterdir())


def judgement(tmp_path: Path) -> Any:
    return json.loads((folder(tmp_path) / "judgement.json").read_text())


def test_one_answer_and_a_judgement(prepare: Prepare, tmp_path: Path, scripted: Scripted) -> None:
    result = invoke(*prepare(), "--judge", "--yes")
    assert result.code == 0
    assert result.out.startswith(
        "Both are DONE-TOGETHER.\n\n*from 1, 2*\n\n## Who did what\n\n1. the task of a — Refunds (refunds)\n"
    )
    assert "several agents 80.0" in result.err
    assert "(difference +20.0)" in result.err
    found = judgement(tmp_path)
    assert (found["state"], found["difference"], found["winner"], found["reward"]) == ("judged", 20.0, "multi", 2.0)
    assert found["multi"]["cost_usd"] == pytest.approx(100 * 1e-4 + 20 * 1e-3)
    assert found["multi"]["length"]["words"] == 3
    assert found["judge"]["cost_usd"] == pytest.approx(2 * (200 * 1e-4 + 50 * 1e-3))
    assert [each["first"] for each in found["orders"]] == ["multi", "single"]
    assert len(asked(scripted)) == 3
    for path in (folder(tmp_path), folder(tmp_path) / "single"):
        check_files(path) if path.name == "single" else check_outer(path)
    texts = [
        each.json["messages"][1]["content"]
        for each in scripted.received
        if "compare two" in each.json["messages"][0]["content"]
    ]
    assert [text.index("DONE-TOGETHER") < text.index("ALONE") for text in texts].count(True) == 1
    assert not any("Refunds (refunds)" in text or "Who did what" in text for text in texts)


def check_outer(path: Path) -> None:
    for each in path.iterdir():
        if each.suffix == ".json":
            json.loads(each.read_text())
        elif each.suffix == ".jsonl":
            assert all(json.loads(line) for line in each.read_text().splitlines())


def test_nothing_is_asked_or_done_twice(prepare: Prepare, tmp_path: Path, scripted: Scripted) -> None:
    arguments = prepare()
    invoke(*arguments, "--no-cache")
    assert len(asked(scripted)) == 1
    options = [*arguments[1:3], "--no-cache"]
    assert "judgement by scripted-1" in invoke("run", "--resume", "last", "--judge", *options).err
    assert len(asked(scripted)) == 3
    before, calls = judgement(tmp_path), (folder(tmp_path) / "single" / "calls.jsonl").read_text()
    again = invoke("run", "--resume", "last", *options)
    assert "judgement by scripted-1" in again.err
    assert (len(asked(scripted)), judgement(tmp_path)) == (3, before)
    assert (folder(tmp_path) / "single" / "calls.jsonl").read_text() == calls
    scores = [row["outcome"].get("score") for row in invoke("journal", "export").rows]
    assert sorted(score for score in scores if score is not None) == [0.6]  # the plan's parts were not decided here


@pytest.mark.parametrize(
    ("replies", "state", "reward", "said"),
    [
        (model(verdict="Both are fine."), "unreadable", -10, "not one JSON object"),
        (model(answer="Both."), "judged", 0, "the parts are joined under headings"),
        (model(good=(60, 60)), "judged", 0.1, "difference +0.0"),
        (model(good=(30, 60)), "judged", -3, "difference -30.0"),
    ],
)
def test_what_models_may_get_wrong(
    prepare: Prepare, tmp_path: Path, scripted: Scripted, replies: Any, state: str, reward: float, said: str
) -> None:
    says = program("import sys; print('ALONE' if 'Refund' in sys.stdin.read() else 'DONE-TOGETHER')")
    scripted.reply = replies
    result = invoke(*prepare(run=says), "--judge")
    assert (result.code, judgement(tmp_path)["state"], judgement(tmp_path)["reward"]) == (0, state, reward)
    assert said in result.err


def test_an_endpoint_that_is_gone_stops_no_run_and_is_asked_again(prepare: Prepare, tmp_path: Path, scripted: Scripted) -> None:
    arguments = prepare(base_url="http://127.0.0.1:9/v1")
    result = invoke(*arguments, "--judge", "--max-calls", "9")
    assert result.code == 0
    assert "## 1. the task of a — Refunds (refunds)" in result.out
    assert judgement(tmp_path)["state"] == "failed"
    assert "reward" not in judgement(tmp_path)
    assert invoke("run", "--resume", "last", *arguments[1:3], "--base-url", scripted.base_url).code == 0
    assert judgement(tmp_path)["state"] == "judged"


def test_caps_hold_for_models_and_the_agent_alone(prepare: Prepare, tmp_path: Path, scripted: Scripted) -> None:
    result = invoke(*prepare(), "--judge", "--max-calls", "2")
    assert (result.code, asked(scripted)) == (0, [])
    assert "the run may make no more calls" in result.err
    assert judgement(tmp_path)["reason"] == "the agent alone has no answer yet"
    result = invoke(*prepare(), "--judge", "--budget-usd", "0.001")
    assert (result.code, asked(scripted)) == (0, [])


def test_without_a_model_nothing_is_judged_and_parts_stay_as_they_are(prepare: Prepare, scripted: Scripted) -> None:
    arguments = prepare()
    assert "## 1. the task of a" in invoke(*arguments, "--decider", "head").out
    assert [each["subtask"] for each in invoke(*arguments, "--no-aggregate").json] == ["a", "b"]
    assert scripted.received == []
    roster = json.loads(Path(arguments[2]).read_text())
    del roster["settings"]["llm"]
    Path(arguments[2]).write_text(json.dumps(roster))
    result = invoke(*arguments, "--judge")
    assert (result.code, result.out) == (2, "")
    assert "no model to ask" in result.err


def test_partial_results_are_used_and_said(prepare: Prepare, scripted: Scripted) -> None:
    bad = {"a": part("a", "refunds"), "b": part("b", "notes"), "c": part("c", "refunds", after=["d"]), "d": part("d", "notes")}
    fails = program("import sys; text = sys.stdin.read(); print('ALONE'); sys.exit('of d' in text)")
    result = invoke(*prepare(*bad.values(), run=fails), "--fallbacks", "0")
    assert result.code == 5
    assert "Both are DONE-TOGETHER." in result.out
    assert re.search(r"^3\. the task of d — not done: failed: ", result.out, re.MULTILINE)
    assert re.search(r"^4\. the task of c — not done: skipped: ", result.out, re.MULTILINE)


def test_one_task_for_the_same_agent_is_not_done_twice(prepare: Prepare, tmp_path: Path, scripted: Scripted) -> None:
    arguments = prepare()[:-1]
    result = invoke(*arguments, "--judge", "--yes", "--no-split", "Refund the shoes I sent back")
    assert result.code == 0
    found = judgement(tmp_path)
    assert (found["state"], found["reward"], asked(scripted)) == ("same", 0.1, [])
    assert not (folder(tmp_path) / "single").exists()


def test_answers_of_agents_that_stay_here_are_not_sent_away(prepare: Prepare, tmp_path: Path) -> None:
    arguments = prepare(base_url="http://198.51.100.7/v1")
    roster = json.loads(Path(arguments[2]).read_text())
    roster["agents"][0]["local_only"] = True
    Path(arguments[2]).write_text(json.dumps(roster))
    result = invoke(*arguments, "--judge", "--yes")
    assert "may not be sent away" in result.err
    assert judgement(tmp_path)["reason"].endswith("may not be sent away")


# export


def test_artifacts_and_groups(prepare: Prepare, tmp_path: Path) -> None:
    arguments = prepare()
    for _ in range(2):
        invoke(*arguments, "--judge")
    found = invoke("runs", "export", "last", "--to", "artifacts").json
    assert set(found) == {
        "prompt",
        "stage1_raw_output",
        "subtasks",
        "final_ma_output",
        "sa_full_raw_output",
        "final_sa_output",
        "judge_response",
        "reward",
    }
    assert (found["prompt"], found["reward"], len(found["judge_response"])) == (REQUEST, 2.0, 2)
    assert found["stage1_raw_output"].startswith("<|subtask|>the task of a<|end_subtask|>")
    assert [each["output"].split()[0] for each in found["subtasks"]] == ["ALONE", "ALONE"]
    assert found["final_sa_output"].startswith("ALONE")
    (group,) = invoke("runs", "export", "--to", "training").rows
    assert (group["request"], group["stage"], group["scores"]) == (REQUEST, "aggregate", [2.0, 2.0])
    for ids, mask, messages in zip(group["tokens"], group["masks"], group["messages"], strict=True):
        assert len(ids) == len(mask)
        assert {own for own, learnt in zip(ids, mask, strict=True) if learnt not in (own, -100)} == set()
        assert 0 < sum(learnt != -100 for learnt in mask) < len(mask) / 2
        assert [each["role"] for each in messages] == ["system", "user", "assistant"]
    record = invoke("runs", "export", "last").json
    assert record["judgement"]["reward"] == 2.0
    assert record["single"]["answers"][0]["state"] == "done"
    assert "judgement" in invoke("runs", "show", "last").out
    assert invoke("runs", "export", "--tokenizer", "x").code == 2


# many


def batch(prepare: Prepare, tmp_path: Path, lines: list[Any], **more: Any) -> list[str]:
    arguments = prepare(**more)
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return ["process", str(prompts), *arguments[1:3], "--decider", "head", "--yes"]


def test_many_prompts_and_what_they_come_to(prepare: Prepare, tmp_path: Path) -> None:
    lines = [{"task": "Refund the shoes I sent back", "id": 7}, {"task": "Write the release notes of version 3"}]
    arguments = batch(prepare, tmp_path, lines)
    result = invoke(*arguments, "--format", "json")
    assert result.code == 0
    found = result.json
    assert [(row["number"], row["ref"], row["judge"], row["reward"]) for row in found["results"]] == [
        (1, 7, "same", 0.1),
        (2, None, "same", 0.1),
    ]
    assert (found["prompts"]["same"], found["win_rate"]) == (2, None)
    assert invoke("process", "--resume", "last", *arguments[2:4], "--format", "jsonl").rows == found["results"]
    plain = invoke("process", "--resume", "last", *arguments[2:4]).out
    for name in ("win rate", "several agents", "one agent"):
        assert f"{name}\tunknown: nothing to count\n" in plain
    assert plain.startswith("1\tdone\t1\tsame\t+0.0\t0.1\tRefund the shoes I sent back\n")
    assert len(list((tmp_path / "kept" / "runs").iterdir())) == 2


def test_the_budget_of_a_prompt_is_not_used_up_by_deciding_about_others(prepare: Prepare, tmp_path: Path) -> None:
    lines = [f"Refund the shoes of order {number}" for number in range(4)]
    arguments = [word for word in batch(prepare, tmp_path, lines) if word not in ("--decider", "head")]
    result = invoke(*arguments, "--always-ask-model", "--budget-usd", "0.08", "--format", "jsonl")
    assert [row["status"] for row in result.rows] == ["done"] * 4  # 0.022 USD each to decide who does it, by two orders
    runs = sorted((tmp_path / "kept" / "runs").iterdir())
    costs = [json.loads((run / "decisions.jsonl").read_text())["decision"]["decider"]["cost_usd"] for run in runs]
    assert costs == pytest.approx([0.022] * 4)
    again = invoke("run", "--resume", runs[0].name, "--agents", arguments[3], "--budget-usd", "0.01", "--yes")
    assert again.code == 0  # it is done; nothing is called


def test_a_prompt_that_cannot_be_run_does_not_stop_the_others(prepare: Prepare, tmp_path: Path) -> None:
    acting = {"kind": "command", "argv": [sys.executable, "-c", "print('ALONE')"]}
    arguments = batch(prepare, tmp_path, ["Refund the shoes", "Write the release notes"], run=acting)
    result = invoke(*[word for word in arguments if word != "--yes"], "--format", "jsonl")
    assert result.code == 5
    assert [row["error"]["code"] for row in result.rows] == ["usage", "usage"]
    assert invoke("process", "--resume", "last", *arguments[2:4], "--yes").code == 0
    for wrong in (["process"], ["process", "missing.jsonl"], ["process", "--resume", "abcd"]):
        assert invoke(*wrong, *arguments[2:4]).code == 2


TWICE = (  # notes when it begins and ends; hangs where there is a file `hang`, but not for the first request
    "import os, sys, time\nlog = open(sys.argv[1], 'a')\nlog.write(f'+{os.getpid()} '); log.flush()\n"
    "time.sleep(60 if os.path.exists(sys.argv[1] + '.hang') and 'order 0' not in sys.stdin.read() else 0.4)\n"
    "log.write('- '); log.flush(); print('ALONE')"
)


def test_several_prompts_at_the_same_time(prepare: Prepare, tmp_path: Path) -> None:
    log = tmp_path / "log"
    lines = [f"Refund the shoes of order {number}" for number in range(4)]
    arguments = batch(prepare, tmp_path, lines, run=program(TWICE, str(log)))
    result = invoke(*arguments, "--concurrency", "2", "--format", "jsonl")
    assert (result.code, [(row["number"], row["status"], row["judge"]) for row in result.rows]) == (
        0,
        [(number, "done", "same") for number in (1, 2, 3, 4)],
    )
    depth = [sum(1 if each.startswith("+") else -1 for each in log.read_text().split()[:end]) for end in range(9)]
    assert max(depth) == 2
    assert sorted(result.err.splitlines()[1:]) == [
        f"prompt {number} of 4: done, same (difference +0.0)" for number in (1, 2, 3, 4)
    ]


def test_several_prompts_are_interrupted_and_gone_on_with(prepare: Prepare, tmp_path: Path) -> None:
    log, hang = tmp_path / "log", tmp_path / "log.hang"
    hang.touch()
    lines = [f"Refund the shoes of order {number}" for number in range(4)]
    arguments = batch(prepare, tmp_path, lines, run=program(TWICE, str(log)))
    with subprocess.Popen(
        [*COMMAND, *arguments, "--concurrency", "2"],
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        end = time.monotonic() + TIMEOUT
        while not (log.exists() and log.read_text().count("+") == 3) and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130
    assert re.findall("go on with: (.*) --resume", said) == ["delegate process"]
    assert not any(alive(int(each)) for each in log.read_text().replace("-", "").split())
    assert log.read_text().count("-") == 1
    hang.unlink()
    again = invoke("process", "--resume", "last", *arguments[2:4], "--concurrency", "3", "--yes", "--format", "jsonl")
    assert (again.code, [row["judge"] for row in again.rows]) == (0, ["same"] * 4)
    assert (log.read_text().count("+"), log.read_text().count("-")) == (6, 4)  # the first was not done again


def test_a_killed_batch_is_gone_on_with(prepare: Prepare, tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    code = (
        "import sys, time; open(sys.argv[1], 'a').write('x');"
        "time.sleep(60 * (open(sys.argv[1]).read() == 'xx')); print('ALONE')"
    )
    lines = ["Refund the shoes", "Write the release notes of version 3", "Refund the boots"]
    arguments = batch(prepare, tmp_path, lines, run=program(code, str(marks)))
    with subprocess.Popen(
        [*COMMAND, *arguments], env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        end = time.monotonic() + TIMEOUT
        while not (marks.exists() and marks.read_text() == "xx") and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    result = invoke("process", "--resume", "last", *arguments[2:4], "--decider", "head", "--yes", "--format", "jsonl")
    assert (result.code, [row["judge"] for row in result.rows]) == (0, ["same"] * 3)
    assert marks.read_text() == "xxxx"  # the first was not done again, the second was
    assert len(list((tmp_path / "kept" / "runs").iterdir())) == 3


def test_a_real_model_end_to_end(prepare: Prepare, tmp_path: Path, llama: Llama, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregating, "_LEAST_TOKENS", 100)  # it would fill whatever it is given
    monkeypatch.setattr(judge, "_TOKENS", 100)
    arguments = prepare(base_url=llama.base_url)
    roster = json.loads(Path(arguments[2]).read_text())
    roster["settings"] |= {"llm": {"base_url": llama.base_url, "model": llama.model, "timeout_s": 200, "orders": 1}}
    Path(arguments[2]).write_text(json.dumps(roster))
    result: Result = invoke(*arguments, "--judge")
    assert result.code == 0
    rows = [json.loads(line) for line in (folder(tmp_path) / "asked.jsonl").read_text().splitlines()]
    assert [row["stage"] for row in rows] == ["aggregate", "judge-multi-single", "judge-single-multi"]
    assert all(row["raw"] and row["output_tokens"] > 0 for row in rows)
    assert judgement(tmp_path)["state"] in ("judged", "unreadable")
    check_outer(folder(tmp_path))
    (group,) = invoke("runs", "export", "last", "--to", "training").rows
    assert group["scores"] == [judgement(tmp_path)["reward"]]
