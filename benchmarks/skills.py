"""Skill profiles on public score tables: errors and coverage for 1, 2, 3, 5 and 8 observed skills.

    python -m benchmarks.skills ../shared/data [--most 1200] [--sets livebench,open_llm_leaderboard_v2,onet]

Each row is predicted by a population without its vendor or model family (onet: without its tenth). Beside ours: the mean of the
population, nearest neighbours (whichever of their settings does best on these very rows), and skillinfer, if it is installed.
"""

import argparse
import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from delegate_cli.skills.population import History, Population
from delegate_cli.skills.profile import Evaluation, profile
from delegate_cli.skills.scales import PERCENT

SIZES = (1, 2, 3, 5, 8)
NEIGHBOURS = (3, 5, 10, 20, 50)
DRAWS = 400  # of the bootstrap
VENDORS = {"claude": "anthropic", "gpt": "openai", "chatgpt": "openai", "o": "openai", "gemini": "google", "gemma": "google"}
FAMILIES = """qwen llama mistral mixtral gemma phi yi- falcon solar internlm smollm olmo granite deepseek pythia gpt bloom
exaone mpt stablelm aya command nemo glm""".split()  # noqa: SIM905
BENCHMARKS = ("IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO")
HEAD = ("set", "observed", "cells", "mean", "neighbours", "skillinfer", "delegate", "95 %", "ratio", "covered by 90 %", "95 %")
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--most", type=int, default=1200, help="rows of a set that are predicted, drawn at random")
    parser.add_argument("--sets", default="livebench,open_llm_leaderboard_v2,onet")
    given = parser.parse_args()
    others = {"mean": mean, **{name: knn(count, weighed) for count, weighed, name in neighbours()}}
    try:
        others["skillinfer"] = skillinfer()
    except ImportError:
        print("skillinfer is not installed; its column is left out\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    ratios: list[float] = []
    for name in given.sets.split(","):
        found = measure(tables(given.data / "score_matrices", name), others, given.most)
        ratios += [line for size in SIZES if size in found for line in report(name, size, found[size])]
    print(f"\nratio (neighbours / delegate): mean {np.mean(ratios):.3f}, least {min(ratios):.3f}, greatest {max(ratios):.3f}")


def neighbours() -> Iterator[tuple[int, bool, str]]:
    for count in NEIGHBOURS:
        for weighed in (False, True):
            yield count, weighed, f"{count}{' weighed' if weighed else ''} neighbours"


def tables(folder: Path, name: str) -> Iterator[tuple[list[str], np.ndarray]]:
    """Families and scores in 0 to 100 of each table of a set."""
    if name == "livebench":
        for path in sorted((folder / name).glob("table_*.csv")):
            names, scores = read(path)
            yield [vendor(row) for row in names], scores
    elif name == "onet":
        names, scores = read(folder / name / "onet.csv")
        yield [str(fold) for fold in np.random.default_rng(5).integers(0, 10, len(names))], scores * 100
    else:
        path = folder / name / f"{name}.csv"
        names, scores = read(path, BENCHMARKS)
        with path.open(newline="") as stream:
            bases = [row["base_model"] for row in csv.DictReader(stream)]
        yield [family(f"{row} {base}") for row, base in zip(names, bases, strict=True)], scores


def read(path: Path, columns: tuple[str, ...] = ()) -> tuple[list[str], np.ndarray]:
    """Names and scores; a row with too few cells (one is, in the newest livebench) is left out."""
    with path.open(newline="") as stream:
        head, *rows = [row for row in csv.reader(stream) if row]
    whole = [row for row in rows if len(row) == len(head)]
    places = [head.index(column) for column in columns] or range(1, len(head))
    return [row[0] for row in whole], np.array([[float(row[at]) if row[at] else np.nan for at in places] for row in whole])


def vendor(name: str) -> str:
    word = re.match(r"[a-z]*", name.lower())
    return VENDORS.get(word.group(), word.group()) if word else name


def family(name: str) -> str:
    return next((word for word in FAMILIES if word in name.lower()), name.split("/")[0].lower())


def measure(sets: Iterator[tuple[list[str], np.ndarray]], others: dict[str, Any], most: int) -> dict[int, dict[str, list[Any]]]:
    """For each number of observed skills: squared errors by method, coverage and family, one entry a row."""
    found: dict[int, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for families, scores in sets:
        rng = np.random.default_rng(0)
        groups = defaultdict(list)
        for row in rng.permutation(len(scores))[:most].tolist():
            groups[families[row]].append(row)
        skills = [f"{at:03d}" for at in range(scores.shape[1])]
        for left_out, rows in groups.items():
            inside = np.array([each != left_out for each in families])
            named = [f"{at:05d}" for at in np.flatnonzero(inside)]
            of = [each for each in families if each != left_out]
            population = Population(History.of(named, skills, scores[inside], [PERCENT] * len(skills), of))
            fitted = {name: fit(scores[inside]) for name, fit in others.items()}
            for row in rows:
                predict(scores[row], population, fitted, rng, found, left_out)
    return found


def predict(
    truth: np.ndarray, population: Population, fitted: dict[str, Predict], rng: np.random.Generator, found: Any, group: str
) -> None:
    known = rng.permutation(np.flatnonzero(~np.isnan(truth)))
    for size in SIZES:
        if size >= len(known):
            continue
        seen, hidden = known[:size], known[size:]
        for name, method in fitted.items():
            found[size][name].append((method(seen, truth[seen])[hidden] - truth[hidden]) ** 2)
        evaluations = {population.skills[at]: Evaluation(truth[at] / 100) for at in seen}
        of = profile(population, "", evaluations)
        told = [of.estimate(at) for at in hidden]
        found[size]["delegate"].append((100 * np.array([each.mean for each in told]) - truth[hidden]) ** 2)
        inside = [each.low - 1e-6 <= score <= each.high + 1e-6 for each, score in zip(told, truth[hidden] / 100, strict=True)]
        found[size]["covered"].append(np.array(inside, dtype=float))
        found[size]["group"].append(group)


def report(name: str, size: int, found: dict[str, list[Any]]) -> list[float]:
    """Print one line; the ratio of the best neighbours' error to ours."""
    error = {each: root(values) for each, values in found.items() if each not in ("covered", "group")}
    best = min((each for each in error if each.endswith("neighbours")), key=error.__getitem__)
    rng = np.random.default_rng(1)
    groups = defaultdict(list)
    for row, group in enumerate(found["group"]):
        groups[group].append(row)
    keys = list(groups)
    drawn: dict[str, list[float]] = defaultdict(list)
    for _ in range(DRAWS):  # whole families are drawn: their rows are alike
        rows = [row for key in rng.integers(0, len(keys), len(keys)) for row in groups[keys[key]]]
        drawn["error"].append(root([found["delegate"][row] for row in rows]))
        drawn["covered"].append(100 * float(np.mean(np.concatenate([found["covered"][row] for row in rows]))))
    spread = {each: np.percentile(values, (2.5, 97.5)) for each, values in drawn.items()}
    ratio = error[best] / error["delegate"]
    cells = (
        *(name, size, sum(map(len, found["covered"])), f"{error['mean']:.2f}", f"{error[best]:.2f} ({best.split(' n')[0]})"),
        f"{error['skillinfer']:.2f}" if "skillinfer" in error else "–",
        *(f"{error['delegate']:.2f}", "{:.2f}–{:.2f}".format(*spread["error"]), f"{ratio:.3f}"),
        *(f"{100 * np.mean(np.concatenate(found['covered'])):.1f} %", "{:.1f}–{:.1f}".format(*spread["covered"])),
    )
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    return [ratio]


def root(squares: list[np.ndarray]) -> float:
    return float(np.sqrt(np.mean(np.concatenate(squares))))


def mean(scores: np.ndarray) -> Predict:
    middle = np.nanmean(scores, axis=0)
    return lambda seen, values: middle


def knn(count: int, weighed: bool) -> Callable[[np.ndarray], Predict]:
    """Nearest neighbours in standardised scores, holes filled with the mean; weighed by inverse distance or not."""

    def fit(scores: np.ndarray) -> Predict:
        middle, spread = np.nanmean(scores, axis=0), np.maximum(np.nanstd(scores, axis=0), 1e-9)
        filled = np.where(np.isnan(scores), middle, scores)
        standard = (filled - middle) / spread

        def predict(seen: np.ndarray, values: np.ndarray) -> np.ndarray:
            distance = ((standard[:, seen] - (values - middle[seen]) / spread[seen]) ** 2).sum(axis=1)
            near = np.argsort(distance, kind="stable")[:count]
            weight = 1 / (np.sqrt(distance[near]) + 1e-3) if weighed else np.ones(len(near))
            return np.asarray(weight @ filled[near] / weight.sum())

        return predict

    return fit


def skillinfer() -> Callable[[np.ndarray], Predict]:
    """As its documentation says: columns scaled to 0 to 1, predictions cut to that range. Holes are filled with the mean."""
    import pandas
    import skillinfer as peer

    def fit(scores: np.ndarray) -> Predict:
        filled = np.where(np.isnan(scores), np.nanmean(scores, axis=0), scores)
        low, span = filled.min(axis=0), np.ptp(filled, axis=0)
        span[span == 0] = 1
        names = [str(at) for at in range(scores.shape[1])]
        population = peer.Population.from_dataframe(pandas.DataFrame(filled, columns=names))

        def predict(seen: np.ndarray, values: np.ndarray) -> np.ndarray:
            observed = {names[at]: float(value) for at, value in zip(seen, (values - low[seen]) / span[seen], strict=True)}
            return np.clip(population.profile().observe_many(observed).mu, 0, 1) * span + low

        return predict

    return fit


if __name__ == "__main__":
    main()
