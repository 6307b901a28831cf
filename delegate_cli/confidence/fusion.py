"""The head's and a model's probabilities joined into one: a weighted product over the agents that the model was shown.

For shown agents, log p = head · log h + model · trust · log m + constant (a logarithmic opinion pool, Genest and Zidek 1986).
The model's label for nobody says that none of the cards fits: nobody, and the agents that were not shown, together gain or
lose against the shown ones. Knows nothing of endpoints or files.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# This share of the model's distribution is taken as uniform, so that no answer is beyond doubt.
FLOOR = 0.1
# What a model that always changes its mind with the order of the cards still counts; one order alone shows nothing of that.
INCONSISTENT = 0.25
UNKNOWN = 0.5
_TINY = 1e-12
# Prior deviations of a fit: log head, log model, log nobody, offset, hidden, first. The log of the model's weight has heavy
# tails (Student's t). Measured on development tasks with scripted models, from blind to right in nine tasks of ten.
_SD = np.array((0.15, 1.0, 0.5, 0.5, 0.5, 0.5))
FREEDOM = 3.0
_LIMITS = ((-1.0, 1.0), (-5.0, 4.0), (-3.0, 3.0), (-3.0, 3.0), (-4.0, 4.0), (-3.0, 3.0))
_STARTS = (0.0, 2.0)  # of the log of the model's weight: the loss has two valleys where few labels meet a strong model


@dataclass(frozen=True, slots=True)
class Weights:
    """How head and model are joined.

    `head` and `model` are the exponents of the two distributions; `nobody` is how much the model's log-odds that none of the
    cards fits count, as a share of `model`. In logits are `offset`, nobody's; `hidden`, of all agents that were not shown; and
    `first`, of the card that the first order begins with, which takes back what a model that likes the first place adds to it.

    With the default a model cannot move the log-odds of two shown agents by more than about 1: where the head is sure it
    decides, and a model that guesses changes only what was nearly a tie.
    """

    head: float = 1.0
    model: float = 0.25
    nobody: float = 0.4
    offset: float = 0.0
    hidden: float = 0.0
    first: float = 0.0


DEFAULT = Weights()


def trust(missing_mass: float, flips: float | None) -> float:
    """How much an answer counts, in (0, 1].

    Args:
        missing_mass: probability in [0, 1] that the model put on no label.
        flips: share of further orders in which its first choice was another; None where one order was asked.
    """
    steady = UNKNOWN if flips is None else 1.0 - (1.0 - INCONSISTENT) * flips
    return (1.0 - missing_mass) * steady


def pool(head: Floats, model: Floats, trusted: float, weights: Weights = DEFAULT) -> Floats:
    """Both joined, of the same shape as `head`; what is missing to 1 remains for the agents that were not shown.

    Args:
        head: the head's probability of each shown agent and, last, of nobody, shape (shown + 1,); what is missing to 1 belongs
            to the agents that were not shown.
        model: the model's, of the same shape; its sum is 1.
        trusted: what `trust` says of the answer.
    """
    rows = Rows.of([head], [model], [trusted])
    joined: Floats = rows.joined(weights)[0, :-1]
    return joined


@dataclass(frozen=True, slots=True)
class Rows:
    """Answers as a fit sees them: `head` and `evidence` have shape (tasks, shown + 1), nobody last.

    Where fewer agents were shown, `head` is 0 in the places that are left over; the first order begins with the first place.
    `evidence` is the logarithm of the model's probability, times trust; for nobody its log-odds beyond those of a
    model that knows nothing.
    """

    head: Floats
    evidence: Floats

    @classmethod
    def of(cls, head: Any, model: Any, trusted: Any) -> "Rows":
        """Rows from lists of arrays, as `pool` takes them."""
        longest = max(len(each) for each in head)
        masses, evidence = np.zeros((len(head), longest)), np.zeros((len(head), longest))
        for row, (mass, said, much) in enumerate(zip(head, model, trusted, strict=True)):
            shown = len(mass) - 1
            calm = (1 - FLOOR) * np.asarray(said) + FLOOR / (shown + 1)
            masses[row, :shown], masses[row, -1] = mass[:-1], mass[-1]
            evidence[row, :shown] = much * np.log(calm[:-1])
            evidence[row, -1] = much * (np.log(calm[-1] / (1 - calm[-1])) + np.log(max(shown, 1)))
        return cls(masses, evidence)

    def __len__(self) -> int:
        return len(self.head)

    def joined(self, weights: Weights) -> Floats:
        """Probabilities, shape (tasks, shown + 2): the agents shown, nobody, and last all agents that were not shown."""
        agents, nobody = self.head[:, :-1], self.head[:, -1]
        shown = agents.sum(axis=1)
        hidden = np.maximum(1.0 - shown - nobody, 0.0)
        logits = np.where(agents > 0, weights.head * np.log(np.maximum(agents, _TINY)), -np.inf)
        logits = logits + weights.model * self.evidence[:, :-1]
        logits[:, 0] += weights.first
        share = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-1e9))
        share /= np.maximum(share.sum(axis=1, keepdims=True), _TINY)
        none_fits = np.clip(weights.model * weights.nobody * self.evidence[:, -1], -30, 30)
        masses = np.column_stack(
            (shown, nobody * np.exp(none_fits + weights.offset), hidden * np.exp(none_fits + weights.hidden))
        )
        masses /= np.maximum(masses.sum(axis=1, keepdims=True), _TINY)
        return np.column_stack((share * masses[:, :1], masses[:, 1:]))


def fit(rows: Rows, gold: NDArray[np.bool_], weight: Floats, prior: Weights = DEFAULT) -> Weights:
    """Weights that make the right answers likeliest, shrunk to `prior`.

    Args:
        gold: the right ones, shape (tasks, shown + 1); where there is none, the right agent was not shown.
        weight: of each task, shape (tasks,).
    """
    from scipy.optimize import minimize  # only while something is fitted

    right = np.column_stack((gold, ~gold.any(axis=1)))

    def loss(moved: Floats) -> float:
        hit = (rows.joined(_moved(prior, moved)) * right).sum(axis=1)
        tail = (FREEDOM + 1) / 2 * np.log(1 + (moved[1] / _SD[1]) ** 2 / FREEDOM)
        others = np.delete(moved / _SD, 1)
        return float(-(weight * np.log(np.maximum(hit, _TINY))).sum() + tail + 0.5 * others @ others)

    found: list[Any] = []
    for start in _STARTS:
        begin = np.zeros(len(_SD))
        begin[1] = start
        found.append(minimize(loss, begin, method="L-BFGS-B", bounds=_LIMITS))
    return _moved(prior, min(found, key=lambda each: float(each.fun)).x)


def _moved(prior: Weights, moved: Floats) -> Weights:
    head, model, nobody, offset, hidden, first = map(float, moved)
    return Weights(
        prior.head * float(np.exp(head)),
        prior.model * float(np.exp(model)),
        prior.nobody * float(np.exp(nobody)),
        prior.offset + offset,
        prior.hidden + hidden,
        prior.first + first,
    )
