"""Asking for one token, and what is done where there are no log-probabilities; against a real server, and against replies
that a real server seldom sends.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from asking import CARDS, FULL, QUESTION, Thinker, Wire, answer, by_name, offered, text
from hypothesis import given
from hypothesis import strategies as st
from llm import Llama, Scripted, completion

from delegate_cli.deciders.chat import chat
from delegate_cli.deciders.question import Card, Question
from delegate_cli.deciders.replies import Unusable, chosen, first_token, json_object, label_mass, label_of
from delegate_cli.endpoints import Capabilities, Reply, Request
from delegate_cli.endpoints.wire import encode_body
from delegate_cli.errors import BudgetError, CredentialsError, EndpointError, RefusedRequest

ABC = ("A", "B", "C")
SILENT = Capabilities(0, True, False)
STRENGTH = {card.name: value for card, value in zip(CARDS, (5, 1, 1, 2, 1), strict=True)} | {"none of these agents": 1}


def step(shown: Mapping[str, float]) -> dict[str, Any]:
    top = [{"token": token, "logprob": math.log(value) if value else -9999.0} for token, value in shown.items()]
    return {"token": top[0]["token"], "logprob": top[0]["logprob"], "top_logprobs": top}


# Against llama.cpp with SmolLM2


FEW = Question(QUESTION.task, CARDS[:2])  # short, since this machine reads a prompt for seconds


def check(found, kind):
    assert found.kind == kind
    assert found.probability.shape == (len(FEW.cards) + 1,)
    assert found.probability.sum() == pytest.approx(1)
    assert np.all(found.probability > 0)
    assert 0 <= found.missing_mass <= 1


def test_a_real_model_gives_the_probability_of_each_label(llama: Llama):
    decider = chat(Wire(llama.base_url, can=None), orders=2)
    found = answer(decider, FEW)
    check(found, "chat")
    assert (found.orders, found.calls, found.cached, found.output_tokens) == (2, 2, 0, 2)
    assert found.input_tokens > 400
    assert 0 < found.missing_mass < 1
    assert found.raw is not None
    assert found.raw.sum() == pytest.approx(1)
    assert found.flips in (0, 1)


def test_a_real_model_answers_in_json_with_log_probabilities(llama: Llama):
    class NoLetter(Wire):
        async def ask(self, request: Request) -> Reply:
            return await Wire.ask(self, request) if "response_format" in request.body else Reply(text("I think so"), self.model)

    check(answer(chat(NoLetter(llama.base_url), orders=1), FEW), "chat-json")


def test_a_real_model_without_log_probabilities_is_asked_several_times(llama: Llama):
    found = answer(chat(Wire(llama.base_url, can=SILENT), samples=2), FEW)
    check(found, "chat-samples")
    counts = found.probability * (2 + 1.5) - 0.5
    assert counts == pytest.approx(np.round(counts))
    assert (found.calls, found.flips, found.raw) == (2, None, None)


def test_a_real_model_states_probabilities(llama: Llama):
    check(answer(chat(Wire(llama.base_url, can=SILENT), samples=0, orders=1), FEW), "chat-stated")


# Log-probabilities


def test_variants_of_a_label_are_one_and_the_rest_is_missing():
    shown = {"A": 0.3, " a": 0.1, "(A": 0.05, "▁B": 0.1, "Ｂ": 0.05, "C.": 0.1, "Answer": 0.2, "AB": 0.1}
    view = label_mass(step(shown), ABC, "m")
    assert view.probability == pytest.approx(np.array([0.45, 0.15, 0.1]) / 0.7)
    assert view.missing == pytest.approx(0.3)


@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=6), st.integers(0, 5))
def test_a_label_that_is_not_shown_has_at_most_the_least_mass_shown(values, more):
    names = tuple("ABCDEFGHJKLM"[: len(values) + more])
    shares = [value / sum(values) * 0.99 for value in values]
    view = label_mass(step(dict(zip(names, shares, strict=False))), names, "m")
    assert view.probability.sum() == pytest.approx(1)
    assert 0 <= view.missing <= 1
    unseen = view.probability[len(values) :]
    assert all(value <= view.probability[: len(values)].min() + 1e-12 for value in unseen)
    assert unseen.sum() <= 0.0101


@given(st.dictionaries(st.text(max_size=3), st.floats(-50, 1) | st.just(math.nan) | st.just(-math.inf), min_size=1))
def test_whatever_is_shown_the_view_is_a_distribution_or_unusable(shown):
    top = [{"token": token, "logprob": value} for token, value in shown.items()]
    try:
        view = label_mass({**top[0], "top_logprobs": top}, ABC, "m")
    except Unusable:
        return
    assert view.probability.sum() == pytest.approx(1)
    assert np.all(view.probability >= 0)
    assert 0 <= view.missing <= 1


@pytest.mark.parametrize("token", ["A", " A", "a", "A.", "(A)", '"A"', "**A**", "ĠA", "Ａ", "A:", "\nA"])
def test_a_label_is_known_in_every_dress(token):
    assert label_of(token, ABC) == "A"


@pytest.mark.parametrize("token", ["", "AB", "A B", "D", "Answer", "А", "1", "...", "none"])
def test_anything_else_is_no_label(token):
    assert label_of(token, ABC) is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": [None]},
        {"choices": "A"},
        {"choices": [{"message": {"content": "A"}}]},
        {"choices": [{"logprobs": {"content": []}}]},
        {"choices": [{"logprobs": {"content": [None]}}]},
        {"choices": [{"logprobs": {"content": [{"token": 5, "top_logprobs": None}]}}]},
        completion("So", {"So": 0.9, "Well": 0.1}),
    ],
)
def test_replies_that_cannot_be_read_are_unusable(body):
    with pytest.raises(Unusable):
        first_token(Reply(body, "m"), ABC)


# The ladder


def test_strict_texts():
    assert chosen(Reply(text('```json\n{"choice": "b"}\n```'), "m"), ABC) == "B"
    assert chosen(Reply(text("<think>A or B?</think>\n(C)."), "m"), ABC) == "C"
    for wrong in ('{"choice": "D"}', '{"choice": ["A"]}', "A or B", "I pick A because", "A, B", "null"):
        with pytest.raises(Unusable):
            chosen(Reply(text(wrong), "m"), ABC)
    assert json_object("[" * 100_000) is None


def test_each_way_is_tried_in_turn():
    seen: list[str] = []

    def think(request: Request) -> Mapping[str, Any]:
        body = request.body
        form = body.get("response_format", {}).get("json_schema", {}).get("name", "letter")
        seen.append(f"{form}{'+logprobs' if body.get('logprobs') else ''}")
        return text('{"A": 90, "F": 10}') if form == "probabilities" else text("whoever")

    found = answer(chat(Thinker(think), orders=1, samples=2))
    assert seen == ["letter+logprobs", "choice+logprobs", "choice", "choice", "probabilities"]
    assert found.kind == "chat-stated"
    assert found.calls == 5
    assert found.cost_usd == pytest.approx(0.005)
    assert found.probability == pytest.approx(0.98 * np.array([0.9, 0, 0, 0, 0, 0.1]) + 0.02 / 6)


def test_a_server_that_gives_no_log_probabilities_is_not_asked_for_them_again():
    model = Thinker(lambda request: text("A"))
    decider = chat(model, orders=1, samples=3)
    assert answer(decider).kind == "chat-samples"
    before = len(model.asked)
    assert answer(decider).kind == "chat-samples"
    assert len(model.asked) - before == 3
    assert all("logprobs" not in request.body for request in decider.requests(QUESTION))


def test_a_model_that_does_not_answer_with_a_letter_is_soon_not_asked_for_one():
    def think(request: Request) -> Mapping[str, Any]:
        if "response_format" not in request.body:
            return completion("<", {"<": 0.9, "A": 0.04})
        said = completion('{"choice": "A"}')
        tokens = [{"token": token, "logprob": 0.0, "top_logprobs": []} for token in ('{"', "choice", '":', ' "')]
        said["choices"][0]["logprobs"]["content"] = [*tokens, step({'A"': 0.8, "F": 0.2})]
        return said

    model = Thinker(think)
    decider = chat(model, orders=2)
    calls = []
    for _ in range(5):
        found = answer(decider)
        assert found.kind == "chat-json"
        calls.append(found.calls)
    assert calls == [4, 4, 4, 2, 2]
    assert found.missing_mass == pytest.approx(0, abs=1e-9)
    assert found.probability[0] > found.probability[1] > 0


def test_a_way_that_worked_once_is_not_given_up():
    said = iter([True, False, False, False, False, True])

    def think(request: Request) -> Mapping[str, Any]:
        if "top_logprobs" not in request.body:
            return text("A")
        return by_name(STRENGTH)(request) if next(said) else completion("So", {"So": 0.99})

    decider = chat(Thinker(think, Capabilities(20, False, False)), orders=1, samples=1)
    assert [answer(decider).kind for _ in range(6)] == ["chat", *["chat-samples"] * 4, "chat"]


def test_one_order_that_cannot_be_read_is_no_average():
    calls: list[Request] = []

    def think(request: Request) -> Mapping[str, Any]:
        calls.append(request)
        if "top_logprobs" not in request.body:
            return text('{"choice": "B"}')
        return by_name(STRENGTH)(request) if len(calls) == 1 else completion("So", {"So": 0.99})

    assert answer(chat(Thinker(think), orders=2)).kind == "chat-samples"


def test_samples_are_counted_over_orders_with_one_half_added():
    def think(request: Request) -> Mapping[str, Any]:
        first = "A" if request.body["seed"] == 1 else next(a for a, name in offered(request).items() if name == "Payroll")
        return text(f'{{"choice": "{first}"}}')

    model = Thinker(think, SILENT)
    found = answer(chat(model, samples=7))
    assert found.probability == pytest.approx(np.array([1.5, 6.5, 0.5, 0.5, 0.5, 0.5]) / 10)
    assert len({request.body["seed"] for request in model.asked}) == 7
    assert len({request.body["messages"][1]["content"] for request in model.asked}) == 5
    assert {request.body["temperature"] for request in model.asked} == {1}


def test_a_reasoning_model_is_asked_without_what_it_refuses():
    model = Thinker(lambda request: text('{"choice": "A"}'), Capabilities(0, True, True))
    answer(chat(model, samples=2))
    for request in model.asked:
        assert {"temperature", "max_tokens", "logprobs", "top_logprobs"}.isdisjoint(request.body)
        assert request.body["max_completion_tokens"] >= 1024


def test_without_json_schema_a_letter_is_asked_for():
    model = Thinker(lambda request: text("**A**"), Capabilities(0, False, False))
    assert answer(chat(model, samples=2)).kind == "chat-samples"
    assert all("response_format" not in request.body for request in model.asked)


def test_nothing_usable_is_one_clear_error():
    with pytest.raises(EndpointError, match="no usable answer: thinker-1") as caught:
        answer(chat(Thinker(lambda request: text("whoever"))))
    assert caught.value.fix


@pytest.mark.parametrize(
    "reply", [completion(None, {}, finish="content_filter"), {"choices": [{"message": {"refusal": "no"}}]}]
)
def test_a_refusal_is_not_asked_again_in_other_words(reply):
    model = Thinker(lambda request: reply)
    with pytest.raises(EndpointError, match="refused"):
        answer(chat(model, orders=2))
    assert len(model.asked) == 2


@pytest.mark.parametrize("error", [EndpointError("down"), CredentialsError("no key"), BudgetError("spent")])
def test_what_the_endpoint_raises_is_raised(error):
    def think(request: Request) -> Mapping[str, Any]:
        raise error

    with pytest.raises(type(error), match=error.message):
        answer(chat(Thinker(think)))


def test_what_the_endpoint_does_not_accept_is_asked_in_another_way():
    def think(request: Request) -> Mapping[str, Any]:
        if "top_logprobs" in request.body:
            raise RefusedRequest("no logprobs here")
        return text('{"choice": "A"}')

    assert answer(chat(Thinker(think))).kind == "chat-samples"


def test_an_order_that_fails_leaves_the_others():
    calls: list[Request] = []

    def think(request: Request) -> Mapping[str, Any]:
        calls.append(request)
        if len(calls) == 2:
            raise EndpointError("too slow")
        return by_name(STRENGTH)(request)

    found = answer(chat(Thinker(think), orders=3))
    assert found.orders == 2
    assert found.probability == pytest.approx(np.array([5, 1, 1, 2, 1, 1]) / 11)


def test_a_mistake_of_ours_is_not_hidden():
    def think(request: Request) -> Mapping[str, Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        answer(chat(Thinker(think)))


def test_what_would_be_sent_is_what_is_sent():
    model = Thinker(by_name(STRENGTH), Capabilities(5))
    decider = chat(model, orders=3, capabilities=Capabilities(5))
    shown = list(decider.requests(QUESTION))
    answer(decider)
    assert model.asked == shown
    assert [request.body["top_logprobs"] for request in shown] == [5, 5, 5]


def test_a_server_receives_byte_for_byte_what_would_be_sent(scripted: Scripted):
    decider = chat(Wire(scripted.base_url, scripted.model, can=None), orders=2)
    shown = [encode_body(request.body) for request in decider.requests(QUESTION)]
    found = answer(decider)
    assert sorted(scripted.bodies) == sorted(shown)
    assert (found.kind, found.calls, found.input_tokens, found.missing_mass) == ("chat", 2, 200, 0)
    assert int(np.argmax(found.raw)) == 0


def test_a_model_that_always_says_the_first_letter_is_undecided_over_all_orders(scripted: Scripted):
    found = answer(chat(Wire(scripted.base_url, scripted.model), orders=len(CARDS)))
    assert found.probability[:-1] == pytest.approx(np.full(5, found.probability[0]))
    assert found.flips == 1


def test_cards_with_the_same_name_are_still_two():
    twins = Question("task", (Card("a", "Twin", "Does a."), Card("b", "Twin", "Does b.")))
    found = answer(chat(Thinker(lambda request: completion("A", {"A": 0.7, "B": 0.2, "C": 0.1}), FULL), orders=1), twins)
    assert found.probability == pytest.approx([0.7, 0.2, 0.1])
