"""Preferences, which work within the band that the threshold leaves."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate_cli.agents import Agent, Cost, Roster, Skill
from delegate_cli.errors import SettingsError
from delegate_cli.policy.trade import prefer
from delegate_cli.preference import Preference, parse_preference


def ranked(*agents: Agent) -> tuple[Roster, np.ndarray]:
    roster = Roster(agents)
    return roster, np.asarray([roster.position[agent.id] for agent in agents])


IDS = tuple("abcdefgh")
DEAR = Agent("dear", "Dear", cost=Cost(0.05), latency_ms=100, skills={"law": Skill(0.9)})
CHEAP = Agent("cheap", "Cheap", cost=Cost(0.01), latency_ms=900, skills={"law": Skill(0.5), "math": Skill(1.0)})
DARK = Agent("dark", "Dark")


@pytest.mark.parametrize(
    ("like", "chances", "threshold", "first"),
    [
        ("cheap", [0.5, 0.45, 0.05], 0.9, "cheap"),
        ("cheap", [0.5, 0.39, 0.05], 0.9, "dear"),  # outside the band
        ("cheap", [0.5, 0.45, 0.05], 0.48, "dear"),  # it would fall below the threshold
        ("cheap", [0.5, 0.45, 0.05], 0.45, "cheap"),
        ("fast", [0.5, 0.45, 0.05], 0.9, "dear"),
        ("quality", [0.5, 0.45, 0.05], 0.9, "dear"),
        ("cheap=1,fast=3", [0.5, 0.45, 0.05], 0.9, "dear"),
        ("cheap=3,fast=1", [0.5, 0.45, 0.05], 0.9, "cheap"),
    ],
)
def test_preferences_work_within_the_band(like: str, chances: list[float], threshold: float, first: str) -> None:
    roster, places = ranked(DEAR, CHEAP, DARK)
    order, trade = prefer(roster, places, np.asarray(chances), parse_preference(like), 0.1, threshold)
    assert roster.agents[places[order[0]]].id == first
    assert sorted(order.tolist()) == [0, 1, 2]
    assert (trade is not None) == (first != "dear")
    if trade is not None:
        assert trade.over == "dear"
        assert trade.cost_usd == pytest.approx(-0.04)
        assert trade.latency_ms == 800
        assert trade.probability == pytest.approx(-0.05)


def test_quality_is_of_the_skills_that_are_needed() -> None:
    roster, places = ranked(CHEAP, DEAR)
    quality = Preference(quality=1)
    assert prefer(roster, places, np.asarray([0.5, 0.45]), quality, 0.1, 0.9, ("math",))[1] is None
    trade = prefer(roster, places, np.asarray([0.5, 0.45]), quality, 0.1, 0.9, ("LAW",))[1]
    assert trade is not None
    assert trade.quality == pytest.approx(0.4)


def test_what_is_not_known_wins_nothing() -> None:
    roster, places = ranked(DEAR, DARK)
    for like in ("cheap", "fast", "quality"):
        assert prefer(roster, places, np.asarray([0.5, 0.5]), parse_preference(like), 0.1, 0.9)[1] is None


@given(
    st.lists(st.floats(0.001, 1), min_size=2, max_size=6),
    st.floats(0, 1),
    st.floats(0, 1),
    st.builds(Preference, st.floats(0.1, 2), st.floats(0, 2), st.floats(0, 2)),
    st.randoms(),
)
def test_a_preference_gives_up_no_more_than_the_band(chances, band, threshold, like, random) -> None:
    total = sum(chances)
    shares = np.sort(np.asarray(chances) / total)[::-1]
    found = [
        replace(DARK, id=IDS[place], cost=random.choice([None, Cost(random.random())]), latency_ms=random.random())
        for place in range(len(shares))
    ]
    roster, places = ranked(*found)
    order, trade = prefer(roster, places, shares, like, band, threshold)
    best, chosen = shares[0], shares[order[0]]
    assert chosen >= best - band - 1e-9
    assert chosen >= threshold - 1e-9 or best < threshold
    assert sorted(order.tolist()) == list(range(len(shares)))
    assert trade is None or trade.probability == pytest.approx(chosen - best)


@pytest.mark.parametrize(
    "text", ["", "slow", "cheap=", "cheap=x", "cheap=-1", "cheap=0", "cheap=inf", "cheap=nan", "cheap,slow"]
)
def test_preferences_that_make_no_sense(text: str) -> None:
    with pytest.raises(SettingsError):
        parse_preference(text)
