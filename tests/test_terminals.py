"""At a terminal: colours, hostile texts, widths, and `--confirm`."""

import json
import re
import unicodedata
from pathlib import Path

import pytest
from shell import SMALL
from test_cli_contract import ESCAPE, TASK, Run, route


@pytest.mark.parametrize(
    ("more", "env"),
    [
        (("--no-color",), {}),
        ((), {"NO_COLOR": "1"}),
        ((), {"TERM": "dumb"}),
        ((), {"NO_COLOR": "1", "FORCE_COLOR": "1"}),
    ],
)
def test_no_colour_when_told(terminal: Run, more: tuple[str, ...], env: dict[str, str]) -> None:
    assert ESCAPE in terminal(*route(TASK)).out
    assert ESCAPE not in terminal(*route(*more, TASK), env=env).out
    assert ESCAPE not in terminal("agents", "list", "--agents", SMALL, *more, env=env).out


def test_no_escape_codes_in_a_pipe(terminal: Run) -> None:
    result = terminal(*route("--format", "table", TASK), pipe_stdout=True)
    assert "Refunds" in result.out
    assert ESCAPE not in result.out


BAD = "a\x1b[2Jb\x1b]0;title\x07 c\x9b31m \u202edrow [red]markup[/red] \x08\x7f :smile:"


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    """A roster whose texts try to write to the terminal; what YAML refuses outright is left out."""
    text = "x\x9b2J \u202edrow [red]markup[/red] :smile: [link=file:///]y[/link]"
    path = tmp_path / "hostile.yaml"
    card = {"name": text, "description": text + ". " + text, "examples": [text], "tags": [text], "contact": text}
    path.write_text(json.dumps([{"id": "[bold]a", **card}, {"id": "b", "name": "B", "allow": [text]}]))
    return str(path)


@pytest.mark.parametrize(
    "more", [("--format", "table", "--explain"), ("--format", "plain"), ("--format", "json"), ("--format", "id")]
)
def test_texts_never_reach_the_terminal_raw(terminal: Run, hostile: str, more: tuple[str, ...]) -> None:
    shown = terminal("route", "--agents", hostile, "--no-color", "--quiet", *more, BAD).out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown), repr(shown)
    if "id" not in more:
        assert "[red]markup[/red]" in re.sub(r"\s+", " ", shown)
        assert "\U0001f604" not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("agents", "list"),
        ("agents", "show", "[bold]a"),
        ("agents", "show", "[bold]b"),
        ("doctor",),
    ],
)
def test_cards_never_reach_the_terminal_raw(terminal: Run, hostile: str, arguments: tuple[str, ...]) -> None:
    shown = terminal(*arguments, "--agents", hostile, "--no-color", columns=200, env={"TERM": "dumb"}).out
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown), repr(shown)


def test_colours_are_the_only_escapes(terminal: Run, hostile: str) -> None:
    shown = terminal("route", "--agents", hostile, "--quiet", "--explain", BAD).out
    assert not re.sub(r"\x1b\[[0-9;]*m", "", shown).count(ESCAPE)


def width(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char) for char in line)


@pytest.mark.parametrize("columns", [50, 80, 120])
def test_tables_fit_the_terminal(terminal: Run, columns: int) -> None:
    for arguments in (route("--explain", TASK + " 契約書を確認してください" * 9), ("agents", "list", "--agents", SMALL)):
        shown = terminal(*arguments, "--no-color", columns=columns).out
        assert max(width(line) for line in shown.split("\n")) <= columns


# --confirm


def test_confirm_needs_a_terminal(delegate: Run, terminal: Run) -> None:
    result = delegate(*route("--confirm", TASK))
    assert (result.code, result.out) == (2, "")
    assert "--confirm" in result.err
    assert terminal(*route("--confirm", "one task", "another task")).code == 2
    assert delegate(*route("--confirm", "-"), stdin=TASK).code == 2


@pytest.mark.parametrize(
    ("typed", "agent", "code"),
    [
        (b"1\n", "refunds", 0),
        (b"garden\n", "garden", 0),
        (b"travel desk\n", "travel-desk", 0),
        (b"n\n", None, 1),
        (b"nobody\n", None, 1),
        (b"99\nzzz\ngarden\n", "garden", 0),
        ("Übersetzung Deutsch\n".encode(), "translate-german", 0),
    ],
)
def test_the_answer_is_the_decision(terminal: Run, typed: bytes, agent: str | None, code: int) -> None:
    result = terminal(*route("--confirm", "--format", "json", TASK), typed=typed, pipe_stdout=True)
    assert (result.code, result.json["agent"], result.json["confirmed"]) == (code, agent, True)
    assert result.json["status"] == ("decided" if agent else "none")
    assert "Who?" in result.err
    if agent:
        assert agent in [candidate["agent"] for candidate in result.json["candidates"]]


def test_the_second_can_be_chosen(terminal: Run) -> None:
    result = terminal(*route("--confirm", "--format", "json", TASK), typed=b"2\n", pipe_stdout=True)
    assert result.json["agent"] == result.json["candidates"][1]["agent"]
    assert result.json["margin"] <= 0


def test_no_answer_is_an_interruption(terminal: Run) -> None:
    result = terminal(*route("--confirm", "--format", "json", TASK), typed=b"\x04", pipe_stdout=True)
    assert (result.code, result.out) == (130, "")
