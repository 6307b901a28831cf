"""`delegate serve`: the record over HTTP and a socket, who is let in, reloading and figures."""

import asyncio
import concurrent.futures
import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serving import JSON, Running, copied, engine_of, running, wait
from shell import SMALL, Result

from delegate_cli import Delegator, Journal, Settings, load_roster
from delegate_cli.ask import Ask
from delegate_cli.journal.figures import Assignments
from delegate_cli.policy import Constraints
from delegate_cli.serving import guard, listen, web
from delegate_cli.serving.client import Client, Gone
from delegate_cli.serving.engine import Engine

TASK = "Refund the shoes I sent back"
TASKS = [TASK, "The app freezes after I log in", "Ein Zugticket nach Hamburg buchen", "Check this NDA", "?"]


def same(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in ("id", "elapsed_ms")}


# the record


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, ()),
        ({"top": None, "explain": True}, ("--all", "--explain")),
        ({"roles": ["legal"], "top": 1}, ("--as", "legal", "--top", "1")),
        ({"kinds": ["human"], "at": "Mon 10:30"}, ("--kind", "human", "--at", "Mon 10:30")),
        ({"allow": ["refunds", "garden"], "deny": ["garden"]}, ("--allow", "refunds,garden", "--deny", "garden")),
        ({"max_cost": 0, "needs": ["tool:x y"]}, ("--max-cost", "0", "--needs", "tool:x y")),
        ({"needs": ["skill:writing>=80%"]}, ("--needs", "skill:writing>=0.8")),
        (
            {"context": "Where is my parcel?", "previous": "refunds"},
            ("--context", "Where is my parcel?", "--previous", "refunds"),
        ),
    ],
)
def test_the_record_is_that_of_route(server: Running, invoke: Callable[..., Result], options: Any, arguments: Any) -> None:
    for task in TASKS[:2]:
        local = invoke("route", "--agents", SMALL, "--format", "json", *arguments, task).json
        assert same(server.decide({"task": task, **options})) == same(local)


def test_many_come_back_in_order_each_with_its_ref_or_its_error(server: Running) -> None:
    tasks = [*TASKS, {"task": TASK, "ref": 7}, {"task": " "}, {"task": "x", "ref": "a", "previous": "nobody"}]
    found = server.decide({"tasks": tasks * 5, "top": 1})["decisions"]
    assert [each["task"] for each in found] == [each if isinstance(each, str) else each["task"] for each in tasks * 5]
    assert [each["ref"] for each in found[5:8]] == [7, None, "a"]
    assert [each["status"] for each in found[6:8]] == ["error", "error"]
    assert [each["error"]["code"] for each in found[6:8]] == ["task", "unknown_agent"]
    assert same(found[0]) == same(server.decide({"task": TASK, "top": 1}))


@pytest.mark.parametrize("way", ["url", "socket"])
def test_fifty_at_a_time(server: Running, way: str) -> None:
    with Delegator(load_roster(SMALL), folder=server.engine.current.delegator.folder) as own:
        wanted = [
            Ask(constraints=Constraints(deny=frozenset({agent.id}), presence=False)) for agent in list(own.roster)[:5]
        ]  # each asks otherwise, so that one that got what is another's would show
        expected = [[same(own.decide(task, ask).as_dict()) for ask in wanted] for task in TASKS]
    gate = threading.Barrier(50)

    def one(number: int) -> bool:
        with Client(getattr(server, way), mark=server.engine.current.mark) as client:
            gate.wait(30)
            found = client.decide(TASKS[number % 5], wanted[number // 5 % 5])
        return same(found.as_dict()) == expected[number % 5][number // 5 % 5]

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert all(pool.map(one, range(50)))


def test_decisions_are_recorded_with_what_was_wanted_unless_that_is_not_wanted(server: Running) -> None:
    kept = server.engine.journal
    found = server.decide({"task": TASK, "deny": ["garden"]})
    entry = kept.get(found["id"])
    assert (entry.origin, entry.asked) == ("pipeline", {"top": 3, "deny": ["garden"]})
    assert same(dict(entry.record)) == same(found)
    other = server.decide({"task": TASK, "journal": False})
    assert kept.find("last") == found["id"] != other["id"]


def test_the_last_room_is_given_once(compiled: Path, tmp_path: Path, small: Path) -> None:
    small.write_text(small.read_text().replace("id: refunds", "id: refunds\n    availability: {capacity: 2}"))
    home = copied(compiled, tmp_path / "served", small)
    journal = Journal(home / "journal.sqlite")

    def make() -> Delegator:
        return Delegator(load_roster(small), Settings(min_probability=0.2), folder=home, load=Assignments(journal))

    engine = Engine(make, [small], journal)
    with running(engine, web.application(engine, (), None), tmp_path) as server:
        found = server.decide({"tasks": [TASK] * 20})["decisions"]
    assert [each["agent"] for each in found if each["status"] == "decided"].count("refunds") == 2


# who is let in, and with what


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "not valid JSON"),
        (b"{", 400, "not valid JSON"),
        (b"\xff", 400, "not UTF-8"),
        (b"[" * 100_000, 400, "nested"),
        (b'{"task": "x", "ref": ' + b"[" * 40 + b"]" * 40 + b"}", 400, "nested"),
        (b'{"task": "x", "max_cost": NaN}', 400, "NaN"),
        (b'{"task": "x", "max_cost": 1e999}', 400, "max_cost must be"),
        (b'{"task": "x", "max_cost": ' + b"1" * 5000 + b"}", 400, "not valid JSON"),
        (b'{"task": "\\ud800"}', 400, "half a surrogate"),
        ([], 400, "must be an object"),
        ({}, 400, "no 'task'"),
        ({"task": " \n"}, 400, "task cannot be"),
        ({"task": 7}, 400, "task must be text"),
        ({"task": "x", "tops": 1}, 400, "unknown member 'tops'"),
        ({"task": "x", "top": 0}, 400, "top must lie"),
        ({"task": "x", "top": True}, 400, "top must be"),
        ({"task": "x", "kinds": ["robot"]}, 400, "kinds[0] must be one of"),
        ({"task": "x", "needs": ["docusign"]}, 400, "needs[0] cannot be"),
        ({"task": "x", "needs": ["skill:writing>=1200"]}, 409, "outside 0 to 1"),
        ({"task": "x", "needs": ["skill:writing>=-0.01"]}, 409, "outside 0 to 1"),
        ({"task": "x", "at": "soon"}, 400, "at cannot be"),
        ({"task": "x", "at": "2026-02-30T10:00"}, 422, "at cannot be"),
        ({"task": "x", "allow": ["refund"]}, 404, "no agent 'refund'"),
        ({"task": "x", "deny": ["nobody"]}, 404, "agents: bug-triage, contract-review"),
        ({"tasks": []}, 400, "tasks has 0"),
        ({"tasks": ["x"] * 1001}, 400, "tasks has 1001"),
        ({"tasks": [["x"]]}, 400, "tasks[0] must be"),
        ({"tasks": ["x"], "task": "x"}, 400, "unknown member 'task'"),
        (b" " * (9 << 20), 413, "larger than 8 MiB"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_with_the_reason(server: Running, body: Any, status: int, message: str) -> None:
    found, answer, _ = server.ask("POST", "/v1/decide", body)
    assert found == status
    assert set(answer["error"]) == {"code", "message", "fix"}
    assert message in f"{answer['error']['message']} ({answer['error']['fix']})"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "attacker.example"}, 421),
        ({"Host": "127.0.0.1.attacker.example:80"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_pages_of_other_sites_are_kept_out(server: Running, headers: dict[str, str], status: int) -> None:
    assert server.ask("POST", "/v1/decide", {"task": "x", "journal": False}, JSON | headers)[0] == status


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/decide", 405), ("PUT", "/healthz", 405), ("POST", "/metrics", 405), ("POST", "/x", 404), ("GET", "/x", 404)],
)
def test_other_methods_and_paths(server: Running, method: str, path: str, status: int) -> None:
    found, answer, headers = server.ask(method, path)
    assert (found, set(answer)) == (status, {"error"})
    assert ("Allow" in headers) == (status == 405)


@pytest.mark.parametrize(
    ("given", "path", "status"),
    [
        (None, "/v1/decide", 401),
        ("Bearer", "/v1/decide", 401),
        ("Bearer wrong", "/v1/decide", 401),
        ("Basic sesame", "/v1/decide", 401),
        ("Bearer sesame", "/v1/decide", 405),
        ("bearer  sesame", "/metrics", 200),
        (None, "/metrics", 401),
        (None, "/healthz", 200),
        (None, "/elsewhere", 401),
    ],
)
def test_a_token_is_wanted_where_one_is_set(server: Running, given: str | None, path: str, status: int) -> None:
    app = web.application(server.engine, None, "sesame")
    headers = [(b"host", b"any.example")] + ([] if given is None else [(b"authorization", given.encode())])
    assert asked(app, path, headers)[0] == status


def asked(app: guard.App, path: str, headers: list[tuple[bytes, bytes]], method: str = "GET", *, slow: bool = False) -> Any:
    """Status and headers of an application that is called without a server."""
    sent: list[Any] = []

    async def receive() -> Any:
        if slow:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": headers,
        "client": ("127.0.0.1", 9),
        "query_string": b"",
    }
    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return sent[0]["status"], dict(sent[0]["headers"])


def test_slow_bodies_and_too_many_at_a_time_are_refused(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    app = web.application(server.engine, (), None)
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.05)
    assert asked(app, "/v1/decide", headers, "POST", slow=True)[0] == 408
    monkeypatch.setattr(guard, "MOST", 0)
    status, found = asked(app, "/v1/decide", headers, "POST")
    assert (status, found[b"retry-after"]) == (503, b"1")
    assert server.engine.figures.in_flight == 0


def test_a_head_that_does_not_arrive_ends_the_connection(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "HEADER_SECONDS", 0.2)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: local")
        assert slow.recv(100) == b""


def test_a_bug_is_one_line_and_no_traceback(server: Running, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret\npath")

    monkeypatch.setattr(server.engine.current.delegator, "decide", broken)
    status, answer, _ = server.ask("POST", "/v1/decide", {"task": "x"})
    assert (status, answer["error"]["code"]) == (500, "bug")
    assert "secret" not in json.dumps(answer)
    assert capfd.readouterr().err == "bug: ZeroDivisionError: 'secret\\npath'\n"


def test_what_takes_too_long_is_given_up(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    monkeypatch.setattr(web, "SECONDS", 0.05)
    monkeypatch.setattr(server.engine.current.delegator, "decide", lambda *_: gate.wait(20))
    assert server.ask("POST", "/v1/decide", {"task": "x", "journal": False})[0] == 504
    gate.set()


def test_a_port_that_is_taken(invoke: Callable[..., Result], server: Running) -> None:
    port = server.url.rpartition(":")[2]
    result = invoke("serve", "--agents", SMALL, "--port", port)
    assert (result.code, "use another --port" in result.err) == (2, True)


# figures and health


def test_health_and_figures(server: Running) -> None:
    before = figures(server)
    server.decide({"tasks": TASKS})
    status, health, _ = server.ask("GET", "/healthz")
    assert (status, health["status"], health["problem"]) == (200, "ok", None)
    assert health["roster"] == {"path": SMALL, "sha256": load_roster(SMALL).sha256, "agents": 8}
    after = figures(server)
    assert after["delegate_decision_seconds_count"] - before.get("delegate_decision_seconds_count", 0) == len(TASKS)
    assert after['delegate_decision_seconds_bucket{le="+Inf"}'] == after["delegate_decision_seconds_count"]
    assert after['delegate_requests_total{path="/healthz",status="200"}'] >= 1
    assert after["delegate_agents"] == 8


def figures(server: Running) -> dict[str, float]:
    status, text, headers = server.ask("GET", "/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r'delegate_\w+(\{(\w+="[^"]*",?)+\})? [0-9.e+]+', line) for line in lines)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


# the roster changes


def test_a_changed_roster_is_loaded_and_a_broken_one_is_not(compiled: Path, tmp_path: Path, small: Path) -> None:
    home = copied(compiled, tmp_path / "served", small)
    said: list[str] = []
    engine = engine_of(home, small, say=said.append)
    with running(engine, web.application(engine, (), None), tmp_path) as server:
        first = engine.current.mark
        small.write_text(small.read_text().replace("id: refunds", "id: refunds\n    availability: {status: away}"))
        with engine.use() as old:
            wait(lambda: engine.current is not old)
            # who began with the former roster ends with it
            assert [each.agent for each in old.delegator.decide(TASK).excluded] == ["contract-review"]
        assert server.decide({"task": TASK})["excluded"][1]["agent"] == "refunds"
        assert engine.current.mark != first
        kept = engine.current
        small.write_text("agents: [")
        wait(lambda: engine.problem is not None)
        assert server.decide({"task": TASK})["excluded"][1]["agent"] == "refunds"
        assert engine.current is kept
        assert server.ask("GET", "/healthz")[1]["problem"] in said[-1]
        with pytest.raises(Gone, match="412"), Client(server.url, mark=kept.mark) as client:
            client.decide("x")  # it may no longer speak for the file
        assert dict(engine.figures.reloads) == {"ok": 1, "failed": 1}
    assert [line.split(":")[0] for line in said if "roster" in line] == [
        "the roster was loaded again",
        "the roster is not loaded again, the former one stays",
    ]
