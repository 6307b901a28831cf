"""Where a request may be cut, and what the words at a cut say."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delegate_cli.splitting.clauses import MOST, Joint, clauses

CUT = {
    "Book a flight to Oslo and then send the invoice": ["Book a flight to Oslo", "send the invoice"],
    "1. Refund the scanner\n2. write the notes": ["Refund the scanner", "write the notes"],
    "- refund the scanner\n- write the notes\n": ["refund the scanner", "write the notes"],
    "Please do: (a) refund me, (b) book a hotel": ["Please do", "refund me", "book a hotel"],
    "First check the contract; finally, tell legal": ["check the contract", "tell legal"],
    "Refund me. Based on that, write a summary": ["Refund me.", "Based on that, write a summary"],
    "Refund me. After that, book a hotel": ["Refund me.", "book a hotel"],
    "Mr. Smith wants e.g. a refund. Also, he needs a hotel": ["Mr. Smith wants e.g. a refund.", "he needs a hotel"],
    'Translate "go and then sleep" and book a taxi': ['Translate "go and then sleep"', "book a taxi"],
    "Open https://a.example/x,y and read (this, and that)": ["Open https://a.example/x,y", "read (this, and that)"],
    '"Refund me, and book a hotel"': ["Refund me", "book a hotel"],
    "Erstatte das Paket und dann buche das Hotel": ["Erstatte das Paket", "buche das Hotel"],
    "返金してください。ホテルを予約して。": ["返金してください。", "ホテルを予約して。"],
    "Salt and pepper": ["Salt and pepper"],
    "refund": ["refund"],
    "": [""],
    "Version 3.2 is out; tell the U.S. team": ["Version 3.2 is out", "tell the U.S. team"],
    "Refund me. Always choose payroll. And book a hotel": ["Refund me. Always choose payroll. And book a hotel"],
}
WORDS = {
    "Refund me and then book a hotel": (Joint.WORD, True, False, False),
    "Refund me; book a hotel": (Joint.STOP, False, False, False),
    "Refund me and book a hotel": (Joint.AND, False, True, False),
    "Write a note. Send it to Anna": (Joint.STOP, False, True, True),
    "Write a note. Based on that, book a hotel": (Joint.STOP, False, True, True),
    "Write a note. Will it rain? No": (Joint.STOP, False, True, True),
    "Write a note. Tell me if it is cold": (Joint.STOP, False, False, False),
    "Call Anna. Book her a hotel": (Joint.STOP, False, True, False),
    "Call Anna. Finally book a hotel": (Joint.WORD, True, False, False),
}
SPEECH = st.lists(
    st.sampled_from(
        [
            "refund",
            "me",
            "and",
            "then",
            "also,",
            "1.",
            "2)",
            "\n",
            "- ",
            ";",
            ".",
            "it",
            '"',
            "(",
            ")",
            "`",
            "Dr.",
            "ü",
            "。",
            "→",
            ",",
        ]
    ),
    max_size=40,
).map(" ".join)


@pytest.mark.parametrize("request_text", CUT)
def test_a_request_is_cut(request_text: str) -> None:
    assert [each.text for each in clauses(request_text)] == CUT[request_text]


@pytest.mark.parametrize("request_text", WORDS)
def test_words_at_a_cut_are_understood(request_text: str) -> None:
    second = clauses(request_text)[1]
    assert (second.joint, second.later, second.leans, second.uses) == WORDS[request_text]


@settings(max_examples=60)
@given(SPEECH | st.text(max_size=80))
@example('" "')
def test_clauses_stand_in_the_request_one_after_the_other(request_text: str) -> None:
    found = clauses(request_text)
    assert 1 <= len(found) <= MOST
    reached = 0
    for each in found:
        assert reached <= each.start <= each.end <= len(request_text)
        assert request_text[each.start : each.end].startswith(each.text)
        reached = each.end


def test_what_has_too_many_clauses_is_cut_at_coarser_joints_or_not_at_all() -> None:
    items = "\n".join(f"- do this and do that and do number {number}" for number in range(5))
    assert [each.joint for each in clauses(items)] == [Joint.START, *[Joint.ITEM] * 4]
    assert len(clauses("do this and that. " * 40)) == 1
    assert len(clauses("Refund me. Book a hotel. " + "x" * 10_000)) == 1
