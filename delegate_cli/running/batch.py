"""Many requests, each run and compared: which run belongs to which, and what became of it. One folder a batch.

Runs get their ids before the first begins, so that a batch that was killed knows which of them to go on with.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from delegate_cli.decision import uuid7
from delegate_cli.errors import RunError
from delegate_cli.running import folder as files
from delegate_cli.running.folder import RunFolder, runs_home
from delegate_cli.settings import home

VERSION = 1
BATCH, PROMPTS, RESULTS, SUMMARY = "batch.json", "prompts.jsonl", "results.jsonl", "summary.json"
SIDES = ("multi", "single")


class Batch(RunFolder):
    """A batch on the disk; its files are written and held as those of a run."""

    @classmethod
    def begin(cls, prompts: Sequence[tuple[str, Any]], facts: Mapping[str, Any]) -> "Batch":
        """A new batch of requests, each with its own id or None.

        Raises:
            RunError: it cannot be written.
        """
        made = cls(_home() / uuid7())
        made._make()
        rows = [
            {"number": number, "ref": ref, "request": request, "run": uuid7()}
            for number, (request, ref) in enumerate(prompts, 1)
        ]
        made.write_lines(PROMPTS, rows)
        made.write_lines(RESULTS, ())
        made.write(BATCH, {"v": VERSION, "id": made.id, **facts})
        return made

    @classmethod
    def find(cls, text: str) -> "Batch":
        """A batch by its id, its first characters, or `last`.

        Raises:
            RunError: there is none, or several.
        """
        known = sorted(each.name for each in _home().iterdir() if (each / BATCH).exists()) if _home().is_dir() else []
        found = known[-1:] if text == files.LAST else [each for each in known if each.startswith(text) and len(text) >= 4]
        if len(found) != 1:
            raise RunError(f"there is no batch {text[:40]!r}, or several", f"see the folders of {_home()}")
        return cls(_home() / found[0])

    @property
    def prompts(self) -> list[dict[str, Any]]:
        """Number, ref, request and id of the run of each."""
        return self.lines(PROMPTS)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What became of those that are done, by number."""
        return sorted(self.lines(RESULTS), key=lambda row: int(row["number"]))

    def add(self, row: Mapping[str, Any]) -> None:
        """Write down what became of one, in the place of what was known before."""
        others = [each for each in self.rows if each["number"] != row["number"]]
        self.write_lines(RESULTS, [*others, row])


def begun(run: str) -> bool:
    """Whether a run with this id was begun, so that it is gone on with; what a killed process left without it is removed."""
    path = runs_home() / run
    if (path / files.RUN).exists():
        return True
    RunFolder(path).remove()
    return False


def settled(row: Mapping[str, Any]) -> bool:
    """Whether nothing of a result is left to be done."""
    return row["status"] == "done" and row.get("judge") in ("judged", "same", "unreadable")


def result(prompt: Mapping[str, Any], error: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What became of a prompt, from the folder of its run; `error` where it was not run, or broke off."""
    row: dict[str, Any] = dict(prompt) | {"status": "error", "error": error}
    path = runs_home() / prompt["run"]
    if not (path / files.RUN).exists():
        return row
    folder = RunFolder.open(prompt["run"])
    plan, judgement = folder.read(files.PLAN), folder.read(files.JUDGEMENT) or {}
    names = ("difference", "winner", "consistent", "reward", "agent", "reason")
    row |= {"status": folder.facts()["status"], "parts": len(plan["subtasks"]), "judge": judgement.get("state")}
    row |= {name: judgement.get(name) for name in names}
    row |= {"format": judgement.get("format", {}), "judge_spent": judgement.get("judge")}
    for side in SIDES:
        points = judgement.get("points", {}).get(side, {}).get("all")
        row[side] = None if side not in judgement else {**judgement[side], "points": points}
    return row


def _home() -> Path:
    return home() / "batches"
