"""Success on earlier tasks: it shifts the ranking among about equal agents only, and only where it is more than noise."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delegate_cli.agents import Agent, Roster
from delegate_cli.policy.outcomes import Outcomes, prefer_proven

ROSTER = Roster((Agent("a", "A"), Agent("b", "B")))


def direction(*angles):
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], dtype=np.float32)


def proven(rates):
    """Outcomes of two agents, each at its own direction, with these numbers of tasks and shares of success."""
    vectors, agents, success = [], [], []
    for (agent, angle), (tasks, share) in rates.items():
        vectors += [direction(angle)[0]] * tasks
        agents += [agent] * tasks
        success += [1.0] * round(tasks * share) + [0.0] * (tasks - round(tasks * share))
    return Outcomes(np.array(vectors), tuple(agents), np.array(success))


def first_of(outcomes, probability, band=0.1, threshold=0.9, at=0.0):
    places = np.arange(2)
    order, traded = prefer_proven(ROSTER, places, np.array(probability), outcomes, direction(at)[0], band, threshold)
    return ROSTER.agents[places[order][0]].id, traded


def test_the_proven_agent_goes_first_only_within_the_band():
    known = proven({("a", 0.0): (40, 0.3), ("b", 0.0): (40, 0.9)})
    who, traded = first_of(known, (0.5, 0.45))
    assert (who, traded.by, traded.over) == ("b", "outcomes", "a")
    assert traded.quality > 0.2
    assert first_of(known, (0.6, 0.3)) == ("a", None)
    assert first_of(known, (0.92, 0.85)) == ("a", None)  # below the threshold of the one that reaches it


def test_few_outcomes_and_small_differences_change_nothing():
    assert first_of(proven({("a", 0.0): (1, 0.0), ("b", 0.0): (1, 1.0)}), (0.5, 0.45))[1] is None
    assert first_of(proven({("a", 0.0): (40, 0.5), ("b", 0.0): (40, 0.55)}), (0.5, 0.45))[1] is None


def test_what_counts_is_success_on_tasks_like_this_one():
    known = proven({("a", 0.0): (40, 0.9), ("a", 1.5): (40, 0.1), ("b", 0.0): (40, 0.1), ("b", 1.5): (40, 0.9)})
    assert first_of(known, (0.5, 0.45), at=0.0)[0] == "a"
    assert first_of(known, (0.5, 0.45), at=1.5)[0] == "b"


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(0, 3), st.floats(0, 1)), min_size=1, max_size=20))
@example([("a", 0.0, 1.0), ("a", 1.0, 1.0)])
@settings(max_examples=50, deadline=None)
def test_rates_lie_between_the_worst_and_the_best(rows):
    agents, angles, success = zip(*rows, strict=True)
    known = Outcomes(direction(*angles), agents, np.array(success))
    for rate in known.rates(direction(1.0)[0], ["a", "b"]).values():
        assert min(success) - 1e-9 <= rate.mean <= max(success) + 1e-9
