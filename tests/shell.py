"""Ways to run the command: as a process, at a terminal, and inside this process where starting one would cost too much."""

import contextlib
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delegate_cli.cli import options
from delegate_cli.cli.app import run

DATA = Path(__file__).parent / "data"
SMALL = str(DATA / "small.yaml")
COMMAND = [sys.executable, "-m", "delegate_cli"]
TIMEOUT = 120  # seconds: a hang is a failure, slowness is not


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def rows(self) -> list[Any]:
        """JSON Lines; split at line feeds only, as readers of pipes do."""
        return [json.loads(line) for line in self.out.split("\n") if line]


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, **(env or {})}


def execute(
    *arguments: str, stdin: str | bytes | None = None, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Result:
    """Run the real command as a process; without `stdin` it reads from an empty one."""
    data = stdin.encode() if isinstance(stdin, str) else stdin or b""
    done = subprocess.run(
        [*COMMAND, *arguments], input=data, env=environment(env), cwd=cwd, capture_output=True, timeout=TIMEOUT
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def invoke(*arguments: str, stdin: bytes | None = None) -> Result:
    """Run the command in this process, with a real file as stdin."""
    options._warned.clear()  # what was said in another run
    out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with tempfile.TemporaryFile() as file, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        file.write(stdin or b"")
        file.seek(0)
        before, sys.stdin = sys.stdin, io.TextIOWrapper(file)
        try:
            code = run(list(arguments))
        finally:
            sys.stdin.detach()
            sys.stdin = before
    return Result(code, _written(out), _written(err))


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined]


def at_terminal(
    *arguments: str,
    typed: bytes = b"",
    env: Mapping[str, str] | None = None,
    columns: int = 100,
    pipe_stdout: bool = False,
) -> Result:
    """Run the command with a terminal on stdin, stderr and, unless it is piped, stdout.

    `err` holds what the terminal showed when stdout is piped; else `out` holds all of it.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.write(master, typed)
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=slave,
        stderr=slave,
        stdout=subprocess.PIPE if pipe_stdout else slave,
        env=environment({"TERM": "xterm-256color", **(env or {})}),
        start_new_session=True,
    )
    os.close(slave)
    shown = _drain(master)
    out = process.communicate(timeout=TIMEOUT)[0] if pipe_stdout else b""
    code = process.wait(TIMEOUT)
    os.close(master)
    return Result(code, out.decode(), shown) if pipe_stdout else Result(code, shown, "")


def _drain(master: int) -> str:
    shown = b""
    with contextlib.suppress(OSError):  # Linux ends a terminal's output with EIO
        while chunk := os.read(master, 1 << 16):
            shown += chunk
    return shown.decode(errors="replace").replace("\r\n", "\n")


def roster_text(agents: Sequence[Mapping[str, Any]]) -> str:
    """A roster file with these agents; JSON is YAML."""
    return json.dumps({"version": 1, "agents": list(agents)}, ensure_ascii=False)
