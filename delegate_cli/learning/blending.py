"""How much learnt sample requests shall count: what they give tasks of their agents against what they take from the others.

Requests in users' words draw tasks away from agents that have only their card's and their author's words. Two numbers hold
against that (`Blend`): the weight of what is fitted with learnt requests in a mean with what is fitted without them, and an
offset that agents with learnt requests lose. Both are chosen on the learnt requests themselves, left out in two ways: by
fifths, as tasks of agents of which something was learnt, and with all that was learnt of their agent, as tasks of agents of
which nothing was. The offset is the least with which the latter fare no worse than if nothing had been learnt, whatever their
share is: agents are added, and what people ask for changes. The weight is chosen by both, as the chance says that the next
task is of either sort.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Blend
from delegate_cli.confidence.calibration import softmax
from delegate_cli.deciders import head
from delegate_cli.encoders import Vectors
from delegate_cli.fitting import Training, head_of, similarity_to, words_of
from delegate_cli.index.build import Progress
from delegate_cli.index.parts import Part
from delegate_cli.retrievers.lexical import LexicalIndex

FOLDS = 5
WEIGHTS = (0.25, 0.5, 0.75, 1.0)
OFFSETS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0)
SCALES = (0.35, 0.5, 0.7, 1.0, 1.4)  # of the weights of the views: a blend is not to be chosen for its temperature
SEED = 5
Floats = NDArray[np.float64]


class Chosen(NamedTuple):
    """A blend and what it was chosen by.

    Attributes:
        unknown: the chance that the next task concerns an agent of which nothing was learnt.
        known_loss: log loss of learnt requests left out by fifths, without anything learnt and with this blend.
        unknown_loss: the same where all that was learnt of their agent is left out; never more with the blend.
    """

    blend: Blend
    unknown: float
    known_loss: tuple[float, float]
    unknown_loss: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        """The figures."""
        return {**self._asdict(), "blend": [self.blend.weight, self.blend.offset]}


class _Views(NamedTuple):
    """Views of left-out tasks before they are standardised, each of shape (tasks, agents)."""

    head: Vectors
    words: Vectors
    taught: NDArray[np.bool_]  # whether something was learnt of an agent


def chance_of_unknown(counts: Sequence[int]) -> float:
    """The chance that the next answer is about an agent that none was about yet, from the numbers of answers about each.

    It is the share of answers that are the only ones about their agent (Good 1953, "The population frequencies of species and
    the estimation of population parameters", Biometrika 40).
    """
    total = sum(counts)
    return sum(count == 1 for count in counts) / total if total else 1.0


def choose(training: Training, weights: Floats, progress: Progress) -> Chosen:
    """The blend that surprises left-out learnt requests least, among those that do agents of which nothing was learnt no harm.

    Its weight is 0 where each does.

    Args:
        training: of the roster with what was learnt; the blend it has says nothing here.
        weights: of the views, shape (views,).
    """
    rows = np.flatnonzero(training.learned)
    owner = training.parts.owner[rows]
    unknown = chance_of_unknown(np.bincount(owner, minlength=training.agents).tolist())
    nothing = _score(training, rows, np.setdiff1d(np.arange(len(training.parts.texts)), rows))
    agents, place = np.unique(owner, return_inverse=True)
    chance = np.random.default_rng(SEED)
    ways = (chance.permutation(len(rows)) % FOLDS, (chance.permutation(len(agents)) % FOLDS)[place])
    learnt = [_left_out(training, rows, folds, progress) for folds in ways]
    card = similarity_to(training.vectors[rows], training, np.flatnonzero(training.parts.kind == Part.CARD))

    def losses(blend: Blend) -> list[tuple[float, float]]:
        """Of both ways, at each temperature."""
        standard = [_standard(training, nothing, each, card, blend) for each in learnt]
        return [tuple(_surprise(each, scale * weights, owner) for each in standard) for scale in SCALES]  # type: ignore[misc]

    def total(loss: tuple[float, float]) -> float:
        return (1 - unknown) * loss[0] + unknown * loss[1]

    before = min(losses(Blend(0.0)), key=total)
    harmless = []
    for weight in WEIGHTS:
        for offset in OFFSETS:  # no more is taken off than it takes
            found = [loss for loss in losses(Blend(weight, offset)) if loss[1] <= before[1]]
            if found:
                harmless.append((Blend(weight, offset), min(found, key=total)))
                break
    best, after = min(harmless, key=lambda each: total(each[1]), default=(Blend(0.0), before))
    return Chosen(best, unknown, (before[0], after[0]), (before[1], after[1]))


def _score(training: Training, tasks: NDArray[np.int64], rest: NDArray[np.int64]) -> _Views:
    """Some of the parts as tasks, scored by what was fitted on these rows."""
    parts = training.parts
    weight, bias = head_of(training, rest)
    words = LexicalIndex(words_of(training, rest), training.vocabulary, training.agents)
    taught = np.zeros((len(tasks), training.agents), dtype=bool)
    taught[:, parts.owner[rest[training.learned[rest]]]] = True
    scores = np.stack([words.scores(parts.texts[row]) for row in tasks])
    logits: Vectors = training.vectors[tasks] @ weight.T + bias
    return _Views(logits, scores, taught)


def _left_out(training: Training, rows: NDArray[np.int64], folds: NDArray[np.int64], progress: Progress) -> _Views:
    """Learnt requests scored by what was fitted without their fold."""
    everything = np.arange(len(training.parts.texts))
    order, found = [], []
    for fold in range(FOLDS):
        progress("weighing answers", fold, FOLDS)
        out = np.flatnonzero(folds == fold)
        if len(out):
            order.append(out)
            found.append(_score(training, rows[out], np.setdiff1d(everything, rows[out])))
    progress("weighing answers", FOLDS, FOLDS)
    back = np.argsort(np.concatenate(order))
    return _Views(*(np.concatenate(column)[back] for column in zip(*found, strict=True)))


def _standard(training: Training, nothing: _Views, learnt: _Views, card: Vectors, blend: Blend) -> Floats:
    """Standardised views as `fitting` makes them, shape (tasks, agents, views)."""
    requests = np.bincount(training.parts.owner[training.parts.rows(Part.EXAMPLE)], minlength=training.agents)
    logits = blend.weight * learnt.head + (1 - blend.weight) * nothing.head - blend.offset * learnt.taught
    words = blend.weight * learnt.words + (1 - blend.weight) * nothing.words
    usual = head.typical(head.taught(requests), words.max(axis=1, keepdims=True))
    columns = [
        head.standardise(each, each.mean(axis=1, keepdims=True), each.var(axis=1, keepdims=True), training.agents, deviation)
        for each, deviation in zip((logits, card, words), usual, strict=True)
    ]
    return np.stack(columns, axis=-1)


def _surprise(standard: Floats, weights: Floats, gold: NDArray[np.int64]) -> float:
    """The mean log loss."""
    probability = softmax(standard @ weights)
    return float(-np.log(np.maximum(probability[np.arange(len(gold)), gold], 1e-9)).mean())
