"""Orders and tournaments: sums, that no place and no group matters, and what a biased model comes to."""

import numpy as np
import pytest
from asking import Thinker, answer, by_name, cards
from hypothesis import given
from hypothesis import strategies as st

from delegate_cli.deciders.chat import chat
from delegate_cli.deciders.orders import FLOOR, View, average, back, compose, groups, in_order, rotations, votes, winner
from delegate_cli.deciders.question import Question
from delegate_cli.endpoints import Capabilities

NOBODY = "none of these agents"
SIZES = st.integers(1, 60)


def strengths(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(0.01, 1.0), min_size=count + 1, max_size=count + 1)


def named(values: list[float]) -> dict[str, float]:
    """Strength by name of agent, nobody's last."""
    return {**{f"Agent {number}": value for number, value in enumerate(values[:-1])}, NOBODY: values[-1]}


@given(SIZES, st.integers(1, 70))
def test_rotations_are_different_evenly_spread_and_begin_as_it_is(size, orders):
    turns = rotations(size, orders)
    assert len(turns) == len(set(turns)) == min(size, orders)
    assert turns[0] == tuple(range(size))
    assert all(sorted(turn) == list(range(size)) for turn in turns)
    gaps = np.diff([turn[0] for turn in turns] + [size])
    assert gaps.max() - gaps.min() <= 1


@given(st.integers(1, 30), st.integers(1, 8), st.randoms())
def test_what_is_asked_in_an_order_comes_back_to_its_card(size, orders, random):
    probability = np.array([random.random() for _ in range(size + 1)])
    for turn in rotations(size, orders):
        by_place = np.append(probability[list(turn)], probability[-1])
        assert np.array_equal(back(by_place, turn), probability)


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5))
def test_an_average_sums_to_one_and_no_order_alone_rules_a_card_out(rows):
    views = [View(np.array(row) / sum(row) if sum(row) else np.full(4, 0.25), 0.5) for row in rows]
    joined = average(views)
    assert joined.probability.sum() == pytest.approx(1)
    assert joined.missing == pytest.approx(0.5)
    assert (joined.flips is None) == (len(rows) == 1)
    if len(rows) > 1:
        assert joined.probability.min() >= FLOOR / 10
    assert joined.raw is views[0].probability


def test_disagreement_about_the_cards_leaves_nothing_to_nobody():
    said = np.array([0.44, 0.06, 0.06, 0.07, 0.06, 0.31])
    views = [View(back(said, turn)) for turn in rotations(5, 5)]
    assert average(views).probability == pytest.approx([0.138] * 5 + [0.31])


def test_flips_are_the_orders_that_chose_otherwise():
    sure = [View(np.eye(3)[place]) for place in (0, 0, 1, 2, 0)]
    assert average(sure).flips == pytest.approx(0.5)
    assert votes(sure).probability == pytest.approx([3.5 / 6.5, 1.5 / 6.5, 1.5 / 6.5])


@given(st.integers(3, 100), st.integers(2, 20))
def test_groups_hold_each_card_once_and_part_the_first_cards(size, most):
    dealt = groups(size, most)
    assert sorted(card for group in dealt for card in group) == list(range(size))
    assert max(map(len, dealt)) <= most
    assert len(dealt) == -(-size // most)
    assert [group[0] for group in dealt] == list(range(len(dealt)))


@given(st.integers(3, 40).flatmap(strengths), st.integers(2, 8))
def test_a_tournament_says_what_one_question_would_have(values, most):
    """For a model whose ratios do not depend on what else is offered."""
    size = len(values) - 1
    mass = np.array(values)

    def one(members: list[int]) -> View:
        part = mass[[*members, size]]
        return View(part / part.sum(), raw=part / part.sum())

    def play(members: list[int]) -> View:
        if len(members) <= most:
            return one(members)
        dealt = [[members[place] for place in group] for group in groups(len(members), most)]
        rounds = [one(group) for group in dealt]
        final = play([group[winner(view)] for group, view in zip(dealt, rounds, strict=True)])
        return compose(len(members), groups(len(members), most), rounds, final)

    whole = play(list(range(size)))
    assert whole.probability.sum() == pytest.approx(1)
    assert whole.probability == pytest.approx(mass / mass.sum())
    assert whole.raw == pytest.approx(whole.probability)


@given(st.data())
def test_a_tournament_of_any_model_sums_to_one_and_its_winner_wins(data):
    size, most = data.draw(st.integers(3, 30)), data.draw(st.integers(2, 8))
    dealt = groups(size, most)

    def view(count: int) -> View:
        mass = np.array(data.draw(st.lists(st.floats(0, 1), min_size=count + 1, max_size=count + 1)))
        return View(mass / mass.sum() if mass.sum() else np.full(count + 1, 1 / (count + 1)))

    rounds = [view(len(group)) for group in dealt]
    final = view(len(dealt))
    whole = compose(size, dealt, rounds, final)
    assert whole.probability.sum() == pytest.approx(1)
    assert np.all(whole.probability >= 0)
    best = winner(final)
    assert whole.probability[dealt[best][winner(rounds[best])]] == pytest.approx(whole.probability[:-1].max())


@given(st.integers(2, 12).flatmap(strengths), st.lists(st.floats(0.05, 1), min_size=12, max_size=12))
def test_a_bias_for_places_cancels_out_over_all_orders(values, bias):
    size = len(values) - 1
    biased = answer(chat(Thinker(by_name(named(values), bias)), orders=size), Question("task", cards(size)))
    among = np.array(values[:-1])
    assert biased.probability[:-1] / biased.probability[:-1].sum() == pytest.approx(among / among.sum(), rel=1e-6)
    odds = [values[-1] / float(np.roll(bias[:size], turn) @ among) for turn in range(size)]
    nobody = float(np.exp(np.log(odds).mean()))
    assert biased.probability[-1] == pytest.approx(nobody / (1 + nobody), rel=1e-6)
    assert biased.orders == size


@given(st.integers(2, 45).flatmap(strengths), st.integers(1, 4), st.randoms())
def test_the_order_of_the_cards_does_not_matter_to_a_model_without_bias(values, orders, random):
    size = len(values) - 1
    question = Question("task", cards(size))
    shuffled = list(range(size))
    random.shuffle(shuffled)
    decider = chat(Thinker(by_name(named(values))), orders=orders)
    straight = answer(decider, question).probability
    mixed = answer(decider, in_order(question, shuffled)).probability
    assert straight == pytest.approx(np.array(values) / sum(values))
    assert back(mixed, shuffled) == pytest.approx(straight)


@given(st.integers(2, 70), st.data())
def test_a_strong_model_wins_wherever_the_right_card_stands(size, data):
    right = data.draw(st.integers(0, size - 1))
    bias = data.draw(st.lists(st.floats(0.5, 1), min_size=20, max_size=20))
    strong = {**{f"Agent {number}": 0.01 for number in range(size)}, f"Agent {right}": 0.9, NOBODY: 0.02}
    found = answer(chat(Thinker(by_name(strong, bias))), Question("task", cards(size)))
    assert int(np.argmax(found.probability)) == right
    assert found.probability.sum() == pytest.approx(1)


@pytest.mark.parametrize(("size", "top", "orders", "calls"), [(20, 20, 2, 2), (21, 20, 2, 6), (45, 20, 1, 4), (8, 3, 2, 6)])
def test_more_cards_than_labels_are_asked_in_groups(size, top, orders, calls):
    model = Thinker(by_name({**{f"Agent {number}": 1.0 for number in range(size)}, NOBODY: 1.0}), Capabilities(top))
    decider = chat(model, orders=orders, capabilities=Capabilities(top))
    first = list(decider.requests(Question("task", cards(size))))
    found = answer(decider, Question("task", cards(size)))
    assert found.calls == len(model.asked) == calls
    assert model.asked[: len(first)] == first
    assert found.probability == pytest.approx(np.full(size + 1, 1 / (size + 1)))


def test_one_card_is_a_question_as_well():
    found = answer(chat(Thinker(by_name({"Agent 0": 3.0, NOBODY: 1.0})), orders=3), Question("task", cards(1)))
    assert found.probability == pytest.approx([0.75, 0.25])
    assert (found.orders, found.flips, found.calls) == (1, None, 1)
