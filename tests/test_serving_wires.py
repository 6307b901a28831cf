"""Wires of decision models that are answered by the head, with the clients of those wires; and the published description."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import openai
import pytest
import schemathesis
from asking import CARDS, QUESTION, Wire, answer
from hypothesis import HealthCheck, Phase, given, settings
from serving import Running, copied, engine_of, running
from shell import SMALL

from delegate_cli import Delegator, load_roster
from delegate_cli.ask import Ask
from delegate_cli.deciders.decisions import decisions
from delegate_cli.deciders.named import NONE
from delegate_cli.deciders.question import Card, Question
from delegate_cli.deciders.systemone import systemone
from delegate_cli.policy import Constraints
from delegate_cli.render.schema import decision_schema
from delegate_cli.serving import openapi, web, wire
from delegate_cli.settings import Llm, Settings

TASK = "Refund the shoes I sent back"
OWN = tuple(Card(agent.id, agent.name, agent.description) for agent in load_roster(SMALL))


@pytest.fixture(scope="module")
def server(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = copied(compiled, tmp_path_factory.mktemp("wires") / "home")
    engine = engine_of(home)
    with running(engine, web.application(engine, (), None), home) as found:
        yield found


@pytest.mark.parametrize("decider", [decisions, systemone])
def test_our_own_deciders_get_the_heads_probabilities(server: Running, decider: Any) -> None:
    found = answer(decider(Wire(f"{server.url}/v1"), orders=1), Question(TASK, OWN))
    everybody = Constraints(frozenset({"legal"}), presence=False)
    own = server.engine.current.delegator.decide(TASK, Ask(None, constraints=everybody))
    shares = {each.agent: each.probability for each in own.candidates}
    assert found.probability[:-1].tolist() == pytest.approx([shares[card.agent] for card in OWN], abs=1e-6)
    assert found.probability[-1] == pytest.approx(own.none, abs=1e-6)


@pytest.mark.parametrize("decider", [decisions, systemone])
def test_choices_that_are_no_agents_are_told_apart_by_their_cards(server: Running, decider: Any) -> None:
    found = answer(decider(Wire(f"{server.url}/v1"), orders=1), QUESTION)
    assert CARDS[int(found.probability[:-1].argmax())].agent == "travel"
    again = answer(decider(Wire(f"{server.url}/v1"), orders=1), Question("My laptop does not start", CARDS))
    assert CARDS[int(again.probability[:-1].argmax())].agent == "it-help"


@pytest.mark.parametrize("kind", ["decisions", "systemone"])
def test_a_whole_decision_can_be_left_to_such_a_server(server: Running, kind: str) -> None:
    llm = Llm(f"{server.url}/v1", "any", shortlist=8, orders=1)
    home = server.engine.current.delegator.folder
    with Delegator(load_roster(SMALL), Settings(decider=kind, llm=llm), folder=home) as own:
        decision = own.decide(TASK)
    assert (decision.decider.kind, decision.candidates[0].agent, decision.fallback) == (kind, "refunds", None)


def test_the_sdk_reads_every_kind_of_answer(server: Running) -> None:
    questions: list[Any] = [
        {
            "type": "choice",
            "name": "spam",
            "instructions": "Is it advertising?",
            "choices": [{"value": True}, {"value": False}],
        },
        {"type": "predicate", "name": "late", "instructions": "It is late."},
        {"type": "choice", "instructions": "Who?", "choices": [{"value": "Refunds"}, {"value": "garden"}, {"value": NONE}]},
    ]
    said: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": TASK}]}]
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0) as client:
        found = client.decisions.create(model="any", input=said, questions=questions)
        assert [each.type for each in found.answers] == ["choice", "refusal", "choice"]
        spam, late, who = found.answers
        assert [each.value for each in spam.probabilities] == [True, False]  # type: ignore[union-attr]
        assert late.name == "late"
        assert who.choice == "Refunds"  # type: ignore[union-attr]
        assert sum(each.probability for each in who.probabilities) == pytest.approx(1, abs=1e-6)  # type: ignore[union-attr]
        assert found.model == "delegate/all-MiniLM-L6-v2"
        with pytest.raises(openai.BadRequestError, match="questions has 0"):
            client.decisions.create(model="any", input="x", questions=[])
        with pytest.raises(openai.BadRequestError):
            client.decisions.create(model="any", input="x", questions=[{**questions[0], "choices": [{"value": " "}] * 2}])


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("systemone", {"state": "x", "model": "m", "questions": {"a": {"type": "noul", "criteria": {}}}}, "one of choice"),
        (
            "systemone",
            {"state": "x", "model": "m", "questions": {"a": {"type": "choice", "criteria": {" ": ""}}}},
            "a choice of a",
        ),
        ("systemone", {"state": "", "model": "m", "questions": {}}, "state cannot be"),
        ("systemone", {"model": "m", "questions": {}}, "no 'state'"),
        ("decisions", {"input": 7, "model": "m", "questions": []}, "input must be"),
    ],
)
def test_what_cannot_be_answered_is_said(server: Running, path: str, body: Any, message: str) -> None:
    status, found, _ = server.ask("POST", f"/v1/{path}", body)
    assert (status, message in found["error"]["message"]) == (400, True), found


def test_choices_are_not_recorded_and_state_may_be_an_object(server: Running) -> None:
    before = server.engine.figures.decisions.total()
    question = {"type": "choice", "criteria": {"Refunds": None, "Payroll Team": None}}
    body = {"state": {"message": TASK, "channel": ["mail"]}, "model": "m", "questions": {"who": question}}
    status, found, _ = server.ask("POST", "/v1/systemone", body)
    assert (status, found["answers"]["who"]["choice"]) == (200, "Refunds")
    assert server.engine.figures.decisions.total() == before


# The description


def test_the_description_has_the_record_of_delegate_schema() -> None:
    found = openapi.description()["components"]["schemas"]["Decision"]
    assert {**found, "$schema": decision_schema()["$schema"]} == decision_schema()
    for schema in (wire.one_schema(), wire.many_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.filterwarnings("ignore")  # of schemathesis and its libraries
def test_schemathesis_finds_nothing(server: Running) -> None:
    """A few requests a path, all its checks; `python -m benchmarks.serve` sends many."""
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    few = settings(
        max_examples=3,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    sent = []

    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(timeout=60)  # the first choices of all load what fits an index
        sent.append(case.path)

    for operation in schema.get_all_operations():
        few(given(case=operation.ok().as_strategy())(check))()
    assert set(sent) == openapi.description()["paths"].keys() - {"/openapi.json"}
