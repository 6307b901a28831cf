"""Writes what is made from the program: docs/commands.md, docs/roster.md, man/delegate.1, completions/ and docs/decision.svg.

`--check` compares all but the picture with what would be written and fails when one is not current. The picture is of a real
decision over the example roster, whose figures may move, so it is not compared.
"""

import argparse
import difflib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import manual
import reference
import typer

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 86  # columns of the help blocks
PICTURE_WIDTH = 128
PICTURED = "Introduce our scanners to a chemist chain with shops on both sides of the Danish-German border"
RUN_PICTURED = {
    "v": 1,
    "request": "Where is order TH-20932? Check the addresses of the trade fair list, and have the contract read.",
    "subtasks": [
        {"id": "t1", "task": "Where is order TH-20932?", "agent": "order-tracking", "status": "decided"},
        {
            "id": "t2",
            "task": "Check these addresses: info@nordwind.example, a.brunner@markt.example, a.brunner@markt.example",
            "agent": "mailing-list-check",
            "status": "decided",
        },
        {"id": "t3", "task": "Read the supplier contract", "agent": "commercial-counsel", "status": "decided"},
        {"id": "t4", "task": "Say when TH-20933 comes, too", "after": ["t3"], "agent": "order-tracking", "status": "decided"},
    ],
}
COMPLETIONS = {"bash": "delegate.bash", "zsh": "_delegate", "fish": "delegate.fish"}
# zsh reads the file when completion is first asked for, as the body of a function `_delegate`: without this the first
# TAB would only define things.
FIRST_TAB = 'if [[ "$funcstack[1]" == _delegate ]]; then\n  _delegate_completion "$@"\nfi\n'


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is not current")
    if parser.parse_args().check:
        return check()
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (ROOT / "docs" / "decision.svg").write_text(picture(), encoding="utf-8")
    if not (ROOT / "docs" / "run.svg").exists():  # it shows seconds, which are never the same: remove it to have it anew
        (ROOT / "docs" / "run.svg").write_text(run_picture(), encoding="utf-8")
    return 0


def check() -> int:
    stale = False
    for path, text in generated().items():
        found = path.read_text(encoding="utf-8") if path.exists() else ""
        if found != text:
            stale = True
            name = str(path.relative_to(ROOT))
            lines = difflib.unified_diff(found.splitlines(), text.splitlines(), name, "generated", n=1, lineterm="")
            sys.stderr.write("\n".join(list(lines)[:20]) + "\n")
            sys.stderr.write(f"{name} is not current; run: make docs\n")
    return int(stale)


def generated() -> dict[Path, str]:
    """The files that follow from the program alone."""
    files = {ROOT / "completions" / name: completion(shell) for shell, name in COMPLETIONS.items()}
    helps = help_texts()
    return files | {
        ROOT / "docs" / "commands.md": commands_page(helps),
        ROOT / "docs" / "roster.md": reference.page(),
        ROOT / "man" / "delegate.1": manual.page(helps),
    }


def commands_page(helps: dict[str, str]) -> str:
    parts = ["# Commands\n\nMade by `make docs` from the program's own help.\n"]
    parts += [f"## {name}\n\n```text\n{text}\n```\n" for name, text in helps.items()]
    return "\n".join(parts)


def help_texts() -> dict[str, str]:
    """What each command says for `--help`, in a fixed width: the program itself first, a group before its commands."""
    from delegate_cli.cli.app import command_line

    found: dict[str, str] = {}

    def walk(command: Any, name: str, parent: typer.Context | None) -> None:
        settings = {key: value for key, value in command.context_settings.items() if key != "max_content_width"}
        word = name.rpartition(" ")[2]
        context = typer.Context(command, info_name=word, parent=parent, terminal_width=WIDTH, **settings)
        found[name] = command.get_help(context).rstrip()
        for inner, each in getattr(command, "commands", {}).items():
            walk(each, f"{name} {inner}", context)

    walk(typer.main.get_command(command_line()), "delegate", None)
    return found


def completion(shell: str) -> str:
    """The script that a shell reads; it asks the program itself, so it names no command or option."""
    script = delegate(_DELEGATE_COMPLETE=f"source_{shell}").strip() + "\n"
    return script + "\n" + FIRST_TAB if shell == "zsh" else script


def delegate(*arguments: str, **environment: str) -> str:
    """What the command prints, without anything that the user has set."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DELEGATE_", "_TYPER"))}
    fixed = {"NO_COLOR": "1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "delegate_cli", *arguments]
    done = subprocess.run(command, env=kept | fixed | environment, cwd=ROOT, check=True, capture_output=True, encoding="utf-8")
    return done.stdout


def picture() -> str:
    """A decision over the example roster as Rich draws it at a terminal."""
    from delegate_cli import Delegator, load_roster
    from delegate_cli.pipeline import Ask
    from delegate_cli.policy import ANYBODY_THERE
    from delegate_cli.render.table import decision_svg

    decision = Delegator(load_roster(str(ROOT / "agents.yaml"))).decide(PICTURED, Ask(constraints=ANYBODY_THERE))
    return decision_svg(decision, explain=False, width=PICTURE_WIDTH, title="delegate route")


def run_picture() -> str:
    """A run over the example roster, as its tree stands when all that can be done without a person is done."""
    import tempfile

    from delegate_cli import load_roster
    from delegate_cli.decision import uuid7
    from delegate_cli.journal.store import Journal
    from delegate_cli.render.runs import tree
    from delegate_cli.render.table import to_svg
    from delegate_cli.running import starting
    from delegate_cli.running.prospects import blocks, prospects
    from delegate_cli.settings import resolve
    from delegate_cli.splitting import plan_json

    roster = load_roster(str(ROOT / "agents.yaml"))
    plan, known = plan_json.of_dict(RUN_PICTURED), blocks(roster)
    events: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home:
        os.environ["DELEGATE_HOME"] = home
        start = starting.Start(
            plan,
            roster,
            resolve({}, roster.settings),
            known,
            prospects(plan, roster, known, {}, 0),
            journal=Journal(Path(home) / "journal.sqlite"),
            watch=lambda event: events.__setitem__(event.subtask, event),
        )
        starting.execute(start, starting.begin(start, uuid7()))
    return to_svg(tree(plan, events, {}), PICTURE_WIDTH, "delegate run", "run")


if __name__ == "__main__":
    sys.exit(main())
