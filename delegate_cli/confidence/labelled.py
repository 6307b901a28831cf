"""Labelled tasks → weights and `none` that are shrunk to what the roster itself gave.

The label-free fit is the prior, so ten labels move little and some hundreds move freely. Unlike the roster's own sample
requests, a labelled task may have several right agents (any of them counts), or none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.confidence import none
from delegate_cli.confidence.calibration import softmax

Floats = NDArray[np.float64]

# Prior deviations around the label-free fit, chosen on development splits: of each weight relative to the common scale, of
# the logarithm of the scale, of the coefficients and the intercept of `none`. The scale's prior is Student's t, whose heavy
# tails let go where real tasks are clearly of another kind than the sample requests; the others are normal.
WEIGHT_SD = 0.1
SCALE_SD = 0.07
FREEDOM = 3.0  # degrees of freedom of the scale's prior
COEFFICIENT_SD = 0.5
INTERCEPT_SD = 0.5
# The default share of tasks that nobody fits counts like this many labelled tasks.
SHARE_TRUST = 20.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Views of labelled tasks that some agent fits: `standard` has shape (tasks, agents, views), the rest (tasks, agents).

    Where shortlists differ in length, the missing places have an infinite penalty.
    """

    standard: Floats
    penalty: Floats
    gold: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.gold)


def refit_weights(rows: Rows, prior: Floats) -> Floats:
    """Weights, shape (views,), that make the right agents of labelled tasks most likely, given the prior."""
    from scipy.optimize import minimize  # only while an index is fitted

    found = rows.gold.any(axis=1)  # a right agent off the shortlist says nothing of the weights
    standard, penalty, gold = rows.standard[found], rows.penalty[found], rows.gold[found]

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scale, shift = np.exp(parameters[0]), parameters[1:]
        weights = scale * (prior + shift)
        probability = softmax(standard @ weights - penalty)
        hit = np.maximum((probability * gold).sum(axis=1, keepdims=True), 1e-12)
        gap = probability - probability * gold / hit
        slope = np.einsum("ta,tav->v", gap, standard)
        far = FREEDOM * SCALE_SD**2 + parameters[0] ** 2
        value = -np.log(hit).sum() + (FREEDOM + 1) / 2 * np.log(far) + (shift**2).sum() / (2 * WEIGHT_SD**2)
        pull = (FREEDOM + 1) * parameters[0] / far
        return float(value), np.append(slope @ weights + pull, slope * scale + shift / WEIGHT_SD**2)

    best: Any = minimize(loss, np.zeros(1 + len(prior)), jac=True, method="L-BFGS-B")
    weights: Floats = np.exp(best.x[0]) * (prior + best.x[1:])
    return weights


def none_share(nobody: float, tasks: float, trust: float = SHARE_TRUST) -> float:
    """The share of tasks that nobody fits: what was counted, shrunk to the default (the mean of a beta distribution)."""
    return (nobody + none.PRIOR_NONE * trust) / (tasks + trust)


def refit_none(inside: Floats, outside: Floats, prior: Floats, share: float) -> Floats:
    """Coefficients of `none`, shape (features + 1,), from labelled tasks that somebody fits and that nobody fits.

    Args:
        inside, outside: features, shape (tasks, features); the two sorts weigh as `share` says, no task more than 1.
        prior: coefficients of the label-free fit.
        share: of tasks that nobody fits, in (0, 1), wherever the probabilities are to hold.
    """
    from scipy.optimize import minimize  # only while an index is fitted

    standard = np.vstack((inside, outside))
    label = np.repeat((0.0, 1.0), (len(inside), len(outside)))
    each = np.array(((1 - share) / len(inside), share / len(outside)))
    weight = np.repeat(each / each.max(), (len(inside), len(outside)))
    design = np.column_stack((np.ones(len(standard)), standard))
    start = prior.copy()
    start[0] += np.log(share / (1 - share)) - np.log(none.PRIOR_NONE / (1 - none.PRIOR_NONE))
    precision = 1 / np.array((INTERCEPT_SD, *[COEFFICIENT_SD] * standard.shape[1])) ** 2

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        probability = none.probability_none(standard, coefficients)
        hit = np.where(label == 1, probability, 1 - probability)
        slope = design.T @ (weight * (probability - label))
        away = coefficients - start
        return float(-(weight * np.log(np.maximum(hit, 1e-15))).sum() + 0.5 * precision @ away**2), slope + precision * away

    best: Any = minimize(loss, start, jac=True, method="L-BFGS-B")
    coefficients: Floats = best.x
    return coefficients
