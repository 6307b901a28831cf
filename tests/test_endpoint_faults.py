"""What real servers do wrong: each fault one by one, and all of them among 500 requests at once."""

import asyncio
import collections
import itertools
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm import KEY, Received, Reply, Scripted, completion, failure
from test_endpoints import DOLLAR, ask, question, settings

from delegate_cli.endpoints import probe
from delegate_cli.endpoints.cache import AnswerCache
from delegate_cli.endpoints.client import Client
from delegate_cli.endpoints.faults import Fault, Place, of_status, read_answer, retry_after
from delegate_cli.endpoints.wire import counted_tokens
from delegate_cli.errors import CredentialsError, DelegateError, EndpointError, RefusedRequest

HTML = Reply("<html><body>Bad gateway</body></html>", 502, {"content-type": "text/html"})
FILTERED = failure(400, "The response was filtered", "content_filter")
FIELDS = ["choices", "message", "error", "usage", "prompt_tokens", "content", "code", "finish_reason", "logprobs", "model"]
TRANSIENT = {
    "408": failure(408),
    "409": failure(409),
    "429": failure(429, "slow down", retry_after="0"),
    "500": failure(500),
    "html": HTML,
    "503": failure(503, "loading model", retry_after="0.01"),
    "529": failure(529, "overloaded"),
    "cut before": Reply(cut="before"),
    "cut within": Reply(completion("A"), cut="within"),
    "broken JSON": Reply('{"choices": [{"index": 0, "mess'),
    "not JSON": Reply("ok"),
    "a list": Reply([]),
    "deep": Reply("[" * 100_000),
    "an error with 200": Reply({"error": {"message": "out of memory", "code": 500}}),
    "empty choices": Reply({**completion("A"), "choices": []}),
    "no message": Reply({**completion("A"), "choices": [{"index": 0}]}),
    "null choices": Reply({**completion("A"), "choices": None}),
}
FINAL = {
    "400": (
        failure(400, "top_logprobs must be at most 5"),
        "does not accept the request (400: top_logprobs must be at most 5)",
    ),
    "401": (failure(401, "bad key", "invalid_api_key"), "refuses the key (401: bad key)"),
    "403": (failure(403, "no access"), "refuses this key or model (403: no access)"),
    "404": (failure(404, "no such model", "model_not_found"), "knows no model 'm' or no such path (404: no such model)"),
    "501": (failure(501, "This model is not a decision model"), "cannot do this (501: This model is not a decision model)"),
    "quota": (failure(429, "You exceeded your quota", "insufficient_quota"), "the quota at"),
    "filter": (FILTERED, "filtered the request (400"),
    "filtered answer": (Reply(completion("", finish="content_filter")), "filtered the answer"),
    "asks to wait an hour": (failure(429, retry_after="3600"), "it asks to wait 3600 s"),
    "escapes": (failure(422, "\x1b[31mred\r\n" + "long " * 100), "does not accept the request (422: [31mred long"),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_may_pass_is_tried_again(scripted: Scripted, name: str) -> None:
    scripted.replies = [TRANSIENT[name]] * 2
    client = Client(settings(scripted), backoff=0.001)
    (reply,) = ask(client, question())
    assert not isinstance(reply, Exception)
    assert (client.usage.calls, client.usage.retries, client.usage.failures) == (3, 2, 0)
    assert len(set(scripted.bodies)) == 1


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_does_not_pass_is_said_on_one_line(scripted: Scripted, name: str) -> None:
    scripted.reply = lambda request: TRANSIENT[name]
    client = Client(settings(scripted, retries=2), backoff=0.001)
    (error,) = ask(client, question())
    assert type(error) is EndpointError
    host = scripted.base_url.split("/")[2]
    assert host in error.message
    assert error.message.endswith("3 attempts")
    assert error.fix
    assert (error.message + error.fix).isprintable()
    assert len(error.message) < 250
    assert (client.usage.calls, client.usage.failures) == (3, 1)


@pytest.mark.parametrize("name", FINAL)
def test_what_will_not_pass_is_not_tried_again(scripted: Scripted, name: str) -> None:
    reply, words = FINAL[name]
    scripted.reply = lambda request: reply
    (error,) = ask(Client(settings(scripted), backoff=0.001), question())
    assert isinstance(error, EndpointError)
    assert words in error.message
    assert error.fix
    assert error.message.isprintable()
    assert len(error.message) < 300
    assert len(scripted.received) == 1
    assert isinstance(error, CredentialsError) is (name in ("401", "403"))
    assert error.exit_code == (3 if name in ("401", "403") else 4)
    assert isinstance(error, RefusedRequest) is (name in ("400", "escapes"))


def test_an_endpoint_that_is_down(scripted: Scripted) -> None:
    (error,) = ask(Client(settings(scripted, base_url="http://127.0.0.1:9/v1", retries=1), backoff=0.001), question())
    assert error.message.startswith("cannot reach 127.0.0.1:9 (")
    assert "start the server" in error.fix
    (error,) = ask(Client(settings(scripted, base_url="http://no.such.host.invalid/v1", retries=0)), question())
    assert "cannot reach no.such.host.invalid" in error.message


def test_an_endpoint_that_is_too_slow(scripted: Scripted) -> None:
    scripted.replies = [Reply(completion("A"), delay=1.0)] * 2
    started = time.monotonic()
    (error,) = ask(Client(settings(scripted, timeout_s=0.1, retries=1), backoff=0.001), question())
    assert "no answer within 0.1 s, 2 attempts" in error.message
    assert time.monotonic() - started < 0.9


def test_an_endpoint_that_is_gone_is_not_waited_for_by_every_task(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion("A"), delay=0.2 if b"slow" in request.body else 0.0)
    client = Client(settings(scripted, timeout_s=0.1, retries=2, concurrency=1), backoff=0.001)
    ask(client, *[question(f"slow {number}") for number in range(10)])
    assert client.usage.calls == 3 * 3 + 7
    assert not isinstance(ask(client, question("quick"))[0], Exception)
    ask(client, question("slow again"))
    assert client.usage.calls == 3 * 3 + 7 + 1 + 3


def test_retry_after_holds_back_all_requests(scripted: Scripted) -> None:
    scripted.replies = [failure(429, retry_after="0.5")]
    client = Client(settings(scripted, concurrency=1), backoff=0.001)
    ask(client, *[question(str(number)) for number in range(3)])
    times = [each.at for each in scripted.received]
    assert times[1] - times[0] >= 0.5
    assert len(times) == 4


def test_retry_after_in_every_form() -> None:
    now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
    assert retry_after({"retry-after": "7"}, now) == 7
    assert retry_after({"retry-after-ms": "250", "retry-after": "7"}, now) == 0.25
    assert retry_after({"retry-after": format_datetime(now + timedelta(seconds=90), usegmt=True)}, now) == 90
    assert retry_after({"retry-after": format_datetime(now - timedelta(seconds=90), usegmt=True)}, now) == 0
    for nonsense in ("soon", "-1", "nan", "inf", "Mon, 99 Foo 2026", ""):
        assert retry_after({"retry-after": nonsense}, now) is None
    assert retry_after({}, now) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()), st.integers(200, 599), st.text(max_size=20))
def test_whatever_a_server_says_is_an_answer_or_one_line(content: bytes, status: int, after: str) -> None:
    place = Place("127.0.0.1:1", "m", KEY)
    try:
        if status == 200:
            body = read_answer("chat/completions", content, place)
            assert all(0 <= count < 10**9 for count in counted_tokens(body))
            assert isinstance(body["choices"][0]["message"], dict)
            probe.has_logprobs(body)
            return
        fault = of_status(status, {"retry-after": after}, content, place)
    except Fault as raised:
        fault = raised
    assert fault.error.message.isprintable()
    assert len(fault.error.message) < 250
    assert fault.wait is None or fault.wait >= 0


def test_backing_off_grows(scripted: Scripted) -> None:
    scripted.reply = lambda request: failure(500)
    ask(Client(settings(scripted, retries=3), backoff=0.1), question())
    times = [each.at for each in scripted.received]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert [gap >= 0.05 * 2**place for place, gap in enumerate(gaps)] == [True] * 3


def test_500_requests_with_every_fault_among_them(scripted: Scripted, tmp_path: Any) -> None:
    """Every second attempt meets one of 20 faults, each in its turn; a fifth of the questions is asked twice."""
    faults = [*TRANSIENT.values(), failure(401), FILTERED, Reply(completion("A"), delay=4.0)]
    count = itertools.count()
    answered: collections.Counter[bytes] = collections.Counter()

    def reply(request: Received) -> Reply:
        number = next(count)
        if number % 2 == 0:
            return faults[number // 2 % len(faults)]
        answered[request.body] += 1
        return Reply(completion("A", tokens=(10, 1)))

    scripted.reply = reply
    cache = AnswerCache(tmp_path / "answers.sqlite")
    chosen = settings(scripted, prices=DOLLAR, budget_usd=1000.0, concurrency=32, retries=6, timeout_s=3.0)
    client = Client(chosen, cache=cache, backoff=0.001)
    asked = [question(f"number {number % 400}") for number in range(500)]
    found = ask(client, *asked)
    errors = [each for each in found if isinstance(each, Exception)]
    assert all(isinstance(error, DelegateError) and error.fix for error in errors)
    assert len(found) == 500
    assert 0 < len(errors) < 100
    assert max(answered.values()) == 1  # nobody's answer was paid for twice
    free = [each for each in found if not isinstance(each, Exception) and each.cached]
    assert len(free) > 20
    assert client.usage.calls == len(scripted.received)
    assert client.usage.calls == len(found) - client.usage.cached - _joined(errors, client) + client.usage.retries


def _joined(errors: list[Any], client: Client) -> int:
    """Asks that failed with the request that they had joined, which is counted once."""
    return len(errors) - client.usage.failures


def test_equal_failing_requests_fail_together(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(failure(404).body, 404, delay=0.2)
    found = ask(Client(settings(scripted)), *[question()] * 3)
    assert [type(each) for each in found] == [EndpointError] * 3
    assert len(scripted.received) == 1


def test_closing_gives_up_what_is_in_flight(scripted: Scripted) -> None:
    scripted.reply = lambda request: Reply(completion("A"), delay=5.0)

    async def work() -> float:
        client = Client(settings(scripted))
        waiting = asyncio.create_task(client.ask(question()))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        await client.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return time.monotonic() - started

    assert asyncio.run(work()) < 3.0
