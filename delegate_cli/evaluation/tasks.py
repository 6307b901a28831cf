"""Labelled tasks from JSON Lines: `task` and `agent`, which is an id, a list of acceptable ids, or null for nobody."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.ask import check_task
from delegate_cli.errors import DelegateError, TaskError


class LabelError(DelegateError):
    """A file of labelled tasks that cannot be used; the message names the line."""

    code = "tasks"


@dataclass(frozen=True, slots=True)
class LabelledTask:
    """A task and the ids of the agents that may rightly do it; none of them: nobody fits."""

    task: str
    agents: frozenset[str]
    line: int


def read_labelled(path: str, *rosters: Roster) -> list[LabelledTask]:
    """Every labelled task of a file; its agents are in one of the rosters at least.

    Raises:
        LabelError: the file is missing, empty or broken, or names an agent that no roster has.
    """
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise LabelError(f"{path}: {getattr(error, 'strerror', None) or error}", "name a JSON Lines file") from None
    tasks = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        where = f"{path}, line {number}"
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise LabelError(f"{where}: not UTF-8", "save the file as UTF-8") from None
        if text:
            tasks.append(_labelled(text, number, where, rosters))
    if not tasks:
        raise LabelError(f"{path}: there are no tasks", 'write lines such as {"task": "…", "agent": "some-id"}')
    return tasks


def _labelled(text: str, number: int, where: str, rosters: Sequence[Roster]) -> LabelledTask:
    try:
        row: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise LabelError(f"{where}: not valid JSON", "write one object a line") from None
    if not isinstance(row, dict) or not isinstance(row.get("task"), str):
        raise LabelError(f"{where}: there is no text in `task`", "add the task's text")
    if "agent" not in row:
        raise LabelError(f"{where}: there is no `agent`", "add the right agent's id, a list of ids, or null for nobody")
    gold = row["agent"]
    ids = [] if gold is None else gold if isinstance(gold, list) else [gold]
    for each in ids:
        if not isinstance(each, str):
            raise LabelError(f"{where}: `agent` must be an id, a list of ids, or null", "put ids in quotes")
        if all(roster.get(each) is None for roster in rosters):
            near = get_close_matches(each, [known for roster in rosters for known in roster.position], n=1, cutoff=0.6)
            fix = f"did you mean {near[0]!r}?" if near else "see: delegate agents list"
            raise LabelError(f"{where}: {'the roster has' if len(rosters) == 1 else 'the rosters have'} no agent {each!r}", fix)
    try:
        return LabelledTask(check_task(row["task"]), frozenset(ids), number)
    except TaskError as error:
        raise LabelError(f"{where}: {error.message}", error.fix) from None
