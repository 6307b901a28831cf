"""Plans by what success costs: gain models, operators as data, the frontier, and `delegate plan TASK`."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from shell import DATA, Result

from delegate_cli.agents import Agent, Cost, Kind
from delegate_cli.planning.frontier import Selection, Verdict, Wish, select
from delegate_cli.planning.gathering import Learnt, gather
from delegate_cli.planning.operators import Operators, load_operators
from delegate_cli.planning.plans import Doer, Estimate, Plan, cost_of, plans
from delegate_cli.planning.rates import Basis, Rate, rate_of
from delegate_cli.planning.report import record, usd
from delegate_cli.policy.outcomes import Rate as Observed
from delegate_cli.render.plans import plain, table
from delegate_cli.skills.known import Told

Run = Callable[..., Result]
GOLDEN = DATA.parent / "golden" / "plan.table"
OWN = load_operators()
TASK = "My payslip for March is missing the overtime hours"


def doer(
    name: str, right: float, mean: float, price: float | None = 0.01, wait: float | None = 2.0, kind: Kind = Kind.AI
) -> Doer:
    cost, seconds = (None if each is None else Estimate(each, each, 2 * each) for each in (price, wait))
    rate = Rate(mean, max(mean - 0.1, 0.0), min(mean + 0.1, 1.0), Basis.OUTCOMES, "3.0 earlier tasks like it")
    return Doer(Agent(name, name, kind), right, rate, cost, seconds)


@st.composite
def teams(draw: Any) -> list[Doer]:
    unit = st.floats(0, 1)
    some = st.tuples(unit, unit, st.none() | st.floats(0, 10), st.none() | st.floats(0, 100), st.sampled_from(list(Kind)))
    return [doer(f"a{place}", *each) for place, each in enumerate(draw(st.lists(some, max_size=5)))]


def chosen(team: list[Doer], **wish: float | None) -> Selection:
    return select(plans(team, OWN, 3), Wish(**wish))


def taken(team: list[Doer], **wish: float | None) -> Plan | None:
    """The plan that does what was wished."""
    found = chosen(team, **wish)
    return found.plan if found.verdict is Verdict.REACHED else None


@given(teams(), st.lists(st.floats(0, 30), min_size=2, max_size=2), st.lists(st.floats(0, 1), min_size=2, max_size=2))
@settings(max_examples=40)
def test_more_budget_is_never_worse_and_a_higher_target_never_cheaper(
    team: list[Doer], budgets: list[float], targets: list[float]
) -> None:
    less, more = (taken(team, budget=each) for each in sorted(budgets))
    if less is not None:
        assert more is not None
        assert more.success.value >= less.success.value
        assert less.price <= min(budgets)
    low, high = (taken(team, target=each) for each in sorted(targets))
    if high is not None:
        assert low is not None
        assert high.price >= low.price
        assert high.success.value >= max(targets)


@given(teams(), st.floats(0, 1))
@settings(max_examples=25)
def test_figures_are_possible_and_the_frontier_is_undominated(team: list[Doer], target: float) -> None:
    every = plans(team, OWN, 3)
    for each in every:
        for estimate in (each.success, each.work):
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
        assert each.cost is None or 0 <= each.cost.low <= each.cost.value <= each.cost.high
    front = select(every, Wish(target)).frontier
    for each in front:
        for other in every:
            beaten = other.price <= each.price and other.success.value >= each.success.value
            assert not beaten or (other.price, other.success.value) == (each.price, each.success.value)
    for each in every:
        if each.cost is not None:
            assert any(one.price <= each.price and one.success.value >= each.success.value for one in front)


@given(teams(), st.floats(0, 1), st.integers(0, 1000))
@settings(max_examples=15)
def test_the_order_of_agents_and_operators_changes_nothing(team: list[Doer], target: float, seed: int) -> None:
    mixed, other = list(team), list(OWN.operators)
    Random(seed).shuffle(mixed)
    Random(seed).shuffle(other)
    shuffled = select(plans(mixed, Operators(tuple(other), OWN.assumptions), 3), Wish(target))
    assert shuffled == chosen(team, target=target)


def test_a_rate_is_of_the_best_that_is_known() -> None:
    agent = Agent("a", "A", Kind.HUMAN)
    forecast = {"a": Rate(0.3, 0.2, 0.4, Basis.DIFFICULTY, "like known ones")}
    outcomes = {"a": Observed(0.6, 0.1, 4.0)}
    skills = {
        "a": [Told("math", 1.0, 0.5, 0.9, 0.05, 0.9, None), Told("elo", 1.0, 0.5, 1200.0, 50.0, 1200.0, 3, bounded=False)]
    }
    assert rate_of(agent, OWN.assumptions, forecast, outcomes, skills).basis is Basis.DIFFICULTY
    observed = rate_of(agent, OWN.assumptions, {}, outcomes, skills)
    assert (observed.basis, observed.mean) == (Basis.OUTCOMES, 0.6)
    told = rate_of(agent, OWN.assumptions, {}, {}, skills)
    assert (told.basis, told.mean, told.high) == (Basis.SKILLS, 0.9, pytest.approx(0.98225))
    assert rate_of(agent, OWN.assumptions, {}, {}, {}).mean == OWN.assumptions.success[Kind.HUMAN].value


def test_costs_are_of_the_card_and_never_invented() -> None:
    tokens = 3.0 + 500 + 400
    assert cost_of(None, "twelve bytes", OWN.assumptions) is None
    assert cost_of(Cost(), "twelve bytes", OWN.assumptions) is None
    flat = cost_of(Cost(per_task=0.5), "twelve bytes", OWN.assumptions)
    assert flat == Estimate(0.5, 0.5, 0.5)
    by_tokens = cost_of(Cost(0.5, 2.0), "twelve bytes", OWN.assumptions)
    assert by_tokens is not None
    assert by_tokens.value == pytest.approx(0.5 + 2.0 * tokens / 1000)
    assert by_tokens.low < by_tokens.value < by_tokens.high
    assert [usd(each) for each in (0, 0.01, 0.0025, 0.1, 12, 1234.5)] == [
        "$0.00",
        "$0.01",
        "$0.0025",
        "$0.10",
        "$12.00",
        "$1,234.50",
    ]


def test_what_has_no_price_is_within_no_budget() -> None:
    free, priced = doer("free", 0.9, 0.9, None), doer("priced", 0.5, 0.5, 0.2)
    assert chosen([free, priced], budget=100).plan.agent == "priced"  # type: ignore[union-attr]
    found = chosen([free, priced], target=0.7)
    assert (found.verdict, found.plan and found.plan.agent, found.plan and found.plan.cost) == (Verdict.REACHED, "free", None)
    assert [each.agent for each in found.unpriced] == ["free"]
    assert chosen([free], budget=1).verdict is Verdict.MISSED
    assert chosen([], target=0.5).verdict is Verdict.NOBODY


class Decided:
    """What a record takes of a decision."""

    task, none, excluded, roster = "Draft\x1b[31m the \u202enotes", 0.05, (), {"path": None, "sha256": "x"}


def recorded(team: list[Doer], **wish: float | None) -> dict[str, Any]:
    gathered = gather(replace_candidates(), None, Learnt({}, {}, {}), OWN.assumptions)  # type: ignore[arg-type]
    return record(Decided, chosen(team, **wish), replace(gathered, doers=tuple(team)), explain=True)  # type: ignore[arg-type]


def replace_candidates() -> Any:
    return type("Nobody", (Decided,), {"candidates": ()})


def test_the_table_is_the_golden_one() -> None:
    team = [doer("writer", 0.62, 0.8), doer("editor", 0.33, 0.95, 0.3, None), doer("counsel", 0.3, 0.9, None, 3600, Kind.HUMAN)]
    shown = "\n".join(
        table(recorded(team, **wish), False, 100) for wish in ({"target": 0.53}, {"budget": 0.02}, {"target": 0.99})
    )
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(shown)
    assert shown == GOLDEN.read_text()


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "operators.yaml"
    name = "[red]x[/red] $(rm) | <b>\u202e"
    path.write_text(yaml.safe_dump({"operators": [{"name": name, "gain": {"model": "odds", "factor": 2}}]}))
    team = [doer("a\x1b]0;b\x07\tc\nd", 0.9, 0.5)]
    made = record(  # type: ignore[arg-type]
        Decided,  # type: ignore[arg-type]
        select(plans(team, load_operators(path)), Wish(budget=1)),
        gather(replace_candidates(), None, Learnt({}, {}, {}), OWN.assumptions),  # type: ignore[arg-type]
        True,
    )
    for text in (table(made, False, 200), plain(made)):
        assert not {"\x1b", "\x07", "\u202e"} & {*text}
        assert "[red]x[/red]" in text
    assert {line.count("\t") for line in plain(made).splitlines()} == {13}


@pytest.fixture
def priced(small: Path) -> Path:
    data = yaml.safe_load(small.read_text())
    for each in data["agents"]:
        if each["id"] != "release-notes":
            each["cost"], each["latency_ms"] = {"per_task": 0.01, "per_1k_tokens": 0.002}, 800
    small.write_text(yaml.safe_dump(data))
    return small


def test_plan_end_to_end(invoke: Run, priced: Path, tmp_path: Path) -> None:
    options = ["--agents", str(priced), "--at", "any", "--format", "json"]
    found = invoke("plan", TASK, "--target", "0.5", "--explain", "--plot", str(tmp_path / "p.png"), *options)
    assert found.code == 0, found.err
    made = found.json
    assert (made["verdict"], made["plan"]["agent"], made["plan"]["operator"]) == ("reached", "payroll", "ask a person")
    assert made["plan"]["success"]["value"] == pytest.approx(made["plan"]["right"] * made["plan"]["work"]["value"], abs=1e-5)
    assert {*made["why_not"]} == {"cheaper", "better"}
    assert any("assumed" in note for note in made["notes"])
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    again = invoke("plan", "of", TASK, "--target", "0.5", *options).json
    assert again["plan"] == made["plan"]
    missed = invoke("plan", "--target", "1", TASK, *options)
    assert (missed.code, missed.json["verdict"]) == (1, "missed")
    nobody = invoke("plan", TASK, "--max-cost", "0.0001", "--needs", "tool:none", *options)
    assert (nobody.code, nobody.json["verdict"], nobody.json["plan"]) == (6, "no_eligible", None)
    assert nobody.json["said"].startswith("no eligible agent")
    told = invoke("plan", TASK, "--agents", str(priced), "--needs", "tool:none")
    assert (told.code, told.out, told.err.count("\n")) == (6, "", 1)
    unpriced = invoke("plan", "Write the release notes for version 3.2", "--budget", "5", *options).json
    assert any("cost not known" in note and "release-notes" in note for note in unpriced["notes"])
    assert (unpriced["verdict"], unpriced["plan"]["cost_usd"]) == ("missed", None)


def test_plan_refuses_what_makes_no_sense(invoke: Run, priced: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("operators:\n  - name: mine\n    gian: {model: none}\n")
    for arguments, said in (
        (["--target", "nan"], "finite"),
        (["--budget", "inf"], "finite"),
        (["--target", "2"], "--target"),
        (["--operators", str(bad)], "line 3"),
        (["--plot", str(tmp_path / "none" / "p.png")], "no folder"),
    ):
        found = invoke("plan", TASK, "--agents", str(priced), *arguments)
        assert (found.code, found.out) == (2, ""), arguments
        assert said in found.err
        assert found.err.count("\n") == 1


def test_a_group_without_arguments_shows_its_help(invoke: Run) -> None:
    found = invoke("plan")
    assert (found.code, found.err) == (2, "")
    assert found.out.startswith("Usage: delegate plan")


def test_skills_on_cards_speak_of_tasks_that_need_them(invoke: Run, priced: Path) -> None:
    data = yaml.safe_load(priced.read_text())
    data["agents"] = [each | {"skills": {"payslips and salaries": 0.7}} for each in data["agents"] if each["id"] == "payroll"]
    priced.write_text(yaml.safe_dump(data))
    made = invoke("plan", TASK, "--agents", str(priced), "--at", "any", "--format", "json").json
    assert made["agents"][0]["success"]["basis"] == "skills"
    assert made["agents"][0]["success"]["mean"] == 0.7
