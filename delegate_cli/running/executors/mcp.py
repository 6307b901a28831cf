"""A tool of an MCP server, over the official SDK, whose home file this is: a server that is started here, or one at a URL."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from delegate_cli.errors import UsageError

try:
    from httpx2 import AsyncByteStream, AsyncClient, HTTPError, ReadError, Response, Timeout
    from mcp import Client, MCPError
    from mcp.client.streamable_http import streamable_http_client
    from mcp.types import CONNECTION_CLOSED, REQUEST_TIMEOUT
except ImportError as error:
    raise UsageError(
        f"an agent of kind mcp needs {error.name}, which is not installed", "run: pip install 'delegate-cli[mcp]'"
    ) from None

from delegate_cli.endpoints import is_loopback
from delegate_cli.running.blocks import Block
from delegate_cli.running.executors.http import key_header
from delegate_cli.running.executors.server import started
from delegate_cli.running.handover import told
from delegate_cli.running.processes import Watch
from delegate_cli.running.work import Answer, End, Failure, Work

_ARGUMENT = "task"  # the tool's argument that gets the task, where neither card nor tool says otherwise
_CONNECT = 10.0  # seconds
_BROKEN_OFF = (CONNECTION_CLOSED, REQUEST_TIMEOUT)
_MORE = 8  # bytes of a response for each of its text: JSON escapes, and tools often say the same twice
logging.getLogger("mcp").addHandler(logging.NullHandler())  # what a server writes that is not MCP is not for the terminal
logging.getLogger("mcp").propagate = False


class Mcp:
    """Connects for every call, so that a server that died is started anew, and calls one tool. It offers the server nothing:
    no sampling, no roots, no questions to the user."""

    def __init__(self, block: Block, base: Path, watch: Watch) -> None:
        self._block = block
        self._base = base
        self._watch = watch
        self._tool = block.keys["tool"]

    async def run(self, work: Work) -> Answer:
        called = False
        try:
            async with self._connected(work) as client:
                arguments = await self._arguments(client, work)
                called = True
                result = await client.call_tool(self._tool, arguments)
        except Exception as error:  # of task groups, whose one fault is what counts
            found = _first(error)
            if isinstance(found, Failure):
                raise found from None
            if not isinstance(found, MCPError | HTTPError | OSError | ValueError | RuntimeError):
                raise
            said = " ".join(str(found).split())[:160] or type(found).__name__
            refused = isinstance(found, MCPError) and found.code not in _BROKEN_OFF  # the server says so itself
            end = End.REFUSED if not called else End.FAILED if refused else End.UNCLEAR
            raise Failure(end, f"the MCP server of {self._block.agent}: {said}", "start it by hand", again=not called) from None
        return self._read(result)

    @asynccontextmanager
    async def _connected(self, work: Work) -> AsyncIterator[Client]:
        if "url" in self._block.keys:
            url, timeout = self._block.keys["url"], Timeout(self._block.timeout_s, connect=_CONNECT)
            # unpacked, a small response may be a large one
            headers = {"Accept-Encoding": "identity"} | dict(self._block.keys.get("headers", {})) | key_header(self._block)
            http = AsyncClient(
                headers=headers,
                follow_redirects=False,
                trust_env=not is_loopback(url),
                timeout=timeout,
                event_hooks={"response": [self._bound]},
            )
            async with http, Client(streamable_http_client(url, http_client=http)) as client:
                yield client
            return
        argv, names = self._block.keys["argv"], tuple(self._block.keys.get("env", ()))
        async with Client(started(argv, names, self._base, work, self._watch, self._block.max_output)) as client:
            yield client

    async def _bound(self, response: Response) -> None:
        response.stream = _Bounded(response.stream, _MORE * self._block.max_output)

    async def _arguments(self, client: Client, work: Work) -> dict[str, Any]:
        """What the card gives, and the task under the card's or the tool's own name for it."""
        name = self._block.keys.get("argument")
        if name is None:
            found = await client.list_tools()
            tool = next((each for each in found.tools if each.name == self._tool), None)
            if tool is None:
                known = ", ".join(sorted(each.name for each in found.tools))[:160]
                message = f"the MCP server of {self._block.agent} has no tool {self._tool!r}"
                raise Failure(End.REFUSED, message, f"it has: {known}", again=False)
            name = _text_argument(tool.input_schema, set(self._block.keys.get("arguments", {})))
        return {**self._block.keys.get("arguments", {}), name: told(work)}

    def _read(self, result: Any) -> Answer:
        text = "\n".join(each.text for each in result.content if getattr(each, "type", "") == "text")
        if result.is_error:
            raise Failure(End.FAILED, f"{self._tool} failed: {' '.join(text.split())[:160]}", "look at the server's log")
        if len(text.encode("utf-8", "replace")) > self._block.max_output:
            limit = self._block.max_output // 1024
            raise Failure(End.UNCLEAR, f"{self._tool} answered more than {limit} kB", "raise run.max_output_kb", again=False)
        return Answer(text.encode("utf-8", "replace").decode("utf-8"))


class _Bounded(AsyncByteStream):
    """A response that ends with an error where it is longer than it may be."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream = stream
        self._left = most

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._left -= len(chunk)
            if self._left < 0:
                raise ReadError("it sent more than run.max_output_kb allows")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _text_argument(schema: Any, given: set[str]) -> str:
    """The tool's one required text argument that the card does not give; else `task`."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    required = [
        name
        for name in (schema.get("required", []) if isinstance(schema, dict) else [])
        if name not in given and properties.get(name, {}).get("type") == "string"
    ]
    return str(required[0]) if len(required) == 1 else _ARGUMENT


def _first(error: BaseException) -> Any:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
