"""The rubric by the model: strict answers, what they cost, and when they make a decision a question."""

import asyncio

import pytest
from asking import CARDS, FULL, QUESTION, Thinker, Wire, text
from llm import Llama

from delegate_cli.deciders.levels import _TOKENS, ANCHORS, Level, disagrees, level_requests, rate
from delegate_cli.deciders.question import Question
from delegate_cli.endpoints import Capabilities
from delegate_cli.errors import BudgetError, EndpointError, SettingsError


def test_each_of_the_first_three_has_a_level_and_a_reason():
    said = iter(
        ['{"reason": "It books\\nflights.", "level": 5}', '{"reason": "No.", "level": 1}', '{"reason": "", "level": 2}']
    )
    model = Thinker(lambda request: text(next(said)))
    rated = asyncio.run(rate(model, QUESTION))
    assert rated.levels == {"travel": Level(5, "It books flights."), "payroll": Level(1, "No."), "kitchen": Level(2, "")}
    assert (rated.calls, rated.input_tokens, rated.cost_usd) == (3, 300, pytest.approx(0.003))


@pytest.mark.parametrize(
    "said",
    [
        "5",
        '{"level": 5}',
        '{"reason": "x"}',
        '{"reason": "x", "level": 0}',
        '{"reason": "x", "level": 6}',
        '{"reason": "x", "level": 4.5}',
        '{"reason": "x", "level": true}',
        '{"reason": "x", "level": "5"}',
        '{"reason": ["x"], "level": 5}',
        'Sure: {"reason": "x", "level": 5}',
    ],
)
def test_a_level_that_cannot_be_read_is_none(said):
    assert asyncio.run(rate(Thinker(lambda request: text(said)), QUESTION)).levels == {}


def test_each_candidate_is_asked_about_alone_with_the_reason_first():
    requests = level_requests("m", QUESTION, FULL)
    assert len(requests) == 3
    for request, card in zip(requests, CARDS, strict=False):
        user = request.body["messages"][1]["content"]
        assert f"Agent: {card.name}" in user
        assert sum(other.name in user for other in CARDS) == 1
        assert all(f"{level}: {anchor}" in user for level, anchor in enumerate(ANCHORS, start=1))
        properties = request.body["response_format"]["json_schema"]["schema"]["properties"]
        assert list(properties) == ["reason", "level"]


def test_the_anchors_are_the_users():
    anchors = ("never", "rarely", "partly", "mostly", "always")
    (request,) = level_requests("m", QUESTION, FULL, anchors, top=1)
    assert "4: mostly" in request.body["messages"][1]["content"]
    with pytest.raises(SettingsError, match="2 levels"):
        level_requests("m", QUESTION, FULL, anchors[:2])


def test_a_reasoning_model_and_one_without_schema_are_asked_for_less():
    for can in (Capabilities(0, False, True), Capabilities(0, False, False)):
        (request,) = level_requests("m", QUESTION, can, top=1)
        assert "response_format" not in request.body
        assert ("temperature" in request.body) is not can.reasoning


def test_one_failure_leaves_the_others_and_all_of_them_are_an_error():
    def think(request):
        if "Payroll" in request.body["messages"][1]["content"]:
            raise EndpointError("too slow")
        return text('{"reason": "x", "level": 3}')

    assert list(asyncio.run(rate(Thinker(think), QUESTION)).levels) == ["travel", "kitchen"]

    def spent(request):
        raise BudgetError("spent")

    with pytest.raises(BudgetError):
        asyncio.run(rate(Thinker(spent), QUESTION))


def test_a_real_model_rates_by_the_schema(llama: Llama):
    rated = asyncio.run(rate(Wire(llama.base_url), Question(QUESTION.task, CARDS[:1])))
    assert rated.calls == 1
    assert rated.output_tokens > 5
    if rated.output_tokens < _TOKENS:  # a small model may talk until it is cut off, which is no level
        assert 1 <= rated.levels["travel"].level <= 5
    else:
        assert rated.levels == {}


@pytest.mark.parametrize(
    ("model", "computed", "doubt"),
    [(1, 5, True), (2, 5, True), (2, 4, True), (1, 3, True), (2, 3, False), (3, 5, False), (5, 1, False), (None, 5, False)],
)
def test_only_a_strong_doubt_counts(model, computed, doubt):
    assert disagrees(model, computed) is doubt
