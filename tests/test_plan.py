"""Plans: what is valid, in which waves they run, and that what is printed can be read again."""

import json
import string
from itertools import pairwise
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delegate_cli.decision import Candidate, Criterion, DeciderInfo, Decision, Rubric, Status
from delegate_cli.errors import PlanError
from delegate_cli.render.plan_schema import plan_schema
from delegate_cli.splitting.plan import MOST, Assignment, Mode, Option, Plan, Subtask
from delegate_cli.splitting.plan_json import loads, of_dict

WORDS = st.text(min_size=1, max_size=30).filter(lambda text: text.strip() != "")
SHARES = st.none() | st.floats(0, 1)
LEVELS = st.none() | st.integers(1, 5)
OPTIONS = st.lists(st.builds(Option, WORDS, SHARES, LEVELS), max_size=3).map(tuple)
GIVEN = st.builds(
    Assignment, st.sampled_from([Status.DECIDED, Status.ASK]), WORDS, SHARES, LEVELS, SHARES, OPTIONS, st.none() | WORDS
)
NOBODY = st.builds(Assignment, st.sampled_from([Status.NONE, Status.NO_ELIGIBLE]), st.none(), SHARES, st.none(), SHARES)


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...]]]:
    """Subtasks as (id, after), in any order; who comes later in a hidden order may wait for who comes earlier."""
    ids = draw(
        st.lists(st.text(string.ascii_letters + string.digits, min_size=1, max_size=4), min_size=1, max_size=MOST, unique=True)
    )
    nodes = [(name, tuple(draw(st.lists(st.sampled_from(ids[:place]))) if place else ())) for place, name in enumerate(ids)]
    return draw(st.permutations(nodes))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    subtasks = [
        Subtask(
            name,
            f"{place} {draw(WORDS)}",
            draw(st.text(max_size=9)),
            after,
            draw(st.booleans()),
            draw(st.none() | GIVEN | NOBODY),
        )
        for place, (name, after) in enumerate(draw(graphs()))
    ]
    fallback = draw(st.none() | st.just({"code": "endpoint", "reason": "down"}))
    return Plan(draw(WORDS), tuple(subtasks), draw(st.text(max_size=9)), "rules", {"path": None, "sha256": "00"}, fallback)


def subtask(name: str, *after: str) -> Subtask:
    return Subtask(name, f"Do {name.encode().hex()}", after=after)


@given(graphs())
def test_waves_hold_every_subtask_once_and_each_as_early_as_it_can(nodes: list[tuple[str, tuple[str, ...]]]) -> None:
    plan = Plan("All of it", tuple(subtask(name, *after) for name, after in nodes))
    place = {each.id: number for number, wave in enumerate(plan.waves) for each in wave}
    assert sorted(place) == sorted(name for name, _ in nodes)
    for name, after in nodes:
        assert place[name] == max((place[other] + 1 for other in after), default=0)
    order = [each.id for each in plan.subtasks]
    assert all(order.index(other) < order.index(name) for name, after in nodes for other in after)


@settings(max_examples=40)
@given(graphs(), st.data())
def test_an_edge_back_makes_a_circle_that_is_named(nodes: list[tuple[str, tuple[str, ...]]], data: st.DataObject) -> None:
    edges = [(name, other) for name, after in nodes for other in after]
    if not edges:
        return
    late, early = data.draw(st.sampled_from(edges))
    tasks = tuple(subtask(name, *after, *((late,) if name == early else ())) for name, after in nodes)
    with pytest.raises(PlanError, match="circle") as caught:
        Plan("All of it", tasks)
    circle = caught.value.message.partition(": ")[2].split(" → ")
    waits = {each.id: each.after for each in tasks}
    assert circle[0] == circle[-1]
    assert all(other in waits[name] for name, other in pairwise(circle))


@settings(max_examples=40)
@given(plans())
def test_what_is_printed_is_read_as_the_same_plan(plan: Plan) -> None:
    assert loads(json.dumps(plan.as_dict())) == plan


@settings(max_examples=40)
@given(plans(), st.data())
def test_a_plan_with_a_hole_is_an_error_or_a_plan_and_never_a_crash(plan: Plan, data: st.DataObject) -> None:
    record = plan.as_dict()
    where = data.draw(st.sampled_from([record, *record["subtasks"]]))
    junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
    where[data.draw(st.sampled_from(sorted(where)))] = data.draw(junk)
    try:
        again = of_dict(record)
    except PlanError:
        return
    assert of_dict(again.as_dict()) == again


def test_an_order_in_which_nothing_waits_for_what_comes_later_is_kept() -> None:
    plan = Plan("abc", (subtask("a"), subtask("b", "a"), subtask("c")))
    assert [each.id for each in plan.subtasks] == ["a", "b", "c"]
    assert [[each.id for each in wave] for wave in plan.waves] == [["a", "c"], ["b"]]


def test_mode_follows_from_what_waits() -> None:
    assert Plan("a", (subtask("a"),)).mode is Mode.ONE
    assert Plan("ab", (subtask("a"), subtask("b"))).mode is Mode.PARALLEL
    assert Plan("ab", (subtask("b", "a"), subtask("a"))).mode is Mode.SEQUENCE
    assert [each.id for each in Plan("ab", (subtask("b", "a"), subtask("a"))).subtasks] == ["a", "b"]


def test_an_assignment_is_made_of_a_decision() -> None:
    rubric = Rubric(4, (Criterion("scope", 0.9, "little for nobody"),))
    first, second = Candidate("refunds", "Refunds", "ai", 0.71, rubric), Candidate("payroll", "Payroll", "team", 0.2)
    info = DeciderInfo("head", "MiniLM", True)
    made = Assignment.of(Decision("Refund it", Status.ASK, "refunds", 0.71, 0.05, 0.51, (first, second), info, id="7"))
    options = (Option("refunds", 0.71, 4), Option("payroll", 0.2))
    assert made == Assignment(Status.ASK, "refunds", 0.71, 4, 0.05, options, "7")
    nobody = Assignment.of(Decision("Refund it", Status.NO_ELIGIBLE, None, 0, 1, 0, (), info, id="8"))
    assert nobody == Assignment(Status.NO_ELIGIBLE, None, 0.0, None, 1.0, (), "8")


def test_a_person_may_name_the_agent_alone() -> None:
    plan = loads(
        '{"v": 1, "request": "r", "subtasks": [{"id": "a", "task": "t", "agent": "refunds"}, {"id": "b", "task": "u"}]}'
    )
    assert plan.subtasks[0].assigned == Assignment(Status.DECIDED, "refunds")
    assert plan.subtasks[1].assigned is None
    plan.check_agents({"refunds"})
    with pytest.raises(PlanError, match="subtask a names the agent 'refunds', which the roster lacks") as caught:
        plan.check_agents({"refund": 1})
    assert caught.value.fix == "did you mean refund?"


def test_a_subtask_that_points_back_is_shown_the_request() -> None:
    alone, pointing = subtask("a"), Subtask("b", "Send it to him", context=True)
    plan = Plan("Write it and send it to him", (alone, pointing))
    assert (plan.context_of(alone), plan.context_of(pointing)) == (None, "Write it and send it to him")
    assert plan.get("b") is pointing
    with pytest.raises(KeyError):
        plan.get("c")


ONE: dict[str, Any] = {"id": "a", "task": "Do a"}
REFUSED = {
    "[]": r"must be an object",
    '{"v": 2}': r"v must be 1, not 2",
    '{"v": true}': r"v must be 1, not true",
    '{"v": 1}': r"it lacks request",
    '{"v": 1, "request": "r", "subtasks": []}': r"a plan of 0 subtasks",
    '{"v": 1, "v": 1}': r'the key "v" stands twice',
    '{"v": NaN}': r"NaN is no number",
    '{"v": 1,': r"no JSON at line 1, column 9",
    "[" * 100_000: r"nested too deeply",
    '{"v": ' + "1" * 5000 + "}": r"limit",
}
SUBTASKS = {
    "unknown key": ([ONE | {"afer": []}], r'subtasks\[0\] has the unknown key "afer"'),
    "no task": ([{"id": "a"}], r"subtasks\[0\] lacks task"),
    "empty task": ([ONE | {"task": " \n"}], r"the task of a: the task is empty"),
    "a number as task": ([ONE | {"task": 3}], r"subtasks\[0\].task must be text, not 3"),
    "an id with a blank": ([ONE | {"id": "a b"}], r"'a b' cannot be the id"),
    "the same id": ([ONE, {"id": "a", "task": "else"}], r"two subtasks have the id a"),
    "the same text": ([ONE, {"id": "b", "task": "do  A"}], r"subtasks a and b say the same"),
    "who is unknown": ([ONE | {"after": ["z"]}], r"subtask a waits for 'z', which the plan lacks"),
    "itself": ([ONE | {"after": ["a"]}], r"subtask a waits for itself"),
    "nine": ([{"id": str(n), "task": str(n)} for n in range(9)], r"a plan of 9 subtasks"),
    "a status that is none": ([ONE | {"status": "maybe"}], r'there is no status "maybe"'),
    "none with an agent": ([ONE | {"status": "none", "agent": "x"}], r"status none names the agent 'x'"),
    "ask without an agent": ([ONE | {"status": "ask"}], r"status ask names no agent"),
    "a probability alone": ([ONE | {"probability": 0.3}], r"has probability, but neither agent nor status"),
    "a probability of 2": ([ONE | {"agent": "x", "probability": 2}], r"must lie between 0 and 1, not 2"),
    "a level of 6": ([ONE | {"agent": "x", "confidence": 6}], r"must be 1 to 5, not 6"),
    "an endless number": ([ONE | {"agent": "x", "probability": 10**400}], r"must be a number"),
}


# what only reading finds: what hangs together across subtasks, and what JSON Schema cannot say
READ = {"empty task", "the same id", "the same text", "who is unknown", "itself"}


@settings(max_examples=30)
@given(plans())
def test_the_schema_accepts_every_plan(plan: Plan) -> None:
    jsonschema.validate(json.loads(json.dumps(plan.as_dict())), plan_schema())


@pytest.mark.parametrize("case", SUBTASKS)
def test_the_schema_refuses_what_it_can(case: str) -> None:
    validator = jsonschema.Draft202012Validator(plan_schema())
    validator.check_schema(plan_schema())
    found = list(validator.iter_errors({"v": 1, "request": "r", "subtasks": SUBTASKS[case][0]}))
    assert bool(found) != (case in READ)
    assert validator.is_valid({"v": 1, "request": "r", "subtasks": [ONE, ONE | {"id": "b", "agent": "x", "after": ["a"]}]})


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:30])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match=REFUSED[text]) as caught:
        loads(text, "plan.json")
    assert caught.value.message.startswith("plan.json")
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("case", SUBTASKS)
def test_what_is_no_subtask_is_refused(case: str) -> None:
    subtasks, message = SUBTASKS[case]
    with pytest.raises(PlanError, match=message):
        of_dict({"v": 1, "request": "r", "subtasks": subtasks})


def test_a_mode_that_its_subtasks_contradict_is_refused() -> None:
    record = {"v": 1, "request": "r", "subtasks": [ONE], "mode": "parallel"}
    with pytest.raises(PlanError, match="mode is parallel, but its subtasks make it one"):
        of_dict(record)
    assert of_dict(record | {"mode": "one"}).mode is Mode.ONE
    with pytest.raises(PlanError, match='there is no mode "both"'):
        of_dict(record | {"mode": "both"})
