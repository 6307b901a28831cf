"""The pages and the program say the same."""

import inspect
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import delegate_cli
from delegate_cli import errors
from delegate_cli.cli.app import command_line
from delegate_cli.roster.described import DESCRIBED
from delegate_cli.roster.fields import roster_schema

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@cache
def commands() -> dict[str, Any]:
    """Every command by its words, such as `delegate index rebuild`."""
    found = {}

    def walk(command: Any, name: str) -> None:
        found[name] = command
        for word, inner in getattr(command, "commands", {}).items():
            walk(inner, f"{name} {word}")

    walk(typer.main.get_command(command_line()), "delegate")
    return found


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("-")} | {"-h", "--help"}


def test_generated_files_are_current():
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_option_is_documented(name: str):
    section = COMMANDS.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert section, f"docs/commands.md has no section {name}"
    missing = {option for option in options(commands()[name]) if not re.search(rf"{re.escape(option)}\b", section)}
    assert not missing


@cache
def calls() -> list[tuple[str, str]]:
    """Each call of `delegate` in the pages' code blocks, up to the next pipe, semicolon or redirection, with its page."""
    found = []
    for page, text in PAGES.items():
        blocks = [block for language, block in FENCE.findall(text) if language in ("sh", "bash", "console", "shell")]
        for line in (line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()):
            words = list(shlex.shlex(line, posix=True, punctuation_chars=True))
            while "delegate" in words:
                words = words[words.index("delegate") :]
                end = next((place for place, word in enumerate(words) if set(word) <= set("|;&<>()")), len(words))
                found.append((page, shlex.join(words[:end])))
                words = words[end:]
    return found


def test_the_pages_call_the_program():
    assert sum(page == "README.md" for page, _ in calls()) >= 8


def test_the_pages_name_existing_commands_and_options():
    wrong = []
    for page, call in calls():
        words = shlex.split(call)
        name = next(" ".join(words[:end]) for end in (3, 2, 1) if " ".join(words[:end]) in commands())
        name = f"{name} of" if f"{name} of" in commands() else name  # a task alone is the same as: of TASK
        used = {word.partition("=")[0] for word in words if re.fullmatch(r"--?[A-Za-z][\w-]*(=.*)?", word)}
        if (name == "delegate" and not used) or not used <= options(commands()[name]):
            wrong.append(f"{page}: {call}")
    assert not wrong


def test_a_link_that_leads_nowhere_breaks_the_site(tmp_path: Path):
    words = re.search(r"/mkdocs (build [^>|\n]*)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert words
    config = re.sub(r"^nav:.*", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "mkdocs.yml").write_text(config, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    text = "# Here\n\n[a](index.md#here) [b](gone.md) [c](index.md#gone) ![d](gone.png)\n"
    (tmp_path / "docs" / "index.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", *words[1].split()]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("WARNING -")) == (1, 3), done.stderr


def test_version_is_the_newest_heading_of_the_changelog():
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert next(heading for heading in headings if heading != "Unreleased") == delegate_cli.__version__
    assert "Unreleased" not in headings[1:]


def test_readme_has_the_exit_codes_of_the_errors():
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)}
    raised = {
        each.exit_code for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, errors.DelegateError)
    }
    assert stated == raised | {0, 1, 5, 6, 7, 70, 130, 141}


def test_links_of_the_readme_lead_somewhere():  # those of docs/ are checked when the site is built
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_every_key_of_a_roster_is_described():
    assert set(DESCRIBED) - {"version", "settings", "agents"} <= set(keys(roster_schema()))


def keys(schema: Any) -> Any:
    """The paths of all keys that have a description, as `described` names them."""
    seen = []

    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict):
            for name, inner in node.get("properties", {}).items():
                assert inner["description"]
                seen.append(f"{path}{name}")
                walk(inner, f"{path}{name}.")
            for inner in (*node.get("anyOf", ()), *node.get("oneOf", ())):
                walk(inner, path)
            walk(node.get("additionalProperties"), f"{path}*.")

    for name, definition in schema["$defs"].items():
        walk(definition, "" if name == "agent" else f"{name}.")
    walk(schema["anyOf"][0], "")
    return seen
