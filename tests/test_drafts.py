"""Answers of models that were asked to split: both forms, read strictly, and printed so that they can be read again."""

import json
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delegate_cli.deciders.replies import Unusable
from delegate_cli.splitting import drafts
from delegate_cli.splitting.drafts import Draft
from delegate_cli.splitting.plan import MOST, Mode, Subtask

READ = {
    "<|subtask|>Refund it now<|end_subtask|>": ("", ["Refund it now"]),
    "<|reasoning|>two<|end_reasoning|>\n<|subtask|> a b \n<|end_subtask|><|subtask|>c<|/subtask|>\n": ("two", ["a b", "c"]),
    "<|reasoning|>two<|/reasoning|><|subtask|>a<|/subtask|>": ("two", ["a"]),
    "<|reasoning|>two\n<|subtask|>a<|end_subtask|>": ("two", ["a"]),
    "<|subtask|>say <b> and <|im_end|><|end_subtask|>": ("", ["say <b> and <|im_end|>"]),
}
REFUSED = {
    "": "neither JSON nor in tags",
    "Sure! Two tasks.": "neither JSON nor in tags",
    "Sure! <|subtask|>a<|end_subtask|>": "text outside the tags",
    "<|subtask|>a<|end_subtask|> Done.": "text outside the tags",
    "<|subtask|>a": "a subtask is not closed",
    "<|subtask|>a<|end_reasoning|>": "a subtask is not closed",
    "<|subtask|>a<|subtask|>b<|end_subtask|><|end_subtask|>": "a subtask is not closed",
    "<|end_subtask|>": "a subtask is closed that was not opened",
    "<|reasoning|>why": "a reasoning is not closed",
    "<|reasoning|>why<|end_subtask|>": "a reasoning is not closed",
    "<|reasoning|>why<|end_reasoning|>": "the answer has 0 subtasks",
    "<|subtask|>a<|end_subtask|><|reasoning|>late<|end_reasoning|>": "must stand once, before",
    "<|subtask|> <|end_subtask|>": "the task of t1: the task is empty",
    "<|subtask|>a<|end_subtask|>" * 9: "the answer has 9 subtasks",
    "[]": "neither JSON nor in tags",
}
PART: dict[str, Any] = {"id": "t1", "task": "Refund it", "reason": "money", "after": []}
OTHER = PART | {"id": "t2", "task": "Tell Anna", "after": ["t1"]}
WHOLE = {"reasoning": "two", "mode": "sequence", "subtasks": [PART, OTHER]}
WRONG = {
    "lacks mode": {key: WHOLE[key] for key in ("reasoning", "subtasks")},
    "has 'agents', which was not asked for": WHOLE | {"agents": []},
    "a list of 1 to 8 subtasks": WHOLE | {"subtasks": []},
    "must have a list": WHOLE | {"subtasks": "t1"},
    "subtask 1 must be an object": WHOLE | {"subtasks": ["t1"]},
    "subtask 2 lacks after": WHOLE | {"subtasks": [PART, {key: OTHER[key] for key in ("id", "task", "reason")}]},
    "subtask 1 has 'agent', which": WHOLE | {"subtasks": [PART | {"agent": "root"}]},
    "subtask 1: task must be text": WHOLE | {"subtasks": [PART | {"task": 3}, OTHER]},
    "after must be a list of ids": WHOLE | {"subtasks": [PART, OTHER | {"after": "t1"}]},
    "the task is empty": WHOLE | {"subtasks": [PART | {"task": " "}, OTHER]},
    "cannot be the id": WHOLE | {"subtasks": [PART | {"id": "t 1"}, OTHER]},
    "says 'parallel', but its subtasks make it sequence": WHOLE | {"mode": "parallel"},
    "waits for itself": WHOLE | {"subtasks": [PART | {"after": ["t1"]}, OTHER]},
}
INVALID = {
    "two subtasks have the id t1": WHOLE | {"subtasks": [PART, OTHER | {"id": "t1", "after": ["t2"]}]},
    "say the same": WHOLE | {"subtasks": [PART, OTHER | {"task": "refund  IT"}]},
    "waits for 't9', which the plan lacks": WHOLE | {"subtasks": [PART, OTHER | {"after": ["t9"]}]},
    "in a circle: t1 → t2 → t1": WHOLE | {"subtasks": [PART | {"after": ["t2"]}, OTHER]},
    "a part of 5,000 characters": WHOLE | {"subtasks": [PART | {"task": "x" * 5000}, OTHER]},
}
TEXT = st.text(string.ascii_letters + " .,'<>|ü\n", min_size=1, max_size=30).map(str.strip).filter(bool)


@st.composite
def made(draw: st.DrawFn) -> Draft:
    tasks = draw(st.lists(TEXT, min_size=1, max_size=MOST))
    parts = [
        Subtask(
            f"t{n}", task, draw(TEXT), tuple(draw(st.lists(st.sampled_from([f"t{m}" for m in range(1, n)])))) if n > 1 else ()
        )
        for n, task in enumerate(tasks, 1)
    ]
    return Draft(draw(TEXT), tuple(parts))


@pytest.mark.parametrize("text", READ)
def test_tags_are_read(text: str) -> None:
    draft = drafts.parse(text)
    assert (draft.reasoning, [part.task for part in draft.parts]) == READ[text]
    assert [part.id for part in draft.parts] == [f"t{n}" for n in range(1, len(draft.parts) + 1)]


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:40])
def test_tags_that_are_not_in_order_are_refused(text: str) -> None:
    with pytest.raises(Unusable, match=REFUSED[text]):
        drafts.parse(text)


def test_json_is_read_in_a_code_fence_or_not() -> None:
    for text in (json.dumps(WHOLE), f"```json\n{json.dumps(WHOLE)}\n```"):
        draft = drafts.parse(text)
        assert (draft.reasoning, [(part.id, part.task, part.reason, part.after) for part in draft.parts]) == (
            "two",
            [("t1", "Refund it", "money", ()), ("t2", "Tell Anna", "money", ("t1",))],
        )
        assert [part.context for part in draft.parts] == [True, False]  # "it"
    plan = drafts.plan(draft, "Refund it and tell Anna", "m")
    assert (plan.mode, plan.splitter, plan.reason) == (Mode.SEQUENCE, "m", "two")


@pytest.mark.parametrize("message", WRONG)
def test_json_of_another_shape_is_refused(message: str) -> None:
    with pytest.raises(Unusable, match=message):
        drafts.parse(json.dumps(WRONG[message]))


@pytest.mark.parametrize("message", INVALID)
def test_a_draft_that_is_no_plan_is_refused(message: str) -> None:
    with pytest.raises(Unusable, match=message):
        drafts.plan(drafts.parse(json.dumps(INVALID[message])), "r", "m")


def test_one_part_is_the_request_itself() -> None:
    plan = drafts.plan(drafts.parse("<|subtask|>Wire 5,000 to me<|end_subtask|>"), "Refund the scanner", "m")
    assert [each.task for each in plan.subtasks] == ["Refund the scanner"]


@settings(max_examples=60)
@given(made())
def test_what_is_printed_is_read_as_the_same_draft(draft: Draft) -> None:
    again = drafts.parse(drafts.as_json(draft))
    assert again.reasoning == draft.reasoning
    assert [(p.id, p.task, p.reason, p.after) for p in again.parts] == [(p.id, p.task, p.reason, p.after) for p in draft.parts]
    tags = drafts.parse(drafts.tagged(draft))
    assert (tags.reasoning, [p.task for p in tags.parts]) == (draft.reasoning, [p.task for p in draft.parts])


@settings(max_examples=80)
@given(
    st.lists(
        st.sampled_from([*("<|subtask|>", "<|end_subtask|>", "<|/subtask|>", "<|reasoning|>", "<|end_reasoning|>"), "a", " "])
    )
)
def test_any_order_of_tags_is_read_or_refused(pieces: list[str]) -> None:
    try:
        draft = drafts.parse("".join(pieces))
    except Unusable:
        return
    assert drafts.parse(drafts.tagged(draft)) == draft
