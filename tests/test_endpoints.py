"""Asking a model endpoint: bytes, limits, keys and payment, against a real llama.cpp server and a scripted one."""

import asyncio
import json
import os
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import llm
import pytest
from llm import KEY, Received, Reply, Scripted, completion, failure, forward

from delegate_cli.endpoints import Request, is_loopback
from delegate_cli.endpoints.cache import AnswerCache
from delegate_cli.endpoints.client import Client, open_client
from delegate_cli.endpoints.wire import encode_body
from delegate_cli.errors import BudgetError, CredentialsError, EndpointError, SettingsError
from delegate_cli.settings import Llm, Prices, Settings

Found = TypeVar("Found")
DOLLAR = Prices(10_000.0, 0.0)  # of which 100 tokens, as `completion` counts them, cost 1 USD


def settings(scripted: Scripted, **values: Any) -> Llm:
    return Llm(**{"base_url": scripted.base_url, "model": "m", "timeout_s": 20.0, **values})


def question(text: str = "A or B?", **more: Any) -> Request:
    return Request("chat/completions", {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 1, **more})


def using(client: Client, work: Callable[[Client], Awaitable[Found]]) -> Found:
    async def inside() -> Found:
        async with client:
            return await work(client)

    return asyncio.run(inside())


def ask(client: Client, *requests: Request) -> list[Any]:
    """Replies or errors, all asked at once."""

    async def work(client: Client) -> list[Any]:
        return list(await asyncio.gather(*(client.ask(each) for each in requests), return_exceptions=True))

    return using(client, work)


# what is sent


def test_the_server_receives_the_bytes_of_encode_body(scripted: Scripted, llama: llm.Llama) -> None:
    scripted.reply = forward(llama.base_url)
    request = question('Grüße, 世界 \u2028 🜚 " \\ \n: answer with the letter B', logprobs=True, top_logprobs=20, temperature=0)
    (reply,) = ask(Client(settings(scripted)), request)
    assert scripted.bodies == [encode_body(request.body)]
    assert scripted.received[0].path == "/v1/chat/completions"
    assert reply.model == llama.model
    assert reply.input_tokens > 10
    assert reply.output_tokens == 1
    assert len(reply.body["choices"][0]["logprobs"]["content"][0]["top_logprobs"]) == 20


@pytest.mark.parametrize("path", ["chat/completions", "embeddings", "decisions", "systemone"])
def test_paths_are_relative_to_the_base_url(scripted: Scripted, path: str) -> None:
    ask(Client(settings(scripted, base_url=scripted.base_url + "/")), Request(path, {"model": "m"}))
    assert scripted.received[0].path == f"/v1/{path}"


def test_the_sdk_is_there_for_typed_calls(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply({"id": "d", "model": "m", "object": "decision", "answers": [], "usage": {}})

    async def work(client: Client) -> None:
        await client.sdk().decisions.create(model="gpt-6-luna", input="hello", questions=[])

    using(Client(settings(scripted)), work)
    assert scripted.received[0].path == "/v1/decisions"
    assert "authorization" not in scripted.received[0].headers


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.8.9.1/v1", True),
        ("http://[::1]:80/v1", True),
        ("http://127.0.0.1.example.org/v1", False),
        ("http://localhost.example.org", False),
        ("https://api.openai.com/v1", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0", False),
    ],
)
def test_what_is_this_machine(url: str, local: bool) -> None:
    assert is_loopback(url) is local


def test_a_local_only_roster_sends_nothing_elsewhere(scripted: Scripted) -> None:
    client = Client(Llm(base_url="http://example.invalid/v1", model="m"), local_only=True)
    (error,) = ask(client, question())
    assert isinstance(error, EndpointError)
    assert "local_only" in error.message
    with pytest.raises(EndpointError, match="local_only"):
        using(client, lambda client: client.capabilities())
    assert not isinstance(ask(Client(settings(scripted), local_only=True), question())[0], Exception)


def test_redirections_are_not_followed(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply("", 307, {"location": scripted.base_url + "/elsewhere"})
    (error,) = ask(Client(settings(scripted)), question())
    assert "redirects elsewhere (307)" in error.message
    assert len(scripted.received) == 1


def test_a_proxy_of_the_environment_does_not_see_what_is_local(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert not isinstance(ask(Client(settings(scripted)), question())[0], Exception)


# keys


def test_a_key_goes_where_it_belongs(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "our-organisation")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin")
    ask(Client(settings(scripted)), question())
    headers = scripted.received[-1].headers
    assert "authorization" not in headers
    assert not {"our-organisation", "sk-admin", KEY} & set(headers.values())
    monkeypatch.setenv("MY_KEY", KEY + "\n")
    ask(Client(settings(scripted, key_env="MY_KEY")), question())
    assert scripted.received[-1].headers["authorization"] == f"Bearer {KEY}"
    monkeypatch.setenv("OPENAI_BASE_URL", scripted.base_url)
    ask(Client(settings(scripted, base_url=None)), question())
    assert scripted.received[-1].headers["authorization"] == f"Bearer {KEY}"


def test_a_key_command_is_run_without_a_shell(scripted: Scripted, tmp_path: Path) -> None:
    ask(Client(settings(scripted, key_command=("printf", "%s\n", f"{KEY};$(touch {tmp_path}/made)".split(";")[0]))), question())
    assert scripted.received[0].headers["authorization"] == f"Bearer {KEY}"
    (error,) = ask(Client(settings(scripted, key_command=("echo", f"$(touch {tmp_path}/made)"))), question())
    assert isinstance(error, CredentialsError)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"key_env": "NOT_SET"}, "the variable NOT_SET of llm.key_env is not set"),
        ({"key_command": ("false",)}, "the key command 'false' failed with exit code 1"),
        ({"key_command": ("/no/such/thing", KEY)}, "cannot be run"),
        ({"key_command": ("true",)}, "printed no key"),
        ({"base_url": None}, "no key for api.openai.com"),
    ],
)
def test_a_missing_key_is_said_before_anything_is_sent(scripted: Scripted, values: dict[str, Any], words: str) -> None:
    (error,) = ask(Client(settings(scripted, **values)), question())
    assert isinstance(error, CredentialsError)
    assert error.exit_code == 3
    assert words in error.message
    assert error.fix
    assert KEY not in repr(error) + error.fix
    assert scripted.received == []


def test_no_key_is_ever_shown_or_kept(scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    said: list[str] = []
    cache = AnswerCache(tmp_path / "answers.sqlite", say=said.append)
    client = Client(settings(scripted, key_env="MY_KEY", retries=0), cache=cache)
    scripted.replies = [
        failure(401, f"Incorrect API key provided: {KEY}", "invalid_api_key"),
        failure(500, f"Bearer {KEY} broke it"),
        Reply(json.dumps({"error": f"{KEY} again"})),
        Reply(completion("B")),
    ]
    found = [ask(client, question(str(number)))[0] for number in range(4)]
    assert [type(each).__name__ for each in found] == ["CredentialsError", "EndpointError", "EndpointError", "Reply"]
    shown = [*map(repr, found), *(each.fix + str(each.as_dict()) for each in found[:3]), repr(client), repr(client.llm), *said]
    cache.close()
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in files + "".join(shown).encode()
    assert b"A or B?" not in files


# what is paid


def test_equal_requests_in_flight_are_paid_once(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion("A"), delay=0.2)
    client = Client(settings(scripted, prices=DOLLAR))
    replies = ask(client, *[question()] * 5, question("another"))
    assert len(scripted.received) == 2
    assert [reply.cached for reply in replies] == [False, True, True, True, True, False]
    assert sum(reply.cost_usd for reply in replies) == pytest.approx(2.0)
    assert client.usage.as_dict() == {
        **{"calls": 2, "cached": 4, "retries": 0, "failures": 0},
        **{"input_tokens": 200, "output_tokens": 2, "cost_usd": pytest.approx(2.0)},
    }


def test_one_who_stops_waiting_does_not_take_the_answer_from_the_others(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion("A"), delay=0.3)

    async def work(client: Client) -> Any:
        first = asyncio.create_task(client.ask(question()))
        second = asyncio.create_task(client.ask(question()))
        await asyncio.sleep(0.1)
        first.cancel()
        return await second

    assert using(Client(settings(scripted)), work).model == Scripted.model
    assert len(scripted.received) == 1


def test_without_prices_there_are_no_dollars(scripted: Scripted) -> None:
    client = Client(settings(scripted))
    assert ask(client, question())[0].cost_usd is None
    assert client.usage.cost_usd is None
    scripted.replies = [Reply({**completion("A"), "usage": None})]
    client = Client(settings(scripted, prices=DOLLAR))
    assert ask(client, question())[0].cost_usd is None  # the server did not count


def test_the_number_of_calls_is_never_exceeded_also_by_retries(scripted: Scripted) -> None:
    scripted.reply = lambda request: failure(500)
    client = Client(settings(scripted, max_calls=7), backoff=0.001)
    errors = ask(client, *[question(str(number)) for number in range(6)])
    assert len(scripted.received) == 7
    assert {type(error) for error in errors} == {BudgetError}
    assert "all 7 calls" in errors[0].message


def test_the_budget_is_not_exceeded(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion("A", tokens=(25, 1)), delay=0.01)  # fewer than estimated
    client = Client(settings(scripted, prices=DOLLAR, budget_usd=5.0, concurrency=4))
    found = ask(client, *[question(str(number)) for number in range(40)])
    paid = [each for each in found if not isinstance(each, Exception)]
    assert {type(each) for each in found} == {BudgetError, type(paid[0])}
    assert len(paid) == len(scripted.received)
    assert 4.5 < sum(reply.cost_usd for reply in paid) <= 5.0  # what is in flight is waited for, so that little is left


def test_an_answer_that_is_lost_counts_as_spent(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion("A"), cut="within")
    client = Client(settings(scripted, prices=DOLLAR, budget_usd=1.0, retries=9), backoff=0.001)
    (error,) = ask(client, question())
    assert isinstance(error, BudgetError)
    assert len(scripted.received) <= 4
    assert client.usage.cost_usd == 0.0  # nothing is known of what it cost


def test_concurrency_and_pace(scripted: Scripted) -> None:
    flying, most = 0, 0

    def reply(request: Received) -> Reply:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        time.sleep(0.02)
        flying -= 1
        return Reply(completion("A"))

    scripted.reply = reply
    ask(Client(settings(scripted, concurrency=3)), *[question(str(number)) for number in range(12)])
    assert most == 3
    del scripted.received[:]
    ask(Client(settings(scripted, rate_limit_rpm=1200)), *[question(f"again {number}") for number in range(5)])
    times = sorted(each.at for each in scripted.received)
    assert times[-1] - times[0] > 0.15  # 50 ms from one to the next


def test_a_client_serves_several_event_loops(scripted: Scripted) -> None:
    client = Client(settings(scripted))
    for number in range(3):
        assert not isinstance(ask(client, question(str(number)))[0], Exception)


def test_there_must_be_a_model(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="no model to ask"):
        Client(Llm(base_url=scripted.base_url))
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL is not a web address"):
        Client(Llm(model="m"))


def test_the_client_of_settings_keeps_answers_at_home(scripted: Scripted) -> None:
    chosen = Settings(llm=settings(scripted))
    kept = Path(os.environ["DELEGATE_HOME"]) / "answers.sqlite"
    assert not ask(open_client(chosen, cache=False), question())[0].cached
    assert not kept.exists()
    assert not ask(open_client(chosen), question())[0].cached
    assert ask(open_client(chosen), question())[0].cached
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(scripted.received) == 2
