"""Accuracy, calibration and hand-overs on the public rosters: `make bench DATA=folder`.

Everything goes through `Delegator`, with the settings a user has who sets none, and through the measures of `delegate eval`.
Shares are in percent. "by chance" is the calibration error that perfectly true probabilities are expected to show on so few
tasks; "wrong" is the error among tasks handed over, "none kept" the share of tasks nobody fits that were handed over.
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.data import MAX_TASKS, DataSet, encoder_for, read_sets
from delegate_cli.evaluation.measures import measure
from delegate_cli.evaluation.run import run_tasks
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.pipeline import Delegator
from delegate_cli.settings import resolve

COLUMNS = {
    "set": 20, "agents": 6, "tasks": 5, "top-1": 6, "top-3": 6, "ECE": 5, "by chance": 9, "log loss": 8, "none AUROC": 10,
    "decided": 7, "wrong": 6, "none kept": 9,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--most", type=int, default=MAX_TASKS, help="tasks a set, drawn with a fixed seed")
    parser.add_argument("--levels", action="store_true", help="also print accuracy by rubric level")
    parser.add_argument("--encoder", help="another encoder than the default")
    parser.add_argument("--encoders", type=Path, nargs="+", help="for each set the first that was trained without it")
    options = parser.parse_args()
    print("  ".join(name.rjust(width) for name, width in COLUMNS.items()))
    for data in read_sets(options.data, options.split, options.only, options.most):
        if data.tasks:
            encoder = encoder_for(data.name, options.encoders) if options.encoders else options.encoder
            print(lines(data.name, len(data.roster), figures_of(data, encoder), options.levels), flush=True)


def figures_of(data: DataSet, encoder: str | None) -> dict[str, Any]:
    """What `delegate eval` says of this set."""
    delegator = Delegator(data.roster, resolve({"encoder": encoder}, data.roster.settings))
    tasks = [LabelledTask(task.task, task.agents, line) for line, task in enumerate(data.tasks, 1)]
    outcomes, seconds = run_tasks(delegator, tasks)
    return measure(outcomes, len(data.roster), seconds)


def lines(name: str, agents: int, figures: dict[str, Any], levels: bool = False) -> str:
    """One line of the table, and one of levels."""
    given = figures["handed_over"]
    values = (
        name,
        str(agents),
        str(figures["tasks"]),
        percent(figures["top1"]),
        percent(figures["top3"]),
        percent(figures["ece"]),
        percent(figures["ece_by_chance"]),
        decimal(figures["log_loss"]),
        decimal(figures["none_auroc"]),
        percent(given["coverage"]),
        percent(given["error"]),
        percent(figures["false_accept"]),
    )
    line = "  ".join(value.rjust(width) for value, width in zip(values, COLUMNS.values(), strict=True))
    if levels:
        found = (
            f"{each['level']}: {percent(each['accuracy'])} of {(each['accuracy'] or {'of': 0})['of']}"
            for each in figures["levels"]
        )
        line += "\n" + " " * 22 + "level " + "   ".join(found)
    return line


def percent(figure: dict[str, Any] | float | None) -> str:
    """A share in percent, or a dash where there is nothing to count."""
    value = figure["value"] if isinstance(figure, dict) else figure
    return "-" if value is None else f"{100 * value:.1f}"


def decimal(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.3f}"


if __name__ == "__main__":
    main()
