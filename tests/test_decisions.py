"""What a decision may depend on and what it may not: order, neighbours, odd rosters, odd tasks."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shell import SMALL, Result, execute, roster_text

import delegate_cli
from delegate_cli.encoders import catalog
from delegate_cli.encoders.onnx import OnnxEncoder
from delegate_cli.index.search import PartIndex
from delegate_cli.pipeline import Ask

Invoke = Callable[..., Result]
TASKS = [
    "Refund the shoes I sent back",
    "The app freezes after I log in",
    "Ein Zugticket nach Hamburg buchen",
    "Who waters the plants while Ann is away?",
    "Write a poem about the sea",
    "x",
]
_VOLATILE = re.compile(r'"id": "[^"]*"|"elapsed_ms": [0-9.e+-]+')


def same(line: str) -> str:
    """A record without what may differ between two runs."""
    return _VOLATILE.sub("", line)


def route(invoke: Invoke, roster: Path | str, *tasks: str, more: tuple[str, ...] = ("--all",)) -> list[Any]:
    stdin = "".join(json.dumps({"task": task}) + "\n" for task in tasks).encode()
    result = invoke("route", "--agents", str(roster), "--format", "jsonl", *more, "-", stdin=stdin)
    assert result.code == 0, result.err
    return result.rows


@pytest.fixture
def team(tmp_path: Path) -> Callable[..., Path]:
    """Write a roster of these agents."""

    def write(*agents: dict[str, Any]) -> Path:
        path = tmp_path / "team.yaml"
        path.write_text(roster_text(agents))
        return path

    return write


# order and neighbours


@settings(max_examples=4, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_file_order_never_matters(
    kept: Path, small: Path, invoke: Invoke, small_agents: list[dict[str, Any]], data: st.DataObject
) -> None:
    answers = []
    for agents in (small_agents, data.draw(st.permutations(small_agents))):
        small.write_text(roster_text(agents))
        shutil.rmtree(kept / "indexes")
        stdin = "\n".join(TASKS).encode()
        result = invoke("route", "--agents", str(small), "-f", "jsonl", "--all", "--explain", "-", stdin=stdin)
        assert result.code == 0, result.err
        answers.append(same(result.out))
    assert answers[0] == answers[1]


def test_a_task_alone_and_in_a_batch(invoke: Invoke) -> None:
    tasks = [f"{task} {place or ''}".strip() for place in range(9) for task in TASKS][:50]
    stdin = "\n".join(tasks).encode()
    together = invoke("route", "--agents", SMALL, "-f", "jsonl", "-", stdin=stdin).out.splitlines()
    assert len(together) == 50
    for place in range(0, 50, 7):
        alone = invoke("route", "--agents", SMALL, "-f", "jsonl", tasks[place]).out.rstrip("\n")
        assert same(alone) == same(together[place])


def test_the_same_in_another_process(invoke: Invoke, delegate: Invoke) -> None:
    arguments = ("route", "--agents", SMALL, "-f", "jsonl", TASKS[0])
    assert same(invoke(*arguments).out) == same(delegate(*arguments).out)


# what the numbers are


@pytest.mark.parametrize("more", [("--all",), ("--all", "--shortlist", "3"), ("--all", "--as", "legal")])
def test_probabilities_sum_to_one(invoke: Invoke, more: tuple[str, ...]) -> None:
    for row in route(invoke, SMALL, *TASKS, more=more):
        shares = [candidate["probability"] for candidate in row["candidates"]]
        assert sum(shares) + row["none"] == pytest.approx(1, abs=1e-5)
        assert shares == sorted(shares, reverse=True)
        assert len(shares) == 8 if "--as" in more else 7
        assert row["probability"] == shares[0]
        assert row["margin"] == pytest.approx(shares[0] - shares[1], abs=2e-6)


def test_the_status_follows_from_the_numbers(invoke: Invoke) -> None:
    for row in route(invoke, SMALL, *TASKS):
        if row["none"] >= 0.5:
            assert (row["status"], row["agent"]) == ("none", None)
        else:
            assert row["status"] == ("decided" if row["probability"] >= row["threshold"] else "ask")
            assert row["agent"] == row["candidates"][0]["agent"]


def test_top_cuts_and_changes_nothing_else(invoke: Invoke) -> None:
    every = route(invoke, SMALL, TASKS[0])[0]
    one = route(invoke, SMALL, TASKS[0], more=("--top", "1"))[0]
    assert one["candidates"] == every["candidates"][:1]
    assert len(route(invoke, SMALL, TASKS[0], more=())[0]["candidates"]) == 3
    assert len(route(invoke, SMALL, TASKS[0], more=("--top", "99"))[0]["candidates"]) == 7


def test_plain_requests_find_their_agent(invoke: Invoke) -> None:
    wanted = {
        "Please pay back the jacket that I returned": "refunds",
        "Overtime is missing on the payslip": "payroll",
        "Book a hotel in Vienna": "travel-desk",
        "The app crashes at login": "bug-triage",
        "Draft the release notes of 4.0": "release-notes",
        "Translate the manual into German": "translate-german",
        "The office plants need water": "garden",
    }
    rows = route(invoke, SMALL, *wanted)
    assert [row["candidates"][0]["agent"] for row in rows] == list(wanted.values())


# odd rosters


def test_identical_agents_stand_in_the_order_of_ids(invoke: Invoke, team: Callable[..., Path]) -> None:
    card = {"name": "Twin", "description": "Answers letters.", "examples": ["Answer this letter", "Write back to Ann"]}
    row = route(invoke, team({"id": "b", **card}, {"id": "a", **card}), "Answer the letter from Ann")[0]
    assert [candidate["agent"] for candidate in row["candidates"]] == ["a", "b"]
    assert row["candidates"][0]["probability"] == row["candidates"][1]["probability"]
    assert row["margin"] == 0
    assert row["status"] != "decided"


@pytest.mark.parametrize(
    "card",
    [
        {"name": "Solo"},
        {"name": "Solo", "description": "Answers letters."},
        {"name": "Solo", "examples": ["Answer this letter"]},
        {"name": "Solo", "description": "", "examples": []},
        {"id": "契約"},
        {"name": "?!", "id": "x"},
        {"name": "N" * 5000, "id": "long"},
    ],
)
def test_a_roster_of_one(invoke: Invoke, team: Callable[..., Path], card: dict[str, Any]) -> None:
    row = route(invoke, team(card), "Answer the letter from Ann")[0]
    assert len(row["candidates"]) == 1
    assert row["probability"] + row["none"] == pytest.approx(1, abs=1e-5)


def test_cards_without_requests(invoke: Invoke, team: Callable[..., Path], small_agents: list[dict[str, Any]]) -> None:
    cards = [{key: agent[key] for key in ("id", "name", "description") if key in agent} for agent in small_agents]
    rows = route(invoke, team(*cards), "Book a hotel in Vienna", "Someone has to water the plants")
    assert [row["candidates"][0]["agent"] for row in rows] == ["travel-desk", "garden"]


def test_an_agent_without_any_text_beside_others(
    invoke: Invoke, team: Callable[..., Path], small_agents: list[dict[str, Any]]
) -> None:
    row = route(invoke, team(*small_agents, {"id": "zz"}), "Book a hotel in Vienna")[0]
    assert row["candidates"][0]["agent"] == "travel-desk"


def test_a_long_card_is_read_to_its_end(invoke: Invoke, team: Callable[..., Path], small_agents: list[dict[str, Any]]) -> None:
    filler = "We attend to general matters of the office and keep everything in good order. " * 125
    assert len(filler) > 9_500
    long = {"id": "long", "name": "Office", "description": filler + "Repairs broken espresso machines and grinders."}
    other = {"id": "other", "name": "Office Two", "description": filler}
    row = route(invoke, team(*small_agents, long, other), "Our espresso machine is broken, repair it")[0]
    order = [candidate["agent"] for candidate in row["candidates"]]
    assert order.index("long") < order.index("other")


# odd tasks


def test_a_long_task(invoke: Invoke) -> None:
    text = "Overtime is missing on my payslip and the salary came late. " * 170
    assert len(text) > 10_000
    row = route(invoke, SMALL, text)[0]
    assert row["candidates"][0]["agent"] == "payroll"
    assert row["task"] == text.strip()


@pytest.mark.parametrize(
    "task",
    [
        "Bitte buchen Sie mir ein Hotel in Wien",
        "ウィーンのホテルを予約してください",
        "请帮我预订维也纳的酒店",
        "Reserva un hotel en Viena, por favor",
        "🏨🛫",
        "\u202egnp.exe\u202c",
        "a" * 5000,
        "0",
        "[red]hello[/red] {x} %s \\",
    ],
)
def test_any_text_is_a_task(invoke: Invoke, task: str) -> None:
    row = route(invoke, SMALL, task)[0]
    assert row["status"] in ("decided", "ask", "none")
    assert row["task"] == task
    assert sum(candidate["probability"] for candidate in row["candidates"]) + row["none"] == pytest.approx(1, abs=1e-5)


def test_words_shared_across_languages_help(invoke: Invoke) -> None:
    rows = route(invoke, SMALL, "Reserva un hotel en Viena para el viaje", "Bitte übersetze das Plakat ins Deutsche")
    assert [row["candidates"][0]["agent"] for row in rows] == ["travel-desk", "translate-german"]


# constraints


def test_roles_open_an_agent(invoke: Invoke) -> None:
    closed, opened = (
        route(invoke, SMALL, "Check this NDA for liability", more=more)[0]
        for more in (("--all",), ("--all", "--as", "x, finance"))
    )
    assert closed["excluded"] == [{"agent": "contract-review", "rule": "allow", "detail": "needs role legal or finance"}]
    assert "contract-review" not in [candidate["agent"] for candidate in closed["candidates"]]
    assert opened["candidates"][0]["agent"] == "contract-review"
    assert opened["excluded"] == []


def test_who_is_away_gets_nothing(invoke: Invoke, team: Callable[..., Path], small_agents: list[dict[str, Any]]) -> None:
    agents = [agent | ({"availability": {"status": "away"}} if agent["id"] == "refunds" else {}) for agent in small_agents]
    row = route(invoke, team(*agents), TASKS[0])[0]
    assert {"agent": "refunds", "rule": "availability", "detail": "away"} in row["excluded"]


# library, index, encoder


@pytest.mark.usefixtures("kept")
def test_the_library() -> None:
    from delegate_cli import Delegator, Status, load_roster

    delegator = Delegator(load_roster(SMALL))
    decision = delegator.decide(TASKS[0])
    assert decision.candidates[0].agent == "refunds"
    assert isinstance(decision.status, Status)
    assert decision.as_dict()["task"] == TASKS[0]
    assert len(delegator.decide(TASKS[0], Ask(top=None)).candidates) == 7
    with pytest.raises(delegate_cli.DelegateError, match="the task is empty"):
        delegator.decide("  ")


def test_only_a_changed_text_is_embedded_again(invoke: Invoke, small: Path) -> None:
    def embedded() -> int:
        return int(invoke("index", "rebuild", "--agents", str(small), "--format", "json").json["embedded"])

    assert embedded() > 30
    assert embedded() == 0
    text = small.read_text()
    small.write_text(text.replace("Cancel my flight to Oslo", "Cancel my flight to Bergen"))
    assert embedded() == 1
    document = yaml.safe_load(small.read_text())
    document["agents"].reverse()
    small.write_text(yaml.safe_dump(document))
    assert embedded() == 0


def test_a_change_is_noticed_and_decided_on(invoke: Invoke, small: Path) -> None:
    route(invoke, small, TASKS[0])
    small.write_text(small.read_text() + "  - {id: bees, name: Bees, examples: [Look after the bee hives]}\n")
    result = invoke("route", "--agents", str(small), "-f", "json", "Look after the bee hives on the roof")
    assert "the roster has changed" in result.err
    assert result.json["candidates"][0]["agent"] == "bees"
    assert invoke("route", "--agents", str(small), "-f", "id", "Look after the bee hives").err == ""


def unit(count: int, seed: int, dimension: int = 48) -> np.ndarray[Any, Any]:
    points = np.random.default_rng(seed).normal(size=(count, dimension)).astype(np.float32)
    return points / np.linalg.norm(points, axis=1, keepdims=True)


@pytest.mark.parametrize(("count", "limit", "recall"), [(3000, 50_000, 1.0), (3000, 100, 0.95)], ids=["flat", "hnsw"])
def test_search_agrees_with_brute_force(count: int, limit: int, recall: float) -> None:
    vectors, questions = unit(count, 1), unit(50, 2)
    index = PartIndex.from_bytes(PartIndex.build(vectors, flat_limit=limit).to_bytes())
    assert np.allclose(index.vectors, vectors)
    found = right = 0
    for question in questions:
        rows, similarity = index.search(question, 10)
        exact = np.argsort(-(vectors @ question))[:10]
        assert np.allclose(similarity, vectors[rows] @ question, atol=1e-5)
        found += len(set(rows.tolist()) & set(exact.tolist()))
        right += 10
    assert found / right >= recall


@pytest.mark.parametrize("limit", [50_000, 100], ids=["flat", "hnsw"])
def test_search_stays_within_the_allowed_rows(limit: int) -> None:
    vectors = unit(2000, 3)
    index = PartIndex.build(vectors, flat_limit=limit)
    allowed = np.arange(0, 2000, 5)
    rows, _ = index.search(vectors[1], 10, allowed)
    assert len(rows) == 10
    assert not set(rows.tolist()) - set(allowed.tolist())


@pytest.fixture
def encoder(compiled: Path) -> OnnxEncoder:
    return OnnxEncoder(catalog.find(catalog.PACKAGED).folder(compiled))


def test_vectors_have_length_one(encoder: OnnxEncoder) -> None:
    for text in ("", "a", "Ein längerer Satz.", "word " * 3000):
        vector = encoder.encode(text)
        assert vector.shape == (encoder.dimension,)
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_meaning_is_near(encoder: OnnxEncoder) -> None:
    question, near, far = (
        encoder.encode(text) for text in ("Where is my refund?", "I want my money back", "The cat sleeps on the warm roof")
    )
    assert question @ near > question @ far + 0.2


def test_a_long_text_is_cut_into_windows_not_cut_off(encoder: OnnxEncoder) -> None:
    start = "The committee met and talked about many things of little weight. " * 60
    assert len(start.split()) > 2 * encoder.window
    plain, plants = encoder.encode(start), encoder.encode(start + "Please water the roses in the garden. " * 20)
    assert plain @ plants < 0.99
    roses = encoder.encode("roses in the garden")
    assert roses @ plants > roses @ plain + 0.05


def test_the_compiled_encoder_is_the_published_one(compiled: Path) -> None:
    facts = catalog.read_facts(catalog.find(catalog.PACKAGED).folder(compiled))
    assert facts is not None
    assert facts["likeness"] > 0.98


@pytest.mark.usefixtures("kept")
def test_an_encoder_that_does_not_exist() -> None:
    result = execute("route", "--agents", SMALL, "--encoder", "./nowhere", "x")
    assert result.code == 2
    assert "no encoder folder './nowhere'" in result.err
