"""Generated nonsense: never a traceback, always a code of the contract, one answer for each line that is not empty."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shell import SMALL, Result, invoke

CODES = {0, 1, 2, 5, 6}


def cases(count: int) -> Callable[..., Any]:
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=count, deadline=None, derandomize=True, suppress_health_check=checks, database=None)


def sound(result: Result) -> None:
    """No bug of ours, whatever came in."""
    assert result.code in CODES, result
    assert "Traceback" not in result.err
    assert not any(line.startswith("bug:") for line in result.err.splitlines())
    if result.code == 2:
        assert result.err.startswith("error: ")
        assert result.err.count("\n") == 1


RAW = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")  # moves a terminal or reorders a line


# rosters

NASTY = [
    "\x00",
    "\x1b[31m",
    "\x9b2J",
    "[red]x[/red]",
    "\u202e",
    "\x07",
    "\r",
    "\n",
    "\t",
    "'",
    '"',
    "\\",
    "😀",
    "\u2028",
    "%s",
    "{}",
]
TEXT = st.text(max_size=30) | st.lists(st.sampled_from([*NASTY, "a", " "]), max_size=6).map("".join)
FIELDS = st.sampled_from(
    [
        *("id", "name", "kind", "description", "examples", "not_for", "skills", "tools", "tags", "allow", "cost"),
        *("latency_ms", "availability", "auto", "escalate_to", "contact", "run", "source", "nmae"),
    ]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
AGENT = st.fixed_dictionaries(
    {"name": TEXT},
    optional={"id": TEXT, "description": TEXT, "examples": st.lists(TEXT, max_size=3), "tags": st.lists(TEXT, max_size=2)},
)
ODD_AGENT = st.dictionaries(FIELDS, ANY | TEXT, max_size=5)
YAML = st.lists(
    st.sampled_from(
        [
            *("- ", ": ", "name", "id", "agents:", "\n", "\n  ", "\n- name: a", "&a ", "*a", "[", "]", "{", "}", ",", "|", ">"),
            *("!!python/name:os.system ", "!x ", "<<: *a", "'", '"', "\t", "\x00", "\x85", "---", "...", "? ", "1e999", "~"),
        ]
    ),
    max_size=30,
).map(lambda pieces: "".join(pieces).encode())
SPECIAL = st.sampled_from(
    [
        b"- name: a\n  name: b\n",
        b"- name: a\n- name: a\n",
        b"[" * 5000,
        b"- name: a\n  run: " + b"[" * 500,
        b'- name: "\\ud800"\n',
        b'[{"name": "\\ud83d\\ude00"}]',
        b'[{"name": "\\ud83d"}]',
        b"- name: a\n  run: &x {y: *x}\n",
        b"- &a [" + b"*a," * 50 + b"]",
        b"\xff\xfe-\x00 \x00",
        b"\xef\xbb\xbf",
        b"%YAML 9.9\n--- a",
        b"- name: " + b"a" * 100_000,
        b"- name: a\n  latency_ms: " + b"9" * 5000,
    ]
)


@cases(500)
@given(st.binary(max_size=120) | YAML | SPECIAL | ANY.map(lambda value: json.dumps(value).encode()))
def test_rosters_of_any_bytes(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "team.yaml"
    path.write_bytes(data)
    for shown in ("plain", "json"):
        sound(invoke("agents", "list", "--agents", str(path), "--format", shown))


@cases(300)
@given(st.lists(AGENT | ODD_AGENT, max_size=4), st.booleans())
def test_rosters_of_odd_agents(tmp_path: Path, agents: list[Any], escaped: bool) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(json.dumps({"agents": agents}, ensure_ascii=escaped), errors="surrogatepass")
    for shown in ("table", "json"):
        sound(invoke("agents", "list", "--agents", str(path), "--format", shown))


@pytest.mark.usefixtures("kept")
@cases(40)
@given(st.lists(AGENT, min_size=1, max_size=4), TEXT)
def test_deciding_over_odd_agents(tmp_path: Path, agents: list[Any], task: str) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(json.dumps(agents))
    result = invoke("route", "--agents", str(path), "--quiet", "--format", "json", "--explain", "--", task)
    sound(result)
    json.loads(result.out)
    sound(invoke("route", "--agents", str(path), "--quiet", "--format", "table", "--explain", "--", task))


# tasks

OBJECT = st.fixed_dictionaries({}, optional={"task": ANY | TEXT, "id": ANY, "text": TEXT}).map(json.dumps).map(str.encode)
LINE = (
    st.binary(max_size=60)
    | TEXT.map(lambda text: text.encode("utf-8", "surrogatepass"))
    | OBJECT
    | OBJECT.map(lambda line: line[:-1])
    | st.sampled_from(
        [
            b'{"task": "a", "id": NaN}',
            b'{"task": "a", "id": -Infinity}',
            b'{"task": "a", "id": ' + b"9" * 5000 + b"}",
            b'{"task": "a", "id": 1e400}',
            b'{"task": "\\ud800"}',
            b'{"task": "a", "task": 3}',
            b'{"task": "' + b"a" * 300 + b'"}',
            b"{" * 3000,
            b'{"task": ' + b"[" * 100_000,
            b"[1, 2]",
            b"null",
            b"\xef\xbb\xbftask",
            b"\xc3\x28",
            b"a\x00b",
            b"\r",
            b"\x1b[2J[bold]x[/bold]",
        ]
    )
)


def is_empty(line: bytes, first: bool) -> bool:
    try:
        return not line.decode("utf-8-sig" if first else "utf-8").strip()
    except UnicodeDecodeError:
        return False


@pytest.mark.usefixtures("kept")
@cases(200)
@given(st.lists(LINE, max_size=6), st.sampled_from([None, None, "task", "text", "a.b", "id.0", ""]))
def test_lines_of_any_bytes(lines: list[bytes], field: str | None) -> None:
    stdin = b"\n".join(lines)
    given_lines = stdin.split(b"\n")
    expected = sum(not is_empty(line, place == 0) for place, line in enumerate(given_lines))
    more = [] if field is None else ["--field", field]
    result = invoke("route", "--agents", SMALL, "--quiet", "--format", "jsonl", *more, "-", stdin=stdin)
    sound(result)
    assert result.code in (0, 5)
    assert len(result.rows) == expected
    assert result.code == (5 if any(row["status"] == "error" for row in result.rows) else 0)
    plain = invoke("route", "--agents", SMALL, "--quiet", "--format", "plain", *more, "-", stdin=stdin)
    assert plain.out.count("\n") == expected


@pytest.mark.usefixtures("kept")
@cases(100)
@given(st.lists(TEXT, max_size=2), st.sampled_from(["plain", "json", "jsonl", "id", "table"]))
def test_arguments_of_any_text(tasks: list[str], shown: str) -> None:
    result = invoke("route", "--agents", SMALL, "--quiet", "--format", shown, "--", *tasks)
    sound(result)
    assert not RAW.search(result.out)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("size", [1024 * 1024, 1024 * 1024 + 1, 9 * 1024 * 1024])
def test_tasks_of_a_mebibyte(size: int) -> None:
    line = b"book a train " * (size // 13) + b"x" * (size % 13)
    result = invoke("route", "--agents", SMALL, "--format", "jsonl", "-", stdin=line + b"\nwater the plants\n")
    statuses = [row["status"] == "error" for row in result.rows]
    assert statuses == [size > 1024 * 1024, False]
    sound(result)


@pytest.mark.parametrize(
    "arguments",
    [
        ["route", "--top", "0", "x"],
        ["route", "--top", "many", "x"],
        ["route", "--min-probability", "2", "x"],
        ["route", "--min-probability", "nan", "x"],
        ["route", "--shortlist", "-1", "x"],
        ["route", "--target-error", "x", "y"],
        ["route", "--format", "xml", "x"],
        ["route", "--as", "", "--field", "\x1b[31m", "\udcff"],
        ["route", "--encoder", "", "x"],
        ["route", "--encoder", "\x00", "x"],
        ["route", "--agents", "\x00", "x"],
        ["route", "--agents", "", "x"],
        ["route", "--agents", "a" * 5000, "x"],
        ["route", "--agents", "\udcff", "x"],
        ["route", "--\x1b[31m", "x"],
        ["\x1b[31m"],
        ["\udcff"],
        ["agents", "show", "\udcff"],
        ["agents", "show", "\x1b[31m", "--agents", SMALL],
        ["index", "clear", "--agents", "\x00"],
        ["schema", "nothing"],
    ],
)
@pytest.mark.usefixtures("kept")
def test_odd_options(arguments: list[str]) -> None:
    result = invoke(*arguments)
    sound(result)
    assert result.code == 2
    assert "\x1b" not in result.err
