"""Wires in which candidates are chosen by name: OpenAI's decisions, the System One wire, and an orchestrator's last line."""

import json
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
from asking import CARDS, FULL, QUESTION, Thinker, Wire, answer, text
from hypothesis import given
from hypothesis import strategies as st
from llm import KEY, Llama, Scripted
from llm import Reply as Scripture
from openai.types import Decision

from delegate_cli.deciders.assigned import agent_of, assigned
from delegate_cli.deciders.decisions import decisions
from delegate_cli.deciders.models import KINDS, model_decider
from delegate_cli.deciders.named import NONE, names
from delegate_cli.deciders.question import Card, Question
from delegate_cli.deciders.replies import Unusable
from delegate_cli.deciders.systemone import systemone
from delegate_cli.endpoints import Capabilities
from delegate_cli.errors import EndpointError

SHARES = [0.5, 0.1, 0.1, 0.1, 0.1, 0.1]
NAMES = names(CARDS)


def decision(shares: dict[str, float], kind: str = "choice") -> dict[str, Any]:
    listed = [{"value": name, "probability": share} for name, share in shares.items()]
    found = {"type": kind, "name": "agent", "choice": next(iter(shares)), "confidence": 0.5, "probabilities": listed}
    usage = {
        "input_tokens": 300,
        "output_tokens": 1,
        "total_tokens": 301,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    return {"answers": [found], "model": "gpt-6-luna", "usage": usage}


def answers(shares: dict[str, float]) -> dict[str, Any]:
    choice = {"type": "choice", "choice": next(iter(shares)), "confidence": 0.5, "probabilities": shares}
    return {"model": "jev-1.13.0", "answers": {"agent": choice}, "usage": {"input_tokens": 300, "output_tokens": 1}}


# Names


@given(st.lists(st.sampled_from(["", "None of these", "none of these", "Twin", "twin", "Twin (b)", "\u200b"]), max_size=8))
def test_every_choice_has_a_name_of_its_own(given_names):
    cards = tuple(Card("b" if place % 2 else f"id-{place}", name) for place, name in enumerate(given_names))
    found = names(cards)
    assert len({name.casefold() for name in found}) == len(cards) + 1
    assert found[-1] == NONE
    assert all(found)


# Decisions


def test_the_body_is_the_one_that_the_sdk_sends(scripted: Scripted):
    scripted.replies = [Scripture(decision(dict(zip(NAMES, SHARES, strict=True))))]
    request = decisions(Thinker(lambda request: {})).requests(QUESTION)[0]
    with openai.OpenAI(base_url=scripted.base_url, api_key=KEY) as client:
        answered = client.decisions.create(**request.body)
    assert isinstance(answered, Decision)
    assert answered.answers[0].type == "choice"
    (received,) = scripted.received
    assert received.path == f"/v1/{request.path}"
    assert received.json == request.body


def test_the_probabilities_of_a_decision_are_mapped_by_name():
    shuffled = dict(sorted(zip(NAMES, SHARES, strict=True))) | {"somebody else": 0.0}
    found = answer(decisions(Thinker(lambda request: decision(shuffled))))
    assert found.kind == "decisions"
    assert found.probability == pytest.approx(SHARES)
    assert (found.orders, found.calls, found.missing_mass) == (1, 1, pytest.approx(0))


def test_what_is_on_nobody_offered_is_missing():
    found = answer(decisions(Thinker(lambda request: decision({NAMES[0]: 0.6, "somebody else": 0.4}))))
    assert found.probability == pytest.approx([1, 0, 0, 0, 0, 0])
    assert found.missing_mass == pytest.approx(0.4)


def test_a_decision_that_is_refused_says_so():
    with pytest.raises(EndpointError, match="refused"):
        answer(decisions(Thinker(lambda request: decision({"A": 1.0}, "refusal"))))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"answers": []},
        {"answers": [None]},
        {"answers": {}},
        decision({"A": 1.0}, "score"),
        {"answers": [{"type": "choice", "probabilities": [None, {"value": True, "probability": 1}]}]},
        decision({NAMES[0]: float("nan"), NAMES[1]: -1.0}),
        decision({NAMES[0]: float("inf")}),
    ],
)
def test_decisions_that_cannot_be_read_are_one_clear_error(body):
    with pytest.raises(EndpointError, match="no usable answer: thinker-1"):
        answer(decisions(Thinker(lambda request: body)))


# System One


def test_a_choice_is_asked_on_the_system_one_wire():
    model = Thinker(lambda request: answers(dict(zip(NAMES, SHARES, strict=True))))
    found = answer(systemone(model, orders=2))
    assert (found.kind, found.orders, found.calls, found.flips) == ("systemone", 2, 2, 0)
    assert found.probability == pytest.approx(SHARES)
    first, second = (request.body["questions"]["agent"] for request in model.asked)
    assert {request.path for request in model.asked} == {"systemone"}
    assert list(first["criteria"])[-1] == list(second["criteria"])[-1] == NONE
    assert list(first["criteria"]) != list(second["criteria"])
    assert model.asked[0].body["state"] == QUESTION.task
    assert "Books, changes" in first["criteria"]["Travel Desk"]


def test_the_real_server_knows_the_wire_and_says_that_it_has_no_decision_model(llama: Llama):
    request = systemone(Wire(llama.base_url)).requests(QUESTION)[0]
    reply = httpx2.post(f"{llama.base_url}/{request.path}", json=dict(request.body), timeout=60)
    assert reply.status_code == 501
    assert "not a decision model" in reply.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"answers": []},
        {"answers": {"agent": {"type": "noul", "noul": 0.5}}},
        {"answers": {"agent": {"type": "choice", "choice": "Travel Desk"}}},
        {"answers": {"other": {"type": "choice"}}},
    ],
)
def test_answers_that_cannot_be_read_are_one_clear_error(body):
    with pytest.raises(EndpointError, match="no usable answer"):
        answer(systemone(Thinker(lambda request: body)))


def test_wires_that_cannot_chat_are_not_probed():
    class Mute(Thinker):
        async def capabilities(self) -> Capabilities:
            raise AssertionError

    assert answer(systemone(Mute(lambda request: answers(dict(zip(NAMES, SHARES, strict=True)))))).calls == 1
    assert answer(decisions(Mute(lambda request: decision(dict(zip(NAMES, SHARES, strict=True)))))).calls == 1


# Assigned


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("It is about a flight.\nASSIGNED: Travel Desk", 0),
        ("ASSIGNED: it-help\n", 3),
        ("ASSIGNED: Legal\nNo, wait.\nASSIGNED: none", 5),
        ("ASSIGNED: IT Help   ", 3),
    ],
)
def test_the_last_line_assigns(said, place):
    assert agent_of(said, QUESTION) == place


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Travel Desk",
        "ASSIGNED:",
        "ASSIGNED: Travel",
        "ASSIGNED: travel desk",
        "ASSIGNED: Travel Desk.",
        "ASSIGNED: Travel Desk or Legal",
        "I say ASSIGNED: Travel Desk",
        "ASSIGNED: Travel Desk\nThat is all.",
        "assigned: Travel Desk",
    ],
)
def test_any_other_last_line_is_unusable(said):
    with pytest.raises(Unusable):
        agent_of(said, QUESTION)


def test_orders_are_votes():
    said = iter(["ASSIGNED: Travel Desk", "ASSIGNED: Travel Desk", "ASSIGNED: none", "I do not know"])
    found = answer(assigned(Thinker(lambda request: text(next(said))), orders=4))
    assert (found.kind, found.orders, found.calls) == ("assigned", 3, 4)
    assert found.probability == pytest.approx(np.array([2.5, 0.5, 0.5, 0.5, 0.5, 1.5]) / 6)
    assert found.flips == pytest.approx(0.5)


def test_an_agent_called_none_can_be_assigned():
    question = Question("task", (Card("x", "None", "Does x."), Card("y", "Why", "Does y.")))
    assert agent_of("ASSIGNED: None (x)", question) == 0
    assert agent_of("ASSIGNED: none", question) == 2


def test_the_orchestrator_sees_skills_and_constraints():
    (request,) = assigned(Thinker(lambda request: {}), orders=1).requests(QUESTION)
    user = request.body["messages"][1]["content"]
    assert "- IT Help" in user
    assert "not for: Buying laptops" in user
    assert "skills: legal 0.90 (120 trials)" in user


# All


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_built_by_name(kind):
    decider = model_decider(kind, Thinker(lambda request: {}), orders=2, capabilities=FULL)
    assert decider.kind == kind
    assert len({json.dumps(request.body) for request in decider.requests(QUESTION)}) == 2


def test_an_unknown_kind_is_a_mistake_of_ours():
    with pytest.raises(ValueError, match="magic"):
        model_decider("magic", Thinker(lambda request: {}))
