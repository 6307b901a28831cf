"""How much a model's answers count, fitted: on labelled tasks, on left-out sample requests, and what is kept of it."""

import hashlib
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import llm
import numpy as np
import pytest
import shell
from asking import Thinker, offered
from llm import Received, Reply, Scripted, completion
from shell import SMALL, Result

from delegate_cli import Delegator, load_roster
from delegate_cli.calibrating import fusing
from delegate_cli.calibrating.fusing import Consulted
from delegate_cli.confidence.metrics import chance_calibration_error, expected_calibration_error
from delegate_cli.deciders.chat import chat
from delegate_cli.deciders.head import Views
from delegate_cli.deciders.question import Answer, Question
from delegate_cli.decision import Decision
from delegate_cli.endpoints import Request
from delegate_cli.index.calibration import Label
from delegate_cli.loaded import Ranking
from delegate_cli.opinion import Advice
from delegate_cli.pipeline import Ask
from delegate_cli.policy import ANYBODY_THERE
from delegate_cli.settings import Settings

EXAMPLE = shell.DATA.parent.parent / "agents.yaml"
NOBODY = "none of these agents"
FACTS = {"date": "2026-11-22", "source_sha256": None, "none_share": None}
SURE, BIAS = 3.0, 3.5  # nats for the agent that it means, and for whichever stands first
Run = Callable[..., Result]


def gold() -> dict[str, list[str]]:
    """Labelled tasks of the example roster."""
    rows = [json.loads(line) for line in (shell.DATA / "tasks.jsonl").read_text().splitlines()]
    return {
        row["task"]: [] if row["agent"] is None else row["agent"] if isinstance(row["agent"], list) else [row["agent"]]
        for row in rows
    }


def strong(labels: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> Callable[[Request], Mapping[str, Any]]:
    """A model that means the right agent for nine tasks of ten, else a wrong one; and likes what stands first even more."""

    def think(request: Request) -> Mapping[str, Any]:
        shown, text = offered(request), json.dumps(request.body)
        task = next(task for task in labels if json.dumps(task)[1:-1] in text)
        right = [names[agent] for agent in labels[task]] or [NOBODY]
        meant = next((name for name in right if name in shown.values()), NOBODY)
        if random.Random(task).random() > 0.9:
            wrong = [name for name in shown.values() if name not in (*right, NOBODY)]
            meant = min(wrong, key=lambda name: hashlib.sha256((task + name).encode()).hexdigest())
        mass = {
            label: math.exp(SURE * (name == meant) + BIAS * (place == 0)) for place, (label, name) in enumerate(shown.items())
        }
        total = sum(mass.values())
        return llm.completion(None, {label: value / total for label, value in mass.items()})

    return think


class Listening:
    """A model decider whose answers are kept."""

    kind = "chat"

    def __init__(self, think: Callable[[Request], Mapping[str, Any]]) -> None:
        self.inner = chat(Thinker(think))
        self.heard: dict[str, tuple[Question, Answer]] = {}

    async def answer(self, question: Question) -> Answer:
        answer = await self.inner.answer(question)
        self.heard[question.task] = question, answer
        return answer

    def requests(self, question: Question) -> Sequence[Request]:
        return self.inner.requests(question)


@pytest.fixture(scope="module")
def labels() -> dict[str, list[str]]:
    return gold()


@pytest.fixture
def model(labels: dict[str, list[str]], kept: Path) -> Listening:
    return Listening(strong(labels, {agent.id: agent.name for agent in load_roster(EXAMPLE)}))


def right(decisions: Sequence[Decision], labels: Mapping[str, Sequence[str]]) -> np.ndarray:
    return np.array([each.candidates[0].agent in labels[each.task] for each in decisions])


def test_a_strong_model_with_a_bias_for_places_lifts_the_head_and_is_lifted(
    labels: dict[str, list[str]], model: Listening
) -> None:
    tasks = list(labels)
    random.Random(5).shuffle(tasks)
    learnt, unseen = tasks[:170], [task for task in tasks[170:] if labels[task]]
    head = Delegator(load_roster(EXAMPLE), Settings(decider="head"))
    with Delegator(load_roster(EXAMPLE), Settings(decider="chat"), model=model) as delegator:
        found = delegator.calibrate_model([Label(task, tuple(labels[task])) for task in learnt], FACTS)
        joined = [delegator.decide(task, Ask(top=1, constraints=ANYBODY_THERE)) for task in unseen]
    alone = [head.decide(task, Ask(top=1, constraints=ANYBODY_THERE)) for task in unseen]
    asked = [model.heard[task] for task in unseen]

    def first(shares: Any, question: Question) -> str:
        names = [*(card.agent for card in question.cards), NOBODY]
        return names[int(np.argmax(shares))]

    raw = np.mean([first(answer.raw, question) in labels[question.task] for question, answer in asked])
    averaged = np.mean([first(answer.probability, question) in labels[question.task] for question, answer in asked])
    top1 = right(joined, labels).mean()
    assert np.mean([answer.flips for _, answer in asked]) > 0.5
    assert top1 > max(right(alone, labels).mean(), averaged, raw) + 0.02
    assert found.after["log_loss"] < min(found.before["log_loss"], found.head["log_loss"])  # type: ignore[operator]
    assert found.fit.weights.model > 0.5
    stated = np.array([each.candidates[0].probability for each in joined])
    beyond = expected_calibration_error(stated, right(joined, labels)) - chance_calibration_error(stated)
    assert beyond < 0.05  # so few tasks show 4 to 5 % by chance
    assert all(each.decider.calibrated for each in joined)


def situations(count: int, accuracy: float, seed: int) -> list[Consulted]:
    """A head that is right as often as it says among six agents, and a model that is right so often."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        share = chance.dirichlet(np.full(6, 0.15))
        gold = int(chance.choice(6, p=share))
        places = np.lexsort((np.arange(6), -share))
        meant = gold if chance.random() < accuracy else int(chance.choice([place for place in range(6) if place != gold]))
        said = np.full(7, 0.02)
        said[int(np.flatnonzero(places == meant)[0])] += 0.86
        views = Views(np.arange(6), np.zeros((6, 3)), np.zeros(6), 0.0)
        ranking = Ranking(places, share[places] * 0.97, share[places], 0.03, views)
        found.append(Consulted(ranking, Advice(places, Answer(said, "chat", "m", 2, 0.0, 0.0)), np.array([gold])))
    return found


@pytest.mark.parametrize("accuracy", [0.9, 0.5, 1 / 6])
def test_after_calibration_probabilities_are_true_whatever_the_model(accuracy: float) -> None:
    found = fusing.calibrate(situations(300, accuracy, 1), 6, 0.8, 0.05)
    fresh = situations(2000, accuracy, 2)
    judged = fusing.judge(fresh, [found.fit.weights] * len(fresh))
    alone = fusing.judge(fresh, [fusing.ALONE] * len(fresh))
    assert expected_calibration_error(judged.top, judged.right) < 0.05
    assert judged.right.mean() > alone.right.mean() - 0.01
    assert judged.surprise.mean() < alone.surprise.mean() + 0.005
    if accuracy == 0.9:
        assert judged.right.mean() > max(alone.right.mean(), accuracy) + 0.02


def test_a_guessing_model_does_no_harm_by_default() -> None:
    tasks = situations(4000, 1 / 6, 3)
    joined = fusing.judge(tasks, [fusing.fusion.DEFAULT] * len(tasks))
    alone = fusing.judge(tasks, [fusing.ALONE] * len(tasks))
    assert joined.right.mean() > alone.right.mean() - 0.04  # sure of itself in every answer and never inconsistent: the worst


# the command


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def asked(scripted: Scripted) -> list[str]:
    """A server that always means the agent whose name comes last in the alphabet, but sees through the words below."""

    def reply(request: Received) -> Reply:
        text = request.json["messages"][-1]["content"].split("<")[1]
        shown = offered(Request("chat/completions", request.json))
        right = next((name for word, name in WORDS.items() if word in text), "")
        label = next((label for label, name in shown.items() if name == right), max(shown))
        rest = 0.2 / (len(shown) - 1)
        return Reply(completion(None, {each: 0.8 if each == label else rest for each in shown}))

    scripted.reply = reply
    return ["--agents", SMALL, "--decider", "chat", "--base-url", scripted.base_url, "--model", scripted.model]


WORDS = {"shoes": "Refunds", "salary": "Payroll Team", "hotel": "Travel Desk", "app": "Bug Triage"}
AGENTS = {"shoes": "refunds", "salary": "payroll", "hotel": "travel-desk", "app": "bug-triage"}
ROWS = [
    {"task": f"{start} the {word} {end}", "agent": AGENTS[word]}
    for word in WORDS
    for start in ("What about", "Something with", "A word on", "Please look at")
    for end in ("", "again", "today")
]


def test_the_command_keeps_a_fit_that_route_uses_and_reset_forgets(
    asked: list[str], invoke: Run, tmp_path: Path, scripted: Scripted
) -> None:
    path = write(tmp_path / "labelled.jsonl", ROWS)
    dry = invoke("calibrate", path, *asked, "--format", "json", "--dry-run")
    assert (dry.code, dry.json["stored"]) == (0, False), dry.err
    assert "model: 98 calls" in dry.err
    done = invoke("calibrate", path, *asked, "--format", "json")
    assert done.json["stored"], done.out
    assert "model: 0 calls, 96 cached" in done.err
    assert set(done.json) >= {"head", "before", "after", "weights", "parts"}
    assert done.json["after"]["log_loss"] < done.json["before"]["log_loss"]
    task = "Something about the salary"
    assert invoke("route", *asked, "--format", "json", task).json["decider"]["calibrated"]
    other = invoke("route", *asked, "--model-shortlist", "3", "--format", "json", task).json
    assert not other["decider"]["calibrated"]
    status = invoke("index", "status", "--agents", SMALL)
    assert f"chat by {scripted.model} at {scripted.base_url}, 6 shown: fitted on 48 tasks" in status.out
    noted = invoke("eval", path, *asked, "--format", "json")
    assert "fitted on these very tasks" in noted.err
    assert "calibration removed" in invoke("calibrate", "--reset", "--agents", SMALL).out
    assert not invoke("route", *asked, "--format", "json", task).json["decider"]["calibrated"]


def test_a_fit_for_another_index_is_not_used_and_said(asked: list[str], invoke: Run, small: Path, tmp_path: Path) -> None:
    asked = [str(small) if each == SMALL else each for each in asked]
    path = write(tmp_path / "labelled.jsonl", ROWS)
    assert invoke("calibrate", path, *asked, "--format", "json").json["stored"]
    small.write_text(small.read_text().replace("Books trains", "Books coaches"))
    done = invoke("route", *asked, "--format", "json", "Something about the salary")
    assert not done.json["decider"]["calibrated"]
    assert "calibration of the model left out: it was made for another index or calibration" in done.err
    assert "not used" in invoke("index", "status", "--agents", str(small)).out


def test_left_out_requests_need_no_labels_and_show_no_card_its_own_task(
    asked: list[str], invoke: Run, scripted: Scripted
) -> None:
    done = invoke("calibrate", "--left-out", "20", *asked, "--orders", "1", "--format", "json")
    assert done.code == 0, done.err
    assert (done.json["tasks"], done.json["nobody"]) == (24, 4)
    for request in scripted.received:
        content = request.json["messages"][-1]["content"]
        task = content.split("\n")[1].strip() if "\n" in content else content
        assert content.count(task) == 1, task


@pytest.mark.parametrize(
    "arguments",
    [
        ("--left-out", "20"),
        ("x.jsonl", "--decider", "head"),
        ("x.jsonl", "--left-out", "20", "--decider", "chat"),
        ("--reset", "x"),
    ],
)
def test_what_does_not_go_together(invoke: Run, arguments: tuple[str, ...]) -> None:
    assert invoke("calibrate", *arguments, "--agents", SMALL).code == 2


def test_eval_asks_the_model_and_counts_what_it_costs(
    asked: list[str], invoke: Run, tmp_path: Path, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELEGATE_LLM_PRICES", "1/1")
    path = write(tmp_path / "labelled.jsonl", ROWS[::8])
    done = invoke("eval", path, *asked, "--orders", "1", "--ladder", "--format", "json")
    assert done.code == 0, done.err
    steps = {step["step"]: step for step in done.json["ladder"]["steps"]}
    assert steps["with sample requests"]["tokens"]["input"] == 6 * 100
    assert steps["shuffled"]["tokens"] == {
        "input": 0,
        "output": 0,
    }  # the order of the file changes no prompt: all from the cache
    both = invoke("eval", path, *asked, "--orders", "1", "--compare", "head", "chat", "--format", "json")
    assert both.code == 0, both.err
