"""Top-1 of tasks in other languages over an English roster, with the published encoder and with the default or another.

`python -m benchmarks.languages DATA`: every roster that has `tasks_lang.jsonl`, test split. The interval is of the paired
difference (bootstrap over tasks, 95 %).
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.data import read_tasks
from delegate_cli.confidence.intervals import mean
from delegate_cli.encoders.catalog import BASE
from delegate_cli.evaluation.run import run_tasks
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster
from delegate_cli.settings import resolve


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="test", choices=("dev", "test"))
    parser.add_argument("--encoder", help="instead of the default")
    options = parser.parse_args()
    paths = sorted(options.data.glob("rosters/*/tasks_lang.jsonl"))
    if not paths:
        parser.error(f"no rosters/*/tasks_lang.jsonl in {options.data}")
    for path in paths:
        compare(path, options.split, options.encoder)


def compare(path: Path, split: str, encoder: str | None) -> None:
    """Print one line a language."""
    languages = [row["lang"] for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()) if row["split"] == split]
    tasks = [LabelledTask(task.task, task.agents, line) for line, task in enumerate(read_tasks(path, split), 1)]
    before, after = (np.array(right(path.with_name("roster.yaml"), tasks, name), dtype=float) for name in (BASE, encoder))
    places = defaultdict(list)
    for place, language in enumerate(languages):
        places[language].append(place)
    for language, rows in [*sorted(places.items()), ("all", list(range(len(tasks))))]:
        gain = mean((100 * (after[rows] - before[rows])).tolist())
        assert gain is not None
        interval = f"{gain['value']:+.1f} ({gain['low']:+.1f} to {gain['high']:+.1f})"
        shares = f"{100 * before[rows].mean():5.1f} → {100 * after[rows].mean():5.1f}"
        print(f"{path.parent.name}  {language:6}  {len(rows):4} tasks  {shares}  {interval}", flush=True)


def right(roster: Path, tasks: list[LabelledTask], encoder: str | None) -> list[bool]:
    """Whether each task's first candidate is right."""
    read = load_roster(roster)
    outcomes, _ = run_tasks(Delegator(read, resolve({"encoder": encoder}, read.settings)), tasks)
    return [outcome.right for outcome in outcomes]


if __name__ == "__main__":
    main()
