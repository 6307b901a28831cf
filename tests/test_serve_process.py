"""`delegate serve` as a process: signals, addresses that are taken or make no sense, sockets that were left behind."""

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving import JSON, wait
from shell import COMMAND, SMALL, TIMEOUT, Result, environment, invoke
from test_serve import TASKS

from delegate_cli import Journal
from delegate_cli.serving import listen, whereabouts
from delegate_cli.serving.client import connection
from delegate_cli.serving.guard import Guard


@pytest.fixture
def start(kept: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started = []

    def run(*arguments: str, **env: str) -> subprocess.Popen[str]:
        command = [*COMMAND, "serve", "--agents", SMALL, *arguments]
        started.append(
            subprocess.Popen(command, env=environment(env), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_sigterm_lets_what_is_under_way_end(start: Callable[..., subprocess.Popen[str]], kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "here.sock"
    process = start("--socket", str(path))
    line = process.stderr.readline()  # type: ignore[union-attr]
    assert line == f"serving 8 agents of {SMALL} at unix:{path}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(list((kept / "servers").iterdir())) == 1
    assert invoke("serve", "--agents", SMALL, "--socket", str(path)).err.startswith(f"error: another server listens at {path}")
    asking = connection(f"unix:{path}")
    asking.request("POST", "/v1/decide", json.dumps({"tasks": TASKS * 20}), JSON)
    wait(lambda: journalled(kept) > 0)
    process.send_signal(signal.SIGTERM)
    assert len(json.loads(asking.getresponse().read())["decisions"]) == 100
    asking.close()
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (0, "", "")
    assert not path.exists()
    assert not (kept / "servers").exists()
    assert journalled(kept) == 100


def journalled(home: Path) -> int:
    found = Journal(home / "journal.sqlite").rows("SELECT count(*) FROM decisions")
    return int(found[0][0]) if found else 0


def test_ctrl_c_is_130(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("--port", "0")
    assert "http://127.0.0.1:" in process.stderr.readline()  # type: ignore[union-attr]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--host", "0.0.0.0"), "would let others ask"),
        (("--host", "::"), "would let others ask"),
        (("--token-env", "UNSET"), "holds no token"),
        (("--agents", "missing.yaml"), "no such file"),
        (("--agents", "-"), "cannot be stdin"),
        (("--socket", SMALL), "is no socket"),
        (("--socket", "/nowhere/x"), "cannot listen at /nowhere/x"),
        (("--host", "127.0.0.1.example.invalid", "--token-env", "PATH"), "cannot listen at"),
    ],
)
def test_what_cannot_be_served(invoke: Callable[..., Result], arguments: tuple[str, ...], message: str) -> None:
    result = invoke("serve", "--agents", SMALL, *arguments)
    assert (result.code, result.out, message in result.err) == (2, "", True)


def test_without_the_extra_the_line_to_install_it_is_said(kept: Path) -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from delegate_cli.cli.app import run; sys.exit(run(sys.argv[1:]))"
    command = [COMMAND[0], "-c", code, "serve", "--agents", SMALL]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == 2
    assert (
        done.stderr == "error: delegate serve needs uvicorn, which is not installed (run: pip install 'delegate-cli[serve]')\n"
    )


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "s"))
    left.close()
    bound = listen.unix(tmp_path / "s")
    assert listen.address_of(bound) == f"unix:{tmp_path}/s"
    bound.close()


def test_files_about_servers_that_make_no_sense_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "servers").mkdir()
    for content in ("", "[]", "{}", '{"address": 7}', "\x00"):
        (tmp_path / "servers" / "x.json").write_text(content)
        assert whereabouts.find(tmp_path, "x") is None
    whereabouts.publish(tmp_path, "x", "unix:/a")
    (tmp_path / "servers" / "x.json").write_text(json.dumps({"address": "unix:/b", "pid": os.getpid() + 1}))
    whereabouts.withdraw(tmp_path, "x")
    assert whereabouts.find(tmp_path, "x") == "unix:/b"


def test_guard_leaves_other_scopes_alone() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Guard(app, None, (), None)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
