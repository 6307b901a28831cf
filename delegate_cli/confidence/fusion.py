"""The head's and a model's probabilities joined into one: a weighted product over the agents that the model was shown.

For shown agents, log p = head · log h + model · trust · log m + constant (a logarithmic opinion pool, Genest and Zidek 1986);
nobody's log-odds move by a small term of their own; agents that were not shown keep what the head gave them. Knows nothing of
endpoints or files.
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
# Prior deviations of a fit: log head, log model, nobody, offset. The log of the model's weight has heavy tails (Student's t).
_SD = np.array((0.15, 1.0, 0.2, 0.5))
FREEDOM = 3.0


@dataclass(frozen=True, slots=True)
class Weights:
    """Exponents of the two distributions, weight of the model's log-odds that nobody fits, and nobody's offset in logits.

    With the default a model cannot move the log-odds of two agents by more than about 1: where the head is sure it decides,
    and a model that guesses changes only what was nearly a tie.
    """

    head: float = 1.0
    model: float = 0.25
    nobody: float = 0.1
    offset: float = 0.0


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
    """Both joined, of the same shape and sum as `head`.

    Args:
        head: the head's probability of each shown agent and, last, of nobody, shape (shown + 1,); they need not sum to 1.
        model: the model's, of the same shape; its sum is 1.
        trusted: what `trust` says of the answer.
    """
    rows = Rows.of([head], [model], [trusted])
    joined: Floats = rows.joined(weights)[0]
    return joined


@dataclass(frozen=True, slots=True)
class Rows:
    """Answers as a fit sees them: `head` and `evidence` have shape (tasks, shown + 1), nobody last.

    Where fewer agents were shown, `head` is 0 in the places that are left over. `evidence` is the logarithm of the model's
    probability, times trust; for nobody its log-odds beyond those of a model that knows nothing.
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
        """Probabilities with the shape of `head`; each row keeps its sum."""
        agents, nobody = self.head[:, :-1], self.head[:, -1]
        total = agents.sum(axis=1) + nobody
        logits = np.where(agents > 0, weights.head * np.log(np.maximum(agents, _TINY)), -np.inf)
        logits = logits + weights.model * self.evidence[:, :-1]
        highest = logits.max(axis=1, keepdims=True, initial=-1e9)
        share = np.exp(logits - highest)
        share /= np.maximum(share.sum(axis=1, keepdims=True), _TINY)
        odds = np.log(np.maximum(nobody, _TINY)) - np.log(np.maximum(total - nobody, _TINY))
        none = 1 / (1 + np.exp(-np.clip(odds + weights.nobody * self.evidence[:, -1] + weights.offset, -30, 30)))
        return np.column_stack((share * (total * (1 - none))[:, None], total * none))


def fit(rows: Rows, gold: NDArray[np.bool_], weight: Floats, prior: Weights = DEFAULT) -> Weights:
    """Weights that make the right answers likeliest, shrunk to `prior`.

    Args:
        gold: the right ones, shape (tasks, shown + 1); a task whose right agent was not shown says nothing.
        weight: of each task, shape (tasks,).
    """
    from scipy.optimize import minimize  # only while something is fitted

    found = gold.any(axis=1)
    rows, gold, weight = Rows(rows.head[found], rows.evidence[found]), gold[found], weight[found]

    def loss(moved: Floats) -> float:
        hit = (rows.joined(_moved(prior, moved)) * gold).sum(axis=1)
        tail = (FREEDOM + 1) / 2 * np.log(1 + (moved[1] / _SD[1]) ** 2 / FREEDOM)
        others = moved[[0, 2, 3]] / _SD[[0, 2, 3]]
        return float(-(weight * np.log(np.maximum(hit, _TINY))).sum() + tail + 0.5 * others @ others)

    limits = ((-1.0, 1.0), (-5.0, 3.0), (-prior.nobody, 2.0), (-3.0, 3.0))
    best: Any = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=limits)
    return _moved(prior, best.x)


def _moved(prior: Weights, moved: Floats) -> Weights:
    return Weights(
        prior.head * float(np.exp(moved[0])),
        prior.model * float(np.exp(moved[1])),
        prior.nobody + float(moved[2]),
        prior.offset + float(moved[3]),
    )
