"""Difficulty learnt from outcomes whose true probabilities are known."""

import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import Result

from delegate_cli.index import store
from delegate_cli.planning import choice, keep
from delegate_cli.planning.difficulty import Fitted, fit, held_out
from delegate_cli.planning.estimators.choose import NAMES, fitter, restored
from delegate_cli.planning.features import Floats, Tasks, form
from delegate_cli.planning.outcomes import Outcomes
from delegate_cli.roster.load import load_roster

SIZE, TASKS = 8, 240
SUMS = "What is {} plus {}?"
WORDS = "Explain in a few words why number {} matters to people who like {}"


def world(count: int, seed: int) -> tuple[Tasks, Floats]:
    """Tasks of two sorts and the true P(success) of three agents: one for sums, one for words, one mediocre."""
    rng = np.random.default_rng(seed)
    sums = rng.random(count) < 0.5
    vectors = 0.3 * rng.normal(size=(count, SIZE))
    vectors[:, 0] += np.where(sums, 1.0, -1.0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [(SUMS if each else WORDS).format(*rng.integers(1, 99, 2)) for each in sums]
    truth = np.where(sums[:, None], [0.9, 0.2, 0.5], [0.2, 0.9, 0.5])
    return Tasks(vectors, np.stack([form(text) for text in texts])), truth


@cache
def learnt() -> tuple[Outcomes, Tasks, Fitted]:
    tasks, truth = world(TASKS, 0)
    success = (np.random.default_rng(1).random(truth.shape) < truth).astype(float)
    outcomes = Outcomes(tuple(f"task {row}" for row in range(TASKS)), ("a", "b", "c"), success)
    return outcomes, tasks, fit(outcomes, tasks, ("likeness",))


def test_probabilities_are_near_the_true_ones_and_so_are_their_intervals() -> None:
    _, _, fitted = learnt()
    tasks, truth = world(200, 7)
    found = fitted.difficulty.forecast(tasks)
    assert np.abs(found.success - truth).mean() < 0.08
    assert ((found.low <= truth) & (truth <= found.high)).mean() > 0.85
    assert ((found.low <= found.success) & (found.success <= found.high)).all()


def test_the_estimator_beats_the_average_and_is_kept() -> None:
    scores = {each.estimator: each for each in learnt()[2].scores}
    assert learnt()[2].difficulty.name == "likeness"
    assert scores["likeness"].error < scores["average"].error - 0.03


def test_outcomes_without_a_pattern_leave_each_agent_at_its_rate() -> None:
    tasks, _ = world(60, 3)
    success = (np.random.default_rng(4).random((60, 2)) < (0.8, 0.3)).astype(float)
    fitted = fit(Outcomes(tuple(map(str, range(60))), ("a", "b"), success), tasks, ("likeness",)).difficulty
    found = fitted.forecast(world(40, 5)[0])
    assert np.abs(found.success - fitted.rates).max() < 0.25
    assert np.abs(found.success - fitted.rates).mean() < 0.08


def test_a_task_unlike_all_others_is_far_and_gets_the_rates() -> None:
    fitted = learnt()[2].difficulty
    vector = np.zeros((1, SIZE))
    vector[0, 5] = 1.0
    strange = Tasks(vector, form("§ {}[];\n" * 400)[None, :])
    found = fitted.forecast(strange)
    assert found.trust[0] == 0
    np.testing.assert_allclose(found.success[0], fitted.rates)


@pytest.mark.parametrize("name", NAMES)
def test_every_estimator_learns_the_two_sorts_and_comes_back_from_its_arrays(name: str) -> None:
    outcomes, tasks, _ = learnt()
    fitted = fitter(name)(tasks, outcomes.success)
    new, truth = world(100, 9)
    predicted = fitted.predict(new)
    assert predicted.shape == truth.shape
    np.testing.assert_allclose(restored(name, fitted.arrays).predict(new), predicted)
    apart = predicted[truth[:, 0] > 0.5, 0].mean() - predicted[truth[:, 0] < 0.5, 0].mean()
    assert apart == pytest.approx(0, abs=1e-9) if name == "average" else apart > 0.35


def test_holes_are_no_failures() -> None:
    outcomes, tasks, _ = learnt()
    thin = np.where(np.random.default_rng(2).random(outcomes.success.shape) < 0.7, np.nan, outcomes.success)
    thin[np.isnan(thin).all(axis=1), 0] = 1.0
    new, truth = world(100, 9)
    predicted = fitter("likeness")(tasks, thin).predict(new)
    assert np.abs(predicted - truth).mean() < 0.2
    assert held_out("likeness", tasks, thin).shape == thin.shape


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    outcomes, _, fitted = learnt()
    keep.write(tmp_path, keep.kept_of(fitted.difficulty, outcomes, {"tasks": TASKS}, "encoder"))
    kept = keep.read(tmp_path)
    assert kept is not None
    new, _ = world(20, 11)
    np.testing.assert_allclose(kept.difficulty.forecast(new).success, fitted.difficulty.forecast(new).success, atol=1e-3)
    assert (kept.encoder, kept.record["tasks"]) == ("encoder", TASKS)
    (tmp_path / keep.NAME).write_bytes((tmp_path / keep.NAME).read_bytes()[:-9])
    with pytest.raises(store.Unusable, match="damaged"):
        keep.read(tmp_path)


@given(st.text(max_size=300))
def test_the_form_of_any_text_is_finite(text: str) -> None:
    found = form(text)
    assert found.shape == form("a").shape
    assert np.isfinite(found).all()


@given(st.integers(0, 2**32 - 1))
def test_probabilities_lie_within_their_intervals_and_0_and_1(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(5, SIZE))
    tasks = Tasks(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 50 * rng.normal(size=(5, len(form("a")))))
    found = learnt()[2].difficulty.forecast(tasks)
    assert (found.low >= 0).all()
    assert (found.low <= found.success).all()
    assert (found.success <= found.high).all()
    assert (found.high <= 1).all()
    assert ((found.trust >= 0) & (found.trust <= 1)).all()


def test_the_gap_is_half_closed_by_chance_and_more_by_the_truth() -> None:
    rng = np.random.default_rng(0)
    weak, strong = (rng.random(4000) < 0.4).astype(float), (rng.random(4000) < 0.8).astype(float)
    assert choice.recovered(rng.random(4000), weak, strong) == pytest.approx(0.5, abs=0.06)
    assert choice.recovered(strong - weak, weak, strong) > 0.9
    assert np.isnan(choice.recovered(rng.random(4000), weak, weak))


def test_a_quality_that_no_choice_reaches_is_missed_by_as_little_as_can_be() -> None:
    success = np.array([[0.0, 1.0]] * 8 + [[1.0, 1.0]] * 2)
    prices = np.array([1.0, 20.0])
    weight = choice.equal_quality(np.tile((0.2, 1.0), (10, 1)), success, prices, 1.0)
    assert choice.gained(success, choice.pick(np.tile((0.2, 1.0), (10, 1)), prices, weight)).mean() == 1.0


@given(st.integers(0, 2**32 - 1))
def test_a_higher_weight_of_price_never_costs_more(seed: int) -> None:
    rng = np.random.default_rng(seed)
    predicted, prices = rng.random((30, 4)), rng.random(4)
    paid = [float(prices[choice.pick(predicted, prices, weight)].mean()) for weight in choice.weights(prices)]
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(paid))
    assert paid[-1] == pytest.approx(prices.min())


QUESTIONS = ("What is {0} plus {1}?", "Name a river that is longer than {0} km", "Translate 'the {0} dogs' into French")


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Sums that both models can do, and other questions that only the large one can."""
    rows = ["question,small,large"]
    for number in range(60):
        text = QUESTIONS[number % 3].format(number, 2 * number)
        rows.append(f"{text},{int(number % 3 == 0)},{int(number % 9 != 1)}")
    path = tmp_path / "questions.csv"
    path.write_text("\n".join(rows))
    return path


def test_difficulty_is_learnt_kept_and_told(
    invoke: Callable[..., Result], questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # without an agents.yaml
    none = invoke("difficulty", "What is 3 plus 4?")
    assert (none.code, none.out) == (2, "")
    assert "run: delegate difficulty fit" in none.err
    dry = invoke("difficulty", "fit", str(questions), "--dry-run")
    assert dry.code == 0
    assert "nothing is kept" in dry.out
    assert invoke("difficulty", "What is 3 plus 4?").code == 2
    fitted = invoke("difficulty", "fit", str(questions), "--format", "json").json
    assert (fitted["tasks"], fitted["estimator"], fitted["stored"]) == (60, "likeness", True)
    told = invoke("difficulty", "What is 3 plus 4?", "--format", "json").json
    failure = {row["agent"]: row["failure"] for row in told["agents"]}
    other = invoke("difficulty", "--agent", "small", "-f", "json", "Name a river that is longer than 7 km").json["agents"]
    assert failure["small"] < 0.4 < other[0]["failure"]
    assert [row["agent"] for row in other] == ["small"]
    wrong = invoke("difficulty", "--agent", "smal", "What is 3 plus 4?")
    assert "there are no outcomes of 'smal' (did you mean 'small'" in wrong.err


def test_rules_are_compared(invoke: Callable[..., Result], questions: Path, tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    prices.write_text("agent,price\nsmall,1\nlarge,10\n")
    record = invoke("plan", "eval", str(questions), "--price", str(prices), "--format", "json").json
    rules = {each["rule"]: each for each in record["rules"]}
    assert rules["always the best (large)"]["price"] == 10
    assert rules["in hindsight (oracle)"]["quality"]["value"] >= rules["always the best (large)"]["quality"]["value"]
    learnt_rule = rules["learnt, at the best one's quality"]
    assert learnt_rule["price"] < 10
    assert record["recovered"]["value"] > 0.6
    assert invoke("plan", "eval", str(questions)).err.startswith("error: ")
    assert invoke("plan", "fit", str(questions), "--price", str(prices), "--dry-run").code == 0


@pytest.mark.parametrize(("per", "cost"), [("call", 40.0), ("1k", 40 * 0.9), ("1m", 0.04 * 0.9), ("other", None)])
def test_prices_are_in_the_unit_that_is_named(
    invoke: Callable[..., Result], questions: Path, tmp_path: Path, per: str, cost: float | None
) -> None:
    prices, cards = tmp_path / "prices.csv", tmp_path / "cards.yaml"
    prices.write_text("agent,price\nsmall,40\nlarge,400\n")
    cards.write_text("- {name: small, description: Answers questions}\n- {name: large, description: Answers riddles}\n")
    given = ("--price", str(prices), "--per", per, "--agents", str(cards), "--format", "json")
    assert invoke("plan", "fit", str(questions), *given).json["prices_per"] == ("1k" if per == "1m" else per)
    found = invoke("plan", "What is 3 plus 4?", "--target", "0.1", "--agents", str(cards), "--format", "json").json
    direct = next(each for each in (*found["frontier"], *found["unpriced"]) if each["agent"] == "small")
    assert (None if cost is None else pytest.approx(cost, rel=0.02)) == (direct["cost_usd"] and direct["cost_usd"]["value"])
    assert any("learnt prices left out" in note for note in found["notes"]) is (per == "other")
    assert any("tokens of a call" in text for text in direct["assumed"]) is per.startswith("1")


def test_five_folds_need_some_more_tasks_than_one_table(invoke: Callable[..., Result], tmp_path: Path) -> None:
    table = tmp_path / "few.csv"
    table.write_text("task,small,large\n" + "\n".join(f"task {number},1,{number % 2}" for number in range(24)))
    prices = tmp_path / "prices.csv"
    prices.write_text("agent,price\nsmall,1\nlarge,10\n")
    told = invoke("plan", "eval", str(table), "--price", str(prices))
    assert (told.code, "24 tasks with outcomes are too few" in told.err, "at least 25" in told.err) == (2, True, True)


def test_difficulty_is_learnt_from_the_journal(invoke: Callable[..., Result], small: Path, tmp_path: Path) -> None:
    empty = invoke("difficulty", "fit", "--from-journal", "--agents", str(small))
    assert "no outcome" in empty.err
    texts = [f"Refund the {number} pairs of shoes" for number in range(21)]
    lines = invoke("route", "--agents", str(small), "--format", "jsonl", "-", stdin="\n".join(texts).encode()).rows
    said = [{"id": each["id"], "success": number % 3 > 0, "cost": 0.5} for number, each in enumerate(lines)]
    assert invoke("feedback", "-", stdin="\n".join(map(json.dumps, said)).encode()).code == 0
    record = invoke("difficulty", "fit", "--from-journal", "--agents", str(small), "--format", "json").json
    assert (record["source"], record["tasks"], record["outcomes"]) == ("journal", 21, 21)
    assert invoke("difficulty", "--agents", str(small), "Refund my boots").code == 0


def test_a_plan_rests_on_learnt_outcomes(invoke: Callable[..., Result], small: Path, tmp_path: Path) -> None:
    table = tmp_path / "outcomes.csv"
    rows = ["question,refunds,payroll,cost:refunds,cost:payroll"]
    for number in range(30):
        rows.append(f"Refund the {number} pairs of shoes,1,0,0.02,0.5")
        rows.append(f"My payslip of day {number} is wrong,0,1,0.02,0.5")
    table.write_text("\n".join(rows))
    options = ["--agents", str(small), "--at", "any", "--format", "json"]
    assert invoke("plan", "fit", str(table), "--agents", str(small)).code == 0
    found = invoke("plan", "Refund the 8 pairs of shoes", "--target", "0.8", *options).json
    rests = {each["agent"]: each["success"] for each in found["agents"]}["refunds"]
    assert (found["plan"]["agent"], rests["basis"], rests["detail"]) == ("refunds", "difficulty", "outcomes of 60 tasks")
    assert found["plan"]["cost_usd"]["value"] == pytest.approx(0.02)
    assert not any("far from anything" in note for note in found["notes"])
    odd = "El perro ladra a la luna llena mientras la abuela cocina arroz con pollo y canta"
    assert any("far from anything" in note for note in invoke("plan", odd, *options).json["notes"])
    known = store.folders_of(tmp_path / "kept", load_roster(small))[0] / keep.NAME
    known.write_bytes(b"broken")
    again = invoke("plan", "Refund the 8 pairs of shoes", "--target", "0.8", *options).json
    assert any("fitted difficulty left out: it is damaged" in note for note in again["notes"])
