"""Runs → what trainers read: artifacts in the shape of the experiment behind the reward, and groups of tokens, masks, scores.

Both are made of the files of a run alone; nothing is asked or run.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from delegate_cli.running import folder as files
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.outcome import SPLIT
from delegate_cli.splitting import drafts, plan_json

MASKED = -100  # of a token that is not learnt from
_STAGES = (SPLIT, "aggregate")  # what a policy writes; a judge's answers are no examples


class Tokens(Protocol):
    """What makes tokens of texts."""

    def data(self, text: str) -> list[int]: ...

    def frame(self, text: str) -> list[int]: ...


def record(folder: RunFolder) -> dict[str, Any]:
    """Everything that is kept of a run.

    Raises:
        RunError: it is damaged.
    """
    single = folder.within(files.SINGLE)
    return {
        "run": folder.facts(),
        "plan": folder.read(files.PLAN),
        "decisions": folder.lines(files.DECISIONS),
        "calls": folder.lines(files.CALLS),
        "answers": folder.lines(files.ANSWERS),
        "answer": folder.read(files.ANSWER),
        "asked": folder.lines(files.ASKED),
        "single": None if single is None else _alone(single),
        "judgement": folder.read(files.JUDGEMENT),
    }


def artifact(folder: RunFolder) -> dict[str, Any]:
    """A run in the shape of the experiment's `artifacts.json`; None where there was no such thing.

    `stage1_raw_output` is what the model that splits wrote; where rules split, their plan in the same tags.
    """
    kept = record(folder)
    plan, asked = kept["plan"], {row["stage"]: row for row in kept["asked"]}
    answers: dict[str, Any] = {row["subtask"]: row for row in kept["answers"]}
    alone = next((row["answer"] for row in (kept["single"] or {}).get("answers", ()) if row["state"] == "done"), None)
    judgement = kept["judgement"] or {}
    if judgement.get("state") == "same":
        alone = next((row["answer"] for row in answers.values()), None)
    return {
        "prompt": plan["request"],
        "stage1_raw_output": asked[SPLIT]["raw"] if SPLIT in asked else _tagged(plan),
        "subtasks": [_subtask(each, answers.get(each["id"], {})) for each in plan["subtasks"]],
        "final_ma_output": (kept["answer"] or {}).get("text"),
        "sa_full_raw_output": alone,
        "final_sa_output": None if alone is None else alone.strip(),
        "judge_response": [row["raw"] for row in kept["asked"] if row["stage"].startswith("judge") and row["raw"]] or None,
        "reward": judgement.get("reward"),
    }


def groups(folders: Iterable[RunFolder], tokens: Tokens) -> list[dict[str, Any]]:
    """Groups for a trainer: all that a model wrote for the same request at the same stage, with the reward of its run as score.

    Of each group `messages`, `tokens`, `masks` and `scores` have one entry for each answer. A mask has the token itself where
    it is learnt from (the model's own answer and its end) and −100 elsewhere. Runs without a reward are left out.
    """
    found: dict[tuple[str, str], dict[str, Any]] = defaultdict(
        lambda: {"messages": [], "tokens": [], "masks": [], "scores": [], "runs": []}
    )
    for folder in folders:
        reward = (folder.read(files.JUDGEMENT) or {}).get("reward")
        request = folder.read(files.PLAN)["request"]
        for row in folder.lines(files.ASKED):
            if reward is None or row["stage"] not in _STAGES or not row["raw"]:
                continue
            group = found[request, row["stage"]]
            messages = [*row["messages"], {"role": "assistant", "content": row["raw"]}]
            ids, mask = tokenized(messages, tokens)
            for key, value in zip(group, (messages, ids, mask, float(reward), folder.id), strict=True):
                group[key].append(value)
    return [{"request": request, "stage": stage, **group} for (request, stage), group in found.items()]


def tokenized(messages: Iterable[Mapping[str, str]], tokens: Tokens) -> tuple[list[int], list[int]]:
    """Ids and mask of a chat in ChatML. What a message says never becomes a control word."""
    ids: list[int] = []
    mask: list[int] = []
    for message in messages:
        head = tokens.frame(f"<|im_start|>{message['role']}\n")
        body = tokens.data(message["content"]) + tokens.frame("<|im_end|>")
        tail = tokens.frame("\n")
        own = message["role"] == "assistant"
        ids += head + body + tail
        mask += [MASKED] * len(head) + (body if own else [MASKED] * len(body)) + [MASKED] * len(tail)
    return ids, mask


def _alone(single: RunFolder) -> dict[str, Any]:
    return {
        "plan": single.read(files.PLAN),
        "calls": single.lines(files.CALLS),
        "answers": single.lines(files.ANSWERS),
    }


def _tagged(plan: Mapping[str, Any]) -> str:
    made = plan_json.of_dict(dict(plan))
    return drafts.tagged(drafts.Draft(made.reason, made.subtasks))


def _subtask(subtask: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": subtask["id"],
        "task": subtask["task"],
        "after": subtask["after"],
        "agent": answer.get("agent") or subtask.get("agent"),
        "state": answer.get("state", "interrupted"),
        "output": answer.get("answer"),
    }
