"""The drift test: its false alarms are as rare as stated, and broken promises are noticed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delegate_cli.learning.drift import watch, wealth


def test_kept_promises_raise_no_alarm_more_often_than_stated():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(300):
        promised = rng.beta(4, 2, 200)
        alarms += watch(zip(promised.tolist(), (rng.random(200) < promised).tolist(), strict=True)).alarm
    assert alarms <= 8  # 3 are expected at most; more than 8 have a chance of less than 1 in 200


@pytest.mark.parametrize(("shift", "start", "within"), [(-1.5, 0, 120), (1.5, 0, 120), (-1.5, 150, 200)])
def test_broken_promises_are_noticed(shift, start, within):
    rng = np.random.default_rng(1)
    late = 0
    for _ in range(20):
        promised = rng.beta(4, 2, start + within)
        true = promised / (promised + (1 - promised) * np.exp(-shift))
        true[:start] = promised[:start]
        found = watch(zip(promised.tolist(), (rng.random(len(true)) < true).tolist(), strict=True))
        late += found.since is None or found.since <= start
    assert late <= 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=7))
@settings(max_examples=50, deadline=None)
def test_no_bet_gains_where_promises_are_kept(promises):
    expected = 0.0
    for outcome in range(2 ** len(promises)):
        rights = [bool(outcome >> place & 1) for place in range(len(promises))]
        chance = np.prod([promise if right else 1 - promise for promise, right in zip(promises, rights, strict=True)])
        if chance:
            expected += chance * list(wealth(zip(promises, rights, strict=True)))[-1]
    # the share of the stake that is still aside makes it exactly 1
    assert expected == pytest.approx(1.0, abs=1e-6)
