"""`delegate mcp` with the SDK's own client: over stdin and stdout, over HTTP, and in the process for what is no transport's."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from serving import Running, copied, engine_of, running
from shell import COMMAND, SMALL, TIMEOUT, Result, environment

from delegate_cli import Journal
from delegate_cli.render.schema import decision_schema
from delegate_cli.serving import mcp_server
from delegate_cli.serving.engine import Engine

TASK = "Refund the shoes I sent back"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
TOOLS = ["which_agent", "list_agents", "explain_decision", "record_outcome"]


@pytest.fixture(scope="module")
def engine(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return engine_of(copied(compiled, tmp_path_factory.mktemp("mcp") / "home"))


def talk(server: Any, conversation: Callable[[Client], Awaitable[None]], mode: str = "auto") -> None:
    """Hold a conversation with a server, from a loop of its own."""

    async def hold() -> None:
        async with Client(server, mode=mode) as client:
            await conversation(client)

    asyncio.run(asyncio.wait_for(hold(), TIMEOUT))


async def whole(client: Client) -> None:
    """A conversation that uses everything once."""
    listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == TOOLS
    assert listed[0].output_schema == decision_schema()
    decided = await client.call_tool("which_agent", {"task": TASK, "top": 2, "previous": None})
    record = decided.structured_content
    assert not decided.is_error
    assert (record["candidates"][0]["agent"], len(record["candidates"])) == ("refunds", 2)
    assert json.loads(decided.content[0].text) == record  # type: ignore[union-attr]
    agents = await client.call_tool("list_agents", {"kind": "human"})
    assert [each["id"] for each in agents.structured_content["agents"]] == ["garden", "travel-desk"]
    said = await client.call_tool("record_outcome", {"id": record["id"], "agent": "garden", "success": False, "seconds": 4})
    assert said.structured_content == {
        "decision": record["id"],
        "verdict": "agent",
        "agent": "garden",
        "success": False,
        "seconds": 4,
    }
    why = (await client.call_tool("explain_decision", {"id": "last"})).structured_content
    assert (why["decision"]["id"], why["asked"]["top"], why["answer"]["agent"]) == (record["id"], 2, "garden")
    resources = (await client.list_resources()).resources
    roster = json.loads((await client.read_resource(resources[0].uri)).contents[0].text)  # type: ignore[union-attr]
    assert len(roster["agents"]) == 8
    (template,) = (await client.list_resource_templates()).resource_templates
    card = json.loads((await client.read_resource(template.uri_template.replace("{id}", "refunds"))).contents[0].text)  # type: ignore[union-attr]
    assert (card["id"], len(card["examples"])) == ("refunds", 5)


# transports


def test_over_stdio(kept: Path) -> None:
    """Each request is a line of the protocol; notes go to stderr."""
    env = {**environment(), "DELEGATE_HOME": str(kept)}
    server = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "mcp", "--agents", SMALL], env=env)
    talk(server, whole)
    assert len(list(Journal(kept / "journal.sqlite").entries())) == 1


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_http(compiled: Path, tmp_path: Path, mode: str) -> None:
    engine = engine_of(copied(compiled, tmp_path / "home"))
    with running(engine, mcp_server.application(engine, (), None), tmp_path, lifespan=True) as server:
        talk(f"{server.url}/mcp", whole, mode)
        assert engine.figures.requests["/mcp", 200] > 5
        kept_out(server)


def kept_out(server: Running) -> None:
    for headers, status in (({"Host": "attacker.example"}, 421), ({"Origin": "http://attacker.example"}, 403)):
        assert server.ask("POST", "/mcp", {}, {"Content-Type": "application/json"} | headers)[0] == status
    assert server.ask("POST", "/mcp", {}, {})[0] == 415


def test_over_http_with_a_token(engine: Engine, compiled: Path, tmp_path: Path) -> None:
    other = engine_of(copied(compiled, tmp_path / "home"))
    with running(other, mcp_server.application(other, None, "sesame"), tmp_path, lifespan=True) as server:
        with pytest.raises(ExceptionGroup):
            talk(f"{server.url}/mcp", whole)
        assert {status for _, status in other.figures.requests} == {401}

        @asynccontextmanager
        async def with_token() -> AsyncIterator[Any]:
            headers = {"Authorization": "Bearer sesame"}
            async with (
                httpx2.AsyncClient(headers=headers) as client,
                streamable_http_client(f"{server.url}/mcp", http_client=client) as streams,
            ):
                yield streams

        talk(with_token(), whole)


def test_fifty_calls_at_a_time(engine: Engine) -> None:
    async def many(client: Client) -> None:
        found = await asyncio.gather(*(client.call_tool("which_agent", {"task": f"{TASK} {n}"}) for n in range(50)))
        assert {each.structured_content["candidates"][0]["agent"] for each in found} == {"refunds"}

    talk(mcp_server.server(engine), many)


# what is said


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("which_agent", {}, "no 'task'"),
        ("which_agent", {"task": ""}, "task cannot be"),
        ("which_agent", {"task": "x", "allow": ["refund"]}, "no agent 'refund'"),
        ("which_agent", {"task": "x", "temperature": 1}, "unknown member 'temperature'"),
        ("explain_decision", {"id": "ffffffff"}, "has no decision ffffffff"),
        ("record_outcome", {"id": "ffffffff", "right": True}, "has no decision ffffffff"),
        ("record_outcome", {"id": "last"}, "nothing is said"),
        ("record_outcome", {"id": "last", "agent": "nobody-known"}, "no agent 'nobody-known'"),
        ("record_outcome", {"id": "last", "score": 7}, "score must lie"),
    ],
)
def test_a_mistake_is_told_to_the_model(engine: Engine, tool: str, arguments: dict[str, Any], message: str) -> None:
    async def mistaken(client: Client) -> None:
        await client.call_tool("which_agent", {"task": TASK})
        found = await client.call_tool(tool, arguments)
        assert found.is_error
        assert message in found.structured_content["error"]["message"]
        if tool == "which_agent":
            assert (found.structured_content["status"], found.structured_content["v"]) == ("error", 1)

    talk(mcp_server.server(engine), mistaken)


def test_what_there_is_not(engine: Engine) -> None:
    async def ask(client: Client) -> None:
        with pytest.raises(MCPError, match="there is no tool 'x'"):
            await client.call_tool("x", {})
        for uri in ("delegate://agents/nobody", "delegate://agents/", "file:///etc/passwd"):
            with pytest.raises(MCPError, match="there is no resource"):
                await client.read_resource(uri)

    talk(mcp_server.server(engine), ask)


def test_a_card_that_stays_here_is_not_quoted(compiled: Path, tmp_path: Path, small: Path) -> None:
    small.write_text(small.read_text().replace("id: refunds", "id: refunds\n    local_only: true"))
    engine = engine_of(copied(compiled, tmp_path / "home", small), small)

    async def ask(client: Client) -> None:
        answers = [
            (await client.call_tool("which_agent", {"task": TASK, "explain": True})).structured_content,
            (await client.call_tool("explain_decision", {})).structured_content,
            (await client.call_tool("list_agents", {})).structured_content,
            (await client.read_resource("delegate://agents/refunds")).contents[0].text,  # type: ignore[union-attr]
        ]
        assert answers[0]["agent"] == "refunds"
        text = json.dumps(answers)
        assert "headphones" not in text
        assert "second pair" not in text
        assert "release notes" in text

    talk(mcp_server.server(engine), ask)
    engine.close()


# the command


@pytest.fixture
def start(kept: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """The command, which has answered one request over stdin where it serves that."""
    started = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen([*COMMAND, "mcp", "--agents", SMALL, *arguments], env=environment(), text=True, **pipes)
        started.append(process)
        if "--http" not in arguments:
            process.stdin.write(json.dumps(HELLO) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert (answer["id"], answer["result"]["serverInfo"]["name"]) == (1, "delegate")
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_stdout_has_only_the_protocol_and_the_end_is_quiet(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("--verbose")
    out, err = process.communicate("nonsense\n", timeout=TIMEOUT)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert process.returncode == 0
    assert err.startswith("roster ")


def test_ctrl_c_ends_it_while_it_waits_for_stdin(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start()
    process.send_signal(signal.SIGINT)
    assert (process.wait(TIMEOUT), process.stderr.read()) == (130, "interrupted\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "1"), "are for --http"),
        (("--http", "--host", "0.0.0.0"), "would let others ask"),
        (("--agents", "missing.yaml"), "no such file"),
    ],
)
def test_what_cannot_be_served(invoke: Callable[..., Result], arguments: tuple[str, ...], message: str) -> None:
    result = invoke("mcp", "--agents", SMALL, *arguments)
    assert (result.code, result.out, message in result.err) == (2, "", True)
