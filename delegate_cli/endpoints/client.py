"""The one that talks to a model endpoint, over the openai SDK, whose home file this is (importing it costs 0.6 s).

Around every request: the answer cache, one payment for equal requests in flight, budget, pace, retries. What is asked and
what an answer means are others' business.
"""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from httpx2 import ReadError, Response
from httpx2 import Request as HttpRequest
from openai import APIConnectionError, APIStatusError, APITimeoutError, AsyncOpenAI, DefaultAsyncHttpxClient, Timeout

from delegate_cli.endpoints import Capabilities, Reply, Request, faults, is_loopback, probe
from delegate_cli.endpoints.budget import Budget, Pace, Usage
from delegate_cli.endpoints.cache import FILE, AnswerCache
from delegate_cli.endpoints.faults import Fault, Place
from delegate_cli.endpoints.keys import is_own_host, read_key
from delegate_cli.endpoints.wire import answer_key, counted_tokens, encode_body, estimated_tokens
from delegate_cli.errors import EndpointError, RefusedRequest, SettingsError
from delegate_cli.settings import Llm, Settings, check_url, home

_LONGEST_WAIT = 120.0  # seconds that a server may ask to wait; beyond it the ask fails
_GONE = 3  # asks in a row without a sign of life, after which each further one is tried once
_LARGEST = 64 << 20  # bytes of an answer, unpacked: a thousand long vectors take 30 MB
_SLOWEST = 8.0  # seconds between retries where the server does not say


class Client:
    """The real `Asker`. Safe in one event loop at a time per session; several loops each get connections of their own.

    Requests of equal bytes are one request: while the first is in flight the others wait for its answer, afterwards the
    cache has it. Who wants several samples must make the bodies differ (`seed`, or `n` in one request). What came from the
    cache or from another's request has `cached` set, and no tokens and no cost, so that sums are what was paid.

    Args:
        llm: the endpoint; it must name a model.
        cache: where answers are kept; None keeps none.
        local_only: refuse to send anything to an endpoint that is not on this machine.
        backoff: seconds before the first retry where the server does not say; doubled at each further one.

    Raises:
        SettingsError: there is no model, or OPENAI_BASE_URL is no web address.
    """

    def __init__(self, llm: Llm, *, cache: AnswerCache | None = None, local_only: bool = False, backoff: float = 0.5) -> None:
        if llm.model is None:
            raise SettingsError("there is no model to ask", "set llm.model in the roster's settings, or DELEGATE_LLM_MODEL")
        self.llm = llm
        self.model = llm.model
        self.base_url = check_url(llm.url, "OPENAI_BASE_URL" if llm.base_url is None else "llm.base_url")
        self.usage = Usage(cost_usd=None if llm.prices is None else 0.0)
        self._cache = cache
        self._local_only = local_only
        self._backoff = backoff
        self._budget = Budget(llm)
        self._pace = Pace(llm.rate_limit_rpm)
        self._place = Place(urlsplit(self.base_url).netloc, llm.model)
        self._key: tuple[str | None] | None = None  # in a tuple once it was looked for
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Session] = WeakKeyDictionary()
        self._capabilities: Capabilities | None = None
        self._forgot = False
        self._silent = 0  # asks in a row that heard nothing at all

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    def without_key(self, text: str) -> str:
        """A text in which the key does not stand, should the server have repeated it."""
        key = self._key[0] if self._key else None
        return text.replace(key, "[secret]") if key else text

    async def close(self) -> None:
        """Close the connections of this event loop; what is in flight is given up. It may be used again afterwards."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()
        if self._cache is not None:
            self._cache.close()

    async def ask(self, request: Request, *, fresh: bool = False) -> Reply:
        """One request, answered from the cache where it was asked before, within budget, limits and retries.

        With `fresh` the cache is neither looked at nor written.

        Raises:
            EndpointError: no usable answer after retries; CredentialsError, BudgetError and RefusedRequest are such.
        """
        self._check_local()
        data = encode_body(request.body)
        key = answer_key(self.base_url, self.model, request.path, data)
        kept = None if fresh else self._from_cache(request, key)
        if kept is not None:
            self.usage.cached += 1
            return kept
        session = self._session()
        task, mine = session.share(key, lambda: self._pay(session, request, data, None if fresh else key))
        # shielded: one who stops waiting must not take the answer from the others
        reply: Reply = await asyncio.shield(task)
        if mine:
            return reply
        self.usage.cached += 1
        return self._free(reply.body, reply.model, request)

    async def capabilities(self) -> Capabilities:
        """What the endpoint can do: probed once, remembered in the cache's file, probed again when it answers otherwise.

        Raises:
            EndpointError: it cannot be reached, or accepts not even the plainest question.
        """
        self._check_local()
        if self._capabilities is None:
            self._capabilities = probe.recall(self.base_url, self.model, self._cache)
        if self._capabilities is None:
            task, _ = self._session().share(b"capabilities", self._probe)
            await asyncio.shield(task)
        assert self._capabilities is not None
        return self._capabilities

    async def _probe(self) -> None:
        found = await probe.find(partial(self.ask, fresh=True), self.model)
        self._capabilities = found
        probe.remember(self.base_url, self.model, self._cache, found)

    def _forget(self) -> None:
        """The endpoint answered otherwise than its probe promised: probe it again when asked next, but once in a run."""
        if self._capabilities is not None and not self._forgot:
            self._forgot = True
            self._capabilities = None
            probe.remember(self.base_url, self.model, self._cache, None)

    def sdk(self) -> AsyncOpenAI:
        """The SDK's own client for calls that only it has, such as `decisions.create`: no cache, no budget, no retries."""
        self._check_local()
        return self._session().sdk

    def _check_local(self) -> None:
        if self._local_only and not is_loopback(self.base_url):
            raise EndpointError(
                f"nothing may be sent to {self._place.host}: the roster is local_only",
                "use an endpoint on this machine, or take `local_only: true` out of the settings",
            )

    def _session(self) -> "_Session":
        loop = asyncio.get_running_loop()
        if loop not in self._sessions:
            if self._key is None:
                self._key = (read_key(self.llm),)
                self._place = Place(self._place.host, self.model, self._key[0] or "")
            self._sessions[loop] = _Session(_sdk(self.base_url, self._key[0], self.llm), self.llm.concurrency)
        return self._sessions[loop]

    def _from_cache(self, request: Request, key: bytes) -> Reply | None:
        kept = self._cache.get(key) if self._cache is not None else None
        if kept is None:
            return None
        try:
            body = json.loads(kept.body)
        except ValueError:
            return None
        return self._free(body, kept.model, request) if isinstance(body, dict) else None

    def _free(self, body: Mapping[str, Any], model: str, request: Request) -> Reply:
        return Reply(body, model, cost_usd=None if self.llm.prices is None else 0.0, cached=True, request=request)

    async def _pay(self, session: "_Session", request: Request, data: bytes, key: bytes | None) -> Reply:
        async with session.slots:
            # of a server that is gone a batch must not wait for every retry of every task
            retries = self.llm.retries if self._silent < _GONE else 0
            for attempt in range(retries + 1):
                try:
                    reply = await self._attempt(session, request, data, key)
                    self._silent = 0
                    return reply
                except Fault as fault:
                    if not fault.again or attempt == retries or (fault.wait or 0) > _LONGEST_WAIT:
                        self.usage.failures += 1
                        self._silent = self._silent + 1 if fault.silent else 0
                        raise _with_attempts(fault, attempt + 1) from None
                    self.usage.retries += 1
                    await self._back_off(attempt, fault.wait)
        raise AssertionError("unreachable")

    async def _attempt(self, session: "_Session", request: Request, data: bytes, key: bytes | None) -> Reply:
        estimate = 0.0 if self.llm.prices is None else self.llm.prices.cost(*estimated_tokens(request))
        while not self._budget.hold(estimate):
            await session.wait_for_settling()
        spent = 0.0
        try:
            await asyncio.sleep(self._pace.turn())
            spent = estimate  # what is sent and comes to no answer may have been paid for
            self.usage.calls += 1
            status, headers, content = await self._send(session, request.path, data)
            if status != 200:
                spent = 0.0
                fault = faults.of_status(status, headers, content, self._place)
                if isinstance(fault.error, RefusedRequest) and probe.names_ability(fault.error.message):
                    self._forget()
                raise fault
            body = faults.read_answer(request.path, content, self._place)
            reply, spent = self._counted(body, request, estimate)
        except Fault as fault:
            spent = spent if fault.sent else 0.0
            raise
        finally:
            self._budget.settle(estimate, spent)
            session.settled.set()
        self._notice(request, body)
        if self._cache is not None and key is not None:
            self._cache.put(
                key, reply.model, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
            )
        return reply

    def _counted(self, body: Mapping[str, Any], request: Request, estimate: float) -> tuple[Reply, float]:
        """The reply with its tokens and cost, and what the budget takes it to have cost."""
        inputs, outputs = counted_tokens(body)
        self.usage.input_tokens += inputs
        self.usage.output_tokens += outputs
        named = body.get("model")
        model = named if isinstance(named, str) and named else self.model
        if self.llm.prices is None:
            return Reply(body, model, inputs, outputs, request=request), 0.0
        if not inputs + outputs:  # a server that does not count: nothing is known, and nothing invented
            return Reply(body, model, request=request), estimate
        cost = self.llm.prices.cost(inputs, outputs)
        self.usage.cost_usd = (self.usage.cost_usd or 0.0) + cost
        return Reply(body, model, inputs, outputs, cost, request=request), cost

    async def _send(self, session: "_Session", path: str, data: bytes) -> tuple[int, Mapping[str, str], bytes]:
        try:
            async with asyncio.timeout(self.llm.timeout_s):
                response = await session.sdk.post(f"/{path}", content=data, cast_to=Response)
        except APIStatusError as error:
            return error.status_code, error.response.headers, error.response.content
        except (APITimeoutError, TimeoutError):
            raise faults.of_timeout(self.llm.timeout_s, self._place) from None
        except APIConnectionError as error:
            cause = error.__cause__
            never = type(cause).__name__ in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol")
            raise faults.of_connection(str(cause or "") or type(cause).__name__, self._place, sent=not never) from None
        return response.status_code, response.headers, response.content

    async def _back_off(self, attempt: int, wait: float | None) -> None:
        if wait is not None:
            self._pace.pause(wait)  # which the time below is part of
        await asyncio.sleep(min(self._backoff * 2**attempt, _SLOWEST) * random.uniform(0.5, 1.0))

    def _notice(self, request: Request, body: Mapping[str, Any]) -> None:
        chat = request.path == "chat/completions"
        if chat and request.body.get("logprobs") is True and probe.says_something(body) and not probe.has_logprobs(body):
            self._forget()


class _Session:
    """What belongs to one event loop: connections, slots, and the requests in flight by key."""

    def __init__(self, sdk: AsyncOpenAI, concurrency: int) -> None:
        self.sdk = sdk
        self.slots = asyncio.Semaphore(concurrency)
        self.settled = asyncio.Event()
        self._flying: dict[bytes, asyncio.Task[Any]] = {}

    def share(self, key: bytes, start: Callable[[], Coroutine[Any, Any, Any]]) -> tuple[asyncio.Task[Any], bool]:
        """The task that is in flight under a key, or a new one; and whether it is new."""
        if key in self._flying:
            return self._flying[key], False
        task = self._flying[key] = asyncio.create_task(start())
        task.add_done_callback(lambda done: self._land(key, done))
        return task, True

    def _land(self, key: bytes, task: asyncio.Task[Any]) -> None:
        self._flying.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, so that nobody's loss is not reported as forgotten

    async def wait_for_settling(self) -> None:
        """Until a request in flight has come to an end, here or (looked at each quarter of a second) in another loop."""
        self.settled.clear()
        try:
            async with asyncio.timeout(0.25):
                await self.settled.wait()
        except TimeoutError:
            pass

    async def close(self) -> None:
        for task in list(self._flying.values()):
            task.cancel()
        await asyncio.gather(*self._flying.values(), return_exceptions=True)
        await self.sdk.close()


def open_client(settings: Settings, *, cache: bool = True, say: Callable[[str], None] = lambda line: None) -> Client:
    """The client of these settings, with the cache under DELEGATE_HOME unless it is not wanted."""
    kept = AnswerCache(home() / FILE, settings.llm.cache_mb, say) if cache and settings.llm.cache_mb else None
    return Client(settings.llm, cache=kept, local_only=settings.local_only)


def _sdk(base_url: str, key: str | None, llm: Llm) -> AsyncOpenAI:
    hidden = [] if key is not None else ["Authorization"]
    if not is_own_host(base_url):  # the SDK would send OPENAI_ORG_ID and OPENAI_PROJECT_ID to anyone
        hidden += ["OpenAI-Organization", "OpenAI-Project"]

    async def hide(request: HttpRequest) -> None:
        for name in hidden:
            request.headers.pop(name, None)

    timeout = Timeout(llm.timeout_s, connect=min(llm.timeout_s, 10.0))
    http = DefaultAsyncHttpxClient(
        follow_redirects=False,  # a redirection would carry key and task to a host that nobody named
        trust_env=not is_loopback(base_url),  # a proxy has no business with what stays on this machine
        timeout=timeout,
        event_hooks={"request": [hide], "response": [_read]},
    )
    return AsyncOpenAI(
        api_key=key or "none", admin_api_key="", base_url=base_url, timeout=timeout, max_retries=0, http_client=http
    )


async def _read(response: Response) -> None:
    """Read an answer, of at most so many bytes; the SDK itself would read on until the memory is full."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            raise ReadError(f"it sent more than {_LARGEST >> 20} MB")
    response._content = bytes(body)  # what `aread` would keep


def _with_attempts(fault: Fault, attempts: int) -> EndpointError:
    error = fault.error
    message = f"{error.message}, {attempts} attempts" if attempts > 1 else error.message
    if fault.wait is not None and fault.wait > _LONGEST_WAIT:
        message = f"{error.message}; it asks to wait {fault.wait:.0f} s"
    told = type(error)(message, error.fix)
    told.again, told.wait, told.sent = fault.again, fault.wait, fault.sent
    return told
