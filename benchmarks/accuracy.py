"""`make bench`: how often the first agent is right and whether the probabilities are true, on every public roster.

ECE is over tasks that somebody fits; `all` counts tasks that nobody fits too, where any agent is wrong. `decided` is the
share of tasks handed over unasked, `wrong` the share of wrong ones among them (tasks that somebody fits), `none kept` the
share of tasks that nobody fits which were handed over all the same.
"""

import argparse
import time
from pathlib import Path

from benchmarks.data import MAX_TASKS, DataSet, read_sets
from delegate_cli.confidence.metrics import auroc, expected_calibration_error
from delegate_cli.decision import Decision, Status
from delegate_cli.pipeline import Delegator

COLUMNS = (
    "set",
    "agents",
    "tasks",
    "top-1",
    "top-3",
    "ECE",
    "ECE all",
    "none AUROC",
    "decided",
    "wrong",
    "none kept",
    "tasks/s",
)
WIDTHS = (20, 6, 5, 6, 6, 6, 7, 10, 7, 6, 9, 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--most", type=int, default=MAX_TASKS, help="tasks a set, drawn with a fixed seed")
    parser.add_argument("--levels", action="store_true", help="also print accuracy by rubric level")
    options = parser.parse_args()
    print("  ".join(name.rjust(width) for name, width in zip(COLUMNS, WIDTHS, strict=True)))
    for data in read_sets(options.data, options.split, options.only, options.most):
        if data.tasks:
            print(measure(data, options.levels), flush=True)


def measure(data: DataSet, levels: bool) -> str:
    """One line of the table."""
    delegator = Delegator(data.roster)
    delegator.decide(data.tasks[0].task)
    started = time.perf_counter()
    decisions = [delegator.decide(task.task) for task in data.tasks]
    seconds = time.perf_counter() - started
    rows = list(zip(data.tasks, decisions, strict=True))
    inside = [(task.agents, decision) for task, decision in rows if task.agents]
    outside = [decision for task, decision in rows if not task.agents]
    right = [decision.candidates[0].agent in gold for gold, decision in inside]
    third = [any(candidate.agent in gold for candidate in decision.candidates) for gold, decision in inside]
    stated = [decision.probability for _, decision in inside]
    sure = [is_right for is_right, (_, decision) in zip(right, inside, strict=True) if decided(decision)]
    every = stated + [decision.probability for decision in outside]
    none = [decision.none for _, decision in rows]
    values = (
        data.name,
        str(len(data.roster)),
        str(len(rows)),
        share(sum(right), len(right)),
        share(sum(third), len(third)),
        f"{100 * expected_calibration_error(stated, right):.1f}",
        f"{100 * expected_calibration_error(every, right + [False] * len(outside)):.1f}",
        f"{auroc(none, [not task.agents for task, _ in rows]):.3f}" if outside else "",
        share(len(sure), len(right)),
        share(len(sure) - sum(sure), len(sure)),
        share(sum(map(decided, outside)), len(outside)),
        f"{len(rows) / seconds:.0f}",
    )
    line = "  ".join(value.rjust(width) for value, width in zip(values, WIDTHS, strict=True))
    return line + (by_level(rows_right(inside)) if levels else "")


def decided(decision: Decision) -> bool:
    return decision.status is Status.DECIDED


def rows_right(inside: list[tuple[frozenset[str], Decision]]) -> list[tuple[int, bool]]:
    """Level of the first candidate and whether it is right."""
    found = []
    for gold, decision in inside:
        rubric = decision.candidates[0].rubric
        assert rubric is not None
        found.append((rubric.level, decision.candidates[0].agent in gold))
    return found


def by_level(rows: list[tuple[int, bool]]) -> str:
    """Accuracy by rubric level with the number of tasks at each."""
    parts = []
    for level in range(1, 6):
        right = [is_right for found, is_right in rows if found == level]
        parts.append(f"{level}: {share(sum(right), len(right))} of {len(right)}")
    return "\n" + " " * 22 + "level " + "   ".join(parts)


def share(part: int, whole: int) -> str:
    """A percentage, or a dash where there is nothing to count."""
    return f"{100 * part / whole:.1f}" if whole else "-"


if __name__ == "__main__":
    main()
