"""A model's answer on the path of a task: with deciders that are written for the test and run in this process."""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import shell

from delegate_cli import Delegator, load_roster
from delegate_cli.agents import Agent, Cost, Roster, Skill
from delegate_cli.cards import card
from delegate_cli.connecting import IN_A_ROW, Manner
from delegate_cli.deciders.question import Answer, Question
from delegate_cli.decision import Status
from delegate_cli.endpoints import Request
from delegate_cli.errors import BudgetError, CredentialsError, EndpointError, SettingsError
from delegate_cli.pipeline import Ask
from delegate_cli.render.schema import decision_schema
from delegate_cli.settings import Llm, Settings

SURE = "Please refund the second pair of shoes"
UNSURE = "Look at this text before it goes out"


def says(agent: str, probability: float = 0.9) -> Callable[[Question], list[float]]:
    """Always this agent, where it is offered; else nobody."""

    def speak(question: Question) -> list[float]:
        names = [each.agent for each in question.cards]
        rest = (1 - probability) / len(names)
        shares = [probability if name == agent else rest for name in names]
        return [*shares, 1 - math.fsum(shares)]

    return speak


def second(question: Question) -> list[float]:
    """Always the head's second choice."""
    return [*(0.9 if place == 1 else 0.01 for place in range(len(question.cards))), 0.11 - 0.01 * len(question.cards)]


@dataclass
class Model:
    """A model decider that answers by a function, or fails."""

    speak: Callable[[Question], list[float]] = second
    errors: list[EndpointError] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    delay: Callable[[Question], float] = lambda question: 0.0
    flips: float | None = 0.0
    together: int = 0
    most_together: int = 0

    kind = "chat"

    async def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        await asyncio.sleep(self.delay(question))
        self.together -= 1
        if self.errors:
            raise self.errors.pop(0)
        return Answer(np.array(self.speak(question)), "chat", "test-1", 2, 0.01, self.flips, None, 2, 0, 200, 2, 0.001)

    def requests(self, question: Question) -> Sequence[Request]:
        return [Request("chat/completions", {"messages": [{"role": "user", "content": question.task}]})]


@pytest.fixture
def roster(kept: Path) -> Roster:
    return load_roster(shell.SMALL)


def opened(roster: Roster, model: Model, manner: Manner = Manner(), **settings: object) -> Delegator:
    said: list[str] = []
    chosen = Settings(**{"decider": "chat", **settings})  # type: ignore[arg-type]
    delegator = Delegator(roster, chosen, model=model, manner=manner, say=said.append)
    delegator.said = said  # type: ignore[attr-defined]
    return delegator


def test_the_record_of_a_decision_with_a_model(roster: Roster) -> None:
    with opened(roster, model := Model()) as delegator:
        decision = delegator.decide(UNSURE, Ask(top=None))
    record = json.loads(json.dumps(decision.as_dict()))
    jsonschema.validate(record, decision_schema())
    assert math.fsum([*(each["probability"] for each in record["candidates"]), record["none"]]) == pytest.approx(1, abs=1e-8)
    assert record["decider"] == {
        "kind": "chat", "model": "test-1", "calibrated": False, "orders": 2, "missing_mass": 0.01,
        "tokens": {"input": 200, "output": 2}, "cost_usd": 0.001, "flips": 0.0,
    }  # fmt: skip
    seen = [each for each in record["candidates"] if "model" in each]
    assert len(seen) == Llm().shortlist == 6
    assert all("head" in each for each in seen)
    assert next(each for each in seen if each["agent"] == model.asked[0].cards[1].agent)["model"] == pytest.approx(0.9)
    assert "fallback" not in record


def test_agents_that_were_not_shown_keep_their_shares_of_what_is_left_to_them(roster: Roster) -> None:
    alone = Delegator(roster, Settings(decider="head")).decide(UNSURE, Ask(top=None))
    with opened(roster, model := Model(), llm=Llm(shortlist=3)) as delegator:
        both = delegator.decide(UNSURE, Ask(top=None))
    shown = {each.agent for each in model.asked[0].cards}
    before = {each.agent: each.probability for each in alone.candidates if each.agent not in shown}
    after = {each.agent: each.probability for each in both.candidates if each.agent not in shown}
    assert len(before) >= 3
    ratios = [after[agent] / before[agent] for agent in before]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    assert ratios[0] < 1  # the model is sure of a card that it was shown


def test_cards_are_in_the_heads_order_and_show_the_nearest_requests(roster: Roster) -> None:
    with opened(roster, model := Model()) as delegator:
        delegator.decide("Cancel the flight to Oslo, please")
    cards = model.asked[0].cards
    assert cards[0].agent == "travel-desk"
    assert cards[0].examples[0] == "Cancel my flight to Oslo"
    assert all(len(each.examples) <= 3 for each in cards)
    refunds = next((each for each in cards if each.agent == "refunds"), None)
    assert refunds is None or refunds.not_for == ("The invoice shows the wrong address",)


def test_a_card_has_skills_and_costs_where_there_are_any() -> None:
    agent = Agent("a", "A", skills={"legal": Skill(0.9, 120), "writing": Skill(0.8)}, cost=Cost(0.04, None))
    assert card(agent, ()).facts == ("skills: legal 0.90 (120 trials), writing 0.80", "cost: 0.04 USD a task")
    assert card(Agent("b", "B"), ()).facts == ()


def test_auto_asks_only_where_the_head_is_unsure(roster: Roster) -> None:
    with opened(roster, model := Model(), decider="auto") as delegator:
        assert delegator.decide(SURE).decider.kind == "head"
        assert not model.asked
        assert delegator.decide(UNSURE).decider.kind == "chat"
        assert len(model.asked) == 1
    with opened(roster, model := Model(), Manner(always=True), decider="auto") as delegator:
        assert delegator.decide(SURE).decider.kind == "chat"
    with opened(roster, model := Model(), Manner(always=True), decider="head") as delegator:
        assert delegator.decide(UNSURE).decider.kind == "head"


def test_what_only_the_model_makes_sure_needs_more(roster: Roster) -> None:
    head = Delegator(roster, Settings(decider="head"))
    unsure, sure = head.decide(UNSURE), head.decide(SURE)
    assert (unsure.status, sure.status) == (Status.ASK, Status.DECIDED)
    with opened(roster, Model(says("refunds"))) as delegator:
        assert delegator.decide(SURE).threshold == sure.threshold
        assert delegator.decide(UNSURE).threshold == max(unsure.threshold, 0.9)


def test_a_failure_leaves_the_head_alone_and_is_said_once(roster: Roster) -> None:
    down = EndpointError("nobody answers at http://x", "start it")
    with opened(roster, Model(errors=[down, down])) as delegator:
        first, second, third = (delegator.decide(UNSURE) for _ in range(3))
    alone = Delegator(roster, Settings(decider="head")).decide(UNSURE)
    assert first.as_dict()["fallback"] == {"reason": "nobody answers at http://x", "code": "endpoint"}
    assert [first.decider.kind, second.decider.kind, third.decider.kind] == ["head", "head", "chat"]
    assert replace(first, id="", fallback=None, elapsed_ms=0) == replace(alone, id="", elapsed_ms=0)
    assert third.fallback is None
    assert delegator.said == ["model: nobody answers at http://x (start it); the head decides"]  # type: ignore[attr-defined]
    assert delegator.adviser.spent()["fallbacks"] == {"endpoint": 2}


@pytest.mark.parametrize("error", [EndpointError("down"), CredentialsError("no key"), BudgetError("used up")])
def test_strict_makes_a_failure_an_error(roster: Roster, error: EndpointError) -> None:
    with opened(roster, Model(errors=[error]), Manner(strict=True)) as delegator, pytest.raises(type(error)):
        delegator.decide(UNSURE)


def test_a_refused_key_or_a_long_outage_is_not_tried_again(roster: Roster) -> None:
    with opened(roster, model := Model(errors=[CredentialsError("wrong key")])) as delegator:
        assert {delegator.decide(UNSURE).fallback["code"] for _ in range(5)} == {"credentials"}  # type: ignore[index]
    assert len(model.asked) == 1
    with opened(roster, model := Model(errors=[EndpointError("down")] * 100)) as delegator:
        for _ in range(IN_A_ROW + 5):
            delegator.decide(UNSURE)
    assert len(model.asked) == IN_A_ROW


def test_local_agents_are_never_on_a_card_that_leaves_the_machine(roster: Roster) -> None:
    private = Roster(tuple(replace(each, local_only=each.id == "travel-desk") for each in roster), roster.path)
    with opened(private, model := Model()) as delegator:
        delegator.adviser._away = True
        decision = delegator.decide("Cancel my flight to Oslo")
        assert "travel-desk" not in {each.agent for each in model.asked[0].cards}
        assert decision.agent == "travel-desk"
    with opened(private, model := Model(), local_only=True) as delegator:
        delegator.adviser._away = True
        assert delegator.decide(UNSURE).fallback["code"] == "local_only"  # type: ignore[index]
    assert not model.asked


def test_adecide_is_decide_and_many_wait_together(roster: Roster) -> None:
    tasks = [f"{UNSURE} {number}" for number in range(6)]
    with opened(roster, model := Model(delay=lambda question: 0.3)) as delegator:

        async def all_of_them() -> list[object]:
            return [shape(each) for each in await asyncio.gather(*map(delegator.adecide, tasks))]

        assert asyncio.run(all_of_them()) == [shape(delegator.decide(task)) for task in tasks]
        assert model.most_together > 1


def shape(decision: object) -> object:
    return replace(decision, id="", elapsed_ms=0)  # type: ignore[type-var]


def test_decide_works_inside_a_running_loop(roster: Roster) -> None:
    async def inside() -> str:
        with opened(roster, Model()) as delegator:
            return delegator.decide(UNSURE).decider.kind

    assert asyncio.run(inside()) == "chat"


def test_what_is_private_is_redacted_before_the_model_sees_it(roster: Roster) -> None:
    class Same:
        def restore(self, text: str) -> str:
            return text

    class Redact:
        def question(self, question: Question) -> tuple[Question, Same]:
            return replace(question, task="<TASK>"), Same()

    with opened(roster, model := Model(), Manner(redact=Redact())) as delegator:
        decision = delegator.decide(UNSURE)
    assert model.asked[0].task == "<TASK>"
    assert decision.task == UNSURE


def test_a_decider_that_needs_a_model_says_which_settings_are_missing(roster: Roster) -> None:
    with pytest.raises(SettingsError, match="the decider chat needs a model"):
        Delegator(roster, Settings(decider="chat"))
    assert Delegator(roster, Settings()).decide(UNSURE).decider.kind == "head"


def test_the_file_order_of_agents_changes_nothing(roster: Roster) -> None:
    def first_card(question: Question) -> list[float]:
        return [0.8, *[0.2 / len(question.cards)] * len(question.cards)]

    decisions = []
    for agents in (roster.agents, roster.agents[::-1]):
        with opened(Roster(agents, roster.path), Model(first_card)) as delegator:
            decisions.append([(each.agent, each.probability) for each in delegator.decide(UNSURE).candidates])
    assert decisions[0] == decisions[1]
