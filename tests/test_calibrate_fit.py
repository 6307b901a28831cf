"""What `delegate calibrate` fits: the mathematics, without the command."""

import numpy as np
import pytest

from delegate_cli.calibrating import fit
from delegate_cli.confidence import labelled, none
from delegate_cli.confidence.calibration import softmax
from delegate_cli.index import calibration


def drawn(count, weights, seed=1, agents=12):
    chance = np.random.default_rng(seed)
    standard = chance.normal(size=(count, agents, 3))
    probability = softmax(standard @ weights)
    gold = np.array([chance.multinomial(1, row) for row in probability], dtype=bool)
    return labelled.Rows(standard, np.zeros((count, agents)), gold)


def test_many_labels_find_the_true_weights_and_few_stay_at_the_prior():
    true, prior = np.array([0.9, 0.5, 0.2]), np.array([1.8, 0.6, 0.4])
    assert labelled.refit_weights(drawn(6000, true), prior) == pytest.approx(true, abs=0.1)
    few = labelled.refit_weights(drawn(5, true), prior)
    assert np.abs(few / prior - 1).max() < 0.35
    nothing = labelled.Rows(np.zeros((1, 2, 3)), np.zeros((1, 2)), np.zeros((1, 2), dtype=bool))
    assert labelled.refit_weights(nothing, prior) == pytest.approx(prior)


def test_several_right_agents_count_together_and_missing_places_not_at_all():
    rows, prior = drawn(40, np.ones(3)), np.array([1.0, 0.5, 0.5])
    everyone = labelled.Rows(rows.standard, rows.penalty, np.ones_like(rows.gold))
    assert labelled.refit_weights(everyone, prior) == pytest.approx(prior, abs=1e-4)  # always right: nothing to learn
    wider = [np.concatenate((part, fill), axis=1) for part, fill in zip(
        (rows.standard, rows.penalty, rows.gold),
        (np.zeros((40, 2, 3)), np.full((40, 2), np.inf), np.zeros((40, 2), dtype=bool)), strict=True)]  # fmt: skip
    assert labelled.refit_weights(labelled.Rows(*wider), prior) == pytest.approx(labelled.refit_weights(rows, prior), abs=1e-4)


def test_none_holds_the_given_share():
    chance = np.random.default_rng(2)
    inside, outside = chance.normal(size=(3000, len(none.FEATURES))), chance.normal(0.5, 1, (1000, len(none.FEATURES)))
    for share in (0.05, 0.25, 0.6):
        fitted = labelled.refit_none(inside, outside, np.asarray(none.DEFAULT), share)
        stated = [none.probability_none(rows, fitted).mean() for rows in (inside, outside)]
        assert (1 - share) * stated[0] + share * stated[1] == pytest.approx(share, abs=0.02)
    assert labelled.none_share(0, 0) == none.PRIOR_NONE
    assert labelled.none_share(2000, 4000) == pytest.approx(0.5, abs=0.01)


def test_files_are_named_by_what_they_hold(tmp_path):
    folder = tmp_path / "index"
    folder.mkdir()
    calibration.write(folder, [calibration.Label("übel\nzwei Zeilen", ("a",))], {"tasks": 1}, {"gen-1": {}})
    stored = calibration.read(folder)
    assert calibration.read_labels(folder, stored) == [calibration.Label("übel\nzwei Zeilen", ("a",))]
    assert stored.fits == {"gen-1": {}}
    calibration.write(folder, [], {"tasks": 0}, {})
    assert len(list(folder.iterdir())) == 2
    assert calibration.forget(folder)
    assert not calibration.forget(folder)
    assert list(folder.iterdir()) == []


def test_a_threshold_that_hands_over_less_with_as_many_errors_is_worse():
    top = np.array([0.95, 0.9, 0.85, 0.8, 0.6])
    right = np.array([True, False, True, True, True])
    judged = fit.Judged(np.zeros(5), top, right, np.zeros(5), np.ones(5, dtype=bool))
    weight = np.ones(5)

    def loses(old: float, new: float) -> bool:
        return fit.hands_over_less_for_nothing(judged, weight, np.full(5, old), np.full(5, new))

    assert loses(0.8, 0.9)  # two fewer handed over, the wrong one among what is left
    assert not loses(0.8, 0.92)  # the wrong one is no longer handed over
    assert not loses(0.9, 0.8)
    assert not loses(0.8, 0.8)
