"""An MCP server that is started for one call, over its stdin and stdout, with a limit for what it may write.

The SDK's own transport keeps whatever a server writes until a line ends, and starts it where the watcher does not know of it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from delegate_cli.running import processes
from delegate_cli.running.processes import Watch
from delegate_cli.running.work import End, Failure, Work

_MORE = 8  # bytes of a message for each of its text: JSON escapes, and tools often say the same twice
_LEAST = 1 << 20
_PATIENCE = 1.0  # seconds that a server has to end by itself


@asynccontextmanager
async def started(
    argv: list[str], names: tuple[str, ...], base: Path, work: Work, watch: Watch, limit: int
) -> AsyncIterator[tuple[Any, Any]]:
    """Streams of messages from and to a server; it and all that it started are gone afterwards.

    Args:
        names: variables that it may see.
        limit: bytes of an answer; of all that it writes it may be eight times as much.

    Raises:
        OSError: it cannot be started.
        Failure: it wrote too much.
    """
    watch.start()
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=base,
        env=processes.environment(names, work.run, work.call),
        start_new_session=True,
    )
    watch.add(process.pid)
    flooded = asyncio.Event()
    heard_to, heard = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    said_to, said = anyio.create_memory_object_stream[SessionMessage](0)
    reading = asyncio.create_task(_read(process, heard_to, _MORE * limit + _LEAST, flooded))
    tasks = [reading, asyncio.create_task(_write(process, said))]
    try:
        async with heard, said_to:
            yield heard, said_to
            await _let_end(process)
    except Exception:
        if flooded.is_set():
            message = f"{Path(argv[0]).name} wrote more than {limit // 1024} kB"
            raise Failure(End.UNCLEAR, message, "raise run.max_output_kb", again=False) from None
        raise
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.shield(_end(process, work.call, watch))
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(process: asyncio.subprocess.Process, into: Any, most: int, flooded: asyncio.Event) -> None:
    """Lines as messages; what cannot be read as the error that it is."""
    assert process.stdout is not None
    rest, count = bytearray(), 0
    async with into:
        while chunk := await process.stdout.read(1 << 16):
            count += len(chunk)
            if count > most:
                flooded.set()
                return  # which ends the connection
            rest += chunk
            if b"\n" not in chunk:
                continue
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if line.strip():
                    await into.send(_message(bytes(line)))


def _message(line: bytes) -> SessionMessage | Exception:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError as error:
        return error


async def _write(process: asyncio.subprocess.Process, said: Any) -> None:
    assert process.stdin is not None
    async with said:
        async for message in said:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(line.encode("utf-8", "replace") + b"\n")
            await process.stdin.drain()


async def _let_end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        pass


async def _end(process: asyncio.subprocess.Process, call: str, watch: Watch) -> None:
    await processes.end(process, call)
    watch.remove(process.pid)
