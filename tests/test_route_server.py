"""`delegate route` with a server that has everything in memory: the same bytes, and what happens without it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serving import Running, copied, engine_of, publish, running
from shell import SMALL, Result, invoke
from test_imports import TRAINING, VECTORS, loaded
from test_serve import TASK, TASKS

from delegate_cli import Delegator, Settings, load_roster
from delegate_cli.ask import Ask
from delegate_cli.serving import web, whereabouts
from delegate_cli.serving.client import Client


@pytest.fixture
def found(server: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The server where `route` looks for it."""
    home = server.engine.current.delegator.folder
    monkeypatch.setenv("DELEGATE_HOME", str(home))
    publish(server, home, server.socket)
    yield server
    whereabouts.withdraw(home, server.engine.current.mark)
    assert not (home / "servers").exists()


@pytest.mark.parametrize("format", ["json", "jsonl", "plain", "id", "table"])
def test_route_writes_the_same_bytes(found: Running, format: str) -> None:
    stdin = "\n".join([*TASKS, '{"task": "", "id": 3}', '{"task": "x", "id": 4}']).encode()
    for arguments, data in (((TASK,), b""), (("--explain", "--all", "-"), stdin)):
        results = [
            invoke("route", "--agents", SMALL, "--server", server, "--no-journal", "-f", format, *arguments, stdin=data)
            for server in ("off", "auto")
        ]
        assert len({result.code for result in results}) == 1
        local, served = (re.sub(r'"id": "[^"]*"|"elapsed_ms": [0-9.e-]+|[0-9.]+ ms', "", result.out) for result in results)
        assert local == served
    assert found.engine.figures.requests["/v1/decide", 200] > 0


def test_route_over_a_server_loads_nothing_heavy_and_records_itself(found: Running) -> None:
    before = found.engine.figures.decisions.total()
    modules = loaded("route", "--agents", SMALL, "--server", "auto", "--format", "json", TASK)
    assert found.engine.figures.decisions.total() == before + 1
    assert not modules & (VECTORS | TRAINING | {"asyncio", "rich"})
    entry = found.engine.journal.get(found.engine.journal.find("last"))
    assert entry.record["task"] == TASK


def test_route_decides_itself_where_the_server_does_otherwise_or_is_gone(found: Running, small: Path, tmp_path: Path) -> None:
    decided = found.engine.figures.decisions
    before = decided.total()
    other = ("--min-probability", "0")
    assert invoke("route", "--agents", SMALL, "--server", "auto", *other, "-f", "id", TASK).err == ""
    result = invoke("route", "--agents", SMALL, "--server", found.url, *other, "-f", "id", TASK)
    assert "is not used: 412" in result.err
    assert (decided.total(), result.code, result.out) == (before, 0, "refunds\n")
    publish(found, found.engine.current.delegator.folder, f"unix:{tmp_path}/gone")
    result = invoke("route", "--agents", SMALL, "--server", "auto", "-f", "id", "-", stdin="\n".join(TASKS).encode())
    assert (result.code, result.err, len(result.out.splitlines())) == (0, "", 5)
    assert decided.total() == before


def test_a_server_that_dies_in_a_batch_is_replaced(compiled: Path, tmp_path: Path, kept: Path) -> None:
    from delegate_cli.cli.served import Served
    from delegate_cli.cli.streams import TaskLine

    engine = engine_of(copied(compiled, tmp_path / "served"))
    said: list[str] = []
    with running(engine, web.application(engine, (), None), tmp_path) as server:
        roster = load_roster(SMALL)
        own = Served(Client(server.socket), roster, Settings(), lambda: Delegator(roster, folder=kept), said.append)
        answers = own.decide_lines(iter([TaskLine(task) for task in TASKS]), Ask())
        first = [next(answers) for _ in range(2)]
        served = engine.figures.decisions.total()
    rest = list(answers)
    assert [line.task for line, _ in first + rest] == TASKS
    assert (served, engine.figures.decisions.total(), len(said)) == (2, 2, 1)


def test_an_address_that_is_none(invoke: Callable[..., Result]) -> None:
    for address in ("nonsense", "ftp://x", "http://127.0.0.1:99999", "http://x/y"):
        result = invoke("route", "--agents", SMALL, "--server", address, TASK)
        assert (result.code, "is no address of a server" in result.err) == (2, True)
