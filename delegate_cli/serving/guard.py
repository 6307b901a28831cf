"""What stands before every application that is served: who may ask, how much may be sent, and how long sending may take.

Pure ASGI, so that a decision over HTTP costs little more than the decision.
"""

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from delegate_cli.serving.figures import Figures
from delegate_cli.serving.shapes import MAX_BODY

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MOST = 512  # requests with a body at a time; more are told to come back
BODY_SECONDS = 30.0
_DRAINED = 4 * MAX_BODY  # bytes of a body that is too large which are still received
_CLOSING = ((b"connection", b"close"),)
_OPEN = ("/healthz",)  # for those who watch whether the server lives


class Refusal(Exception):
    """A request that is not let through: its status, an error's code, message and fix, and further headers."""

    def __init__(self, status: int, code: str, message: str, fix: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.body = error_body(code, message, fix)
        self.headers = headers


def error_body(code: str, message: str, fix: str) -> bytes:
    """The body of every answer that is an error."""
    return json.dumps({"error": {"code": code, "message": message, "fix": fix}}).encode()


class Guard:
    """Lets through what may be asked.

    Args:
        hosts: names that a request may have in its Host header; None: any, since a token is wanted. A page in a browser that
            was brought to call this machine by another name is refused.
        token: what a request must carry; None: nothing.
        paths: those that are counted by themselves; all others count as one.
        posts: those of them that take a body.
    """

    def __init__(
        self,
        app: App,
        figures: Figures,
        hosts: Iterable[str] | None,
        token: str | None,
        paths: Iterable[str] = (),
        posts: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._figures = figures
        self._hosts = None if hosts is None else frozenset(host.lower() for host in (*LOOPBACK, *hosts))
        self._token = None if token is None else token.encode()
        self._paths = frozenset(paths)
        self._posts = frozenset(posts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in self._paths else "other"
        status = 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with_body = scope["method"] == "POST" and path in self._posts  # to others the application says no
        self._figures.in_flight += with_body
        try:
            headers = dict(scope["headers"])
            self._check(scope, headers)
            if with_body:
                receive = await self._whole(scope, headers, receive)
            await self._app(scope, receive, counted)
        except Refusal as refused:
            await _answer(refused, counted)
        finally:
            self._figures.in_flight -= with_body
            self._figures.answered(path, status)

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if scope.get("client") is None:  # a Unix socket, whose file says who may ask
            return
        if self._hosts is not None:
            host = _host(headers.get(b"host", b"").decode("latin-1"))
            if host not in self._hosts:
                raise Refusal(421, "host", "this server does not answer to that name", "name it with --allow-host")
            origin = headers.get(b"origin")
            if origin is not None and _origin(origin.decode("latin-1")) not in self._hosts:
                raise Refusal(403, "origin", "pages of other sites may not ask this server", "ask it without a browser")
        if self._token is not None and scope["path"] not in _OPEN:
            kind, _, given = headers.get(b"authorization", b"").partition(b" ")
            right = hmac.compare_digest(given.strip(), self._token)
            if kind.lower() != b"bearer" or not right:
                wanted = ((b"www-authenticate", b"Bearer"),)
                raise Refusal(401, "credentials", "a token is wanted", "send it as Authorization: Bearer TOKEN", wanted)

    async def _whole(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> Receive:
        """The body, read within its bounds before anything is done."""
        if self._figures.in_flight > MOST:
            raise Refusal(503, "busy", "too many requests at a time", "try again in a second", ((b"retry-after", b"1"),))
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise Refusal(415, "content_type", "the body must be application/json", "send Content-Type: application/json")
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > _DRAINED:
            raise _too_large()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _body(receive)
        except TimeoutError:
            raise Refusal(408, "timeout", "the body did not arrive in time", "send it faster", _CLOSING) from None
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return replay


async def _body(receive: Receive) -> bytes:
    """The body; of one that is too large the rest is thrown away, since who is still sending would not read the answer."""
    body, size, more = bytearray(), 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            body += part
        elif size > _DRAINED:
            break
        more = message.get("more_body", False)
    if size > MAX_BODY:
        raise _too_large()
    return bytes(body)


def _too_large() -> Refusal:
    return Refusal(413, "too_large", f"the body is larger than {MAX_BODY >> 20} MiB", "send fewer tasks at a time", _CLOSING)


async def _answer(refused: Refusal, send: Send) -> None:
    length = str(len(refused.body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length), *refused.headers]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": refused.body})


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    name = header.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].rstrip(".")


def _origin(header: str) -> str:
    try:
        return (urlsplit(header).hostname or "").lower()
    except ValueError:
        return ""
