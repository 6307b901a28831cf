"""What an endpoint can do: found out from a real server, and from scripted ones that refuse in the words real ones use."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llm
import pytest
from llm import Received, Reply, Scripted, completion, failure
from test_endpoints import ask, question, settings, using

from delegate_cli.endpoints import Capabilities
from delegate_cli.endpoints.cache import AnswerCache
from delegate_cli.endpoints.client import Client
from delegate_cli.errors import CredentialsError, EndpointError
from delegate_cli.settings import Llm

Answers = Callable[[Received], Reply]


def found(scripted: Scripted, answers: Answers, **values: Any) -> Capabilities:
    scripted.probe, scripted.reply = False, answers
    return using(Client(settings(scripted, **values), backoff=0.001), lambda client: client.capabilities())


def everything(request: Received) -> Reply:
    return Reply(completion('{"label":"A"}' if "response_format" in request.json else "A"))


def refusing(name: str, message: str, then: Answers = everything) -> Answers:
    return lambda request: failure(400, message) if name in request.json else then(request)


def at_most(most: int, message: str) -> Answers:
    return lambda request: failure(400, message) if request.json.get("top_logprobs", 0) > most else everything(request)


def reasoning(request: Received) -> Reply:
    body = request.json
    for name in ("logprobs", "temperature"):
        if name in body:
            return failure(400, f"Unsupported parameter: '{name}' is not supported with this model.", "unsupported_parameter")
    if "max_tokens" in body:
        return failure(400, "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
    return everything(request)


def thinking(request: Received) -> Reply:
    answer = completion("<think>Well", {"<think>": 1.0})
    answer["choices"][0]["message"]["reasoning_content"] = "Well"
    return Reply(completion("", finish="length") if "response_format" in request.json else answer)


def silent(request: Received) -> Reply:
    answer = everything(request).body
    answer["choices"][0].pop("logprobs")
    return Reply(answer)


CASES: list[tuple[Answers, Capabilities]] = [
    (everything, Capabilities(20, True, False)),
    (at_most(5, "Invalid value for 'top_logprobs': must be less than or equal to 5."), Capabilities(5, True, False)),
    (at_most(8, "top_logprobs too high: maximum 8, got 20"), Capabilities(8, True, False)),
    (refusing("logprobs", "logprobs are not supported by this back end"), Capabilities(0, True, False)),
    (refusing("logprobs", "Bad request"), Capabilities(0, True, False)),
    (refusing("response_format", "'response_format.type' must be 'text'"), Capabilities(20, False, False)),
    (refusing("max_tokens", "bad request", refusing("logprobs", "bad request")), Capabilities(0, True, True)),
    (silent, Capabilities(0, True, False)),
    (lambda request: Reply(completion("A")), Capabilities(20, False, False)),
    (reasoning, Capabilities(0, True, True)),
    (thinking, Capabilities(0, True, True)),
]


@pytest.mark.parametrize(("answers", "capabilities"), CASES, ids=range(len(CASES)))
def test_what_servers_say_they_can(scripted: Scripted, answers: Answers, capabilities: Capabilities) -> None:
    assert found(scripted, answers) == capabilities
    assert len(scripted.received) <= 6
    assert all(json.loads(body)["messages"] == [{"role": "user", "content": llm.PROBE}] for body in scripted.bodies)


def test_the_real_server_can_everything(llama: llm.Llama) -> None:
    client = Client(Llm(base_url=llama.base_url, model=llama.model))
    assert using(client, lambda client: client.capabilities()) == Capabilities(20, True, False)


def test_it_is_remembered_and_forgotten_after_a_month(
    scripted: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probed() -> int:
        client = Client(settings(scripted), cache=AnswerCache(tmp_path / "answers.sqlite"))
        assert using(client, lambda client: client.capabilities()).top_logprobs == 20
        return len(scripted.probes)

    assert [probed(), probed()] == [2, 2]
    real = time.time
    monkeypatch.setattr("delegate_cli.endpoints.probe.time.time", lambda: real() + 31 * 86400)
    assert probed() == 4


@pytest.mark.parametrize(
    "otherwise",
    [silent(Received("POST", "", {}, b"{}", 0.0)), failure(400, "logprobs is not supported")],
    ids=["silent", "refusing"],
)
def test_it_is_asked_again_when_the_endpoint_answers_otherwise(scripted: Scripted, tmp_path: Path, otherwise: Reply) -> None:
    cache = AnswerCache(tmp_path / "answers.sqlite")
    client = Client(settings(scripted), cache=cache)

    async def work(client: Client) -> Capabilities:
        await client.capabilities()
        scripted.replies = [otherwise]
        with suppress(EndpointError):
            await client.ask(question(logprobs=True, top_logprobs=20))
        assert client._capabilities is None
        return await client.capabilities()

    using(client, work)
    assert len(scripted.probes) == 4


def test_an_endpoint_that_cannot_be_probed(scripted: Scripted) -> None:
    with pytest.raises(CredentialsError):
        found(scripted, lambda request: failure(401))
    with pytest.raises(EndpointError, match="does not accept the request"):
        found(scripted, lambda request: failure(400, "no chat here"))
    with pytest.raises(EndpointError, match="all 1 calls"):
        found(scripted, everything, max_calls=1)


def test_probes_are_not_kept_as_answers(scripted: Scripted, tmp_path: Path) -> None:
    client = Client(settings(scripted), cache=AnswerCache(tmp_path / "answers.sqlite"))
    ask(client, question(llm.PROBE))
    ask(client, question(llm.PROBE, seed=1))
    assert len(scripted.probes) == 2
