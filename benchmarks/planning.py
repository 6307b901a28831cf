"""Learned choice among models on public outcome tables: `make bench-plan DATA=folder`.

Prints, with 95 % intervals over questions: estimators of success on two models (five-fold), the choice among nine models
(train → test), and both with whole families of questions left out of training.
"""

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from delegate_cli.confidence.metrics import auroc, expected_calibration_error
from delegate_cli.encoders import Encoder, catalog
from delegate_cli.encoders.onnx import OnnxEncoder
from delegate_cli.planning import choice, contest
from delegate_cli.planning.difficulty import fit
from delegate_cli.planning.estimators.choose import DEFAULT, NAMES, fitter
from delegate_cli.planning.features import Floats, Tasks, features, form
from delegate_cli.planning.outcomes import Outcomes, read_outcomes
from delegate_cli.settings import home

DRAWS = 500
Way = Callable[[Outcomes, Tasks, Outcomes, Tasks], Floats]  # train → predictions of the test
WORDS = {"likeness": "likeness (ours)", "neighbours": "nearest neighbours", "factors": "matrix factorisation"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--splits", type=int, default=10, help="random splits of the families")
    parser.add_argument("--dealings", type=int, default=5, help="of the questions of two models into folds")
    parser.add_argument("--only", choices=("two", "nine", "families"), help="one of the tables")
    arguments = parser.parse_args()
    folder = arguments.data / "routing_outcomes"
    encoder = OnnxEncoder(catalog.find("all-MiniLM-L6-v2").folder(home()))
    pair = read_outcomes(folder / "routellm_2models" / "outcomes.csv", repeats=True)
    pair_tasks = read_tasks(pair, encoder)
    train, test = (read_outcomes(folder / "llmrouter_9models" / f"{part}.csv", repeats=True) for part in ("train", "test"))
    known = json.loads((folder / "llmrouter_9models" / "models.json").read_text())
    prices = np.array([known[agent]["input_price"] for agent in train.agents])
    tasks = [read_tasks(each, encoder) for each in (train, test)]
    if arguments.only in (None, "two"):
        two_models(pair, pair_tasks, arguments.dealings)
    if arguments.only in (None, "nine"):
        nine_models(train, test, tasks[0], tasks[1], prices)
    if arguments.only in (None, "families"):
        both = Tasks(*(np.concatenate(parts) for parts in zip(*tasks, strict=True)))
        families("Nine models", joined(train, test), both, arguments.splits, share=0.3)
        families("Two models", pair, pair_tasks, arguments.splits, share=0.5)


def read_tasks(outcomes: Outcomes, encoder: Encoder) -> Tasks:
    """Features of a table, kept beside the encoders so that a second run need not wait."""
    kept = home() / "bench" / f"planning-{encoder.fingerprint}-{len(outcomes)}-{hash_of(outcomes)}.npz"
    if not kept.exists():
        made = features(outcomes.tasks, encoder)
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, vectors=made.vectors)
    return Tasks(np.load(kept)["vectors"], np.stack([form(task) for task in outcomes.tasks]))


def hash_of(outcomes: Outcomes) -> str:
    return hashlib.sha256("\n".join(outcomes.tasks).encode()).hexdigest()[:12]


def two_models(outcomes: Outcomes, tasks: Tasks, dealings: int) -> None:
    """Estimators of success, five-fold by question; nothing is chosen on what is reported.

    How questions are dealt into folds moves the figures by about as much as estimators differ, so that each is the mean over
    several dealings.
    """
    weak, strong = np.argsort(outcomes.success.mean(axis=0))
    print(f"\n## Two models, {len(outcomes)} questions, five folds, mean over {dealings} dealings of them\n")
    print("| estimator | APGR | of single dealings | AUC weak | AUC strong | ECE weak | ECE strong |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    ways: dict[str, Way] = {"TF-IDF, logistic": words_alone}
    ways |= {WORDS.get(name, name): partial(alone, name) for name in NAMES}
    ways["**difficulty fit (ours, as kept)**"] = kept
    for name, way in ways.items():
        predicted = [dealt(way, outcomes, tasks, dealing) for dealing in range(dealings)]
        print(row(name, predicted, outcomes.success, weak, strong), flush=True)


def dealt(way: Way, outcomes: Outcomes, tasks: Tasks, dealing: int) -> Floats:
    """Each question's prediction by what was learnt from the other four folds; dealing 0 is that of `difficulty.folds`."""
    fold = np.random.default_rng(3 + dealing).permutation(len(outcomes)) % 5
    predicted = np.zeros_like(outcomes.success)
    for each in range(5):
        train, test = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        predicted[test] = way(outcomes.rows(train), tasks.rows(train), outcomes.rows(test), tasks.rows(test))
    return predicted


def alone(name: str, train: Outcomes, train_tasks: Tasks, test: Outcomes, test_tasks: Tasks) -> Floats:
    """One estimator, without slope and trust."""
    return np.clip(fitter(name)(train_tasks, train.success).predict(test_tasks), 0.01, 0.99)


def kept(train: Outcomes, train_tasks: Tasks, test: Outcomes, test_tasks: Tasks) -> Floats:
    """What `delegate difficulty fit` would say of questions that it was not fitted on: with slope and trust."""
    return fit(train, train_tasks, (DEFAULT,)).difficulty.forecast(test_tasks).success


def words_alone(train: Outcomes, train_tasks: Tasks, test: Outcomes, test_tasks: Tasks) -> Floats:
    """The words of the question alone, as a plain logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2))
    inputs, held = words.fit_transform(train.tasks), words.transform(test.tasks)
    models = [LogisticRegression(C=1).fit(inputs, train.success[:, agent] >= 0.5) for agent in range(2)]
    return np.column_stack([model.predict_proba(held)[:, 1] for model in models])


def row(name: str, predicted: Sequence[Floats], success: Floats, weak: int, strong: int) -> str:
    """A line of the table: means over dealings, with the interval over questions drawn again, the same for all dealings."""

    def one(stated: Floats, true: Floats) -> list[float]:
        gap = choice.recovered(stated[:, strong] - stated[:, weak], true[:, weak], true[:, strong])
        areas = [auroc(stated[:, agent], true[:, agent] >= 0.5) for agent in (weak, strong)]
        return [gap, *areas, *(100 * expected_calibration_error(stated[:, agent], true[:, agent]) for agent in (weak, strong))]

    rng = np.random.default_rng(0)
    whole = np.array([one(each, success) for each in predicted])
    drawn = (rng.integers(0, len(success), len(success)) for _ in range(DRAWS))
    means = [np.mean([one(each[rows], success[rows]) for each in predicted], axis=0) for rows in drawn]
    low, high = np.quantile(means, (0.025, 0.975), axis=0)
    cells = [
        f"{value:.{places}f} ({low[at]:.{places}f}–{high[at]:.{places}f})"
        for at, (value, places) in enumerate(zip(whole.mean(axis=0), (3, 3, 3, 1, 1), strict=True))
    ]
    cells.insert(1, f"{whole[:, 0].min():.3f} to {whole[:, 0].max():.3f}")
    return f"| {name} | {' | '.join(cells)} |"


def nine_models(train: Outcomes, test: Outcomes, train_tasks: Tasks, test_tasks: Tasks, prices: Floats) -> None:
    """The choice among nine models; every setting comes from the training questions."""
    print(f"\n## Nine models, {len(train)} questions → {len(test)}\n")
    print("| rule | quality | price | points above the best |\n| --- | --- | --- | --- |")
    for each in contest.held(train, train_tasks, test, test_tasks, prices, (DEFAULT,)).results:
        print(line(each), flush=True)
    best = int(np.argmax(train.success.mean(axis=0)))
    for name in ("ridge", "boosting", "variational"):
        predicted = fitter(name)(train_tasks, train.success).predict(test_tasks)
        chosen = choice.pick(predicted, prices, 0.0)
        print(line(choice.result(name, test.success, prices, chosen, test.success[:, best])), flush=True)
    fitted = fit(train, train_tasks, (DEFAULT,))
    predicted = fitted.difficulty.forecast(test_tasks).success
    limit = 0.8 * float(prices[best])
    chosen = choice.pick(predicted, prices, choice.equal_price(fitted.held, train.success, prices, limit))
    print(line(choice.result("learnt, at 80 % of that price", test.success, prices, chosen, test.success[:, best])))
    areas = [auroc(predicted[:, at], test.success[:, at] >= 0.5) for at in range(len(test.agents))]
    gaps = [expected_calibration_error(predicted[:, at], test.success[:, at]) for at in range(len(test.agents))]
    print(f"\nlearnt: mean AUC {np.mean(areas):.3f}, mean ECE {100 * np.mean(gaps):.1f}, {fitted.difficulty.name}")


def line(found: choice.Result) -> str:
    """A row of the table of rules."""
    gain = found.gain
    points = "" if gain is None else f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    quality = found.quality
    return f"| {found.name} | {quality.value:.3f} ({quality.low:.3f}–{quality.high:.3f}) | {found.price:.2f} | {points} |"


def joined(one: Outcomes, other: Outcomes) -> Outcomes:
    assert one.families is not None
    assert other.families is not None
    return Outcomes(
        one.tasks + other.tasks,
        one.agents,
        np.concatenate((one.success, other.success)),
        families=one.families + other.families,
    )


def families(title: str, outcomes: Outcomes, tasks: Tasks, splits: int, share: float) -> None:
    """Families drawn at random are left out of training; the choice on them against the agent that was best in training."""
    assert outcomes.families is not None
    names = np.unique(outcomes.families)
    inside = np.array(outcomes.families)
    count = round(share * len(names))
    print(f"\n## {title}, families of questions left out ({count} of {len(names)})\n")
    print("| split | questions | best in training | without trust, points | ours, points |\n| --- | --- | --- | --- | --- |")
    found = []
    for split in range(splits):
        chosen = np.random.default_rng(100 + split).permutation(names)[:count]
        test, train = (np.flatnonzero(np.isin(inside, chosen) == held) for held in (True, False))
        model = fit(outcomes.rows(train), tasks.rows(train), (DEFAULT,)).difficulty
        best = int(np.argmax(model.rates))
        success = outcomes.success[test]
        free = np.zeros(len(outcomes.agents))
        plain, kept = (
            100 * (choice.gained(success, choice.pick(predicted, free, 0.0)) - success[:, best]).mean()
            for predicted in (model.estimator.predict(tasks.rows(test)), model.forecast(tasks.rows(test)).success)
        )
        found.append((plain, kept))
        print(f"| {split + 1} | {len(test)} | {outcomes.agents[best]} | {plain:+.1f} | {kept:+.1f} |", flush=True)
    plain, kept = zip(*found, strict=True)
    print(f"| worst | | | {min(plain):+.1f} | {min(kept):+.1f} |")


if __name__ == "__main__":
    main()
