"""A program of this machine: an argument list and no shell, the task on stdin or as one whole argument, text or JSON back."""

import asyncio
import os
from pathlib import Path

from delegate_cli.roster.runs import TASK, Form
from delegate_cli.running import processes
from delegate_cli.running.blocks import Block
from delegate_cli.running.executors.replies import read_json
from delegate_cli.running.handover import told, told_json
from delegate_cli.running.processes import Watch
from delegate_cli.running.work import Answer, End, Failure, Work

_CHUNK = 1 << 16
_LINGER = 1.0  # seconds that a child's own children may keep its output open after it has ended
_STEP = 0.05
_STDERR = 4096  # bytes of it that are kept, the last
_TEMPORARY = os.EX_TEMPFAIL if hasattr(os, "EX_TEMPFAIL") else 75
_NOT_EXECUTABLE, _NOT_FOUND = 126, 127


class Command:
    """Runs a program for every call, in a process group of its own that is killed whole.

    Args:
        base: the folder that it works in.
        watch: kills what is left of it if this process is killed.
    """

    def __init__(self, block: Block, base: Path, watch: Watch) -> None:
        self._block = block
        self._base = base
        self._watch = watch

    async def run(self, work: Work) -> Answer:
        text = told_json(work) if self._block.keys.get("input") == Form.JSON else told(work)
        argv = list(self._block.keys["argv"])
        data = b"" if TASK in argv else text.encode("utf-8", "replace")
        process = await self._start([_argument(text) if each == TASK else each for each in argv], work, bool(data))
        self._watch.add(process.pid)
        try:
            out, err = await self._talk(process, data)
        finally:
            await asyncio.shield(processes.end(process, work.call))
            self._watch.remove(process.pid)
        return self._read(process.returncode, out, err)

    async def _start(self, argv: list[str], work: Work, reads: bool) -> asyncio.subprocess.Process:
        self._watch.start()
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        env = processes.environment(self._block.keys.get("env", ()), work.run, work.call)
        try:
            return await asyncio.create_subprocess_exec(
                *argv,
                stdin=pipe if reads else nothing,
                stdout=pipe,
                stderr=pipe,
                cwd=self._base,
                env=env,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            fix = "check run.argv and run.cwd of the card"
            if reason == os.strerror(7):  # E2BIG
                fix = f'take "{TASK}" out of run.argv: the task then comes on stdin'
            raise Failure(End.REFUSED, f"{argv[0]} cannot be started: {reason}", fix, again=False) from None

    async def _talk(self, process: asyncio.subprocess.Process, data: bytes) -> tuple[bytes, bytes]:
        """What it wrote to stdout, and the end of what it wrote to stderr.

        Raises:
            Failure: it wrote too much.
        """
        assert process.stdout is not None
        assert process.stderr is not None
        out, err = bytearray(), bytearray()
        work = [
            asyncio.create_task(_collect(process.stdout, out, self._block.max_output, keep_end=False)),
            asyncio.create_task(_collect(process.stderr, err, _STDERR, keep_end=True)),
        ]
        feeding = asyncio.create_task(_feed(process, data))
        try:
            lingering = 0.0
            while True:
                done, waiting = await asyncio.wait(work, timeout=_STEP, return_when=asyncio.FIRST_EXCEPTION)
                for each in done:
                    each.result()
                if not waiting and process.returncode is not None:
                    break
                lingering += _STEP if process.returncode is not None else 0.0
                if lingering > _LINGER:
                    break
                if not waiting:
                    await asyncio.sleep(_STEP)
        finally:
            for each in (*work, feeding):
                each.cancel()
            await asyncio.gather(*work, feeding, return_exceptions=True)
        return bytes(out), bytes(err)

    def _read(self, code: int | None, out: bytes, err: bytes) -> Answer:
        name = Path(self._block.keys["argv"][0]).name
        said = err.decode("utf-8", "replace").strip().split("\n")[-1].strip()
        words = f": {said[-200:]}" if said else ""
        if code is None or code < 0:
            raise Failure(End.UNCLEAR, f"{name} was ended by signal {-(code or 0)}{words}", "look at what ended it")
        if code == _TEMPORARY:
            raise Failure(End.REFUSED, f"{name} takes no task for now (exit code {code}){words}", "try again later")
        if code:
            found = code not in (_NOT_FOUND, _NOT_EXECUTABLE)
            raise Failure(End.FAILED, f"{name} ended with exit code {code}{words}", "run it by hand", again=found)
        text = out.decode("utf-8", "replace").strip("\r\n")
        if self._block.keys.get("output") != Form.JSON:
            return Answer(text)
        return read_json(text, name, self._block.keys.get("answer"))


def _argument(text: str) -> str:
    """The task as one argument: no program may take it for an option, and it cannot hold a NUL."""
    text = text.replace("\0", "�")
    return f" {text}" if text.startswith("-") else text


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    if process.stdin is None:
        return
    try:
        process.stdin.write(data)
        await process.stdin.drain()
        process.stdin.close()  # not waited for: cancelled at it, asyncio writes a traceback when the pipe ends
    except (BrokenPipeError, ConnectionResetError):
        pass  # it does not want to read on


async def _collect(stream: asyncio.StreamReader, into: bytearray, limit: int, keep_end: bool) -> None:
    """Read until the end; of more than `limit` bytes keep the last, or give up."""
    while chunk := await stream.read(_CHUNK):
        into += chunk
        if len(into) <= limit:
            continue
        if not keep_end:
            raise Failure(End.UNCLEAR, f"it wrote more than {limit // 1024} kB", "raise run.max_output_kb", again=False)
        del into[:-limit]
