"""Follow-ups: two-turn dialogues of our own over the example roster, and tasks that only happen to come after something."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shell import DATA

from delegate_cli import Delegator, load_roster
from delegate_cli.ask import Ask
from delegate_cli.followup import depends, joined, mixed
from delegate_cli.loaded import Ranking
from delegate_cli.policy import ANYBODY_THERE

LINES = [json.loads(line) for line in (DATA / "dialogues.jsonl").read_text().splitlines()]
TASKS = [json.loads(line) for line in (DATA / "tasks.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def delegator(compiled: Path) -> Delegator:
    return Delegator(load_roster(DATA.parent.parent / "agents.yaml"), folder=compiled)


def right(delegator: Delegator, lines: list[dict[str, Any]], *given: str) -> float:
    """The share of lines whose first candidate is right, when these of their keys are told."""
    hits = 0
    for line in lines:
        ask = Ask(top=1, constraints=ANYBODY_THERE, **{key: line[key] for key in given})
        hits += delegator.decide(line["task"], ask).candidates[0].agent == line["agent"]
    return hits / len(lines)


def test_there_are_enough_dialogues_of_both_sorts() -> None:
    stay = [line for line in LINES if line["previous"] == line["agent"]]
    assert len(LINES) >= 60
    assert len(stay) >= 30
    assert len(LINES) - len(stay) >= 30


def test_context_and_previous_agent_help(delegator: Delegator) -> None:
    alone = right(delegator, LINES)
    assert alone < 0.45
    assert right(delegator, LINES, "context") > 0.85
    assert right(delegator, LINES, "previous") > 0.9
    assert right(delegator, LINES, "context", "previous") > 0.9


def test_who_goes_elsewhere_is_not_held_back(delegator: Delegator) -> None:
    gone = [line for line in LINES if line["previous"] != line["agent"]]
    assert right(delegator, gone, "context", "previous") >= right(delegator, gone) - 0.03


def test_an_unrelated_context_makes_nothing_worse(delegator: Delegator) -> None:
    draw = random.Random(1)
    tasks = [line for line in TASKS if line["agent"]][::3]
    before = [draw.choice(LINES) for _ in tasks]
    lines = [{**other, "task": line["task"], "agent": line["agent"]} for line, other in zip(tasks, before, strict=True)]
    alone = right(delegator, lines)
    assert right(delegator, lines, "context") >= alone - 0.011  # one of 94 tasks
    assert right(delegator, lines, "previous") >= alone - 0.011


@pytest.mark.parametrize(
    ("follows", "stands"),
    [
        ("yes, do the second one", "Please refund the second pair of shoes, I sent them back last week"),
        ("ok", "Write the release notes for version 3.2"),
        ("the latter", "draft a changelog entry for the new export of the stock list"),
        ("and for Tuesday?", "Book me a train to Hamburg on Thursday morning, second class"),
        ("好的", "请把这封信翻译成德语, 并且明天早上发给我们的客户"),
    ],
)
def test_short_answers_depend_and_whole_requests_do_not(follows: str, stands: str) -> None:
    assert depends(follows, 0.3) > 0.5 > depends(stands, 0.3)
    assert depends(follows, 0.99) < depends(follows, 0.01)


@given(st.text(max_size=200), st.floats(0, 1))
def test_it_is_a_probability_of_any_text(task: str, clear: float) -> None:
    assert 0 <= depends(task, clear) <= 1


def test_of_a_long_context_the_end_is_read() -> None:
    assert joined("User: a\nAgent: b", "c") == "a\nb\nc"
    assert joined("x" * 5000 + "end", "task").endswith("end\ntask")
    assert len(joined("x" * 5000, "task")) < 500


shares = st.lists(st.floats(0.001, 1), min_size=3, max_size=3).map(lambda found: np.sort(np.asarray(found) / sum(found))[::-1])


@given(
    shares,
    shares,
    st.permutations([2, 5, 7]),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
    st.sampled_from([None, 2, 5, 7]),
    st.floats(0, 1),
)
def test_a_mixture_is_a_ranking_of_the_same_agents(first, second, places, none, other, previous, weight) -> None:
    alone = Ranking(np.asarray([2, 5, 7]), first * (1 - none), first, none, None)  # type: ignore[arg-type]
    joint = Ranking(np.asarray(places), second * (1 - other), second, other, None)  # type: ignore[arg-type]
    found = mixed(alone, joint, previous, weight)
    assert sorted(found.places.tolist()) == [2, 5, 7]
    assert found.probability.sum() + found.none == pytest.approx(1)
    assert found.share.sum() == pytest.approx(1)
    assert (np.diff(found.probability) <= 0).all()
    if weight == 0:
        assert found.probability == pytest.approx(alone.probability)
