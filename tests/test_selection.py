"""Which waiting tasks come first in a review: those that teach most."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shell
from hypothesis import given, settings
from hypothesis import strategies as st

from delegate_cli.decision import Status
from delegate_cli.journal.entries import Feedback, Filter, Origin, Verdict
from delegate_cli.journal.recorder import Recorder
from delegate_cli.journal.schema import FILE
from delegate_cli.journal.store import Journal
from delegate_cli.learning import selection
from delegate_cli.learning.selection import SHARPNESS, informative, most_informative_first
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster

TASKS = (
    "who waters the plants while we are away?",
    "can somebody help with the paper from the landlord?",  # the least sure
    "where is my money?",
    "can somebody help with the paper from the landlord?",
    "something is broken",
)


def unit(rows: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def queue(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    doubt, none = np.random.default_rng(seed + 1).random((2, rows))
    return unit(rows, seed), doubt, none


def by_hand(tasks: np.ndarray, doubt: np.ndarray, none: np.ndarray, known: np.ndarray) -> list[int]:
    """Each time every gain, by the formula."""
    served = [max([0.0, *(max(0.0, float(task @ other)) ** SHARPNESS for other in known)]) for task in tasks]
    like = [[max(0.0, float(one @ other)) ** SHARPNESS for other in tasks] for one in tasks]
    order: list[int] = []
    while len(order) < len(tasks):
        gains = {}
        for row in set(range(len(tasks))) - set(order):
            pairs = zip(doubt * (1 - none), like[row], served, strict=True)
            gains[row] = (1 - none[row]) * sum(weight * max(0.0, new - old) for weight, new, old in pairs)
        order.append(max(gains, key=lambda row: (round(gains[row], 5), -row)))
        served = [max(old, new) for old, new in zip(served, like[order[-1]], strict=True)]
    return order


@settings(max_examples=40)
@given(st.integers(0, 40), st.integers(0, 6), st.integers(0, 10**6))
def test_every_task_comes_once_and_again_the_same(rows: int, known: int, seed: int) -> None:
    tasks, doubt, none = queue(rows, seed)
    found = informative(tasks, doubt, none, unit(known, seed + 2))
    assert sorted(found.tolist()) == list(range(rows))
    assert informative(tasks, doubt, none, unit(known, seed + 2)).tolist() == found.tolist()
    # only how the doubts compare counts, and those of which there is none teach nothing
    assert informative(tasks, doubt / 2, none, unit(known, seed + 2)).tolist() == found.tolist()
    assert informative(tasks, 0 * doubt, none, unit(known, seed + 2)).tolist() == list(range(rows))


@pytest.mark.parametrize("seed", range(6))
def test_each_is_the_one_that_adds_most(seed: int) -> None:
    tasks, doubt, none = queue(12, seed)
    for known in (0, 3):
        ours, theirs = (
            informative(tasks, doubt, none, unit(known, seed + 50)),
            by_hand(tasks, doubt, none, unit(known, seed + 50)),
        )
        assert ours[:6].tolist() == theirs[:6]  # later ones add next to nothing


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(0, 10**6))
def test_a_copy_waits_until_all_else_is_answered(rows: int, seed: int) -> None:
    tasks, doubt, none = queue(rows, seed)
    doubt, none = np.tile(0.1 + doubt, 2), np.tile(none / 2, 2)
    nothing = np.zeros((0, 4), np.float32)
    found = informative(np.concatenate([tasks, tasks]), doubt, none, nothing)
    assert sorted(found[:rows].tolist()) == list(range(rows))  # of two copies the earlier one
    # and what is answered already is a copy, too
    known = informative(tasks, doubt[:rows], none[:rows], tasks)
    assert known.tolist() == list(range(rows))


def test_a_very_long_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks, doubt, none = queue(30, 0)
    monkeypatch.setattr(selection, "MOST", 10)
    monkeypatch.setattr(selection, "_BLOCK", 4)
    found = informative(tasks, doubt, none, unit(9, 1)).tolist()
    assert sorted(found) == list(range(30))
    assert sorted(found[:10]) == sorted(np.argsort(-doubt * (1 - none))[:10].tolist())
    assert found[10:] == sorted(found[10:])


@pytest.fixture
def waiting(kept: Path, small: Path) -> list[str]:
    """Tasks that wait for a person, decided with the small roster; their ids."""
    delegator = Delegator(load_roster(str(small)))
    made = [replace(delegator.decide(task), status=Status.ASK, agent=None) for task in TASKS]
    with Journal(kept / FILE) as journal:
        recorder = Recorder(journal, delegator.settings, origin=Origin.PIPELINE)
        for each in made:
            recorder.record(each)
        recorder.close()
    return [each.id for each in made]


def test_the_queue_is_shown_so(invoke: Callable[..., shell.Result], waiting: list[str], kept: Path, small: Path) -> None:
    def listed(*more: str) -> list[str]:
        done = invoke("review", "--order", "informative", "--format", "jsonl", *more)
        assert done.code == 0, done.err
        return [row["id"] for row in done.rows]

    found = listed()
    assert sorted(found) == sorted(waiting)
    assert (found[:2], found[-1]) == ([waiting[1], waiting[4]], waiting[3])  # the copy teaches nothing more
    assert listed("--limit", "3") == found[:3]
    assert listed("--agents", str(small)) == found
    assert listed("--agents", shell.SMALL) == waiting  # another file: nothing waits that would teach it
    assert [row["id"] for row in invoke("review", "--format", "jsonl").rows] == waiting
    with Journal(kept / FILE) as journal:
        journal.say(Feedback(waiting[1], Verdict.NOBODY, origin=Origin.REVIEW))
    assert listed() == [waiting[4], waiting[2], waiting[0], waiting[3]]


def test_tasks_of_others_and_without_text_come_last(waiting: list[str], kept: Path, small: Path) -> None:
    delegator = Delegator(load_roster(str(small)))
    with Journal(kept / FILE) as journal:
        entries = list(journal.entries(Filter(), queued=True))
    entries[0] = replace(entries[0], roster_path="/elsewhere/agents.yaml")
    entries[4] = replace(entries[4], task=None)
    found = [each.id for each in most_informative_first(delegator, entries, (), lambda *_: None)]
    assert sorted(found) == sorted(waiting)
    assert found[-2:] == [waiting[0], waiting[4]]


def test_a_walk_begins_with_what_teaches_most(terminal: Callable[..., shell.Result], waiting: list[str]) -> None:
    shown = terminal("review", "--order", "informative", "--limit", "2", typed=b"q").out
    assert "1 of 2 " in shown
    assert TASKS[1] in shown
    assert shown.index("\x1b[?25h") < shown.index(TASKS[1])  # the bar is gone before


def test_what_is_drawn_has_no_order(invoke: Callable[..., shell.Result]) -> None:
    done = invoke("review", "--check", "3", "--order", "informative")
    assert (done.code, done.out) == (2, "")
    assert "--check draws at random" in done.err
    assert invoke("review", "--order", "informative").code == 0  # an empty queue needs no roster
