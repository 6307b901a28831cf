"""Sockets, and the process that serves them until it is told to stop. This is the home file of uvicorn."""

import asyncio
import logging
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from delegate_cli.errors import UsageError
from delegate_cli.serving.guard import App

HEADER_SECONDS = 20.0  # for a request's head, and for which an idle connection is kept
GRACE = 30  # seconds in which requests under way may end after SIGTERM or Ctrl-C
_LONGEST_HEAD = 64 * 1024  # bytes
Ready = Callable[[], Any]


def tcp(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        UsageError: there is no such address, or another program listens there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot listen at {host}:{port}: {reason}", "use --host 127.0.0.1") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise UsageError(
            f"cannot listen at {host}:{port}: {error.strerror}", "use another --port; 0 takes a free one"
        ) from None
    return bound


def unix(path: Path) -> socket.socket:
    """A bound Unix socket that only this user can reach; one that a server left behind is replaced.

    Raises:
        UsageError: another server listens there, something else stands there, or the folder is missing.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(_mode(path)):
            raise UsageError(f"{path} is no socket", "name another path with --socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(str(path)) == 0:
                raise UsageError(f"another server listens at {path}", "name another path with --socket")
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        reason = error.strerror or str(error)
        raise UsageError(f"cannot listen at {path}: {reason}", "name another path with --socket") from None
    finally:
        os.umask(before)
    return bound


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"cannot listen at {path}: {error.strerror}", "name another path with --socket") from None


def address_of(bound: socket.socket) -> str:
    """`unix:PATH` or `http://HOST:PORT`."""
    if bound.family == socket.AF_UNIX:
        return f"unix:{bound.getsockname()}"
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """Serves until SIGTERM or Ctrl-C, then lets requests under way end.

    Args:
        ready: called in the event loop once it listens; a coroutine that it gives runs until the end.
    """

    def __init__(self, app: App, ready: Ready = lambda: None, lifespan: bool = False) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what goes wrong is answered, not logged
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            loop="asyncio",
            lifespan="on" if lifespan else "off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=int(HEADER_SECONDS),
            timeout_graceful_shutdown=GRACE,
            h11_max_incomplete_event_size=_LONGEST_HEAD,
        )
        super().__init__(config)
        self._ready = ready
        self._beside: asyncio.Task[Any] | None = None
        self.interrupted = False

    def serve_at(self, sockets: list[socket.socket]) -> None:
        """Serve at these sockets, which are closed at the end.

        Raises:
            KeyboardInterrupt: Ctrl-C ended it.
        """
        try:
            asyncio.run(self.serve(sockets))
        finally:
            for each in sockets:
                each.close()
        if self.interrupted:
            raise KeyboardInterrupt

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM is a quiet end here; uvicorn's own would raise it again and kill the process before it has tidied up."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {each: signal.signal(each, self._told) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def _told(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = self.interrupted or number == signal.SIGINT
        self.force_exit = self.should_exit and number == signal.SIGINT  # a second Ctrl-C waits for nothing
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        beside = self._ready()
        if asyncio.iscoroutine(beside):
            self._beside = asyncio.create_task(beside)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._beside is not None:
            self._beside.cancel()
        await super().shutdown(sockets)


class _Protocol(H11Protocol):
    """Ends connections whose request's head does not arrive in time; uvicorn bounds only the time between requests."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._wait_for_head()

    def _wait_for_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(HEADER_SECONDS, self._too_slow)

    def _too_slow(self) -> None:
        if self.conn.their_state in (h11.IDLE, h11.ERROR) and not self.transport.is_closing():
            self.transport.close()
