"""Encoders that are endpoints: the whole path of a task with a real server's vectors, and what a scripted one does wrong."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llm
import numpy as np
import pytest
import yaml
from llm import KEY, Received, Reply, Scripted, failure
from shell import Result

from delegate_cli.encoders import catalog
from delegate_cli.encoders.remote import BATCH, RemoteEncoder
from delegate_cli.errors import CredentialsError, EncoderError, EndpointError, SettingsError
from delegate_cli.settings import Llm, Settings


def vectors(request: Received) -> Reply:
    """Vectors of 4 numbers that follow from the text, out of order, as the standard allows."""
    texts = request.json["input"]
    data = [{"index": place, "embedding": [len(text), place + 1, 0, 3]} for place, text in enumerate(texts)]
    return Reply({"data": data[::-1], "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}})


def answering(*rows: Any) -> Callable[[Received], Reply]:
    return lambda request: Reply({"data": [{"index": place, "embedding": row} for place, row in enumerate(rows)]})


Make = Callable[..., RemoteEncoder]


@pytest.fixture
def make(scripted: Scripted, tmp_path: Path) -> Iterator[Make]:
    """An encoder at the scripted server, which is closed after the test."""
    scripted.reply = vectors
    made: list[RemoteEncoder] = []
    before = set(threading.enumerate())  # commands of other tests in this process end with it

    def make(name: str = "", local_only: bool = False, home: Path = tmp_path / "kept", **values: Any) -> RemoteEncoder:
        source = catalog.find(name or f"{scripted.base_url}#m")
        settings = Settings(llm=Llm(**{"retries": 0, "timeout_s": 20.0, **values}))
        made.append(RemoteEncoder(source, home, settings, local_only, said.append))
        return made[-1]

    said: list[str] = []
    yield make
    for encoder in made:
        encoder.close()
    assert said == []
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "delegate-endpoint"]


@pytest.mark.usefixtures("kept")
def test_a_whole_roster_is_decided_with_vectors_of_a_real_server(
    invoke: Callable[..., Result], small: Path, llama: llm.Llama
) -> None:
    name = f"{llama.base_url}#{llama.model}"
    made = invoke("index", "rebuild", "--agents", str(small), "--encoder", name, "--format", "json")
    assert made.code == 0, made.err
    assert made.json["encoder"].endswith("-remote-576")
    assert made.json["embedded"] > 30
    found = invoke("route", "--agents", str(small), "--encoder", name, "--format", "json", "Refund the second pair")
    assert found.json["candidates"][0]["agent"] == "refunds"
    assert found.json["decider"]["model"] == f"{llama.model} at {name.split('/')[2]}"
    assert invoke("index", "status", "--agents", str(small), "--encoder", name).code == 0
    assert invoke("index", "verify", "--agents", str(small), "--encoder", name).code == 0
    assert "encoder has changed" in invoke("index", "status", "--agents", str(small)).out


@pytest.mark.usefixtures("kept")
def test_the_index_is_made_in_batches_and_texts_are_asked_for_once(
    invoke: Callable[..., Result], small: Path, scripted: Scripted
) -> None:
    scripted.reply = vectors
    name = f"{scripted.base_url}#m"
    made = invoke("index", "rebuild", "--agents", str(small), "--encoder", name, "--format", "json")
    assert made.code == 0, made.err
    asked = [text for request in scripted.received for text in request.json["input"]]
    assert len(asked) == len(set(asked)) == made.json["embedded"] + 1  # and once for the dimension
    assert len(scripted.received) == 1 + -(-made.json["embedded"] // BATCH)
    roster = yaml.safe_load(small.read_text())
    roster["agents"][0]["examples"].append("Give me back the money for the lamp")
    small.write_text(json.dumps(roster))
    assert invoke("index", "rebuild", "--agents", str(small), "--encoder", name).code == 0
    assert scripted.received[-1].json["input"] == ["Give me back the money for the lamp"]
    before = len(scripted.received)
    for _ in range(2):
        invoke("route", "--agents", str(small), "--encoder", name, "--format", "json", "A new task")
    assert len(scripted.received) == before + 1


@pytest.mark.usefixtures("kept")
def test_a_line_of_a_batch_without_a_vector_is_an_error_line(
    invoke: Callable[..., Result], small: Path, scripted: Scripted
) -> None:
    arguments = ["route", "--agents", str(small), "--encoder", f"{scripted.base_url}#m", "--format", "jsonl"]
    scripted.reply = lambda request: failure(400, "too odd") if b"odd" in request.body else vectors(request)
    found = invoke(*arguments, stdin=b"refund my shoes\nan odd task\nbook a train\n")
    assert found.code == 5, found.err
    assert [row["status"] == "error" for row in found.rows] == [False, True, False]
    assert "too odd" in found.rows[1]["error"]["message"]


def test_vectors_are_of_length_one_and_belong_to_their_texts(make: Make, scripted: Scripted) -> None:
    encoder = make()
    assert (encoder.dimension, encoder.name) == (4, f"m at {scripted.base_url.split('/')[2]}")
    encoder.prefetch(["a", "bbb", "a"], lambda done, total: None)
    assert scripted.received[-1].json == {"model": "m", "input": ["a", "bbb"], "encoding_format": "float"}
    expected = np.array([3, 2, 0, 3]) / np.sqrt(22)
    assert np.allclose(encoder.encode("bbb"), expected)
    assert encoder.encode("bbb").dtype == np.float32
    assert len(scripted.received) == 2
    assert np.allclose(make().encode("bbb"), expected)  # kept
    assert len(scripted.received) == 2


@pytest.mark.parametrize(
    "reply",
    [
        answering(),
        answering([1, 2], [3, 4]),
        answering("AAAA"),
        answering([0, 0]),
        answering([float("inf"), 1]),
        answering([None, 1]),
        answering([]),
        lambda request: Reply({"data": 3}),
        lambda request: Reply({"embedding": [1, 2]}),
        lambda request: Reply({"data": [{"index": 7, "embedding": [1, 2]}]}),
    ],
)
def test_what_are_no_vectors(make: Make, scripted: Scripted, reply: Callable[[Received], Reply]) -> None:
    scripted.reply = reply
    with pytest.raises(EncoderError, match="no list of 1 vectors"):
        make()


def test_faults_of_the_endpoint_are_its_own(make: Make, scripted: Scripted) -> None:
    scripted.reply = lambda request: failure(401)
    with pytest.raises(CredentialsError):
        make()
    with pytest.raises(EndpointError, match="cannot reach"):
        make("http://127.0.0.1:9/v1#m")


def test_another_dimension_is_another_index(make: Make, scripted: Scripted) -> None:
    encoder = make()
    first = encoder.fingerprint
    scripted.reply = answering([1, 2, 3])
    with pytest.raises(EncoderError, match="vectors of 3 numbers instead of 4") as raised:
        encoder.encode("new")
    assert "index rebuild" in raised.value.fix
    again = make()
    assert again.dimension == 3
    assert again.fingerprint != first
    assert again.encode("new").shape == (3,)


def test_what_may_not_leave_the_machine_does_not(make: Make) -> None:
    for values in ({"local_only": True}, {"redact": True}):
        with pytest.raises(EncoderError, match="would send texts to example"):
            make("https://example.invalid/v1#m", **values)
        assert make(**values).dimension == 4


@pytest.mark.usefixtures("kept")
def test_one_agent_that_is_local_only_forbids_it(invoke: Callable[..., Result], small: Path) -> None:
    roster = yaml.safe_load(small.read_text())
    roster["agents"][0]["local_only"] = True
    small.write_text(json.dumps(roster))
    result = invoke("index", "rebuild", "--agents", str(small), "--encoder", "https://example.invalid/v1#m")
    assert (result.code, "local_only" in result.err) == (2, True)


def test_the_key_of_the_deciding_endpoint_is_for_its_host_alone(
    make: Make, scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    make(base_url=scripted.base_url, model="chat", key_env="MY_KEY")
    assert scripted.received[-1].headers["authorization"] == f"Bearer {KEY}"
    make(f"{scripted.base_url}#n", base_url="https://example.invalid/v1", model="chat", key_env="MY_KEY")
    assert "authorization" not in scripted.received[-1].headers


def test_names(monkeypatch: pytest.MonkeyPatch) -> None:
    found = catalog.find("openai:text-embedding-3-small")
    assert found.endpoint == catalog.Endpoint("https://api.openai.com/v1", "text-embedding-3-small")
    assert found.name == "text-embedding-3-small at api.openai.com"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:4000/v1/")
    other = catalog.find("openai:text-embedding-3-small")
    assert other.endpoint == catalog.Endpoint("http://localhost:4000/v1", "text-embedding-3-small")
    assert other.fingerprint != found.fingerprint
    for name, kind in (("openai:", EncoderError), ("https://x/v1", EncoderError), ("https://me:pw@x/v1#m", SettingsError)):
        with pytest.raises(kind):
            catalog.find(name)


@pytest.mark.usefixtures("kept")
def test_the_doctor_looks_at_the_endpoint(invoke: Callable[..., Result], small: Path, scripted: Scripted) -> None:
    def looked() -> dict[str, Any]:
        checks = {each["check"]: each for each in invoke("doctor", "--agents", str(small), "--format", "json").json}
        return dict(checks.get("endpoint", {}))

    assert looked() == {}
    agents = yaml.safe_load(small.read_text())["agents"]
    block = {"model": "m", "base_url": scripted.base_url, "retries": 0}
    small.write_text(json.dumps({"settings": {"decider": "head", "llm": block}, "agents": agents}))
    found = looked()
    assert found["ok"]
    assert found["detail"] == f"m at {scripted.base_url}: log-probabilities (20), JSON schema"
    assert scripted.received == []  # only the probe
    block["base_url"] = "http://127.0.0.1:9/v1"
    small.write_text(json.dumps({"settings": {"decider": "head", "llm": block}, "agents": agents}))
    found = looked()
    assert not found["ok"]
    assert "cannot reach 127.0.0.1:9" in found["detail"]
