"""`make bench-labels`: what `delegate calibrate` gains with 10 to 200 labelled tasks, on public rosters.

Labelled tasks are drawn from the dev split, figures are those of tasks of the test split. Both have the dev split's share of
tasks that nobody fits: where real tasks have another share than the labelled ones, --none-share is to be given.
The encoder is the published model, since the default one was trained on tasks of the dev split. Each line is the mean over
the draws; `-` stands for the label-free fit. `worst` is the draw that lost most log loss, `noise` the 95 % half-width of
the paired difference in log loss over test tasks.
"""

import argparse
import random
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import MAX_TASKS, LabelledTask, read_sets, read_tasks
from delegate_cli import fitting
from delegate_cli.calibrating.fit import Judged, Seen, calibrate, figures, judge, see
from delegate_cli.encoders.catalog import BASE
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import parts_of
from delegate_cli.loaded import Loaded
from delegate_cli.pipeline import Delegator
from delegate_cli.settings import Settings

SETS = ["clinc150", "metatool", "hint3_sofmattress", "lobehub", "sgd", "stackoverflow", "mcp_bench", "subagents_davila7"]
SIZES = (10, 30, 50, 100, 200)
DRAWS = 3
FIGURES = ("top1", "ece", "ece_all", "log_loss", "none_auroc", "coverage", "error", "error_all", "nobody_handed_over")
HEAD = (
    *("set", "labels", "top-1", "ECE", "ECE all", "log loss", "none AUROC", "handed over", "wrong", "wrong all", "nobody kept"),
    *("worst", "noise", "applied"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", default=SETS)
    parser.add_argument("--most", type=int, default=MAX_TASKS, help="test tasks a set")
    parser.add_argument("--encoder", default=BASE, help="by default the published model: ours was trained on these labels")
    parser.add_argument("--draws", type=int, default=DRAWS)
    options = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for data in read_sets(options.data, "dev", options.only, most=10**9):
        delegator = Delegator(data.roster, Settings(encoder=options.encoder))
        ready, size = delegator.ready().label_free(), delegator.settings.shortlist
        target = delegator.settings.target_error
        pool = data.tasks
        share = sum(not task.agents for task in pool) / len(pool)
        tasks = read_tasks(options.data / "rosters" / data.name / "tasks.jsonl", "test")
        test = see(ready, labels(drawn(tasks, options.most, 0, share)), data.roster, size)
        training = fitting.prepare(data.roster, parts_of(data.roster), ready.index.parts.vectors)
        requests = fitting.hold_out(training, lambda *_: None)
        free = judge(ready, test, len(data.roster))
        print(line(data.name, "-", [measured(ready, free, target)], [0.0], 0.0, ""), flush=True)
        seen: dict[LabelledTask, Seen] = {}
        for count in (each for each in SIZES if each <= len(pool)):
            rows, changes, noise, applied = [], [], [], []
            for draw in range(options.draws):
                chosen = drawn(pool, count, draw, share)
                new = [task for task in chosen if task not in seen]
                seen.update(zip(new, see(ready, labels(new), data.roster, size), strict=True))
                found = calibrate(ready, [seen[task] for task in chosen], len(data.roster), target, requests)
                fitted = ready.with_fit(found.fit, count)
                judged = judge(fitted, test, len(data.roster))
                change = judged.surprise - free.surprise
                rows.append(measured(fitted, judged, target))
                changes.append(float(change.mean()))
                noise.append(1.96 * float(change.std()) / len(change) ** 0.5)
                applied.append("".join(name[0] if part.applied else "·" for name, part in found.verdicts.items()))
            print(line(data.name, str(count), rows, changes, max(noise), " ".join(applied)), flush=True)


def labels(tasks: list[LabelledTask]) -> list[Label]:
    return [Label(task.task, tuple(task.agents)) for task in tasks]


def drawn(pool: list[LabelledTask], count: int, draw: int, share: float) -> list[LabelledTask]:
    """At most so many tasks, among them this share of tasks that nobody fits."""
    chance = random.Random(f"{draw} {count}")
    nobody, somebody = ([task for task in pool if bool(task.agents) is fits] for fits in (False, True))
    part = min(round(count * share), len(nobody))
    return chance.sample(nobody, part) + chance.sample(somebody, min(count - part, len(somebody)))


def measured(fitted: Loaded, judged: Judged, target: float) -> list[float]:
    cuts = np.full(len(judged.top), fitted.threshold(target))
    found = figures(judged, cuts, np.ones(len(judged.top)))
    return [np.nan if found[name] is None else float(found[name] or 0) for name in FIGURES]


def line(name: str, count: str, rows: list[list[float]], changes: list[float], noise: float, applied: str) -> str:
    mean: Any = np.mean(rows, axis=0)
    shown = [
        f"{value:.3f}" if name in ("log_loss", "none_auroc") else f"{100 * value:.1f}"
        for name, value in zip(FIGURES, mean, strict=True)
    ]
    cells = ["–" if text == "nan" else text for text in shown]
    return "| " + " | ".join((name, count, *cells, f"{max(changes):+.3f}", f"{noise:.3f}", applied)) + " |"


if __name__ == "__main__":
    main()
