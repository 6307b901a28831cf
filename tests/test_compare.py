"""Whether a difference is real: the statistics of `--compare`, as properties and against scipy."""

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from delegate_cli.evaluation.compare import (
    Pairs,
    Verdict,
    margin,
    mcnemar,
    mean_difference,
    sentence,
    tasks_needed,
    verdict,
)

counts = st.integers(0, 400)
rights = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)


@settings(deadline=None, derandomize=True)
@given(counts, counts)
def test_mcnemar_is_a_probability_symmetric_and_scipys(only_a, only_b):
    p = mcnemar(only_a, only_b)
    assert 0 <= p <= 1
    assert p == mcnemar(only_b, only_a)
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert p == pytest.approx(expected, abs=1e-12)


def test_mcnemar_of_many_tasks_does_not_overflow():
    assert 0 < mcnemar(4000, 4300) < 0.01
    assert mcnemar(5000, 5000) == 1.0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(rights)
def test_a_difference_is_mirrored_when_sides_change(rows):
    a, b = zip(*rows, strict=True)
    there, back = mean_difference(a, b), mean_difference(b, a)
    assert there["value"] == -back["value"]
    assert there["low"] == pytest.approx(-back["high"], abs=1e-12)
    assert there["high"] == pytest.approx(-back["low"], abs=1e-12)
    assert there["low"] - 1e-12 <= there["value"] <= there["high"] + 1e-12 or len(rows) < 30
    assert mean_difference(a, a) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_the_interval_has_the_width_that_theory_gives():
    source = random.Random(1)
    a = [source.random() < 0.7 for _ in range(2000)]
    b = [source.random() < 0.75 for _ in range(2000)]
    found = mean_difference(a, b)
    error = np.std(np.array(b, float) - np.array(a, float)) / math.sqrt(2000)
    assert (found["high"] - found["low"]) / 2 == pytest.approx(1.96 * error, rel=0.1)


def test_nothing_to_compare_has_no_difference():
    assert mean_difference([], []) is None


@settings(deadline=None, derandomize=True)
@given(counts, counts, counts, counts)
def test_verdict_and_number_of_tasks_make_sense_together(only_a, only_b, both, neither):
    pairs = Pairs(only_a, only_b, both, neither)
    if not pairs.tasks:
        return
    gap = (only_b - only_a) / pairs.tasks
    error = 1.96 * math.sqrt(max(pairs.differ / pairs.tasks - gap**2, 0) / pairs.tasks)
    low, high = gap - error, gap + error
    found = verdict(pairs)
    assert (found is Verdict.REAL) == (mcnemar(only_a, only_b) < 0.05)
    assert found is not Verdict.SAME or only_a == only_b == 0
    assert margin(pairs, low, high) >= abs(gap)
    needed = tasks_needed(pairs)
    if found is not Verdict.REAL:
        assert (found is Verdict.TOO_FEW) == (pairs.tasks < needed)
    if found is Verdict.CHANCE:
        assert abs(gap) < 0.03
    said = sentence(pairs, low, high, ("old.yaml", "new.yaml"))
    mirrored = Pairs(only_b, only_a, both, neither)
    if found is Verdict.REAL:
        better = "old.yaml" if only_a > only_b else "new.yaml"
        assert said.startswith(f"{better} is really better")
        assert said == sentence(mirrored, -high, -low, ("new.yaml", "old.yaml"))
    else:
        assert "really" not in said


def test_the_same_share_on_more_tasks_becomes_real():
    few, many = Pairs(3, 6, 30, 11), Pairs(60, 120, 600, 220)
    needed = tasks_needed(few)
    assert verdict(few) is Verdict.TOO_FEW
    assert f"about {needed:,} to find one of 6.0 points" in sentence(few, -0.06, 0.18, ("a", "b"))
    assert needed < many.tasks * 2
    assert verdict(many) is Verdict.REAL


def test_the_number_of_tasks_needed_finds_the_difference_four_times_in_five():
    pairs = Pairs(30, 50, 250, 70)
    needed, found = tasks_needed(pairs), 0
    source = np.random.default_rng(5)
    for _ in range(400):
        a, b, _ = source.multinomial(needed, (30 / 400, 50 / 400, 320 / 400))
        found += mcnemar(int(a), int(b)) < 0.05
    assert 0.7 < found / 400 < 0.9


def test_identical_sides_on_few_and_many_tasks():
    assert verdict(Pairs(0, 0, 20, 5)) is Verdict.TOO_FEW  # 25 tasks cannot rule out a difference of 3 points
    assert verdict(Pairs(0, 0, 200, 50)) is Verdict.SAME
    assert sentence(Pairs(0, 0, 20, 5), 0.0, 0.0, ("a", "b")).startswith("25 tasks are too few to tell")


def test_enough_tasks_without_a_real_difference():
    assert verdict(Pairs(30, 32, 900, 38)) is Verdict.CHANCE
    said = sentence(Pairs(30, 32, 900, 38), -0.013, 0.017, ("a", "b"))
    assert said == "The difference in top-1 of 0.2 points could be chance (p = 0.899); one of more than 1.7 points is unlikely."
    assert sentence(Pairs(30, 30, 900, 40), -0.015, 0.015, ("a", "b")).startswith(
        "Top-1 is the same; a difference of more than 1.5"
    )


def test_pairs_are_counted():
    assert Pairs.of([True, True, False, False, True], [True, False, True, False, False]) == Pairs(2, 1, 1, 1)
