"""`delegate route` with a model: against a real llama.cpp server, and against one that answers from a script."""

import hashlib
import json
import math
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
import shell
from llm import KEY, Llama, Received, Reply, Scripted, completion, failure, forward
from shell import SMALL, Result

from delegate_cli.render.schema import decision_schema

UNSURE = "Look at this text before it goes out"
SURE = "Please refund the second pair of shoes"
Run = Callable[..., Result]


def to(server: Scripted, *more: str, decider: str = "chat") -> list[str]:
    """Options that ask this server."""
    return ["--agents", SMALL, "--decider", decider, "--base-url", server.base_url, "--model", server.model, *more]


# against a real server


def test_a_real_model_decides_and_gets_the_bytes_of_the_dry_run(
    llama: Llama, scripted: Scripted, invoke: Run, terminal: Run
) -> None:
    scripted.reply = forward(llama.base_url)
    few = ["--model-shortlist", "2", "--model", llama.model]
    dry = invoke("route", *to(scripted, *few, "--dry-run"), UNSURE)
    assert dry.code == 0, dry.err
    assert not scripted.received
    done = invoke("route", *to(scripted, *few, "--format", "json"), UNSURE)
    assert done.code in (0, 1), done.err
    assert sorted(row["body"].encode() for row in dry.rows) == sorted(scripted.bodies)
    assert {row["url"] for row in dry.rows} == {f"{scripted.base_url}/chat/completions"}
    record = done.json
    jsonschema.validate(record, decision_schema())
    decider = record["decider"]
    assert (decider["kind"], decider["orders"], decider["cost_usd"]) == ("chat", 2, None)
    assert 0 < decider["missing_mass"] < 1
    assert decider["tokens"]["input"] > 200
    whole = invoke("route", *to(scripted, *few, "--format", "json", "--all"), UNSURE).json
    shares = [each["probability"] for each in whole["candidates"]]
    assert math.fsum([*shares, whole["none"]]) == pytest.approx(1, abs=1e-8)
    assert len(scripted.received) == 2  # the second time from the cache
    table = " ".join(terminal("route", *to(scripted, *few, "--no-color"), UNSURE).out.split())
    assert f"decided with {llama.model} (chat): 2 orders, the first choice changed in" in table
    assert "on no label, not calibrated" in table


# what is printed where


def test_stdout_stays_data_and_plain_is_as_without_a_model(scripted: Scripted, invoke: Run) -> None:
    done = invoke("route", *to(scripted, "--format", "plain", "--show-prompt", "-v"), UNSURE)
    assert len(done.out.split("\t")) == 6
    assert done.out.count("\n") == 1
    assert "── request 1 of 2: chat/completions" in done.err
    assert UNSURE in done.err
    assert "model: 4 calls, 0 cached, 400 tokens in, 4 out, 0 fallbacks\n" in done.err


def test_prices_make_dollars_and_nothing_else_does(scripted: Scripted, invoke: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert invoke("route", *to(scripted, "--dry-run"), UNSURE).rows[0]["estimate"]["cost_usd"] is None
    monkeypatch.setenv("DELEGATE_LLM_PRICES", "1000/2000")
    estimate = invoke("route", *to(scripted, "--dry-run"), UNSURE).rows[0]["estimate"]
    assert estimate["cost_usd"] == pytest.approx(estimate["input_tokens"] / 1000 + 0.002)
    done = invoke("route", *to(scripted, "--format", "json", "-v"), UNSURE)
    assert done.json["decider"]["cost_usd"] == pytest.approx(2 * (0.1 + 0.002))
    assert "0.4080 USD" in done.err  # with the two calls of the probe


def test_auto_asks_in_the_grey_zone_only(scripted: Scripted, invoke: Run) -> None:
    done = invoke("route", *to(scripted, "--format", "jsonl", decider="auto"), SURE, UNSURE)
    assert [row["decider"]["kind"] for row in done.rows] == ["head", "chat"]
    dry = invoke("route", *to(scripted, "--dry-run", decider="auto"), SURE)
    assert (dry.out, dry.err) == (
        "",
        "1 tasks are not sent: the head decides them alone (--always-ask-model asks nevertheless)\n",
    )
    always = invoke("route", *to(scripted, "--format", "json", "--always-ask-model", decider="auto"), SURE)
    assert always.json["decider"]["kind"] == "chat"


def test_the_classic_prompt(scripted: Scripted, invoke: Run) -> None:
    scripted.reply = lambda request: Reply(completion("I think so.\nASSIGNED: Übersetzung Deutsch"))
    done = invoke("route", *to(scripted, "--ask", "assigned", "--format", "json"), UNSURE)
    assert done.json["decider"]["kind"] == "assigned", done.out
    refused = invoke("route", *to(scripted, "--ask", "assigned", decider="systemone"), UNSURE)
    assert refused.code == 2
    assert "do not go together" in refused.err


def test_private_values_leave_as_placeholders(scripted: Scripted, invoke: Run) -> None:
    task = f"{UNSURE}, then mail it to anna.berger@example.org"
    dry = invoke("route", *to(scripted, "--redact", "--dry-run"), task)
    done = invoke("route", *to(scripted, "--redact", "--format", "json"), task)
    assert done.json["task"] == task
    assert sorted(row["body"].encode() for row in dry.rows) == sorted(scripted.bodies)
    for body in scripted.bodies:
        assert b"anna.berger" not in body
        assert b"EMAIL_1" in body


def test_a_rubric_by_the_model_stands_beside_the_computed_one(scripted: Scripted, invoke: Run, terminal: Run) -> None:
    low = Reply(completion(json.dumps({"reason": "It does \x1b[31mother work.", "level": 1})))
    scripted.reply = lambda request: low if b'"rubric"' in request.body else Reply(completion("A"))
    before = invoke("route", *to(scripted, "--format", "json", decider="auto"), SURE).json
    done = invoke("route", *to(scripted, "--format", "json", "--rubric", decider="auto"), SURE)
    record = done.json
    jsonschema.validate(record, decision_schema())
    assert (before["status"], record["status"]) == ("decided", "ask")
    assert [each["model_rubric"]["level"] for each in record["candidates"]] == [1, 1, 1]
    assert record["decider"]["tokens"]["input"] == 300
    table = terminal("route", *to(scripted, "--rubric", "--no-color", decider="auto"), SURE).out
    assert "Refunds: the model says 1 of 5 (computed 5)" in table
    assert "\x1b[31m" not in table


# failures


@pytest.mark.parametrize(("reply", "code", "exit_code"), [(failure(401), "credentials", 3), (failure(404), "endpoint", 4)])
def test_a_failure_is_a_line_and_strict_makes_it_an_error(
    scripted: Scripted, invoke: Run, monkeypatch: pytest.MonkeyPatch, reply: Reply, code: str, exit_code: int
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    scripted.reply = lambda request: reply
    done = invoke("route", *to(scripted, "--format", "jsonl"), UNSURE, SURE)
    assert done.code == 0
    assert [row["fallback"]["code"] for row in done.rows] == [code, code]
    assert {row["decider"]["kind"] for row in done.rows} == {"head"}
    assert done.err.count("; the head decides\n") == 1
    assert f"2 fallbacks ({code} 2)" in done.err
    strict = invoke("route", *to(scripted, "--strict"), UNSURE)
    assert (strict.code, strict.out) == (exit_code, "")
    assert KEY not in done.out + done.err + strict.err


def test_what_is_not_set_is_said(invoke: Run) -> None:
    done = invoke("route", "--agents", SMALL, "--decider", "chat", UNSURE)
    assert done.code == 2
    assert "the decider chat needs a model, and none is set" in done.err
    assert invoke("route", "--agents", SMALL, "--dry-run", UNSURE).code == 2


def test_an_interrupt_ends_a_batch_that_waits_for_the_model(scripted: Scripted, kept: Path) -> None:
    scripted.reply = lambda request: Reply(completion("A"), delay=60)
    command = [*shell.COMMAND, "route", *to(scripted, "--format", "jsonl"), SURE, UNSURE, "a", "b"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell ignores it for what runs in the background
    )
    with process:
        give_up = time.monotonic() + shell.TIMEOUT
        while not scripted.received and time.monotonic() < give_up:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == b""
    assert b"Traceback" not in err


# a batch


FAULTS: dict[str, Reply] = {
    "429": failure(429, retry_after="0"),
    "500": failure(500),
    "503": failure(503, retry_after="0"),
    "cut before": Reply(cut="before"),
    "cut within": Reply(completion("A"), cut="within"),
    "broken JSON": Reply('{"choices": [{"mess'),
    "no choices": Reply(completion("A") | {"choices": []}),
    "wrong label": Reply(completion("Z", {"Z": 1.0})),
    "content filter": Reply(completion(None, finish="content_filter")),
    "not found": failure(404),
    "too slow": Reply(completion("A"), delay=3.0),
}
PATIENCE = "2"  # seconds for one answer


def text_of(number: int) -> str:
    return f"{UNSURE}, please: version {number} of the leaflet"


class Flaky:
    """Answers like a model that costs 101 tokens a call, and fails in each way for 5 % of the requests, once for each."""

    def __init__(self) -> None:
        self.paid: Counter[bytes] = Counter()
        self.failed: set[bytes] = set()
        self.met: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0

    def __call__(self, request: Received) -> Reply:
        place = int(hashlib.sha256(request.body).hexdigest(), 16) % 20
        if place < len(FAULTS) and request.body not in self.failed:
            self.failed.add(request.body)
            name = list(FAULTS)[place]
            self.met[name] += 1
            return FAULTS[name]
        self.paid[request.body] += 1
        return Reply(completion("A", {"A": 0.8, "B": 0.2}))


def test_500_lines_with_every_fault_among_them(scripted: Scripted, delegate: Run) -> None:
    scripted.reply = flaky = Flaky()
    lines = "".join(json.dumps({"task": text_of(number), "id": number}) + "\n" for number in range(500))
    limits = ["--concurrency", "8", "--timeout", PATIENCE]
    done = delegate("route", *to(scripted, "--orders", "1", *limits, "--format", "jsonl"), "-", stdin=lines)
    assert done.code == 0, done.err
    assert set(flaky.met) == set(FAULTS)
    assert min(flaky.met.values()) >= 10
    assert [row["ref"] for row in done.rows] == list(range(500))
    kinds = Counter(row["decider"]["kind"] for row in done.rows)
    assert kinds["chat"] > 400
    assert len(flaky.failed) > 100
    assert set(kinds) <= {"chat", "chat-json", "chat-samples", "chat-stated", "head"}
    assert {row["fallback"]["code"] for row in done.rows if row["decider"]["kind"] == "head"} <= {"endpoint"}
    assert all(math.isfinite(row["probability"]) for row in done.rows)
    assert max(flaky.paid.values()) == 1
    assert done.err.count("\n") <= 4, done.err


@pytest.mark.parametrize("limit", ["calls", "usd"])
def test_a_budget_is_held_and_the_head_answers_the_rest(
    scripted: Scripted, delegate: Run, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    scripted.reply = flaky = Flaky()
    price = 101 / 1e6  # of one call
    monkeypatch.setenv("DELEGATE_LLM_PRICES", "1/1")
    most = ["--max-calls", "42"] if limit == "calls" else ["--budget-usd", str(40 * price)]
    lines = "".join(text_of(number) + "\n" for number in range(100))
    limits = ["--concurrency", "8", "--timeout", PATIENCE, *most]
    done = delegate("route", *to(scripted, "--orders", "1", *limits, "--format", "jsonl"), "-", stdin=lines)
    assert done.code == 0, done.err
    assert len(done.rows) == 100
    assert sum(row.get("fallback", {}).get("code") == "budget" for row in done.rows) > 30
    sent = len(scripted.received) + len(scripted.probes)
    assert sent <= (42 if limit == "calls" else 48 + len(flaky.failed))
    assert sum(flaky.paid.values()) * price <= (40 + 8) * price
    assert done.err.count("the head decides the rest") == 1
