"""`make constants`: fits the default constants on the dev splits of the public rosters, and shows what each is worth on sets
of another family than those it was fitted on.

Prints values to copy into `confidence/calibration.py`, `confidence/none.py`, `confidence/rubric.py` and `loaded.py`.
Every roster weighs the same, whatever its number of tasks. The default encoder has been trained on these very tasks, and
would make everything look surer than it is on rosters it never saw: `--encoders` names folders that
`training.train --leave` wrote, and each roster is measured with one that was trained without it.
"""

import argparse
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks.data import FAMILY, DataSet, LabelledTask, encoder_for, read_sets
from delegate_cli.confidence import calibration, none, rubric
from delegate_cli.confidence.calibration import softmax
from delegate_cli.confidence.metrics import auroc, expected_calibration_error
from delegate_cli.index.parts import Part
from delegate_cli.pipeline import Delegator
from delegate_cli.settings import Settings

MAX_TASKS = 400
SHORTLIST = 50
# Tasks that nobody fits are of three sorts: real ones, where a set has them, those of other families, and those whose right
# agent was taken out. What each weighs:
REAL_SHARE, FOREIGN_SHARE = 0.3, 0.5
FOREIGN, FOREIGN_PER_SET, SEED = 80, 20, 5
RIDGE = 0.02
Floats = Any


@dataclass(frozen=True, slots=True)
class Measured:
    """One set: views of every agent for every dev task, shape (tasks, agents, views), and what `none` looks at."""

    name: str
    share: float
    views: Floats
    gold: Floats  # shape (tasks, agents), bool
    support: Floats  # shape (tasks, agents)
    words: Floats
    head: Floats
    length: Floats
    foreign: Floats  # whether the task is one of another family's, shape (tasks,)
    outside: float  # share of tasks whose right agent is not on the shortlist


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--encoders", type=Path, nargs="*", default=[], help="folders written by training.train --leave")
    options = parser.parse_args()
    every = [data for data in read_sets(options.data, "dev", most=MAX_TASKS) if len(data.tasks) >= 20]
    delegators = {
        data.name: Delegator(data.roster, Settings(encoder=encoder_for(data.name, options.encoders))) for data in every
    }
    sets = [measure(data, delegators[data.name], foreign_tasks(data, every)) for data in every]
    outside = np.mean([one.outside for one in sets])
    print(f"share of right agents that are not among the nearest {SHORTLIST}:", outside.round(4))
    print_weights(sets)
    print_none(sets)
    print_rubric(every, delegators)


def foreign_tasks(data: DataSet, every: list[DataSet]) -> list[str]:
    """Tasks of other families, which nobody in this roster fits: the sort that has nothing to do with it."""
    draw = random.Random(SEED)
    pool = [
        task.task
        for other in every
        if FAMILY[other.name] != FAMILY[data.name]
        for task in draw.sample(other.tasks, min(FOREIGN_PER_SET, len(other.tasks)))
    ]
    return draw.sample(pool, FOREIGN)


def measure(data: DataSet, delegator: Delegator, foreign: list[str]) -> Measured:
    ready = delegator.ready()
    index = ready.index
    everyone = np.arange(len(data.roster))
    owner, kind = index.arrays["owner"], index.arrays["kind"]
    usable = np.flatnonzero(kind != Part.NOT_FOR)
    rows: list[Any] = []
    inside = missed = 0
    tasks = [*data.tasks, *(LabelledTask(text, frozenset()) for text in foreign)]
    for task in tasks:
        query = ready.retriever.query(task.task, ready.encoder.encode(task.task))
        views = ready.decider.views(query, everyone)
        support = np.full(len(everyone), -1.0, dtype=np.float32)
        np.maximum.at(support, owner[usable], index.parts.vectors[usable] @ query.vector)
        gold = np.isin([agent.id for agent in data.roster], list(task.agents))
        head = index.arrays["head_weight"] @ query.vector + index.arrays["head_bias"]
        rows.append((views.standard.astype(np.float32), gold, support, query.lexical, head, len(task.task)))
        if gold.any():
            inside += 1
            missed += not gold[ready.retriever.nearest(query, SHORTLIST)].any()
    examples = np.array([len(agent.examples) for agent in data.roster])
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    columns.append(np.arange(len(tasks)) >= len(data.tasks))
    return Measured(data.name, float((examples >= 2).mean()), *columns, missed / max(inside, 1))


def others(sets: list[Measured], one: Measured) -> list[Measured]:
    return [other for other in sets if FAMILY[other.name] != FAMILY[one.name]]


def fit_pooled(sets: list[Measured]) -> Floats:
    """(with examples, cards alone), shape (2, views), by the mean log loss over sets."""

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, value, slope = flat.reshape(2, 3), 0.0, np.zeros((2, 3))
        for one in sets:
            fits = one.gold.any(axis=1)
            views, gold = one.views[fits], one.gold[fits]
            mixture = np.array((one.share, 1 - one.share))
            probability = softmax(views @ (mixture @ weights))
            hit = (probability * gold).sum(axis=1, keepdims=True) + 1e-12
            value -= np.log(hit).mean() / len(sets)
            gap = probability - probability * gold / hit
            slope += np.outer(mixture, np.einsum("ta,tav->v", gap, views) / len(views)) / len(sets)
        apart = weights[0] - weights[1]
        value += 1e-3 * (flat**2).sum() + 0.02 * (apart**2).sum()
        return value, (slope + 2e-3 * weights + 0.04 * np.stack((apart, -apart))).ravel()

    return minimize(loss, np.full(6, 0.6), jac=True, method="L-BFGS-B").x.reshape(2, 3)


def print_weights(sets: list[Measured]) -> None:
    print("\nweights fitted on other families: top-1, ECE, log loss")
    for one in sets:
        weights = np.array((one.share, 1 - one.share)) @ fit_pooled(others(sets, one))
        fits = one.gold.any(axis=1)
        probability = softmax(one.views[fits] @ weights)
        best = probability.argmax(axis=1)
        right = one.gold[fits][np.arange(len(best)), best]
        hit = (probability * one.gold[fits]).sum(axis=1)
        ece = expected_calibration_error(probability.max(axis=1), right)
        print(f"{one.name:20s} {100 * right.mean():5.1f} {100 * ece:5.1f} {-np.log(hit + 1e-12).mean():.3f}")
    print("WITH_EXAMPLES, CARDS_ALONE =", fit_pooled(sets).round(2).tolist())


def none_rows(one: Measured) -> tuple[Floats, Floats, Floats]:
    """Raw features and labels (1: nobody fits), and how often each row counts; the right agent taken out is one way."""
    share = one.share * np.asarray(calibration.WITH_EXAMPLES) + (1 - one.share) * np.asarray(calibration.CARDS_ALONE)
    fits = one.gold.any(axis=1)
    found, labels, real = [], [], []
    for without in (False, True):
        for row in range(len(fits)):
            if without and (not fits[row] or one.gold[row].all()):
                continue
            keep = ~one.gold[row] if without else np.ones(one.gold.shape[1], bool)
            probability = softmax((one.views[row] @ share)[keep])
            best = probability.argmax()
            found.append(
                none.raw_features(
                    one.support[row][keep][best],
                    probability[best],
                    one.words[row][keep][best],
                    one.head[row][keep].max(),
                    one.length[row],
                )
            )
            labels.append(without or not fits[row])
            real.append(not without)
    labels, real = np.array(labels), np.array(real)
    foreign = np.append(one.foreign, np.zeros(len(labels) - len(one.foreign), bool))
    genuine, taken_out = labels & real & ~foreign, labels & ~real
    part = REAL_SHARE if genuine.any() else 0.0
    weight = np.where(labels, 0.0, 0.5 / (~labels).sum())
    for rows, share_of in ((genuine, part), (foreign, FOREIGN_SHARE), (taken_out, 1 - part - FOREIGN_SHARE)):
        weight[rows] = 0.5 * share_of / max(rows.sum(), 1)
    return np.stack(found), labels, weight


def print_none(sets: list[Measured]) -> None:
    rows = {one.name: none_rows(one) for one in sets}
    every = np.vstack([rows[one.name][0] for one in sets])
    weight = np.concatenate([rows[one.name][2] for one in sets]) / len(sets)
    centre = (every * weight[:, None]).sum(axis=0)
    scale = np.sqrt((((every - centre) ** 2) * weight[:, None]).sum(axis=0))
    print(
        "\nnone, fitted on other families: AUROC (tasks that nobody fits, real ones and those with the right agent taken out)"
    )
    for one in sets:
        coefficients = fit_logistic([rows[other.name] for other in others(sets, one)], centre, scale)
        raw, labels, _ = rows[one.name]
        logit = np.column_stack((np.ones(len(raw)), (raw - centre) / scale)) @ coefficients
        own = np.flatnonzero(~one.foreign)
        only = f"{auroc(logit[own], labels[own]):.3f}" if labels[own].any() else "-"
        print(f"{one.name:20s} {auroc(logit, labels):.3f}  real ones {only}  mean logit inside {logit[~labels].mean():.2f}")
    print("CENTRE =", tuple(centre.round(3)), "SCALE =", tuple(scale.round(3)))
    print("DEFAULT =", tuple(fit_logistic(list(rows.values()), centre, scale).round(3)))


def fit_logistic(rows: list[Any], centre: Floats, scale: Floats, ridge: float = RIDGE) -> Floats:
    design = np.vstack([np.column_stack((np.ones(len(raw)), (raw - centre) / scale)) for raw, _, _ in rows])
    label = np.concatenate([labels for _, labels, _ in rows])
    weight = np.concatenate([weights for _, _, weights in rows]) / len(rows)

    def loss(coefficients: Floats) -> tuple[float, Floats]:
        logit = design @ coefficients
        value = (weight * (np.logaddexp(0, logit) - label * logit)).sum() + ridge * (coefficients[1:] ** 2).sum()
        return value, design.T @ (weight * (1 / (1 + np.exp(-logit)) - label)) + 2 * ridge * np.append(0, coefficients[1:])

    return minimize(loss, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x


def print_rubric(sets: list[DataSet], delegators: dict[str, Delegator]) -> None:
    """P(the first candidate is right) from its probability and evidence, which the levels cut into five."""
    found = []
    for data in sets:
        delegator = delegators[data.name]
        rows, labels = [], []
        for task in data.tasks:
            first = delegator.decide(task.task).candidates[0]
            probability = min(max(first.probability, 1e-6), 1 - 1e-6)
            rows.append((np.log(probability / (1 - probability)), rubric.strength(first.evidence[0].similarity)))
            labels.append(first.agent in task.agents)
        found.append((np.array(rows), np.array(labels), np.full(len(rows), 1 / len(rows))))
    print("intercept, SLOPE, weight of evidence =", tuple(fit_logistic(found, np.zeros(2), np.ones(2), ridge=1e-3).round(3)))


if __name__ == "__main__":
    main()
