"""The mathematics of calibration against independent recomputation and by its properties."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import roc_auc_score

from delegate_cli.confidence import calibration, none, rubric, threshold
from delegate_cli.confidence.metrics import auroc, chance_calibration_error, expected_calibration_error, wilson
from delegate_cli.deciders.fit import fit_head
from delegate_cli.deciders.head import moments, standardise, taught, typical

shares = st.floats(0, 1)
SMALL = settings(max_examples=60, deadline=None, derandomize=True)


@SMALL
@given(arrays(float, (4, 7), elements=st.floats(-50, 50)))
def test_softmax_sums_to_one_and_keeps_the_order(logits):
    probability = calibration.softmax(logits)
    assert np.allclose(probability.sum(axis=1), 1)
    assert (np.diff(np.take_along_axis(probability, np.argsort(logits, axis=1), axis=1)) >= 0).all()


@SMALL
@given(st.lists(shares, min_size=1, max_size=6))
def test_calibration_error_by_chance_is_the_mean_over_all_outcomes(probability):
    outcomes = list(itertools.product((False, True), repeat=len(probability)))
    chance = [math.prod(p if right else 1 - p for p, right in zip(probability, outcome, strict=True)) for outcome in outcomes]
    mean = sum(c * expected_calibration_error(probability, outcome) for c, outcome in zip(chance, outcomes, strict=True))
    assert chance_calibration_error(probability) == pytest.approx(mean, abs=1e-9)


@SMALL
@given(st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=60))
def test_calibration_error_equals_the_definition(rows):
    probability, right = (np.array(column) for column in zip(*rows, strict=True))
    expected = 0.0
    for low in range(15):
        inside = [(p, r) for p, r in rows if low <= p * 15 < low + 1 or (low == 14 and p == 1)]
        if inside:
            gap = np.mean([p for p, _ in inside]) - np.mean([r for _, r in inside])
            expected += len(inside) / len(rows) * abs(gap)
    assert expected_calibration_error(probability, right) == pytest.approx(expected, abs=1e-9)


@SMALL
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60))
def test_auroc_agrees_with_scikit_learn(rows):
    score, positive = zip(*rows, strict=True)
    if len(set(positive)) == 2:
        assert auroc(score, positive) == pytest.approx(roc_auc_score(positive, score))
    else:
        assert math.isnan(auroc(score, positive))


def test_wilson_interval_is_the_textbook_one():
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == 1.0


@SMALL
@given(st.lists(st.tuples(st.floats(0, 0.99), st.booleans()), min_size=20, max_size=200), st.floats(0.01, 0.3))
def test_threshold_keeps_the_promised_error_on_its_own_data(rows, target):
    probability, right = (np.array(column) for column in zip(*rows, strict=True))
    curve = threshold.fit_curve(probability, right, np.ones(len(rows)))
    found = threshold.at(curve, target)
    above = probability >= found.probability
    if found.coverage:
        promised = (1 - probability[above]).mean()
        shrunk = ((~right[above]).sum() + threshold.TRUST * promised) / (above.sum() + threshold.TRUST)
        assert shrunk <= target
        assert found.coverage == pytest.approx(above.mean())
    else:
        assert not above.any()


def test_threshold_without_data_is_cautious():
    assert threshold.at(np.zeros((0, 3)), 0.05) == (0.9, None)
    assert threshold.at(threshold.fit_curve(np.array([0.9]), np.array([True]), np.ones(1)), 0.05).probability == 0.9


def test_what_is_only_assumed_makes_no_error_surer():
    probability, right = np.full(40, 0.97), np.ones(40)
    sure, assumed = (threshold.fit_curve(probability, right, np.ones(40), seen=seen)[0, 1] for seen in (None, np.zeros(40)))
    plain = (threshold.TRUST * 0.03) / (40 + threshold.TRUST)
    assert sure - plain == pytest.approx(threshold.CAUTION * np.sqrt(plain * (1 - plain) / (40 + threshold.TRUST)))
    assert assumed - plain == pytest.approx(threshold.CAUTION * np.sqrt(plain * (1 - plain) / threshold.TRUST))


@SMALL
@given(st.floats(0.01, 0.49), st.floats(0.01, 0.5))
def test_a_laxer_target_never_raises_the_threshold(strict, more):
    rng = np.random.default_rng(3)
    probability = rng.random(300)
    curve = threshold.fit_curve(probability, rng.random(300) < probability, np.ones(300))
    assert threshold.at(curve, min(strict + more, 1)).probability <= threshold.at(curve, strict).probability


def synthetic(weights, requests=400, agents=12, seed=0):
    """Left-out requests whose right agents are drawn from the model itself."""
    rng = np.random.default_rng(seed)
    standard = rng.normal(size=(requests, agents, 3)).astype(np.float32)
    probability = calibration.softmax(standard @ np.asarray(weights))
    gold = np.array([rng.choice(agents, p=row / row.sum()) for row in probability])
    return calibration.LeftOut(standard, gold)


def test_weights_are_recovered_when_there_is_much_data():
    left_out = synthetic((2.0, 0.3, 1.0), requests=4000)
    found = calibration.fit_weights(left_out, np.array((1.0, 1.0, 1.0)), sd=5.0)
    assert found == pytest.approx([2.0, 0.3, 1.0], abs=0.15)


def test_weights_stay_near_the_prior_when_there_is_little_data():
    prior = np.array((1.2, 0.4, 0.6))
    found = calibration.fit_weights(synthetic((0.0, 2.0, 0.0), requests=12), prior)
    assert found / found[0] == pytest.approx(prior / prior[0], abs=0.15)


def test_prior_weights_mix_by_share_of_agents_with_examples():
    assert taught(np.array([5, 5])) == 1
    assert taught(np.array([0, 1])) == 0
    assert taught(np.array([], dtype=int)) == 0
    assert calibration.prior_weights(1) == pytest.approx(calibration.WITH_EXAMPLES)
    assert calibration.prior_weights(0) == pytest.approx(calibration.CARDS_ALONE)
    half = (np.array(calibration.WITH_EXAMPLES) + calibration.CARDS_ALONE) / 2
    assert calibration.prior_weights(taught(np.array([0, 2]))) == pytest.approx(half)


@SMALL
@given(st.floats(-1, 1), st.floats(-1, 1), shares, st.integers(1, 5000))
def test_more_support_never_makes_nobody_likelier(support, more, probability, length):
    low, high = sorted((support, more))
    coefficients = np.array(none.DEFAULT)
    first, second = (
        none.probability_none(none.features(value, probability, 0.2, 3.0, length), coefficients) for value in (low, high)
    )
    assert 0 <= second <= first <= 1


def test_none_separates_requests_with_and_without_support():
    rng = np.random.default_rng(1)
    inside, outside = rng.normal(0.8, 1, (300, 6)), rng.normal(-0.8, 1, (300, 6))
    coefficients = none.fit_none(inside, outside)
    labels = np.repeat((False, True), 300)
    scores = none.probability_none(np.vstack((inside, outside)), coefficients)
    assert auroc(scores, labels) > 0.95
    assert scores[~labels].mean() < none.PRIOR_NONE


@SMALL
@given(shares, shares)
def test_levels_rise_with_probability(one, other):
    low, high = sorted((one, other))
    assert 1 <= rubric.level(low) <= rubric.level(high) <= 5


def test_levels_span_the_whole_scale():
    assert [rubric.level(share) for share in (0.0, 0.5, 0.7, 0.9, 1.0)] == [1, 2, 3, 4, 5]


def test_head_of_one_and_of_two_agents():
    vectors = np.eye(4, dtype=np.float32)
    weight, bias = fit_head(vectors, np.zeros(4, int), np.ones(4), 1)
    assert weight.shape == (1, 4)
    assert not bias.any()
    weight, bias = fit_head(vectors, np.array([0, 0, 1, 1]), np.ones(4), 2)
    assert ((vectors @ weight.T + bias).argmax(axis=1) == [0, 0, 1, 1]).all()


def test_moments_give_mean_and_variance_over_all_agents():
    rng = np.random.default_rng(2)
    weight, bias, cards = rng.normal(size=(30, 8)), rng.normal(size=30), rng.normal(size=(30, 8))
    facts = moments(weight.astype(np.float32), bias.astype(np.float32), cards.astype(np.float32))
    vector = rng.normal(size=8)
    logits, with_bias = weight @ vector + bias, np.append(vector, 1)
    assert facts["head_mean"] @ with_bias == pytest.approx(logits.mean(), abs=1e-5)
    assert with_bias @ facts["head_covariance"] @ with_bias == pytest.approx(logits.var(), rel=1e-4)


def test_standard_scores_of_few_agents_are_not_always_one():
    usual = typical(1.0, 0.2)
    near, far = (standardise(np.array([0.0, gap]), gap / 2, gap * gap / 4, 2, usual[1]) for gap in (0.02, 0.5))
    assert abs(near).max() < 0.2
    assert abs(far).max() > 0.8


def test_words_of_long_tasks_count_by_proportion_and_no_words_count_nothing():
    short = np.array([0.3, 0.1, 0.0])
    first, second = (standardise(raw, raw.mean(), raw.var(), 3, typical(0.0, raw.max())[2]) for raw in (short, short / 100))
    assert first == pytest.approx(second)
    assert (standardise(np.zeros(3), 0.0, 0.0, 3, typical(0.0, 0.0)[2]) == 0).all()
