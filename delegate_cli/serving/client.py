"""Asks a running `delegate serve` to decide, over TCP or a Unix socket. Whatever goes wrong is `Gone`: the caller decides."""

import http.client
import json
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from delegate_cli.ask import Ask, check_task
from delegate_cli.decision import Decision
from delegate_cli.errors import UsageError
from delegate_cli.journal.records import decision_from
from delegate_cli.serving.wire import body_of

CONNECT = 1.0  # seconds
ANSWER = 30.0  # seconds
EXPECT = "X-Delegate-Expect"  # the fingerprint that a server must have
UNIX = "unix:"


class Gone(Exception):
    """Why the server cannot be used, in a few words."""


class _Local(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CONNECT)
        self.sock.connect(self._path)
        self.sock.settimeout(ANSWER)


class _Distant(http.client.HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(ANSWER)


def connection(address: str) -> http.client.HTTPConnection:
    """A connection to `http://HOST:PORT`, `https://HOST` or `unix:PATH`; nothing is sent yet.

    Raises:
        UsageError: it is none of these.
    """
    if address.startswith(UNIX) and address != UNIX:
        return _Local(address.removeprefix(UNIX))
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https") or parts.path not in ("", "/"):
        raise UsageError(f"{address!r} is no address of a server", "write http://127.0.0.1:8321 or unix:PATH")
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=ANSWER)
    return _Distant(host, port, timeout=CONNECT)


class Client:
    """One connection, kept open; for one thread.

    Args:
        address: as for `connection`.
        token: what the server wants, if it wants one.
        mark: the fingerprint that it must have, so that it decides as this process would; None takes any.
    """

    def __init__(self, address: str, token: str | None = None, mark: str | None = None) -> None:
        self.address = address
        self._connection = connection(address)
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        if mark is not None:
            self._headers[EXPECT] = mark

    def decide(self, task: str, ask: Ask = Ask(), journal: bool = True) -> Decision:
        """Who should do this task?

        Args:
            journal: whether the server records the decision.

        Raises:
            TaskError: the task is empty, too long or not text.
            Gone: there is no answer to go on with.
        """
        body = {**body_of(check_task(task), ask), "journal": journal}
        record = self._asked("/v1/decide", body)
        try:
            return decision_from(record)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise Gone("its answer is no decision") from None

    def _asked(self, path: str, body: Any) -> Any:
        try:
            self._connection.request("POST", path, json.dumps(body).encode(), self._headers)
            reply = self._connection.getresponse()
            content = reply.read()
            if reply.status != 200:
                raise Gone(_reason(reply.status, content))
            return json.loads(content)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            self.close()
            raise Gone(getattr(error, "strerror", None) or str(error)[:100] or type(error).__name__) from None

    def close(self) -> None:
        """End the connection."""
        with suppress(OSError):
            self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _reason(status: int, content: bytes) -> str:
    try:
        return f"{status}, {json.loads(content)['error']['message'][:200]}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"it answered {status}"
