"""The public rosters and tasks under a data folder, as the benchmarks read them."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from delegate_cli.agents import Roster
from delegate_cli.encoders.catalog import BASE
from delegate_cli.roster.load import load_roster

MAX_TASKS = 1000
SEED = 7
# Sets of one family are alike: what is fitted on one is judged on the others.
FAMILY = {
    "clinc150": "intents", "snips": "intents", "dstc11_banking": "intents", "sgd": "services", "metatool": "plugins",
    "toolalpaca": "plugins", "seal_tools": "plugins", "mcp_bench": "plugins", "a2a_samples": "plugins", "lobehub": "assistants",
    "subagents_davila7": "subagents", "dotnet_skills": "subagents", "hint3_sofmattress": "chat", "healthcare7": "chat",
    "stackoverflow": "questions",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabelledTask:
    """A task and the ids of the agents that may rightly do it; none of them: nobody fits."""

    task: str
    agents: frozenset[str]


@dataclass(frozen=True, slots=True)
class DataSet:
    """One roster with the tasks of one split."""

    name: str
    roster: Roster
    tasks: list[LabelledTask]


def read_sets(data: Path, split: str, only: list[str] | None = None, most: int = MAX_TASKS) -> list[DataSet]:
    """Every roster under `data/rosters` with at most `most` tasks of a split, drawn with a fixed seed."""
    sets = []
    for folder in sorted((data / "rosters").iterdir()):
        if not (folder / "tasks.jsonl").exists() or (only and folder.name not in only):
            continue
        tasks = read_tasks(folder / "tasks.jsonl", split)
        if len(tasks) > most:
            tasks = random.Random(SEED).sample(tasks, most)
        sets.append(DataSet(folder.name, load_roster(folder / "roster.yaml"), tasks))
    return sets


def read_tasks(path: Path, split: str | None) -> list[LabelledTask]:
    """The labelled tasks of a file, of one split or all."""
    tasks = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if split is None or row.get("split") == split:
            gold = row["agent"]
            agents = [] if gold is None else gold if isinstance(gold, list) else [gold]
            tasks.append(LabelledTask(row["task"], frozenset(agents)))
    return tasks


def encoder_for(name: str, folders: list[Path]) -> str:
    """The first encoder written by `training.train --leave` whose training left this set out, else the published model."""
    for folder in folders:
        if name not in json.loads((folder / "card.json").read_text())["sets"]:
            return str(folder / "model")
    return BASE
