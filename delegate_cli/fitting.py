"""A roster's parts → everything that is fitted on them: head, weights, `none`, threshold, and the figures to report.

All calibration comes from the roster itself: each sample request in turn is left out, the head and the words are fitted
without it, and it is predicted.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.confidence import calibration, none, threshold
from delegate_cli.confidence.calibration import LeftOut, softmax
from delegate_cli.confidence.metrics import expected_calibration_error, wilson
from delegate_cli.deciders import head
from delegate_cli.deciders.fit import fit_head
from delegate_cli.encoders import Vectors
from delegate_cli.index.build import Fitted, Progress
from delegate_cli.index.parts import Part, Parts
from delegate_cli.retrievers import lexical

FOLDS = 5
MAX_WORK = 3_000_000  # texts × agents: above it two folds are fitted instead of five
MIN_REQUESTS = 10
MAX_HELD_OUT = 2000  # requests, over all folds: each is scored against every agent


@dataclass(frozen=True, slots=True)
class Training:
    """What all fits share: vectors and texts of parts, and the n-grams of every agent's card and requests."""

    roster: Roster
    parts: Parts
    vectors: Vectors
    vocabulary: dict[str, int]
    card_grams: list[list[str]]
    request_grams: dict[int, list[str]]  # row of a sample request → its grams
    learned: NDArray[np.bool_]  # whether a part is a sample request that was learnt from an answer

    @property
    def agents(self) -> int:
        return len(self.roster)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Left-out requests with their raw features: what calibration, `none` and threshold are fitted on."""

    left_out: LeftOut
    support: NDArray[np.float32]  # similarity to the nearest remaining part, shape (requests, agents)
    words: NDArray[np.float32]  # shape (requests, agents)
    head: NDArray[np.float32]  # raw logits, shape (requests, agents)
    length: NDArray[np.int64]  # characters, shape (requests,)
    rows: NDArray[np.int64]  # of the roster's parts, shape (requests,)

    def at(self, which: NDArray[np.bool_]) -> "HeldOut":
        """Some of the requests."""
        left_out = LeftOut(self.left_out.standard[which], self.left_out.gold[which])
        support, words, head = (column[which] for column in (self.support, self.words, self.head))
        return HeldOut(left_out, support, words, head, self.length[which], self.rows[which])


def prepare(roster: Roster, parts: Parts, vectors: Vectors) -> Training:
    """Split every text into n-grams once."""
    cards = [lexical.grams(lexical.document(agent, ())) for agent in roster.heard]
    requests = {int(row): lexical.grams(parts.texts[row]) for row in parts.rows(Part.EXAMPLE)}
    every = (gram for grams in (*cards, *requests.values()) for gram in grams)
    vocabulary = {gram: number for number, gram in enumerate(sorted(set(every)))}
    return Training(roster, parts, vectors, vocabulary, cards, requests, _learned(roster, parts))


def _learned(roster: Roster, parts: Parts) -> NDArray[np.bool_]:
    found = np.zeros(len(parts.texts), dtype=bool)
    for place, agent in enumerate(roster.heard):
        if agent.learned:  # they come after the written ones
            found[np.flatnonzero((parts.owner == place) & (parts.kind == Part.EXAMPLE))[-len(agent.learned) :]] = True
    return found


def _forget(held_out: HeldOut) -> None:
    pass


def fit_roster(
    roster: Roster,
    parts: Parts,
    vectors: Vectors,
    progress: Progress,
    target_error: float = 0.05,
    without: frozenset[str] = frozenset(),
    keep: Callable[[HeldOut], None] = _forget,
) -> Fitted:
    """Fit all there is to fit; without enough sample requests the public constants stand.

    Args:
        keep: is given the held-out requests, if there are any.
        without: views whose weight is held at 0, to measure what they are worth; `none` keeps all its features.
    """
    training = prepare(roster, parts, vectors)
    everything = np.arange(len(parts.texts))
    progress("fitting", 0, 1)
    scored = scored_without(training, everything)
    held_out = hold_out(training, progress)
    examples = np.bincount(parts.owner[parts.rows(Part.EXAMPLE)], minlength=len(roster))
    kept = np.array([view not in without for view in head.VIEWS])
    prior = calibration.prior_weights(head.taught(examples)) * kept
    if held_out is None:
        fitted, report = _constants(prior, target_error)
    else:
        held_out.left_out.standard[..., ~kept] = 0.0
        fitted, report = _calibrate(held_out, prior, target_error)
        keep(held_out)
    return Fitted({**scored, **fitted}, list(training.vocabulary), report)


def scored_without(training: Training, rest: NDArray[np.int64]) -> dict[str, Any]:
    """What scores agents, fitted on these rows alone; every card is among them."""
    weight, bias = _head(training, rest)
    cards = training.vectors[training.parts.offsets[:-1]]
    return {"head_weight": weight, "head_bias": bias, **head.moments(weight, bias, cards), **_bm25(training, rest)}


def hold_out(training: Training, progress: Progress) -> HeldOut | None:
    """Every sample request scored by what was fitted without it; None where there are too few."""
    folds = _fold_count(training)
    held_out = []
    for fold in range(folds):
        progress("fitting", fold + 1, folds + 1)
        held_out.append(_fold(training, fold, folds))
    progress("fitting", folds + 1, folds + 1)
    return _join(held_out) if held_out else None


def _fold_count(training: Training) -> int:
    requests = len(training.request_grams)
    if requests < MIN_REQUESTS or training.agents < 2:
        return 0
    most = max(np.bincount(training.parts.owner[training.parts.rows(Part.EXAMPLE)]))
    work = len(training.parts.texts) * training.agents
    return int(min(most, FOLDS if work <= MAX_WORK else 2)) if most > 1 else 1


def _head(training: Training, rows: NDArray[np.int64]) -> tuple[Vectors, Vectors]:
    """The head fitted on these rows; where some were learnt, blended with the one without them."""
    learned, blend = training.learned[rows], training.roster.blend
    weight, bias = head_of(training, rows)
    if learned.any():
        if blend.weight < 1:
            weight_without, bias_without = head_of(training, rows[~learned])
            weight = blend.weight * weight + (1 - blend.weight) * weight_without
            bias = blend.weight * bias + (1 - blend.weight) * bias_without
        bias[np.unique(training.parts.owner[rows[learned]])] -= blend.offset
    return weight, bias


def head_of(training: Training, rows: NDArray[np.int64]) -> tuple[Vectors, Vectors]:
    """The head fitted on these rows as they are."""
    parts = training.parts
    rows = rows[np.isin(parts.kind[rows], (Part.CARD, Part.EXAMPLE))]
    passages = np.bincount(parts.owner[parts.kind == Part.CARD], minlength=training.agents)
    weight = np.where(parts.kind[rows] == Part.CARD, 1.0 / passages[parts.owner[rows]], 1.0)
    if training.learned[rows].any():
        weight *= _balance(parts.owner[rows], parts.kind[rows] == Part.EXAMPLE, training.agents)
    return fit_head(training.vectors[rows], parts.owner[rows], weight, training.agents)


def _balance(owner: NDArray[np.int64], example: NDArray[np.bool_], agents: int) -> NDArray[np.float64]:
    """Weights by which the requests of every agent that has any weigh the same together, shape (texts,).

    How often people were asked about an agent's tasks says nothing of how often it is right: without this an agent that
    learnt much draws tasks of those that learnt nothing.
    """
    counts = np.bincount(owner[example], minlength=agents)
    mean = counts.sum() / max(int((counts > 0).sum()), 1)
    balanced: NDArray[np.float64] = np.where(example, mean / np.maximum(counts[owner], 1), 1.0)
    return balanced


def _bm25(training: Training, rows: NDArray[np.int64]) -> dict[str, Any]:
    learned, weight = training.learned[rows], training.roster.blend.weight
    with_learned = words_of(training, rows)
    if weight == 1 or not learned.any():
        return with_learned
    return lexical.blend(with_learned, words_of(training, rows[~learned]), weight, training.agents)


def words_of(training: Training, rows: NDArray[np.int64]) -> dict[str, Any]:
    """The words of every card and of the sample requests among these rows."""
    documents = [list(grams) for grams in training.card_grams]
    for row in rows[training.parts.kind[rows] == Part.EXAMPLE]:
        documents[training.parts.owner[row]] += training.request_grams[int(row)]
    return lexical.build(documents, training.vocabulary)


def _fold(training: Training, fold: int, folds: int) -> HeldOut:
    """Leave every agent's `fold`-th requests out, and score them with what the rest gives."""
    parts = training.parts
    examples = parts.rows(Part.EXAMPLE)
    number = np.arange(len(examples)) - np.searchsorted(parts.owner[examples], parts.owner[examples])
    out = examples[number % folds == fold] if folds > 1 else examples
    if len(out) > MAX_HELD_OUT // folds:
        out = out[np.linspace(0, len(out) - 1, MAX_HELD_OUT // folds).astype(int)]
    rest = np.setdiff1d(np.arange(len(parts.texts)), out)
    weight, bias = _head(training, rest)
    words = lexical.LexicalIndex(_bm25(training, rest), training.vocabulary, training.agents)
    tasks = training.vectors[out]
    raw_head = tasks @ weight.T + bias
    card = similarity_to(tasks, training, rest[parts.kind[rest] == Part.CARD])
    raw_words = np.stack([words.scores(parts.texts[row]) for row in out])
    support = similarity_to(tasks, training, rest[parts.kind[rest] != Part.NOT_FOR])
    share = head.taught(np.bincount(parts.owner[examples], minlength=training.agents))
    usual = head.typical(share, raw_words.max(axis=1, keepdims=True))
    columns = []
    for raw, deviation in zip((raw_head, card, raw_words), usual, strict=True):
        mean, variance = raw.mean(axis=1, keepdims=True), raw.var(axis=1, keepdims=True)
        columns.append(head.standardise(raw, mean, variance, training.agents, deviation))
    standard = np.stack(columns, axis=-1).astype(np.float32)
    length = np.array([len(parts.texts[row]) for row in out])
    return HeldOut(LeftOut(standard, parts.owner[out]), support, raw_words, raw_head, length, out)


def similarity_to(tasks: Vectors, training: Training, rows: NDArray[np.int64]) -> Vectors:
    """Highest similarity of each task to these rows of each agent, shape (tasks, agents)."""
    best = np.full((training.agents, len(tasks)), -1.0, dtype=np.float32)
    np.maximum.at(best, training.parts.owner[rows], training.vectors[rows] @ tasks.T)
    result: Vectors = best.T
    return result


def _join(folds: list[HeldOut]) -> HeldOut:
    left_out = LeftOut(
        np.concatenate([fold.left_out.standard for fold in folds]),
        np.concatenate([fold.left_out.gold for fold in folds]),
    )
    columns = ((fold.support, fold.words, fold.head, fold.length, fold.rows) for fold in folds)
    return HeldOut(left_out, *(np.concatenate(column) for column in zip(*columns, strict=True)))


def none_features(held_out: HeldOut, weights: Any, without_gold: bool) -> tuple[Any, Any, Any]:
    """Features of each request's best candidate, its probability among the agents, and whether it is right.

    With `without_gold` the right agent is taken out first, which makes the request one that nobody fits.
    """
    logits = held_out.left_out.standard @ weights
    raw_head = held_out.head
    rows = np.arange(len(logits))
    if without_gold:
        logits, raw_head = logits.copy(), raw_head.copy()
        logits[rows, held_out.left_out.gold] = -np.inf
        raw_head[rows, held_out.left_out.gold] = -np.inf
    probability = softmax(logits)
    best = probability.argmax(axis=1)
    top = probability[rows, best]
    tied = none.tied(logits, probability)
    found = [
        none.features(
            held_out.support[row, best[row]],
            tied[row],
            held_out.words[row, best[row]],
            raw_head[row].max(),
            int(held_out.length[row]),
        )
        for row in rows
    ]
    return np.stack(found), top, best == held_out.left_out.gold


def _calibrate(held_out: HeldOut, prior: Any, target_error: float) -> tuple[dict[str, Any], dict[str, Any]]:
    weights = calibration.fit_weights(held_out.left_out, prior)
    inside, top, right = none_features(held_out, weights, without_gold=False)
    outside, top_outside, _ = none_features(held_out, weights, without_gold=True)
    coefficients = none.fit_none(inside, outside)
    final = top * (1 - none.probability_none(inside, coefficients))
    final_outside = top_outside * (1 - none.probability_none(outside, coefficients))
    odds = threshold.TAKEN_OUT * none.PRIOR_NONE / (1 - none.PRIOR_NONE)
    curve = threshold.fit_curve(
        np.append(final, final_outside),
        np.append(right, np.zeros(len(outside), bool)),
        np.repeat((1.0, odds), (len(inside), len(outside))),
    )
    cut = threshold.at(curve, target_error)
    low, high = wilson(int(right.sum()), len(right))
    report = {
        "requests": len(right),
        "accuracy": float(right.mean()),
        "interval": [low, high],
        "ece_before": expected_calibration_error(*_plain_head(held_out)),
        "ece_after": expected_calibration_error(*_crossfitted(held_out.left_out, prior)),
        "threshold": cut.probability,
        "coverage": cut.coverage,
        "target_error": target_error,
    }
    return {"weights": weights, "none": coefficients, "threshold_curve": curve}, report


def _plain_head(held_out: HeldOut) -> tuple[Any, Any]:
    probability = softmax(held_out.head.astype(np.float64))
    return probability.max(axis=1), probability.argmax(axis=1) == held_out.left_out.gold


def _crossfitted(left_out: LeftOut, prior: Any) -> tuple[Any, Any]:
    """Probability and rightness of requests whose weights were fitted on the other half of the requests."""
    half = np.arange(len(left_out)) % 2 == 0
    top, right = np.empty(len(left_out)), np.empty(len(left_out), bool)
    for side in (half, ~half):
        weights = calibration.fit_weights(LeftOut(left_out.standard[~side], left_out.gold[~side]), prior)
        probability = softmax(left_out.standard[side] @ weights)
        top[side], right[side] = probability.max(axis=1), probability.argmax(axis=1) == left_out.gold[side]
    return top, right


def _constants(prior: Any, target_error: float) -> tuple[dict[str, Any], dict[str, Any]]:
    cut = threshold.without_data(target_error)
    report = {
        "requests": 0,
        "accuracy": None,
        "interval": None,
        "ece_before": None,
        "ece_after": None,
        "threshold": cut.probability,
        "coverage": None,
        "target_error": target_error,
    }
    fitted = {"weights": prior, "none": np.asarray(none.DEFAULT), "threshold_curve": np.zeros((0, 3))}
    return fitted, report
