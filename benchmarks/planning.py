"""Learned choice among models on public outcome tables: `make bench-plan DATA=folder`.

Prints, with 95 % intervals over questions: estimators of success on two models (five-fold), the choice among nine models
(train → test), and both with whole families of questions left out of training.
"""

import argparse
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from delegate_cli.confidence.metrics import auroc, expected_calibration_error
from delegate_cli.encoders import Encoder, catalog
from delegate_cli.encoders.onnx import OnnxEncoder
from delegate_cli.planning import choice, contest
from delegate_cli.planning.difficulty import fit, folds, held_out
from delegate_cli.planning.estimators.choose import DEFAULT, NAMES, fitter
from delegate_cli.planning.features import Floats, Tasks, features, form
from delegate_cli.planning.outcomes import Outcomes, read_outcomes
from delegate_cli.settings import home

DRAWS = 500
WORDS = {"likeness": "likeness (ours)", "neighbours": "nearest neighbours", "factors": "matrix factorisation"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--splits", type=int, default=10, help="random splits of the families")
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
        two_models(pair, pair_tasks)
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


def two_models(outcomes: Outcomes, tasks: Tasks) -> None:
    """Estimators of success, five-fold by question; nothing is chosen on what is reported."""
    weak, strong = np.argsort(outcomes.success.mean(axis=0))
    print(f"\n## Two models, {len(outcomes)} questions, five folds\n")
    print("| estimator | APGR | AUC weak | AUC strong | ECE weak | ECE strong |\n| --- | --- | --- | --- | --- | --- |")
    print(tfidf_row(outcomes, weak, strong))
    for name in NAMES:
        predicted = np.clip(held_out(name, tasks, outcomes.success), 0.01, 0.99)
        print(row(WORDS.get(name, name), predicted, outcomes.success, weak, strong), flush=True)
    predicted = nested(outcomes, tasks)
    print(row("**difficulty fit (ours, as kept)**", predicted, outcomes.success, weak, strong), flush=True)


def nested(outcomes: Outcomes, tasks: Tasks) -> Floats:
    """What `delegate difficulty fit` would say of questions that it was not fitted on: with slope and trust."""
    fold = folds(len(outcomes))
    predicted = np.zeros_like(outcomes.success)
    for each in range(5):
        train, test = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        fitted = fit(outcomes.rows(train), tasks.rows(train), (DEFAULT,))
        predicted[test] = fitted.difficulty.forecast(tasks.rows(test)).success
    return predicted


def row(name: str, predicted: Floats, success: Floats, weak: int, strong: int) -> str:
    def figures(rows: Floats) -> list[float]:
        stated, true = predicted[rows], success[rows]
        gap = choice.recovered(stated[:, strong] - stated[:, weak], true[:, weak], true[:, strong])
        areas = [auroc(stated[:, agent], true[:, agent] >= 0.5) for agent in (weak, strong)]
        return [gap, *areas, *(100 * expected_calibration_error(stated[:, agent], true[:, agent]) for agent in (weak, strong))]

    return shown(name, figures, len(success), (3, 3, 3, 1, 1))


def shown(name: str, figures: Callable[[Floats], list[float]], count: int, digits: tuple[int, ...]) -> str:
    rng = np.random.default_rng(0)
    draws = np.array([figures(rng.integers(0, count, count)) for _ in range(DRAWS)])
    low, high = np.quantile(draws, (0.025, 0.975), axis=0)
    cells = [
        f"{value:.{places}f} ({low[at]:.{places}f}–{high[at]:.{places}f})"
        for at, (value, places) in enumerate(zip(figures(np.arange(count)), digits, strict=True))
    ]
    return f"| {name} | {' | '.join(cells)} |"


def tfidf_row(outcomes: Outcomes, weak: int, strong: int) -> str:
    """The words of the question alone, as a plain logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    fold = folds(len(outcomes))
    predicted = np.zeros_like(outcomes.success)
    for each in range(5):
        train, test = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        words = TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2))
        inputs, held = (
            words.fit_transform([outcomes.tasks[at] for at in train]),
            words.transform([outcomes.tasks[at] for at in test]),
        )
        for agent in range(2):
            model = LogisticRegression(C=1).fit(inputs, outcomes.success[train, agent] >= 0.5)
            predicted[test, agent] = model.predict_proba(held)[:, 1]
    return row("TF-IDF, logistic", predicted, outcomes.success, weak, strong)


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
