"""A service that takes a JSON object by POST: the task and what it builds on; text or JSON back."""

import os
from urllib.parse import urlsplit

from httpx2 import AsyncClient, HTTPError, InvalidURL, Response, Timeout

from delegate_cli.endpoints import is_loopback
from delegate_cli.endpoints.faults import AGAIN, retry_after
from delegate_cli.running.blocks import Block
from delegate_cli.running.executors.replies import read_json
from delegate_cli.running.handover import facts
from delegate_cli.running.work import Answer, End, Failure, Work

_CONNECT = 10.0  # seconds
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "PoolTimeout")
_BUSY = (429, 503)
_SHOWN = 160  # characters of a refusal


class Http:
    """Posts `{"run", "subtask", "task", "request", "results"}` with an `Idempotency-Key`.

    Redirections are not followed, whether inwards or outwards: they would carry task and key to a host that no card names.
    """

    def __init__(self, block: Block) -> None:
        self._block = block
        self._url = block.keys["url"]
        self._host = urlsplit(self._url).netloc

    async def run(self, work: Work) -> Answer:
        headers = dict(self._block.keys.get("headers", {})) | {"Idempotency-Key": work.key} | self._key()
        timeout = Timeout(self._block.timeout_s, connect=_CONNECT)
        local = is_loopback(self._url)
        try:
            async with (
                AsyncClient(follow_redirects=False, trust_env=not local, timeout=timeout) as client,
                client.stream("POST", self._url, json=facts(work), headers=headers) as response,
            ):
                return self._read(response, await self._body(response))
        except (HTTPError, InvalidURL) as error:
            raise self._broken(error) from None

    def _key(self) -> dict[str, str]:
        return key_header(self._block)

    async def _body(self, response: Response) -> bytes:
        """The body, of at most so many bytes, counted after it was unpacked."""
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._block.max_output:
                limit = self._block.max_output // 1024
                raise Failure(End.UNCLEAR, f"{self._host} sent more than {limit} kB", "raise run.max_output_kb", again=False)
        return bytes(body)

    def _read(self, response: Response, body: bytes) -> Answer:
        status = response.status_code
        text = body.decode("utf-8", "replace")
        if 200 <= status < 300:
            is_json = "json" in response.headers.get("content-type", "") or "answer" in self._block.keys
            return read_json(text, self._host, self._block.keys.get("answer")) if is_json else Answer(text.strip("\r\n"))
        words = " ".join(text.split())[:_SHOWN]
        said = f"{self._host} answered {status}" + (f": {words}" if words and not words.startswith("<") else "")
        if 300 <= status < 400:
            fix = "set run.url to where it points; redirections are not followed"
            raise Failure(End.REFUSED, f"{self._host} redirects elsewhere ({status})", fix, again=False)
        if status in _BUSY:
            raise Failure(End.REFUSED, said, "try again later, or set rate_limit_rpm", wait=retry_after(response.headers))
        if status in AGAIN or status >= 500:
            raise Failure(End.UNCLEAR, said, "look at its log")
        raise Failure(End.FAILED, said, "check run.url and run.key_env", again=False)

    def _broken(self, error: Exception) -> Failure:
        name = type(error).__name__
        if name in _NEVER_SENT or isinstance(error, InvalidURL):
            return Failure(End.REFUSED, f"cannot reach {self._host} ({error or name})", "start it, or correct run.url")
        if "Timeout" in name:
            message = f"{self._host} gave no answer within {self._block.timeout_s:g} s"
            return Failure(End.UNCLEAR, message, "raise run.timeout_s")
        return Failure(End.UNCLEAR, f"{self._host} broke off ({str(error) or name})", "look at its log")


def key_header(block: Block) -> dict[str, str]:
    """The header with the key, where the block names the variable that has it.

    Raises:
        Failure: the variable is not set.
    """
    name = block.keys.get("key_env")
    if name is None:
        return {}
    key = os.environ.get(name, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise Failure(End.REFUSED, f"the variable {name} of run.key_env holds no key", f"export {name}=…", again=False)
    header = block.keys.get("key_header")
    return {header: key} if header else {"Authorization": f"Bearer {key}"}
