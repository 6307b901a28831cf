"""Gradient boosting of shallow trees on the form and the main directions of the vectors. Fitting is a home of scikit-learn.

The trees are kept as arrays and walked by numpy, so that predicting loads nothing heavy.
"""

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from delegate_cli.planning.estimators.base import filled, rates
from delegate_cli.planning.estimators.trees import DEPTH, Trees
from delegate_cli.planning.features import Floats, Tasks

ROUNDS = 80
RATE = 0.06
DIRECTIONS = 24


def fit_boosting(tasks: Tasks, success: Floats) -> Trees:
    """One model for each agent, on the tasks that it did."""
    middle = tasks.vectors.mean(axis=0)
    _, directions = np.linalg.eigh(np.cov(tasks.vectors.T))
    turn = directions[:, -DIRECTIONS:]
    inputs = np.column_stack((tasks.forms, (tasks.vectors - middle) @ turn))
    own, size = rates(success), 2 ** (DEPTH + 1) - 1
    shape = (success.shape[1], ROUNDS, size)
    feature, bound, value = np.zeros(shape), np.full(shape, np.inf), np.zeros(shape)
    above = filled(success) - own
    for agent in range(success.shape[1]):
        rows = ~np.isnan(success[:, agent])
        model = GradientBoostingRegressor(
            n_estimators=ROUNDS, learning_rate=RATE, max_depth=DEPTH, subsample=0.5, max_features=0.3, min_samples_leaf=10,
            init="zero", random_state=0,
        )  # fmt: skip
        if rows.sum() < 2:
            continue
        model.fit(inputs[rows], above[rows, agent])
        for round, (tree,) in enumerate(model.estimators_):
            _copy(tree.tree_, 0, 0, feature[agent, round], bound[agent, round], value[agent, round])
    arrays = {"feature": feature, "bound": bound, "value": RATE * value, "rates": own, "middle": middle, "turn": turn}
    return Trees(arrays)


def _copy(tree: object, node: int, place: int, feature: Floats, bound: Floats, value: Floats) -> None:
    """A subtree into arrays in which the children of place p are 2p + 1 and 2p + 2; a leaf goes on to the left."""
    left = tree.children_left[node]  # type: ignore[attr-defined]
    value[place] = tree.value[node, 0, 0]  # type: ignore[attr-defined]
    if left >= 0:
        feature[place], bound[place] = tree.feature[node], tree.threshold[node]  # type: ignore[attr-defined]
        _copy(tree, left, 2 * place + 1, feature, bound, value)
        _copy(tree, tree.children_right[node], 2 * place + 2, feature, bound, value)  # type: ignore[attr-defined]
    elif 2 * place + 2 < len(value):
        _copy(tree, node, 2 * place + 1, feature, bound, value)
