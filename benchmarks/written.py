"""Accuracy and calibration over the rosters that this project wrote (`training/rosters/`): `python -m benchmarks.written`.

What decides was fitted on none of them; the default encoder was trained on all, so that how well an encoder does on what it
never saw must be asked of another (`--encoder`). They are harder than real tasks: their requests avoid the words of cards on
purpose. The first `--examples` English requests of each agent are its sample requests, one of the others and those of nobody
are tasks; all tasks of a kind are counted together. The columns are those of `benchmarks.accuracy`.
"""

import argparse
import random
import tempfile
from pathlib import Path

import yaml

from benchmarks.accuracy import COLUMNS, lines
from delegate_cli.agents import Roster
from delegate_cli.evaluation.measures import measure
from delegate_cli.evaluation.run import Outcome, run_tasks
from delegate_cli.evaluation.tasks import LabelledTask
from delegate_cli.pipeline import Delegator
from delegate_cli.roster.load import load_roster
from delegate_cli.settings import resolve
from training.written import ENGLISH, HERE, LANGUAGES, NOBODY, read_file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=2)
    parser.add_argument("--every", type=int, default=4, help="measure with each so-manieth roster")
    parser.add_argument("--languages", action="store_true", help="tasks in other languages instead of English ones")
    parser.add_argument("--encoder")
    options = parser.parse_args()
    print("  ".join(name.rjust(width) for name, width in COLUMNS.items()))
    every: list[Outcome] = []
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        for kind in sorted(path.name for path in HERE.iterdir() if path.is_dir()):
            found: list[Outcome] = []
            agents = 0
            for path in sorted((HERE / kind).glob("*.txt"))[:: options.every]:
                roster, tasks = made(path, Path(folder), options)
                chosen = resolve({"encoder": options.encoder}, roster.settings)
                found += run_tasks(Delegator(roster, chosen), tasks)[0]
                agents += len(roster)
            every += found
            total += agents
            print(lines(kind, agents, measure(found, agents, 1.0)), flush=True)
        print(lines("all", total, measure(every, total, 1.0)))


def made(path: Path, folder: Path, options: argparse.Namespace) -> tuple[Roster, list[LabelledTask]]:
    """A roster, written to `folder`, and tasks from one file."""
    chance = random.Random(path.stem)
    agents, tasks = [], []
    for number, each in enumerate(read_file(path)):
        nobody = each.name == NOBODY
        examples = () if nobody else each.asked(ENGLISH)[: options.examples]
        others = each.asked(*LANGUAGES) if options.languages and not nobody else each.asked(ENGLISH)[len(examples) :]
        right = frozenset() if nobody else frozenset({f"a{number}"})
        drawn = others if nobody else chance.sample(others, min(1, len(others)))
        tasks += [LabelledTask(text, right, len(tasks) + place) for place, text in enumerate(drawn, 1)]
        if not nobody:
            agents.append({"id": f"a{number}", "name": each.name, "description": each.card, "examples": [*examples]})
    file = folder / f"{path.parent.name}-{path.stem}.yaml"
    file.write_text(yaml.safe_dump({"agents": agents}), encoding="utf-8")
    return load_roster(file), tasks


if __name__ == "__main__":
    main()
