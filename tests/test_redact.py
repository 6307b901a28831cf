"""Redaction: what is found in our own lines, that it comes back, and that nothing private is left in what would be sent."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shell import DATA, TIMEOUT

from delegate_cli.deciders import private
from delegate_cli.deciders.named import names
from delegate_cli.deciders.question import Card, Question
from delegate_cli.deciders.redact import Redactor
from delegate_cli.deciders.untrusted import neutral
from delegate_cli.errors import SettingsError

LINES = [json.loads(line) for line in (DATA / "private.jsonl").read_text().splitlines()]
REDACTOR = Redactor()
PRIVATE = st.sampled_from(
    [
        "<EMAIL_1>",
        "<NAME_2>",
        "<",
        ">",
        "EMAIL_1",
        "a@b.example",
        "c@d.example",
        "+49 30 901820",
        "Dear Anna Schmidt,",
        "10.1.2.3",
        "\n",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(st.one_of(PRIVATE, st.text(max_size=5))).map("".join))


def covered(text: str, value: str, start: int) -> bool:
    """Whether every letter and digit of a value would be replaced."""
    hidden = {place for span in private.find(text) for place in range(span.start, span.end)}
    return all(place in hidden for place in range(start, start + len(value)) if text[place].isalnum())


def test_recall_and_precision_on_our_own_lines() -> None:
    """What the docstring of `private` says is not caught is among these lines: the bounds are not 100 %."""
    assert len(LINES) >= 80
    right = missed = wrong = 0
    for line in LINES:
        text, at, places = line["text"], 0, set()
        for _, value in line["private"]:
            at = text.index(value, at)
            if covered(text, value, at):
                right += 1
            else:
                missed += 1
            places.update(range(at, at + len(value)))
        wrong += sum(places.isdisjoint(range(span.start, span.end)) for span in private.find(text))
    assert right / (right + missed) >= 0.88
    assert right / (right + wrong) >= 0.98


@pytest.mark.parametrize("line", [line for line in LINES if not line["private"]], ids=lambda line: line["text"][:30])
def test_what_is_not_private_stays(line: dict[str, str]) -> None:
    assert REDACTOR.text(line["text"])[0] == line["text"]


@settings(deadline=None, max_examples=150)
@given(TEXTS)
@example("<EMAIL_1> a@b.example <EMAIL_2>")
def test_what_was_replaced_comes_back(text: str) -> None:
    redacted, restorer = REDACTOR.text(text)
    assert restorer.restore(redacted) == text
    assert not any(label in text for label in restorer.values)


@settings(deadline=None, max_examples=60)
@given(st.lists(TEXTS, min_size=4, max_size=4))
def test_a_question_comes_back(texts: list[str]) -> None:
    question = Question(texts[0], (Card("a", texts[1] or "A", texts[2], (texts[3],)), Card("b", "Ann Smith", texts[3])))
    redacted, restorer = REDACTOR.question(question)
    for new, old in zip(redacted.cards, question.cards, strict=True):
        assert restorer.restore(new.name) == old.name
        assert restorer.restore(new.description) == old.description
        assert tuple(map(restorer.restore, new.examples)) == old.examples
        assert new.agent == old.agent
    assert restorer.restore(redacted.task) == question.task


def test_one_value_has_one_placeholder_in_task_and_cards() -> None:
    question = Question(
        "Forward this to anna@x.example, my token is qwertz77",
        (
            Card("mail", "Mail", "Ask anna@x.example. Hi Zorblax Vimm,", ("qwertz77 is",), ("a@b.example",), ("a@b.example",)),
            Card("anna", "Anna Schmidt", "Knows Zorblax Vimm."),
            Card("julia", "Julia Code Helper", "Julia and Python. Julia is fast."),
        ),
    )  # fmt: skip
    redacted, restorer = REDACTOR.question(question)
    assert redacted.task == "Forward this to <EMAIL_1>, my token is <SECRET_1>"
    mail, anna, julia = redacted.cards
    assert mail.name == "Mail"
    assert mail.description.startswith("Ask <EMAIL_1>")
    assert mail.examples == ("<SECRET_1> is",)
    assert mail.not_for == ("<EMAIL_2>",)
    assert mail.facts == ("<EMAIL_2>",)
    assert re.fullmatch(r"<NAME_\d>", anna.name)
    assert anna.agent == "anna"
    assert julia == question.cards[2]
    assert restorer.restore(anna.name) == "Anna Schmidt"


def test_placeholders_that_stand_in_the_text_are_not_given_again() -> None:
    redacted, restorer = REDACTOR.text("What is <EMAIL_1>? Write to a@b.example")
    assert redacted == "What is <EMAIL_1>? Write to <EMAIL_2>"
    assert restorer.restore("<EMAIL_1> <EMAIL_2> <EMAIL_3>") == "<EMAIL_1> a@b.example <EMAIL_3>"


def test_a_placeholder_comes_back_also_as_a_prompt_shows_it() -> None:
    """Prompts have no angle brackets of the data's own, so a model that quotes one writes it with the other marks."""
    redacted, restorer = REDACTOR.text("Write to a@b.example, not ‹EMAIL_1›")
    assert redacted == "Write to <EMAIL_2>, not ‹EMAIL_1›"
    assert restorer.restore(neutral(redacted)) == "Write to a@b.example, not ‹EMAIL_1›"


def test_two_people_of_one_name_are_told_apart_without_their_ids() -> None:
    people = tuple(Card(f"anna-schmidt-{number}", "Anna Schmidt", f"Does part {number}.") for number in range(3))
    redacted, restorer = REDACTOR.question(Question("Ask Anna Schmidt", people))
    assert len({card.name for card in redacted.cards}) == 3
    assert not any("anna" in name.casefold() for name in names(redacted.cards))
    assert {restorer.restore(card.name) for card in redacted.cards} == {"Anna Schmidt"}
    assert restorer.restore(redacted.task) == "Ask Anna Schmidt"


def test_patterns_of_the_user_come_first() -> None:
    redactor = Redactor({"ticket no": r"TH-\d+"})
    assert redactor.text("order TH-20931 of a@b.example")[0] == "order <TICKET_NO_1> of <EMAIL_1>"


@pytest.mark.parametrize(("name", "pattern"), [("open", "(a"), ("range", "[z-a]"), ("!!", "a")])
def test_a_pattern_that_cannot_be_used_is_named(name: str, pattern: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(repr(name))):
        Redactor({name: pattern})


def test_a_pattern_that_never_ends_is_stopped_and_nothing_is_sent() -> None:
    redactor = Redactor({"slow": r"(a+)+$"})
    started = time.process_time()
    with pytest.raises(SettingsError, match="'slow' takes more than"):
        redactor.text("a" * 40 + "b" + "a" * 20_000 + "b")
    assert time.process_time() - started < 20


@pytest.mark.parametrize(
    "text", ["a", "1 ", "A1", "pass ", "Anna ", "1.1", "@a", ":", "Hi ", "a.", "-----BEGIN PRIVATE KEY-----"]
)
def test_long_texts_do_not_hang(text: str) -> None:
    text *= 20_000 // len(text)
    started = time.process_time()
    redacted, restorer = REDACTOR.text(text)
    assert restorer.restore(redacted) == text
    assert time.process_time() - started < 20


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "phonenumbers.py").write_text("raise ModuleNotFoundError('gone', name='phonenumbers')")
    code = (
        "from delegate_cli.deciders.redact import Redactor\n"
        "import sys\n"
        "assert 'faker' not in sys.modules and 'regex' not in sys.modules\n"
        "try:\n    Redactor()\nexcept Exception as error:\n    print(type(error).__name__, error, error.fix)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{code}"],
        capture_output=True, text=True, timeout=TIMEOUT,
    )  # fmt: skip
    assert done.stdout.strip() == (
        "UsageError --redact needs phonenumbers, which is not installed run: pip install 'delegate-cli[redact]'"
    ), done.stderr
