"""The decision over HTTP: what each path answers. This is the home file of starlette."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from delegate_cli import __version__
from delegate_cli.errors import (
    CredentialsError,
    DelegateError,
    EncoderError,
    EndpointError,
    IndexUnavailable,
    TaskError,
    UsageError,
)
from delegate_cli.render.jsonl import dumps, error_record
from delegate_cli.serving import choices, figures, openapi, shapes, wire
from delegate_cli.serving.choices import Chooser
from delegate_cli.serving.client import EXPECT
from delegate_cli.serving.engine import Engine, Loaded
from delegate_cli.serving.guard import App, Guard, error_body

SECONDS = 60.0  # for one request; a model that is asked has time-outs of its own
Answer = Callable[[Chooser, Any], dict[str, Any]]
_STATUS: tuple[tuple[type[DelegateError], int], ...] = (
    (shapes.Malformed, 400),
    (wire.UnknownAgent, 404),
    (wire.AgainstRoster, 409),
    (TaskError, 422),
    (UsageError, 422),
    (CredentialsError, 502),
    (EndpointError, 502),
    (IndexUnavailable, 503),
    (EncoderError, 503),
)


def application(engine: Engine, hosts: tuple[str, ...] | None, token: str | None) -> App:
    """The application, guarded; `hosts` and `token` as for `Guard`."""
    site = _Site(engine)
    routes = [
        Route("/healthz", site.healthz, methods=["GET"]),
        Route("/metrics", site.metrics, methods=["GET"]),
        Route("/openapi.json", site.openapi, methods=["GET"]),
        Route("/v1/decide", site.decide, methods=["POST"]),
        Route("/v1/decisions", partial(site.choose, choices.decisions), methods=["POST"]),
        Route("/v1/systemone", partial(site.choose, choices.systemone), methods=["POST"]),
    ]
    app = Starlette(
        routes=routes, exception_handlers={HTTPException: _no_such, DelegateError: _told, TimeoutError: _late, Exception: _bug}
    )
    posts = [route.path for route in routes if "POST" in (route.methods or ())]
    return Guard(app, engine.figures, hosts, token, [route.path for route in routes], posts)


class _Site:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._chooser: tuple[Loaded, Chooser] | None = None

    async def healthz(self, request: Request) -> Response:
        engine = self._engine
        loaded = engine.current
        facts = {
            "status": "ok",
            "version": __version__,
            "roster": {"path": loaded.roster.path, "sha256": loaded.roster.sha256, "agents": len(loaded.roster)},
            "problem": engine.problem,
        }
        return _json(facts)

    async def metrics(self, request: Request) -> Response:
        loaded = self._engine.current
        text = self._engine.figures.text(len(loaded.roster), loaded.since)
        return Response(text, media_type=figures.CONTENT_TYPE)

    async def openapi(self, request: Request) -> Response:
        return _json(openapi.description())

    async def decide(self, request: Request) -> Response:
        """One record, or `decisions` in the order of the tasks."""
        body = shapes.read(await request.body())
        with self._engine.use() as loaded:
            expected = request.headers.get(EXPECT)
            if expected is not None and (expected != loaded.mark or self._engine.changed(loaded)):
                message = "this server decides with another roster, settings or index"
                return _error(412, "expectation", message, f"leave out {EXPECT}, or decide without a server")
            wanted = wire.understood(body, loaded.roster)
            async with asyncio.timeout(SECONDS):
                if not wanted.many:
                    task, ask, _ = wanted.tasks[0]
                    return _json((await self._engine.decided(loaded, task, ask, wanted.journal)).as_dict())
                return _json({"decisions": await self._many(loaded, wanted)})

    async def _many(self, loaded: Loaded, wanted: wire.Wanted) -> list[dict[str, Any]]:
        """As many at a time as there are threads, so that a long list does not keep all others waiting for its end."""
        found: list[dict[str, Any]] = [{}] * len(wanted.tasks)
        left = iter(enumerate(wanted.tasks))

        async def lane() -> None:
            for place, (task, ask, error) in left:
                try:
                    if error is not None:
                        raise error
                    found[place] = (await self._engine.decided(loaded, task, ask, wanted.journal)).as_dict()
                except DelegateError as reason:
                    found[place] = error_record(reason.as_dict(), task, ask.ref)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._engine.lanes, len(wanted.tasks))):
                group.create_task(lane())
        return found

    async def choose(self, answer: Answer, request: Request) -> Response:
        """A wire of decision models, answered by the head."""
        body = shapes.read(await request.body())
        with self._engine.use() as loaded:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(SECONDS):
                return _json(await loop.run_in_executor(self._engine.pool, self._answered, answer, loaded, body))

    def _answered(self, answer: Answer, loaded: Loaded, body: Any) -> dict[str, Any]:
        kept = self._chooser
        if kept is None or kept[0] is not loaded:
            kept = self._chooser = loaded, Chooser(loaded)
        return answer(kept[1], body)


def _json(value: Any) -> Response:
    return Response(dumps(value).encode("utf-8", "backslashreplace"), media_type="application/json")


def _error(status: int, code: str, message: str, fix: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(error_body(code, message, fix), status, dict(headers or {}), "application/json")


async def _no_such(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return _error(405, "method", f"{request.method} is not possible here", "see /openapi.json", error.headers)
    return _error(error.status_code, "path", "there is nothing at this path", "see /openapi.json", error.headers)


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, DelegateError)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return _error(status, error.code, error.message, error.fix)


async def _late(request: Request, error: Exception) -> Response:
    return _error(504, "timeout", f"there was no answer within {SECONDS:g} seconds", "send fewer tasks at a time")


async def _bug(request: Request, error: Exception) -> Response:
    with suppress(OSError, AttributeError, ValueError):
        sys.stderr.write(f"bug: {type(error).__name__}: {str(error)[:200]!r}\n")
    return _error(500, "bug", "this is a bug in delegate", "please report it with what the server said on stderr")
