"""The probability that no agent fits, from how weakly the best one does.

A logistic model on six features. Its training data cost no label: every agent's sample requests, scored with that agent
taken out, are tasks that nobody fits; the same requests, left out one at a time, are tasks that somebody does. Its
coefficients are shrunk to constants fitted in the same way on public dev sets.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEATURES = ("support", "log_probability", "words", "head", "length", "weak")
# Centre and scale of each feature, then intercept and coefficients of the default model, at even odds.
# Made by `make constants` on the dev splits of the public rosters.
CENTRE = (0.482, -0.551, 0.120, 2.812, 4.430, 0.024)
SCALE = (0.213, 0.567, 0.117, 1.636, 1.052, 0.053)
DEFAULT = (0.062, -0.604, -0.669, -0.450, -0.223, -0.303, 0.291)
TIE = 0.05  # logits within which candidates are as good as each other
WEAK = 0.3  # similarity below which a card says next to nothing for the task
MAX_LENGTH = 2000  # characters; beyond it length says no more
PRIOR_NONE = 0.05  # share of tasks that nobody fits, before anything is known of the task
COEFFICIENT_SD = 0.1
INTERCEPT_SD = 1.0
_SHIFT = float(np.log(PRIOR_NONE / (1 - PRIOR_NONE)))


def raw_features(support: float, probability: float, words: float, head: float, length: int) -> Floats:
    """Features before centring and scaling, shape (6,); arguments as for `features`."""
    weak = max(0.0, WEAK - support)
    return np.array((support, np.log(max(probability, 1e-9)), words, head, np.log(max(min(length, MAX_LENGTH), 1)), weak))


def features(support: float, probability: float, words: float, head: float, length: int) -> Floats:
    """Standardised features, shape (6,), of a task's best candidate.

    Args:
        support: cosine similarity to the nearest part of its card.
        probability: its probability among the agents, with those that are as good (`tied`).
        words: its BM25 score as a share of the highest possible.
        head: the highest raw head logit of all candidates.
        length: of the task, in characters; the longer it is, the less of it any card repeats.
    """
    result: Floats = (raw_features(support, probability, words, head, length) - CENTRE) / SCALE
    return result


def tied(logits: Floats, probability: Floats) -> Any:
    """The probability of the best candidate with all that are as good as it, along the last axis.

    Forty agents that do the same are one answer to the question whether anybody fits.
    """
    return (probability * (logits >= logits.max(axis=-1, keepdims=True) - TIE)).sum(axis=-1)


def alone(standard: Floats) -> Floats:
    """The features of the only agent there is: without rivals its probability and its logit say nothing."""
    neutral = standard.copy()
    neutral[[FEATURES.index("log_probability"), FEATURES.index("head")]] = 0.0
    return neutral


def probability_none(standard: Floats, coefficients: Floats) -> Any:
    """P(nobody fits) for features of shape (…, 6) and coefficients of shape (7,), the intercept first."""
    logit = coefficients[0] + standard @ coefficients[1:] + _SHIFT
    return 1.0 / (1.0 + np.exp(-np.clip(logit, -30, 30)))


def fit_none(inside: Floats, outside: Floats) -> Floats:
    """Coefficients, shape (7,), from features of requests that somebody fits and of requests that nobody fits.

    Both have shape (requests, 6). The two sorts weigh the same, whatever their numbers.
    """
    from scipy.optimize import minimize  # only while an index is built

    standard = np.vstack((inside, outside))
    label = np.repeat((0.0, 1.0), (len(inside), len(outside)))
    weight = np.repeat((0.5 / len(inside), 0.5 / len(outside)), (len(inside), len(outside))) * len(standard)
    design = np.column_stack((np.ones(len(standard)), standard))
    prior = np.asarray(DEFAULT)
    precision = 1 / np.array((INTERCEPT_SD, *[COEFFICIENT_SD] * len(FEATURES))) ** 2

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logit = design @ coefficients
        value = (weight * (np.logaddexp(0, logit) - label * logit)).sum()
        slope = design.T @ (weight * (1 / (1 + np.exp(-np.clip(logit, -30, 30))) - label))
        away = coefficients - prior
        return float(value + 0.5 * precision @ away**2), slope + precision * away

    best: Any = minimize(loss, prior, jac=True, method="L-BFGS-B")
    coefficients: Floats = best.x
    return coefficients
