"""Rosters and plans for the tests of runs: agents that are real processes, and a run without the command around it."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.decision import uuid7
from delegate_cli.journal.store import Journal
from delegate_cli.roster.load import load_roster
from delegate_cli.running import starting
from delegate_cli.running.caps import Caps
from delegate_cli.running.engine import Event
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.prospects import blocks, prospects
from delegate_cli.running.records import Result
from delegate_cli.settings import resolve
from delegate_cli.splitting import plan_json
from delegate_cli.splitting.plan import Plan


def program(code: str, *arguments: str, **keys: Any) -> dict[str, Any]:
    """A run block of a Python program, read-only unless said otherwise."""
    block = {"kind": "command", "argv": [sys.executable, "-S", "-c", code, *arguments], "read_only": True, "retries": 0}
    return block | keys


ECHO = program("import sys; print(sys.stdin.read())")
SAY = "import sys; print('{}')"


def part(identity: str, agent: str | None = "echo", after: Sequence[str] = (), others: Sequence[str] = (), **more: Any) -> Any:
    """A subtask of a plan that is assigned to an agent, with others that may do it, too."""
    options = [{"agent": each, "probability": 0.5 - 0.1 * place} for place, each in enumerate([agent, *others])]
    facts = {"status": "decided", "agent": agent, "probability": 0.5, "candidates": options} if agent else {}
    return {"id": identity, "task": f"the task of {identity}", "after": list(after), **facts, **more}


def plan(*parts: Any, request: str = "all of it") -> dict[str, Any]:
    return {"v": 1, "request": request, "subtasks": list(parts)}


def is_card(facts: Mapping[str, Any]) -> bool:
    """Whether this is a whole card and not a run block."""
    return "run" in facts or (facts.get("kind") in ("ai", "tool", "human", "team") and "argv" not in facts)


def write_roster(folder: Path, agents: Mapping[str, Any], **settings: Any) -> Path:
    """A roster file of agents by id: each a run block, or a whole card."""
    cards = [{"id": name, **(card if is_card(card) else {"run": card})} for name, card in agents.items()]
    path = folder / "agents.yaml"
    path.write_text(json.dumps({"version": 1, "settings": settings, "agents": cards}))
    return path


class Runs:
    """Runs plans over one roster, without a terminal and with every consent."""

    def __init__(self, folder: Path, agents: Mapping[str, Any], **settings: Any) -> None:
        self._open(write_roster(folder, agents, **settings), folder)

    @classmethod
    def over(cls, roster: Path, folder: Path) -> "Runs":
        """Over the roster of a file."""
        made = cls.__new__(cls)
        made._open(roster, folder)
        return made

    def _open(self, roster: Path, folder: Path) -> None:
        self.roster: Roster = load_roster(roster)
        self.journal = Journal(folder / "journal.sqlite")
        self.events: list[Event] = []
        self.folder: RunFolder | None = None

    def start(self, facts: Any, caps: Caps = Caps(), **more: Any) -> starting.Start:
        made: Plan = plan_json.of_dict(facts)
        known = blocks(self.roster)
        chosen = prospects(made, self.roster, known, {}, caps.fallbacks)
        settings = resolve({}, self.roster.settings)
        given = {"journal": self.journal, "watch": self.events.append, "backoff": 0.01} | more
        return starting.Start(made, self.roster, settings, known, chosen, caps, **given)

    def __call__(self, facts: Any, caps: Caps = Caps(), **more: Any) -> dict[str, Result]:
        start = self.start(facts, caps, **more)
        self.folder = starting.begin(start, uuid7())
        return starting.execute(start, self.folder)

    def again(self, facts: Any, caps: Caps = Caps(), **more: Any) -> dict[str, Result]:
        """Go on with the last run, as --resume does."""
        assert self.folder is not None
        self.folder = RunFolder.open(self.folder.id)
        starting.settle(self.folder)
        return starting.execute(self.start(facts, caps, **more), self.folder)

    @property
    def calls(self) -> list[dict[str, Any]]:
        assert self.folder is not None
        return self.folder.lines("calls.jsonl")

    @property
    def everything(self) -> str:
        """All that the run wrote down."""
        assert self.folder is not None
        return "\n".join(path.read_text() for path in sorted(self.folder.path.iterdir()) if path.is_file())


def check_files(folder: Path) -> None:
    """Every file of a run is valid JSON, and for its owner alone."""
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600, path
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".jsonl":
            for line in path.read_text().split("\n"):
                if line:
                    json.loads(line)
        else:
            assert path.name == ".lock"
