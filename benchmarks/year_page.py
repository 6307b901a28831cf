"""The figures of `benchmarks.year` as a table on stdout and as a picture."""

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from delegate_cli.confidence.metrics import wilson

BACKLOG = ", backlog"  # the end of the name of such a set, which is drawn in the other one's column
# (who was answered, in a backlog) → what it is called, colour, line
WHO = {
    ("asked", False): ("where in doubt, as tasks come", "#1f5fa8", "-"),
    ("random", False): ("at random, as tasks come", "#c0562a", "-"),
    ("asked", True): ("where it teaches most, of a backlog", "#2b8a3e", "-"),
    ("random", True): ("at random, of a backlog", "#d9935f", "--"),
}
HEAD = (
    *("set", "answers", "tasks", "top-1", "at random", "handed over", "at random", "wrong", "at random"),
    *("worst order", "wrong, somebody fits", "worst order", "ECE", "at random"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--picture", type=Path, default=Path("docs/year.png"))
    options = parser.parse_args()
    rows = [json.loads(line) for line in options.rows.read_text().splitlines()]
    steps = by_step(rows)
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for name in sorted({row["set"] for row in rows}):
        for step in sorted({step for each, _, step in steps if each == name}):
            print(line(name, step, steps[name, "asked", step], steps.get((name, "random", step), [])))
    draw(steps, options.picture)


def by_step(rows: list[dict[str, Any]]) -> dict[tuple[str, str, int], list[dict[str, Any]]]:
    """Rows by set, who was answered and number of step; the last step is that of all tasks of a split."""
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    count: dict[tuple[str, str, int], int] = defaultdict(int)
    for row in rows:
        key = (row["set"], row["who"], row["order"])
        found[row["set"], row["who"], count[key]].append(row)
        count[key] += 1
    return found


def mean(rows: list[dict[str, Any]], name: str) -> float:
    values = [row[name] for row in rows if row[name] == row[name]]  # where nothing is handed over, nothing is wrong
    return sum(values) / len(values) if values else float("nan")


def shown(value: float) -> str:
    return "–" if value != value else f"{100 * value:.1f}"


def line(name: str, step: int, asked: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> str:
    pairs = [shown(mean(side, key)) for key in ("top1", "coverage", "error_all") for side in (asked, drawn)]
    worst, worst_inside = (
        max((row[key] for row in asked if row[key] == row[key]), default=float("nan")) for key in ("error_all", "error")
    )
    errors = [shown(each) for each in (worst, mean(asked, "error"), worst_inside)]
    ece = [shown(mean(side, "ece_all")) for side in (asked, drawn)]
    answers, tasks = (f"{mean(asked, key):.0f}" for key in ("answers", "seen"))
    return "| " + " | ".join((name, answers, tasks, *pairs, *errors, *ece)) + " |"


def draw(steps: dict[tuple[str, str, int], list[dict[str, Any]]], path: Path) -> None:
    names = sorted({name.removesuffix(BACKLOG) for name, _, _ in steps})
    figure, axes = plt.subplots(3, len(names), figsize=(3.1 * len(names), 7.2), sharex="col", layout="constrained")
    for column, name in enumerate(names):
        for row, (key, label) in enumerate(
            (("top1", "top-1, %"), ("coverage", "handed over, %"), ("error_all", "wrong among these, %"))
        ):
            axis = axes[row][column]
            for (who, late), (said, colour, style) in WHO.items():
                full = name + BACKLOG * late
                points = [steps[full, who, step] for step in sorted(s for n, w, s in steps if (n, w) == (full, who))]
                at, values = [mean(point, "answers") for point in points], [100 * mean(point, key) for point in points]
                axis.plot(at, values, marker="o", markersize=4, color=colour, linestyle=style, label=f"people answer {said}")
            if key == "error_all":
                band(axis, steps, name)
            low, high = axis.get_ylim()
            axis.set_ylim(*((low - 2, high + 2) if key == "top1" else (0, None)))
            axis.grid(alpha=0.25)
            axis.spines[["top", "right"]].set_visible(False)
            if column == 0:
                axis.set_ylabel(label)
            if row == 0:
                axis.set_title(name, fontsize=10)
            if row == 2:
                axis.set_xlabel("answers of people")
    handles, labels = axes[2][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.savefig(path, dpi=110)


def band(axis: Any, steps: dict[tuple[str, str, int], list[dict[str, Any]]], name: str) -> None:
    """What the target error and two points more are, and how far so few tasks let a share be known."""
    target = 100 * next(iter(steps.values()))[0]["target"]
    axis.axhline(target, color="#555", linewidth=1, label="target error")
    axis.axhline(target + 2, color="#555", linewidth=1, linestyle=":", label="target error + 2 points")
    for step in sorted(s for n, w, s in steps if (n, w) == (name, "asked")):
        rows = [row for row in steps[name, "asked", step] if row["handed"]]
        if rows:
            handed = sum(row["handed"] for row in rows) / len(rows)
            low, high = wilson(round(mean(rows, "error_all") * handed), round(handed))
            at = mean(steps[name, "asked", step], "answers")
            axis.plot([at, at], [100 * low, 100 * high], color=WHO["asked", False][1], alpha=0.35, linewidth=3)


if __name__ == "__main__":
    main()
