"""Fits the head: multinomial logistic regression on part vectors. The home file of scikit-learn; only index builds reach it."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from delegate_cli.encoders import Vectors

C = 10.0  # inverse regularisation; dev sets: 80.5 at 10, 80.0 at 30, mean top-1 of the head alone


def fit_head(vectors: Vectors, owner: NDArray[np.int64], weight: NDArray[np.float64], agents: int) -> tuple[Vectors, Vectors]:
    """Weights of shape (agents, dimension) and biases of shape (agents,); logits are centred over agents.

    Args:
        vectors: the training texts, shape (texts, dimension).
        owner: the agent of each, shape (texts,); every agent has at least one.
        weight: sample weights, shape (texts,).
    """
    if agents == 1:
        return np.zeros((1, vectors.shape[1]), np.float32), np.zeros(1, np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a head stopped after 300 steps is good enough
        warnings.filterwarnings("ignore", "The number of unique classes")  # cards alone: one text a class is right
        model = LogisticRegression(C=C, tol=1e-5, max_iter=300).fit(vectors, owner, sample_weight=weight)
    coefficients, intercepts = model.coef_, model.intercept_
    if agents == 2:  # scikit-learn keeps one row for two classes
        coefficients, intercepts = np.vstack((-coefficients, coefficients)) / 2, np.append(-intercepts, intercepts) / 2
    return coefficients.astype(np.float32), intercepts.astype(np.float32)
