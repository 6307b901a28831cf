"""Answers → lessons: copies, contradictions, steps; and how many tasks an answer stands for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delegate_cli.agents import Agent, Roster
from delegate_cli.index.calibration import Label
from delegate_cli.index.learned import Learned, Lesson
from delegate_cli.learning import answers as said
from delegate_cli.learning.answers import Answer, Population, Sort
from delegate_cli.learning.lessons import NEAR, draw


def said_of(number, sort=Sort.ASKED, agent="a", task=None):
    return Answer(str(number), task or f"task {number}", agent, float(number), sort, "a", 0.9)


def direction(*angles):
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], dtype=np.float32)


ROSTER = Roster((Agent("a", "A", examples=("x",)), Agent("b", "B")))
NOWHERE = np.zeros((0, 2), dtype=np.float32)


def drawn(answers, vectors, former=(), former_vectors=NOWHERE, written=NOWHERE, owner=()):
    return draw(answers, vectors, former, former_vectors, ROSTER, written, np.array(owner, dtype=np.int64))


def test_the_latest_of_contradicting_answers_counts():
    found = drawn([said_of(1), said_of(2, agent="b"), said_of(3, agent=None)], direction(0.0, 0.01, 0.02))
    assert [(lesson.decision, lesson.agent) for lesson in found.new] == [("3", None)]
    assert [(each.was, each.now) for each in found.contradictions] == [("a", None), ("b", None)]


def test_a_later_answer_replaces_what_was_learnt_and_an_earlier_one_does_not():
    former = [Lesson("task", "a", "old", 5.0, True)]
    later = drawn([said_of(9, agent="b")], direction(0.0), former, direction(0.01))
    assert later.replaced == ("old",)
    earlier = drawn([said_of(1, agent="b")], direction(0.0), former, direction(0.01))
    assert earlier.replaced == earlier.new == ()


def test_copies_and_agents_that_are_gone():
    answers = [said_of(1), said_of(2), said_of(3), said_of(4, agent="gone")]
    found = drawn(answers, direction(0.0, 1.0, 1.01, 2.0), written=direction(0.05), owner=[0])
    assert [lesson.example for lesson in found.new] == [False, False, True]
    assert (found.copies, found.gone, found.examples) == (2, {"gone": 1}, {"a": 1})


def test_a_contradiction_with_the_file_is_told():
    found = drawn([said_of(1, agent="b")], direction(0.0), written=direction(0.01), owner=[0])
    assert [(each.was, each.now, each.written) for each in found.contradictions] == [("a", "b", True)]
    assert found.examples == {"b": 1}


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["a", "b", None])), max_size=30))
@settings(max_examples=60, deadline=None)
def test_no_two_lessons_disagree_or_repeat(rows):
    answers = [said_of(number, agent=agent) for number, (_, agent) in enumerate(rows)]
    vectors = direction(*(angle for angle, _ in rows)) if rows else NOWHERE
    found = drawn(answers, vectors)
    kept = {lesson.decision: lesson for lesson in found.new}
    for one, lesson in kept.items():
        for other, rival in kept.items():
            if one < other and vectors[int(one)] @ vectors[int(other)] >= NEAR:
                assert lesson.agent == rival.agent
                assert not (lesson.example and rival.example)


def test_steps_are_taken_back_one_by_one():
    first = Learned().then([Lesson("one", "a", "1", 1.0, True)], [], {"weights": {"asked": 1.0}})
    second = first.then([Lesson("two", "b", "2", 2.0, True)], ["1"], {"weights": {"asked": 2.0}})
    assert [lesson.task for lesson in second.standing] == ["two"]
    assert second.labels == [Label("two", ("b",), 2.0, "2")]
    assert second.undone() == first
    assert first.undone() == Learned()


# what answers stand for


@given(st.integers(1, 50), st.integers(0, 40), st.integers(0, 20), st.integers(0, 500), st.integers(0, 500))
@settings(max_examples=100, deadline=None)
def test_answers_stand_for_all_tasks(asked, looked, complained, more_asked, more_decided):
    sorts = [Sort.ASKED] * asked + [Sort.LOOKED] * looked + [Sort.COMPLAINED] * complained
    answers = [said_of(number, sort) for number, sort in enumerate(sorts)]
    population = Population(asked + more_asked, looked + complained + more_decided, 0.0, ())
    weights, unseen = said.weights(answers, population)
    stood = sum(weights[answer.sort] for answer in answers) + unseen.tasks
    assert stood * population.asked / asked == pytest.approx(population.asked + population.decided)


def test_complaints_alone_do_not_say_that_all_is_wrong():
    complaints = [said_of(number, Sort.COMPLAINED) for number in range(5)]
    asked = [said_of(number, Sort.ASKED) for number in range(5, 25)]
    weights, unseen = said.weights([*complaints, *asked], Population(20, 505, 5.0, (0.97,)))
    assert (weights["complained"], weights["asked"]) == (1.0, 1.0)
    assert unseen.tasks == 500
