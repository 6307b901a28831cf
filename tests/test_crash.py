"""Killed writers, many processes at once, damaged files: the next decision still works."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shell import COMMAND, SMALL, TIMEOUT, Result, execute

from delegate_cli.encoders import catalog
from delegate_cli.index import store
from delegate_cli.index.search import PartIndex
from delegate_cli.roster.load import load_roster

Invoke = Callable[..., Result]
TASK = "Refund the shoes I sent back"

# Imports once what a rebuild needs and forks a process for each, so that all kills hit work and none hits an import.
FORKING = """
import os, sys
import delegate_cli.encoders.onnx, delegate_cli.fitting, delegate_cli.index.build, sklearn.linear_model
from delegate_cli.cli.app import run
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(run(["index", "rebuild", "--agents", line.rstrip("\\n")]))
    print(child, flush=True)
    sys.stdin.readline()
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture
def forking(kept: Path) -> Iterator[Callable[[Path, float | None], int]]:
    """Rebuild in a forked process, killed after some seconds (or not at all); returns its exit code."""
    process = subprocess.Popen([sys.executable, "-c", FORKING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def rebuild(roster: Path, seconds: float | None) -> int:
        stdin.write(f"{roster}\n")
        stdin.flush()
        child = int(stdout.readline())
        if seconds is not None:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)  # not yet waited for, so that the number is still its own
        stdin.write("wait\n")
        stdin.flush()
        return int(stdout.readline())

    yield rebuild
    stdin.close()
    process.wait(TIMEOUT)
    stdout.close()


def works(result: Result) -> bool:
    return result.code in (0, 1) and result.json["candidates"][0]["agent"] == "refunds"


def test_thirty_kills_of_a_rebuild(forking: Callable[..., int], kept: Path, invoke: Invoke, small: Path) -> None:
    text = small.read_text()
    assert forking(small, None) == 0
    started = time.monotonic()
    assert forking(small, None) == 0
    whole = time.monotonic() - started
    moments = random.Random(30)
    killed = 0
    for count in range(30):
        small.write_text(text.replace("Cancel my flight to Oslo", f"Cancel flight {count} to Oslo and {count} others"))
        killed += forking(small, moments.uniform(0, whole)) == -signal.SIGKILL
        result = invoke("route", "--agents", str(small), "--format", "json", TASK)
        assert works(result), result
        assert invoke("index", "verify", "--agents", str(small)).code == 0
    assert killed >= 10
    assert forking(small, None) == 0  # removes what killed writers left
    assert len(list(store.folder_of(kept, load_roster(small)).glob("gen-*"))) == 1


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.1])
def test_kills_of_the_real_command(kept: Path, small: Path, seconds: float) -> None:
    process = subprocess.Popen([*COMMAND, "index", "rebuild", "--agents", str(small)], stdout=subprocess.DEVNULL)
    time.sleep(seconds)
    process.kill()
    process.wait(TIMEOUT)
    assert works(execute("route", "--agents", str(small), "--format", "json", TASK))


def test_two_rebuilding_and_ten_routing_at_once(kept: Path, small: Path) -> None:
    rebuild = [*COMMAND, "index", "rebuild", "--agents", str(small)]
    route = [*COMMAND, "route", "--agents", str(small), "--format", "json", TASK]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for command in (rebuild, rebuild, *[route] * 10)]  # type: ignore[call-overload]
    for process in processes:
        out, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode in (0, 1), err
        assert [line for line in err.splitlines() if not line.startswith("building the index (")] == []
        assert out
    assert execute("index", "verify", "--agents", str(small)).code == 0


def test_a_reader_always_finds_an_index_while_it_is_rewritten(kept: Path) -> None:
    roster = load_roster(SMALL)
    encoder = catalog.find(catalog.PACKAGED).fingerprint
    folder = store.folder_of(kept, roster)
    first = store.open_index(folder, roster, encoder)
    facts = {key: value for key, value in first.manifest.items() if key not in ("format", "files", "generation")}
    done = threading.Event()

    def rewrite() -> None:
        for _ in range(100):
            store.write_index(folder, facts, PartIndex.build(first.parts.vectors), first.arrays, list(first.grams))
        done.set()

    writer = threading.Thread(target=rewrite)
    writer.start()
    reasons = []
    while not done.is_set():
        try:
            store.open_index(folder, roster, encoder)
        except store.Unusable as reason:
            reasons.append(str(reason))
    writer.join()
    assert reasons == []


# damage


def generation(kept: Path) -> Path:
    folder = store.folder_of(kept, load_roster(SMALL))
    return folder / (folder / "CURRENT").read_text().split()[0]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def garbage(path: Path) -> None:
    path.write_bytes(b"\xff\x00[]" * 50)


FILES = ["vectors.faiss", "model.safetensors", "grams.txt", "manifest.json"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [truncate, flip, empty, garbage, folder_instead, Path.unlink])
def test_damage_is_noticed_and_mended(kept: Path, invoke: Invoke, name: str, damage: Callable[[Path], None]) -> None:
    damage(generation(kept) / name)
    assert invoke("index", "verify", "--agents", SMALL).code == 1
    assert invoke("route", "--agents", SMALL, "--no-rebuild", TASK).code == 2
    assert works(invoke("route", "--agents", SMALL, "--format", "json", TASK))
    assert invoke("index", "verify", "--agents", SMALL).code == 0


@pytest.mark.parametrize("content", [None, b"", b"gen-nowhere", b"../../..", b"\xff\xfe", b"/etc"])
def test_a_damaged_pointer(kept: Path, invoke: Invoke, content: bytes | None) -> None:
    pointer = generation(kept).parent / "CURRENT"
    if content is None:
        pointer.unlink()
    else:
        pointer.write_bytes(content)
    assert invoke("index", "verify", "--agents", SMALL).code == 1
    assert works(invoke("route", "--agents", SMALL, "--format", "json", TASK))
    assert invoke("index", "verify", "--agents", SMALL).code == 0


def test_manifests_that_say_something_else(kept: Path, invoke: Invoke) -> None:
    path = generation(kept) / "manifest.json"
    whole = path.read_text()
    for damaged in ("[]", "{}", "null", '"x"', "3", whole.replace('"files"', '"flies"'), whole.replace('"report"', '"r"')):
        generation(kept).joinpath("manifest.json").write_text(damaged)
        assert invoke("index", "verify", "--agents", SMALL).code == 1, damaged[:40]
        assert works(invoke("route", "--agents", SMALL, "--format", "json", TASK)), damaged[:40]


@pytest.mark.parametrize("name", ["model.ort", "tokenizer.json", "encoder.json"])
def test_a_damaged_encoder_is_one_line(kept: Path, compiled: Path, invoke: Invoke, name: str) -> None:
    (kept / "encoders").unlink()
    shutil.copytree(compiled / "encoders", kept / "encoders")
    path = catalog.find(catalog.PACKAGED).folder(kept) / name
    path.write_bytes(b"x" * path.stat().st_size if name != "encoder.json" else b"{}")
    result = invoke("route", "--agents", SMALL, "--no-rebuild", TASK)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1


@pytest.mark.parametrize("command", [("route", TASK), ("index", "rebuild")])
def test_a_home_that_cannot_be_written(command: tuple[str, ...]) -> None:
    result = execute(*command, "--agents", SMALL, env={"DELEGATE_HOME": "/dev/null/x"})
    assert result.code == 2
    assert result.out == ""
    assert result.err.splitlines()[-1].startswith("error: ")
    assert result.err.count("\n") == 1


def test_an_index_folder_that_cannot_be_written(kept: Path, invoke: Invoke, small: Path) -> None:
    shutil.rmtree(kept / "indexes")
    (kept / "indexes").write_text("a file where a folder should be")
    result = invoke("route", "--agents", str(small), TASK)
    assert result.code == 2
    assert "DELEGATE_HOME" in result.err.splitlines()[-1]


def test_a_full_disk_leaves_the_old_index(kept: Path, invoke: Invoke, small: Path) -> None:
    invoke("index", "rebuild", "--agents", str(small))
    limited = f"ulimit -f 20; exec {' '.join(COMMAND)} index rebuild --agents {small}"  # files of 20 KiB at most
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=TIMEOUT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: cannot write to ")
    assert done.stderr.count("\n") == 1
    assert invoke("index", "verify", "--agents", str(small)).code == 0


def test_a_damaged_encoder_is_compiled_again(delegate, compiled, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(compiled, folder)
    model = next(folder.glob("encoders/*/model.ort"))
    model.write_bytes(bytes(len(model.read_bytes())))  # of the right size, so that only loading it can tell
    leftover = model.parent.with_name(f".building-{model.parent.name}-x")
    leftover.mkdir()
    done = delegate("route", "--agents", SMALL, "--format", "id", "refund my shoes", env={"DELEGATE_HOME": str(folder)})
    assert done.code in (0, 1)
    assert "compiling" in done.err
    assert done.out == "refunds\n"
    assert not leftover.exists()
