"""A server for tests: the real one, in a thread of this process."""

import http.client
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shell import SMALL

from delegate_cli import Delegator, Journal, load_roster
from delegate_cli.index import store
from delegate_cli.serving import listen, whereabouts
from delegate_cli.serving.engine import Engine
from delegate_cli.serving.guard import App

JSON = {"Content-Type": "application/json"}


@dataclass
class Running:
    """A server that listens at a port and at a socket."""

    engine: Engine
    server: listen.Server
    url: str
    socket: str

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] = JSON
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Status, body (JSON where it is that) and headers. A body of bytes is sent as it is."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        connection.request(method, path, data, dict(headers))
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        kind = reply.headers["Content-Type"]
        return reply.status, json.loads(content) if kind == "application/json" else content.decode(), reply.headers

    def decide(self, body: Any) -> Any:
        """The answer of POST /v1/decide."""
        status, answer, _ = self.ask("POST", "/v1/decide", body)
        assert status == 200, answer
        return answer


def copied(compiled: Path, folder: Path, roster: Path | str = SMALL) -> Path:
    """A DELEGATE_HOME with the session's encoder, and a copy of the small roster's index for a roster of the same texts."""
    folder.mkdir(exist_ok=True)
    (folder / "encoders").symlink_to(compiled / "encoders")
    shutil.copytree(store.folder_of(compiled, load_roster(SMALL)), store.folder_of(folder, load_roster(roster)))
    return folder


def engine_of(home: Path, roster: Path | str = SMALL, **more: Any) -> Engine:
    """An engine over a roster, with a journal beside its index."""
    return Engine(lambda: Delegator(load_roster(roster), folder=home), [Path(roster)], Journal(home / "journal.sqlite"), **more)


@contextmanager
def running(engine: Engine, app: App, folder: Path, lifespan: bool = False) -> Iterator[Running]:
    """Serve an application until the end of the block."""
    up = threading.Event()
    sockets = [listen.tcp("127.0.0.1", 0), listen.unix(folder / "s")]
    url, socket = map(listen.address_of, sockets)

    def ready() -> Any:
        up.set()
        return engine.watch()

    server = listen.Server(app, ready, lifespan)
    thread = threading.Thread(target=server.serve_at, args=(sockets,))
    thread.start()
    try:
        assert up.wait(30)
        yield Running(engine, server, url, socket)
    finally:
        server.should_exit = True
        thread.join(30)
        (folder / "s").unlink(missing_ok=True)
        engine.close()


def publish(server: Running, home: Path, address: str) -> None:
    """As `delegate serve` does once it listens."""
    whereabouts.publish(home, server.engine.current.mark, address)


def wait(until: Callable[[], bool]) -> None:
    """Until something holds, at most 30 seconds."""
    for _ in range(600):
        if until():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 30 seconds")
