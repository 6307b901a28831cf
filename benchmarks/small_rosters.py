"""Coverage of 90 % intervals where a small roster is its own population: `make bench-skills DATA=folder`.

Rows of a public score table are drawn as a roster, six of its columns as skills, and a part of the scores is hidden. What is
hidden of an agent is predicted from its own scores and the other agents', as `delegate skills infer` does without a history.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.skills import root, tables
from delegate_cli.skills.population import History, Population
from delegate_cli.skills.profile import Estimate, Evaluation, profile
from delegate_cli.skills.scales import SHARE

SETS = ("livebench", "open_llm_leaderboard_v2", "onet")
SIZES = (3, 4, 6, 10, 16)
KNOWN = (0.3, 0.6)
SKILLS = 6
SEED = 99


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=20, help="rosters of each size")
    given = parser.parse_args()
    head = ("agents", "scores known", *(part for name in SETS for part in (name, "error, mean's")))
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    every = {name: [scores / 100 for _, scores in tables(given.data / "score_matrices", name)] for name in SETS}
    for size in SIZES:
        for share in KNOWN:
            cells = [cell for name in SETS for cell in figures(every[name], size, share, given.draws)]
            print(f"| {size} | {100 * share:.0f} % | {' | '.join(cells)} |", flush=True)


def figures(scores: list[np.ndarray], size: int, share: float, draws: int) -> tuple[str, str]:
    """Coverage with the number of hidden scores; root mean squared error in points, and that of each skill's mean."""
    rng = np.random.default_rng(SEED)
    inside: list[bool] = []
    ours: list[np.ndarray] = []
    means: list[np.ndarray] = []
    for draw in range(draws):
        table = scores[draw % len(scores)]
        rows, columns = rng.choice(len(table), size, replace=False), rng.choice(table.shape[1], SKILLS, replace=False)
        true = table[np.ix_(rows, columns)]
        known = np.where(rng.random(true.shape) < share, true, np.nan)
        kept = (~np.isnan(known)).any(axis=0)
        for told, truth, mean in hidden(known[:, kept], true[:, kept]):
            inside.append(told.low - 1e-6 <= truth <= told.high + 1e-6)
            ours.append(np.array([(told.mean - truth) ** 2]))
            means.append(np.array([(mean - truth) ** 2]))
    return f"{100 * np.mean(inside):.1f} % of {len(inside)}", f"{100 * root(ours):.1f}, {100 * root(means):.1f}"


def hidden(known: np.ndarray, true: np.ndarray) -> Iterator[tuple[Estimate, float, float]]:
    """Of each hidden score what is told, what is true, and the mean of those that are known of this skill."""
    agents, skills = ([f"{at:02d}" for at in range(count)] for count in known.shape)
    population = Population(History.of(agents, skills, known, [SHARE] * len(skills), [""] * len(agents)))
    means = np.nanmean(known, axis=0)
    for agent, row, truth in zip(agents, known, true, strict=True):
        seen = {skill: Evaluation(float(row[at])) for at, skill in enumerate(skills) if not np.isnan(row[at])}
        told = profile(population, agent, seen, itself=bool(seen))
        for at in np.flatnonzero(np.isnan(row) & ~np.isnan(truth)).tolist():
            yield told.estimate(at), float(truth[at]), float(means[at])


if __name__ == "__main__":
    main()
