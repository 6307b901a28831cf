"""Which heavy modules each command loads, in a fresh interpreter: this is what keeps the cold start short."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import llm
import pytest
from shell import SMALL, TIMEOUT, Result, environment

import delegate_cli

VECTORS = {"numpy", "faiss", "onnxruntime", "tokenizers"}
TRAINING = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "bm25s", "onnx"}
OTHERS = {"matplotlib", "openai", "rich", "pydantic", "importlib.metadata", "asyncio"}
SCRIPT = """
import sys
from delegate_cli.cli.app import run
try:
    run(sys.argv[1:])
finally:
    sys.stdout.flush()
    sys.stderr.write("\\n" + " ".join(sys.modules))
"""


def loaded(*arguments: str, env: dict[str, str] | None = None) -> set[str]:
    """The modules in `sys.modules` after a command, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        env=environment(env),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        stdin=subprocess.DEVNULL,
    )
    return set(done.stderr.rpartition("\n")[2].split())


def test_the_package_root_imports_nothing() -> None:
    code = "import sys; before = set(sys.modules); import delegate_cli; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=TIMEOUT)
    roots = {name.partition(".")[0] for name in done.stdout.split()}
    assert roots <= {"delegate_cli"} | sys.stdlib_module_names
    assert not {name for name in done.stdout.split() if name.startswith("delegate_cli.")}


@pytest.mark.parametrize("name", delegate_cli.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(delegate_cli, name) is not None
    assert name in dir(delegate_cli)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Manager'"):
        delegate_cli.Manager  # noqa: B018


def test_version_loads_nothing_heavy() -> None:
    assert not loaded("--version") & (VECTORS | TRAINING | OTHERS | {"yaml"})


def test_help_loads_nothing_heavy() -> None:
    assert not loaded("route", "--help") & (VECTORS | TRAINING | OTHERS | {"yaml"})


@pytest.mark.parametrize("words", ["delegate ro", "delegate route --ag", "delegate agents show "])
def test_completion_loads_nothing_heavy(words: str) -> None:
    env = {
        "_DELEGATE_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "DELEGATE_AGENTS": SMALL,
    }
    assert not loaded(env=env) & (VECTORS | TRAINING | OTHERS)


def test_completion_knows_commands_and_agents(delegate: Callable[..., Result]) -> None:
    env = {"_DELEGATE_COMPLETE": "complete_bash", "COMP_WORDS": "delegate ro", "COMP_CWORD": "1"}
    assert delegate(env=env).out.split() == ["route"]
    env |= {"COMP_WORDS": "delegate agents show re", "COMP_CWORD": "3", "DELEGATE_AGENTS": SMALL}
    assert delegate(env=env).out.split() == ["refunds", "release-notes"]
    env |= {"DELEGATE_AGENTS": "missing.yaml"}
    result = delegate(env=env)
    assert (result.out.strip(), result.err) == ("", "")


@pytest.mark.usefixtures("kept")
def test_route_loads_the_run_time_and_not_the_training() -> None:
    modules = loaded("route", "--agents", SMALL, "--format", "json", "Refund the shoes")
    assert not any(name.startswith("delegate_cli.skills") for name in modules)
    assert modules >= VECTORS
    assert not modules & (TRAINING | OTHERS)


@pytest.mark.usefixtures("kept")
def test_openai_is_loaded_when_a_model_is_asked_and_not_before() -> None:
    model = ["--base-url", "http://127.0.0.1:9/v1", "--model", "nobody-listens", "--agents", SMALL, "--format", "json"]
    asked = {"openai", "asyncio"}
    assert not loaded("route", *model, "Please refund the second pair of shoes") & (TRAINING | asked)
    assert not loaded("route", *model, "--decider", "chat", "--dry-run", "Refund the shoes") & (TRAINING | {"openai"})
    assert loaded("route", *model, "--decider", "chat", "Refund the shoes", env={"DELEGATE_LLM_RETRIES": "0"}) >= asked


@pytest.mark.usefixtures("kept")
def test_only_a_report_loads_matplotlib(tmp_path: Path) -> None:
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_text('{"task": "Refund the shoes", "agent": "refunds"}')
    arguments = ["eval", str(tasks), "--agents", SMALL]
    assert not loaded(*arguments, "--format", "json") & (TRAINING | OTHERS)
    modules = loaded(*arguments, "--report", str(tmp_path / "report.html"))
    assert "matplotlib" in modules
    assert not modules & {"matplotlib.pyplot", "rich"}


@pytest.mark.usefixtures("kept")
def test_route_with_a_calibration_loads_no_training_either(tmp_path: Path) -> None:
    texts = (("refund my shoes", "refunds"), ("my payslip", "payroll"), ("book a train", "travel-desk"))
    lines = [{"task": f"{text} {number}", "agent": agent} for number in range(4) for text, agent in texts]
    lines += [{"task": f"who won match {number}", "agent": None} for number in range(8)]
    path = tmp_path / "labelled.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    modules = loaded("calibrate", str(path), "--agents", SMALL)
    assert {"scipy"} <= modules
    assert "CALIBRATION" in {found.name for found in (tmp_path / "kept" / "indexes").rglob("*")}
    modules = loaded("route", "--agents", SMALL, "--format", "json", "Refund the shoes")
    assert modules >= VECTORS
    assert not modules & (TRAINING | OTHERS)


@pytest.mark.parametrize("command", ["list", "show"])
def test_looking_at_agents_needs_no_vectors(command: str) -> None:
    arguments = [command, *(["refunds"] if command == "show" else [])]
    modules = loaded("agents", *arguments, "--agents", SMALL, "--format", "json")
    assert "yaml" in modules
    assert not modules & (VECTORS | TRAINING | OTHERS)


@pytest.mark.usefixtures("kept")
def test_rebuild_reaches_what_it_needs_and_not_the_compiler(small: Path) -> None:
    modules = loaded("index", "rebuild", "--agents", str(small))
    assert modules >= VECTORS | {"sklearn"}
    assert not modules & {"torch", "transformers", "sentence_transformers", "onnx", "openai"}


@pytest.mark.usefixtures("kept")
def test_only_an_endpoint_loads_openai(small: Path, llama: llm.Llama) -> None:
    modules = loaded("route", "--agents", str(small), "--encoder", f"{llama.base_url}#{llama.model}", "Refund the shoes")
    assert modules >= {"openai", "asyncio", "faiss"}
    assert not modules & {"torch", "transformers", "sentence_transformers", "onnxruntime", "tokenizers"}


@pytest.mark.usefixtures("kept")
def test_a_table_is_made_by_rich() -> None:
    assert "rich" in loaded("route", "--agents", SMALL, "--format", "table", "Refund the shoes")
