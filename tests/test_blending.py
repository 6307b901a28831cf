"""How much learnt requests count: they may gain for their agents what they like, and cost the others nothing."""

from typing import Any

import numpy as np
import pytest

from delegate_cli.agents import Agent, Blend, Roster
from delegate_cli.confidence.calibration import prior_weights
from delegate_cli.fitting import Training, head_of, prepare, scored_without
from delegate_cli.index.learned import Learned, Lesson
from delegate_cli.index.parts import Part, parts_of
from delegate_cli.learning.blending import chance_of_unknown, choose

AGENTS, DIMENSION, EACH = 12, 24, 6


def taught(style: float, blend: Blend = Blend()) -> Training:
    """Half of the agents have learnt requests; all of these share a direction, as users' words do, that no card has."""
    rng = np.random.default_rng(2)
    names = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 8)) for _ in range(AGENTS * (EACH + 2))]
    topics = rng.normal(size=(AGENTS, DIMENSION))
    topics[:, 0] = 0.0
    requests = {place: tuple(names[AGENTS + place :: AGENTS][: EACH if place % 2 else 0]) for place in range(AGENTS)}
    agents = tuple(Agent(f"a{place:02}", names[place], learned=requests[place]) for place in range(AGENTS))
    roster = Roster(agents, blend=blend)
    parts = parts_of(roster)
    vectors = topics[parts.owner] + 0.6 * rng.normal(size=(len(parts.texts), DIMENSION))
    vectors[:, 0] = [style if kind == Part.EXAMPLE else 0.0 for kind in parts.kind]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return prepare(roster, parts, vectors.astype(np.float32))


def dense(arrays: dict[str, Any]) -> Any:
    """The weights of all n-grams for all agents, and how rare each n-gram is."""
    weights = np.zeros((len(arrays["bm25_idf"]), AGENTS + 1))
    weights[np.repeat(np.arange(len(weights)), np.diff(arrays["bm25_start"])), arrays["bm25_agent"]] = arrays["bm25_weight"]
    weights[:, AGENTS] = arrays["bm25_idf"]
    return weights


def nothing(what: str, done: int, total: int) -> None:
    pass


def test_the_chance_of_an_agent_that_nobody_was_asked_about() -> None:
    assert chance_of_unknown([]) == chance_of_unknown([0, 0]) == 1.0
    assert chance_of_unknown([1, 1, 1]) == 1.0
    assert chance_of_unknown([4, 1, 0, 5]) == 0.1
    assert chance_of_unknown([2, 2]) == 0.0


@pytest.mark.parametrize("style", [0.0, 6.0])
def test_agents_of_which_nothing_was_learnt_fare_no_worse(style: float) -> None:
    chosen = choose(taught(style), prior_weights(1.0), nothing)
    assert chosen.unknown_loss[1] <= chosen.unknown_loss[0]
    assert chosen.blend.weight > 0  # something is learnt
    assert chosen.known_loss[1] < chosen.known_loss[0]


def test_what_users_words_share_is_held_against_them() -> None:
    plain, shared = (choose(taught(style), prior_weights(1.0), nothing).blend for style in (0.0, 6.0))
    assert (shared.weight, -shared.offset) < (plain.weight, -plain.offset)


def test_a_blend_is_the_mean_of_with_and_without() -> None:
    training = taught(1.0, Blend(0.25, 0.5))
    everything = np.arange(len(training.parts.texts))
    arrays = scored_without(training, everything)
    (more, bias_more), (less, bias_less) = (head_of(training, rows) for rows in (everything, everything[~training.learned]))
    np.testing.assert_allclose(arrays["head_weight"], 0.25 * more + 0.75 * less, rtol=1e-5)
    offset = 0.5 * (np.arange(AGENTS) % 2)
    np.testing.assert_allclose(arrays["head_bias"], 0.25 * bias_more + 0.75 * bias_less - offset, rtol=1e-4, atol=1e-6)
    ends = [dense(scored_without(taught(1.0, Blend(weight)), everything)) for weight in (1.0, 0.0)]
    assert (ends[0] != ends[1]).any()
    np.testing.assert_allclose(dense(arrays), 0.25 * ends[0] + 0.75 * ends[1], rtol=1e-5)


def test_without_learnt_requests_a_blend_changes_nothing() -> None:
    training = taught(1.0)
    rows = np.flatnonzero(~training.learned)
    one, other = (scored_without(each, rows) for each in (training, taught(1.0, Blend(0.5, 2.0))))
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_blend_is_kept_with_its_step_and_makes_an_index_stale() -> None:
    roster = Roster((Agent("a", "A"), Agent("b", "B")))
    learnt = Learned().then([Lesson("task", "a", "1", 1.0, True)], (), {"weights": {}})
    assert learnt.taught(roster).blend == Blend()  # what was learnt before there were blends
    blended = learnt.blended(Blend(0.5, 1.0))
    assert blended.taught(roster).blend == Blend(0.5, 1.0)
    assert blended.taught(roster).text_sha256 != learnt.taught(roster).text_sha256
    assert blended.undone() == Learned()
