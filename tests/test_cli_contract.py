"""The command's contract: exit codes, formats, streams, terminals. Golden files hold every format's bytes.

After a change that is meant: UPDATE_GOLDEN=1 pytest tests/test_cli_contract.py, and read the difference.
"""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from shell import COMMAND, DATA, SMALL, TIMEOUT, Result, environment, roster_text

Run = Callable[..., Result]
GOLDEN = DATA.parent / "golden"
TASK = "Refund the shoes I sent back"
ESCAPE = "\x1b"
DECIDE = ("--min-probability", "0")
ASK = ("--min-probability", "1")


def route(*more: str) -> tuple[str, ...]:
    return ("route", "--agents", SMALL, *more)


# exit codes


def test_0_decided(invoke: Run) -> None:
    assert invoke(*route(*DECIDE, TASK)).code == 0


def test_1_asked(invoke: Run) -> None:
    result = invoke(*route(*ASK, "--format", "json", TASK))
    assert (result.code, result.json["status"], result.json["agent"]) == (1, "ask", "refunds")


@pytest.mark.parametrize(
    "arguments",
    [
        ("route", "--agents", "missing.yaml", "x"),
        ("route", "--agents", SMALL, ""),
        ("route", "--agents", SMALL, "--nonsense", "x"),
        ("nonsense",),
        ("agents", "nonsense"),
        ("agents", "show", "refund", "--agents", SMALL),
        ("route", "--agents", SMALL, "--format", "xml", "x"),
        ("route", "--agents", SMALL, "--top", "0", "x"),
    ],
)
def test_2_usage_in_one_line(invoke: Run, arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(r"error: .+ \(.+\)\n", result.err), result.err


@pytest.mark.parametrize("name", ["DELEGATE_TARGET_ERROR", "DELEGATE_MIN_MARGIN", "DELEGATE_SHORTLIST"])
def test_2_settings_from_the_environment(delegate: Run, name: str) -> None:
    result = delegate(*route("x"), env={name: "many"})
    assert result.code == 2
    assert name in result.err


def test_2_a_near_id_is_named(invoke: Run) -> None:
    assert "did you mean refunds?" in invoke("agents", "show", "refund", "--agents", SMALL).err.replace("'", "")


def test_2_no_index_and_none_may_be_made(kept: Path, invoke: Run, small: Path) -> None:
    result = invoke("route", "--agents", str(small), "--no-rebuild", "x")
    assert (result.code, result.out) == (2, "")
    assert "run: delegate index rebuild" in result.err
    (kept / "encoders").unlink()
    assert invoke(*route("--no-rebuild", "x")).code == 2


@pytest.mark.parametrize("shown", ["json", "jsonl"])
def test_2_errors_as_json(invoke: Run, shown: str) -> None:
    for arguments in (("route", "--agents", "missing.yaml", "x"), ("route", "--agents", SMALL, "--top", "x", "y")):
        result = invoke(*arguments, f"--format={shown}")
        assert result.code == 2
        assert result.json["status"] == "error"
        assert set(result.json["error"]) == {"code", "message", "fix"}
        assert result.err.startswith("error: ")


def test_5_a_bad_line_among_good_ones(invoke: Run) -> None:
    stdin = b'{"task": "Book a flight", "id": 7}\n\n{"task": broken\nWater the plants\n{"id": "a", "text": 1}\n'
    result = invoke(*route("--format", "jsonl", "-"), stdin=stdin)
    assert result.code == 5
    assert [row["status"] == "error" for row in result.rows] == [False, True, False, True]
    assert [row["ref"] for row in result.rows] == [7, None, None, "a"]
    assert "line 3 is not valid JSON" in result.rows[1]["error"]["message"]
    assert result.err == "2 of 4 lines could not be read\n"


def test_5_in_every_format(invoke: Run) -> None:
    stdin = b'Book a flight\n{"task": 3}\nWater the plants\n'
    for shown, lines in (("plain", 3), ("id", 3), ("jsonl", 3)):
        result = invoke(*route("--format", shown, "-"), stdin=stdin)
        assert (result.code, result.out.count("\n")) == (5, lines)
    assert invoke(*route("--format", "id", "-"), stdin=stdin).out == "travel-desk\n-\ngarden\n"
    assert len(invoke(*route("--format", "json", "-"), stdin=stdin).json) == 3


def test_6_nobody_is_eligible(invoke: Run, tmp_path: Path) -> None:
    path = tmp_path / "closed.yaml"
    path.write_text(roster_text([{"name": name, "allow": ["x"], "description": "Answers."} for name in "ab"]))
    result = invoke("route", "--agents", str(path), "--format", "json", TASK)
    assert (result.code, result.json["status"], result.json["candidates"]) == (6, "no_eligible", [])
    assert len(result.json["excluded"]) == 2
    assert invoke("route", "--agents", str(path), "--as", "x", TASK).code in (0, 1)
    for shown in ("plain", "id", "table"):
        assert invoke("route", "--agents", str(path), "--format", shown, TASK).code == 6


def test_130_interrupted_while_waiting(kept: Path) -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [*COMMAND, *route("--format", "jsonl", "-")],
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell ignores it for what runs in the background
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("Book a flight\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["task"] == "Book a flight"
    process.send_signal(signal.SIGINT)
    process.wait(TIMEOUT)  # stdin stays open: the end must not wait for it
    out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


def test_a_batch_without_lines(invoke: Run) -> None:
    assert invoke(*route("--format", "jsonl", "-"), stdin=b"\n \n") == Result(0, "", "")
    assert invoke(*route("--format", "json", "-"), stdin=b"").json == []


# formats


def masked(text: str) -> str:
    """Without what changes from run to run or with the numbers of a fit."""
    text = re.sub(r'"(id|sha256|reason|path)": "[^"]*"', r'"\1": "…"', text)
    numbers = "score|probability|none|margin|similarity|elapsed_ms|confidence|threshold"
    text = re.sub(rf'("(?:{numbers})"): [-0-9.e]+', r"\1: 0", text)
    text = re.sub(r"(?<=decided\trefunds\t)\S+\t\d", "0\t0", text)
    text = re.sub(r"\b\d\.\d+\b( [█▉▊▋▌▍▎▏ ]{10})?", "0.00", text)
    return re.sub(r"[●○]+", "●", text)


@pytest.mark.parametrize("shown", ["plain", "json", "jsonl", "id", "table"])
def test_the_bytes_of_a_format(invoke: Run, monkeypatch: pytest.MonkeyPatch, shown: str) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    result = invoke(*route("--format", shown, *DECIDE, "--top", "1", TASK))
    assert (result.code, result.err) == (0, "")
    golden = GOLDEN / f"route.{shown}"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(masked(result.out))
    assert masked(result.out) == golden.read_text()


def test_plain_is_the_default_in_a_pipe(delegate: Run) -> None:
    result = delegate(*route(*DECIDE, TASK))
    status, agent, probability, level, candidates, task = result.out.rstrip("\n").split("\t")
    assert (status, agent, task) == ("decided", "refunds", TASK)
    assert 0 <= float(probability) <= 1
    assert level in "12345"
    assert len(candidates.split(" ")) == 3


def test_a_table_is_the_default_at_a_terminal(terminal: Run) -> None:
    shown = terminal(*route(*DECIDE, TASK)).out
    assert "decided: Refunds" in shown
    assert "█" in shown


def test_records_follow_their_schema(invoke: Run, tmp_path: Path) -> None:
    schema = invoke("schema", "decision").json
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for row in invoke(*route("--format", "jsonl", "--all", "--explain", "-"), stdin=b'Book it\n{"task": 1}\n{}\n').rows:
        validator.validate(row)
    validator.validate(invoke("route", "--agents", "missing.yaml", "--format", "json", "x").json)
    path = tmp_path / "closed.yaml"
    path.write_text(roster_text([{"name": "a", "allow": []}]))
    validator.validate(invoke("route", "--agents", str(path), "--format", "json", "x").json)


@pytest.mark.parametrize("arguments", [("agents", "list"), ("agents", "show", "refunds"), ("index", "status"), ("doctor",)])
def test_listings_in_three_formats(invoke: Run, arguments: tuple[str, ...]) -> None:
    for shown in ("table", "plain", "json"):
        result = invoke(*arguments, "--agents", SMALL, "--format", shown)
        assert (result.code, result.err) == (0, "")
        assert result.out
        assert ESCAPE not in result.out
    assert result.json


# input


def test_several_arguments_are_a_batch(invoke: Run) -> None:
    result = invoke(*route("--format", "id", "Book a flight", "Water the plants"))
    assert result == Result(0, "travel-desk\ngarden\n", "")
    assert "quote the text" in invoke(*route("--format", "id", "Book", "flight")).err


def test_stdin_is_read_when_it_is_no_terminal(delegate: Run) -> None:
    assert delegate(*route("--format", "id"), stdin="Book a flight\r\nWater the plants").out == "travel-desk\ngarden\n"


def test_no_task_at_a_terminal(terminal: Run) -> None:
    result = terminal(*route())
    assert result.code == 2
    assert "there is no task" in result.out


def test_a_field_may_lie_deep(invoke: Run) -> None:
    stdin = b'{"message": {"parts": [{"text": "Book a flight"}]}, "id": "x"}\n{"message": 1}\n'
    result = invoke(*route("--format", "jsonl", "--field", "message.parts.0.text", "-"), stdin=stdin)
    assert [(row["ref"], row["status"] == "error") for row in result.rows] == [("x", False), (None, True)]


@pytest.mark.parametrize("ref", ['"x"', "1", "1.5", "true", '"Ä\\u0000"', "12345678901234567890"])
def test_the_id_of_a_line_comes_back(invoke: Run, ref: str) -> None:
    stdin = f'{{"task": "Book a flight", "id": {ref}}}\n'.encode()
    assert invoke(*route("--format", "jsonl", "-"), stdin=stdin).rows[0]["ref"] == json.loads(ref)


def test_a_line_is_answered_before_the_next_is_sent(kept: Path) -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen([*COMMAND, *route("--format", "jsonl", "-")], stdin=pipe, stdout=pipe, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    for task in ("Book a flight", "Water the plants", TASK):
        process.stdin.write(task + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["task"] == task
    process.stdin.close()
    assert process.wait(TIMEOUT) == 0
    process.stdout.close()


def test_a_closed_pipe_ends_quietly(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks").write_text("".join(f"Book flight {count}\n" for count in range(500)))
    line = f"{' '.join(COMMAND)} {' '.join(route('--format', 'jsonl', '-'))} < tasks | head -1"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.stdout.count("\n"), done.stderr) == (1, "")


def test_output_stays_in_order(invoke: Run) -> None:
    tasks = [f"Book flight {count} " + "now " * (count % 7 * 40) for count in range(200)]
    rows = invoke(*route("--format", "jsonl", "-"), stdin="\n".join(tasks).encode()).rows
    assert [row["task"] for row in rows] == [task.strip() for task in tasks]


# other commands


def test_version_and_help(delegate: Run) -> None:
    import delegate_cli

    assert delegate("--version") == Result(0, f"delegate {delegate_cli.__version__}\n", "")
    for arguments in ((), ("route",), ("index",), ("index", "rebuild"), ("agents", "list"), ("doctor",), ("schema",)):
        result = delegate(*arguments, "--help")
        assert (result.code, result.err) == (0, "")
        assert "Usage: delegate" in result.out


@pytest.mark.parametrize("group", ["", "agents", "difficulty", "index", "journal", "plan", "runs", "skills"])
def test_lists_of_commands_are_whole_sentences(invoke: Run, monkeypatch: pytest.MonkeyPatch, group: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, _, commands = invoke(*group.split(), "--help").out.partition("\nCommands:\n")
    assert len(commands.splitlines()) >= 2
    assert [line for line in commands.splitlines() if not line.endswith(".") or line.endswith("...")] == []


def test_index_commands(invoke: Run, small: Path) -> None:
    arguments = ("--agents", str(small))
    assert invoke("index", "status", *arguments).code == 1
    assert invoke("index", "verify", *arguments).code == 1
    report = invoke("index", "rebuild", *arguments).out
    for word in ("agents", "vectors", "encoder", "seconds", "accuracy", "calibration", "threshold", "handed over"):
        assert word in report
    assert invoke("index", "status", *arguments, "--format", "json").json["state"] == "fresh"
    assert invoke("index", "verify", *arguments).code == 0
    assert invoke("index", "clear", *arguments).code == 0
    assert invoke("index", "status", *arguments).code == 1
    assert invoke("index", "clear", *arguments).code == 0


def test_quiet_and_verbose(invoke: Run, small: Path) -> None:
    assert invoke("route", "--agents", str(small), "--quiet", "--format", "id", TASK).err == ""
    assert "8 agents" in invoke(*route("--verbose", "--format", "id", TASK)).err


def test_the_roster_and_the_roles_from_the_environment(delegate: Run) -> None:
    env = {"DELEGATE_AGENTS": SMALL, "DELEGATE_AS": "legal"}
    assert delegate("route", "--format", "id", "Check this NDA for liability", env=env).out == "contract-review\n"


def test_agents_yaml_of_the_folder_is_the_default(delegate: Run, small: Path) -> None:
    small.rename(small.parent / "agents.yaml")
    assert delegate("agents", "list", cwd=small.parent).out.count("\n") == 8
    assert environment()["HOME"].startswith(str(small.parent))
