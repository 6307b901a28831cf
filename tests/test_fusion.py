"""The joined probabilities: what they promise for any head and any model, and what a fit makes of them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from delegate_cli.confidence import fusion
from delegate_cli.confidence.fusion import DEFAULT, Rows, Weights, fit, pool, trust

SIZES = st.integers(2, 8)


def shares(size: int) -> st.SearchStrategy[np.ndarray]:
    """Distributions over so many places."""
    return arrays(float, size, elements=st.floats(1e-6, 1.0)).map(lambda raw: raw / raw.sum())


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    size = draw(SIZES)
    return draw(shares(size)) * draw(st.floats(0.1, 1.0)), draw(shares(size)), draw(st.floats(0.0, 1.0))


@given(pairs())
def test_joined_probabilities_leave_the_rest_to_agents_that_were_not_shown(
    case: tuple[np.ndarray, np.ndarray, float],
) -> None:
    head, model, trusted = case
    joined = pool(head, model, trusted)
    assert (joined >= 0).all()
    assert joined.sum() <= 1 + 1e-9
    # nobody and what was not shown keep their ratio: the model says of both alike that no card fits
    hidden = 1 - head.sum()
    assert (1 - joined.sum()) * head[-1] == pytest.approx(hidden * joined[-1], abs=1e-9)


@given(pairs())
def test_where_every_agent_was_shown_nothing_is_left_over(case: tuple[np.ndarray, np.ndarray, float]) -> None:
    head, model, trusted = case
    assert pool(head / head.sum(), model, trusted).sum() == pytest.approx(1)


def test_a_model_that_says_that_no_card_fits_takes_from_all_that_were_shown() -> None:
    head, weights = np.array([0.6, 0.2, 0.05]), Weights(model=1.0)
    none, first = np.array([0.05, 0.05, 0.9]), np.array([0.9, 0.05, 0.05])
    assert pool(head, none, 1.0, weights)[:-1].sum() < 0.8 < pool(head, first, 1.0, weights)[:-1].sum()


@given(pairs())
def test_no_model_moves_the_odds_of_two_agents_by_more_than_a_factor_of_three(
    case: tuple[np.ndarray, np.ndarray, float],
) -> None:
    head, model, trusted = case
    joined = pool(head, model, trusted)
    moved = np.diff(np.log(joined[:-1]) - np.log(head[:-1]))
    assert (np.abs(moved) < np.log(3)).all()


@given(pairs())
def test_a_model_that_knows_nothing_changes_nothing(case: tuple[np.ndarray, np.ndarray, float]) -> None:
    head, model, trusted = case
    even = np.full(len(head), 1 / len(head))
    assert pool(head, even, trusted) == pytest.approx(head, rel=1e-6)
    assert pool(head, model, 0.0) == pytest.approx(head, rel=1e-6)


@given(pairs(), st.randoms())
def test_the_order_of_the_cards_does_not_matter(case: tuple[np.ndarray, np.ndarray, float], random: object) -> None:
    head, model, trusted = case
    order = list(range(len(head) - 1))
    random.shuffle(order)  # type: ignore[attr-defined]
    mixed = [*order, len(head) - 1]
    assert pool(head[mixed], model[mixed], trusted) == pytest.approx(pool(head, model, trusted)[mixed])


def test_an_answer_that_turns_with_the_order_or_names_no_label_counts_less() -> None:
    assert trust(0.0, 0.0) == 1.0
    assert trust(0.0, 0.0) > trust(0.0, 0.5) > trust(0.0, 1.0) > 0
    assert trust(0.5, 0.0) == 0.5
    assert trust(0.0, None) < trust(0.0, 0.0)


def answers(accuracy: float, tasks: int, seed: int = 1) -> tuple[Rows, np.ndarray]:
    """Tasks with five agents shown where the head is right in six of ten, and a model that is right so often."""
    random = np.random.default_rng(seed)
    heads, models, gold = [], [], np.zeros((tasks, 6), dtype=bool)
    for task in range(tasks):
        right = int(random.integers(5))
        gold[task, right] = True
        head = random.dirichlet(np.full(5, 1.0)) * 0.3
        head[right if random.random() < 0.6 else random.integers(5)] += 0.65
        model = np.full(6, 0.02)
        model[right if random.random() < accuracy else random.integers(5)] += 0.88
        heads.append(np.append(head, 0.05))
        models.append(model)
    return Rows.of(heads, models, [1.0] * tasks), gold


def top1(rows: Rows, gold: np.ndarray, weights: Weights) -> float:
    return float(gold[np.arange(len(gold)), rows.joined(weights)[:, :-1].argmax(axis=1)].mean())


def test_a_fit_gives_a_strong_model_weight_and_a_guessing_one_none() -> None:
    strong, gold = answers(0.95, 300)
    weights = fit(strong, gold, np.ones(300))
    assert weights.model > 2 * DEFAULT.model
    assert top1(strong, gold, weights) > max(top1(strong, gold, DEFAULT), top1(strong, gold, Weights(1, 0))) + 0.05
    guesses, gold = answers(0.0, 300)
    assert fit(guesses, gold, np.ones(300)).model < DEFAULT.model / 2


def test_few_labels_move_little() -> None:
    rows, gold = answers(0.95, 3)
    few = fit(rows, gold, np.ones(3))
    rows, gold = answers(0.95, 300)
    assert abs(few.head - 1) < 0.1
    assert few.model < fit(rows, gold, np.ones(300)).model


def test_a_task_whose_agent_was_not_shown_speaks_for_those_that_were_not() -> None:
    rows, gold = answers(0.9, 50)
    rows = Rows(rows.head * 0.8, rows.evidence)  # a fifth belongs to agents that were not shown
    with_strays = Rows(np.vstack((rows.head, rows.head)), np.vstack((rows.evidence, rows.evidence)))
    both = np.vstack((gold, np.zeros_like(gold)))
    assert fit(rows, gold, np.ones(50)).hidden < -0.1
    assert fit(with_strays, both, np.ones(100)).hidden > 0.5


def test_a_fit_takes_back_what_a_model_adds_to_the_first_place() -> None:
    rows, gold = answers(0.9, 300)
    fair = fit(rows, gold, np.ones(300))
    biased = Rows(rows.head, rows.evidence.copy())
    biased.evidence[:, 0] += 2.0
    taken = fit(biased, gold, np.ones(300))
    assert abs(fair.first) < 0.5
    assert taken.first < fair.first - 1.0
    assert top1(biased, gold, taken) > top1(biased, gold, replace(taken, first=0.0))


def test_tasks_with_fewer_cards_are_joined_as_if_alone() -> None:
    long, short = np.full(6, 1 / 6), np.array([0.5, 0.3, 0.2])
    rows = Rows.of([long, short], [long, np.array([0.1, 0.8, 0.1])], [1.0, 1.0])
    joined = rows.joined(DEFAULT)
    assert joined[1, [0, 1, 5]] == pytest.approx(pool(short, np.array([0.1, 0.8, 0.1]), 1.0))
    assert joined[1, 2:5].sum() == 0
    assert joined.sum(axis=1) == pytest.approx(1)
    assert fusion.FLOOR < 1
