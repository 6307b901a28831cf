"""A run's answer as a whole, and what it is worth beside that of one agent: `answer.json` and `judgement.json`.

Both are made of what is in the folder, and made again from it after an interrupt; no model is asked twice.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from delegate_cli.deciders.replies import Unusable
from delegate_cli.errors import JournalError
from delegate_cli.journal.entries import Feedback, Origin
from delegate_cli.running import aggregating, judge, speaker, starting
from delegate_cli.running import folder as files
from delegate_cli.running.folder import RunFolder
from delegate_cli.running.judge import ORDERS, Side, Verdict
from delegate_cli.running.records import Call, State, spent
from delegate_cli.running.speaker import Said, Speaker
from delegate_cli.running.starting import Start
from delegate_cli.splitting.plan import Plan

SPLIT = "split"
VERSION = 1


def put_together(start: Start, folder: RunFolder, asker: Speaker | None) -> dict[str, Any]:
    """The answer of a run: by a model where there is one and more than one part is done, else the parts under headings."""
    found = starting.parts(start.plan, start.roster, folder)
    record = starting.answer(start.plan, start.roster, folder)
    if asker is not None and len(aggregating.done(found)) > 1:
        record |= _by_model(start, found, asker)
    folder.write(files.ANSWER, record)
    return record


def _by_model(start: Start, found: Sequence[Mapping[str, Any]], asker: Speaker) -> dict[str, Any]:
    if _stays_here(start, asker, (part["agent"] for part in aggregating.done(found))):
        return _fallback("local_only", "what a local_only agent answered may not be sent away")
    question = aggregating.question(start.plan.request, found)
    if question is None:
        return _fallback("too_long", "the parts are too long for a model")
    (said,) = asker.put([question])
    if said.raw is None:
        return {"fallback": dict(said.error or {})}
    try:
        passages = aggregating.parse(said.raw, [part["subtask"] for part in aggregating.done(found)])
    except Unusable as error:
        speaker.keep(asker.folder, [replace(said, valid=False)])
        return {"model": said.model, "valid": False} | _fallback("unusable", error.message)
    speaker.keep(asker.folder, [replace(said, valid=True)])
    return {
        "by": aggregating.MODEL,
        "model": said.model,
        "valid": True,
        "text": aggregating.text_of(passages, found),
        "passages": [{"from": list(each.sources), "text": each.text} for each in passages],
    }


def judged(start: Start, folder: RunFolder, alone: Plan | None, asker: Speaker) -> dict[str, Any]:
    """The judgement: of the run's answer and that of one agent alone, both being done.

    Args:
        alone: the plan of one agent; None where nobody can do the request alone.
    """
    record = _judgement(start, folder, alone, asker)
    folder.write(files.JUDGEMENT, record)
    return record


def _judgement(start: Start, folder: RunFolder, alone: Plan | None, asker: Speaker) -> dict[str, Any]:
    base: dict[str, Any] = {"v": VERSION, "state": "none", "model": asker.llm.model, "format": formats(folder)}
    single = folder.within(files.SINGLE)
    if alone is None:
        return base | {"reason": "nobody who can be run may do the request alone"}
    base |= {"agent": start_agent(alone)}
    texts = {Side.MULTI: multi_text(start, folder)}
    if single is None:  # the run itself is that of one agent
        facts = {Side.MULTI.value: side_facts(texts[Side.MULTI], [folder], folder.lines(files.ASKED))}
        reward = start.settings.judge.rewards.of(0.0, split_valid=base["format"]["split"] is not False)
        same = {"state": "same", "reason": "it is one task, for the same agent", "difference": 0.0, "winner": "tie"}
        done = bool(texts[Side.MULTI])
        return base | facts | (same | {"reward": reward} if done else {"reason": "it is not done"})
    result = single.results.get(alone.subtasks[0].id)
    texts[Side.SINGLE] = (result.answer or "") if result is not None and result.state is State.DONE else ""
    asked = folder.lines(files.ASKED)
    base |= {
        Side.MULTI.value: side_facts(texts[Side.MULTI], [folder], [row for row in asked if not _of_judge(row)]),
        Side.SINGLE.value: side_facts(texts[Side.SINGLE], [single], ()),
    }
    missing = [side for side, text in texts.items() if not text.strip()]
    if missing:
        who = "the agent alone" if missing == [Side.SINGLE] else "the run"
        return base | {"reason": f"{who} has no answer yet"}
    agents = [each.agent for each in (*folder.results.values(), *single.results.values())]
    if _stays_here(start, asker, agents):
        return base | {"reason": "what a local_only agent answered may not be sent away"}
    return base | _compared(start, folder, texts, asker, base["format"])


def _compared(
    start: Start, folder: RunFolder, texts: Mapping[Side, str], asker: Speaker, format: Mapping[str, bool | None]
) -> dict[str, Any]:
    said = asker.put(judge.questions(start.plan.request, texts))
    failed = next((each for each in said if each.raw is None), None)
    if failed is not None:
        return {"state": "failed", "reason": (failed.error or {}).get("message", ""), "error": failed.error}
    before = folder.read(files.JUDGEMENT) or {}
    read, problems = _read(said, asker)
    verdict = Verdict(tuple(read)) if not problems else None
    rewards = start.settings.judge.rewards
    reward = rewards.of(
        None if verdict is None else verdict.difference,
        split_valid=format["split"] is not False,
        answer_valid=format["answer"] is not False,
    )
    record: dict[str, Any] = {"format": {**format, "judge": verdict is not None}, "reward": reward, "judge": _spent(said)}
    if verdict is None:
        return record | {"state": "unreadable", "reason": "; ".join(problems)}
    record |= {"state": "judged", "key": said[0].key} | verdict_facts(verdict)
    if before.get("key") != said[0].key:
        _tell_journal(start, folder, verdict)
    return record


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    """What a judge says, as plain values."""
    return {
        "difference": verdict.difference,
        "winner": verdict.winner,
        "consistent": verdict.consistent,
        "points": {
            side.value: {"all": verdict.points(side)} | {name: verdict.points(side, name) for name in judge.CRITERIA}
            for side in Side
        },
        "orders": [
            {
                "first": order[0].value,
                **{
                    side.value: {name: {"points": each.points, "reason": each.reason} for name, each in scores[side].items()}
                    for side in Side
                },
            }
            for order, scores in zip(ORDERS, verdict.orders, strict=True)
        ],
    }


def formats(folder: RunFolder) -> dict[str, bool | None]:
    """Whether the model that splits and the one that puts together gave what was asked for; None where none answered."""
    split = next((row for row in folder.lines(files.ASKED) if row["stage"] == SPLIT), None)
    answer = folder.read(files.ANSWER) or {}
    return {"split": None if split is None else split["valid"], "answer": answer.get("valid")}


def start_agent(alone: Plan) -> str | None:
    """Who does it alone."""
    assigned = alone.subtasks[0].assigned
    return None if assigned is None else assigned.agent


def multi_text(start: Start, folder: RunFolder) -> str:
    """The answer of a run as a judge sees it: without who did what."""
    record = folder.read(files.ANSWER) or {}
    passages = record.get("passages")
    if passages:
        return "\n\n".join(str(each["text"]) for each in passages)
    return aggregating.bare_parts(starting.parts(start.plan, start.roster, folder))


def side_facts(text: str, folders: Iterable[RunFolder], asked: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """How long an answer is, and what it came to: USD (None where nothing is known), tokens, seconds of work."""
    calls = [call for folder in folders for call in folder.calls.values()]
    rows = list(asked)
    known = [usd for usd in (spent(calls), *(row["cost_usd"] for row in rows)) if usd is not None]
    return {
        "length": judge.length(text),
        "cost_usd": sum(known) if known else None,
        "seconds": round(busy(calls) + sum(row["seconds"] for row in rows), 3),
        "tokens": {
            "input": sum(call.input_tokens for call in calls) + sum(row["input_tokens"] for row in rows),
            "output": sum(call.output_tokens for call in calls) + sum(row["output_tokens"] for row in rows),
        },
    }


def busy(calls: Iterable[Call]) -> float:
    """Seconds in which at least one call was under way."""
    total, end = 0.0, float("-inf")
    for started, ended in sorted((call.started, call.ended or call.started) for call in calls):
        total += max(0.0, ended - max(started, end))
        end = max(end, ended)
    return total


def _read(said: Sequence[Said], asker: Speaker) -> tuple[list[dict[Side, judge.Scores]], list[str]]:
    read, problems, checked = [], [], []
    for order, each in zip(ORDERS, said, strict=True):
        try:
            read.append(judge.parse(each.raw or "", order))
            checked.append(replace(each, valid=True))
        except Unusable as error:
            problems.append(error.message)
            checked.append(replace(each, valid=False))
    speaker.keep(asker.folder, checked)
    return read, problems


def _spent(said: Sequence[Said]) -> dict[str, Any]:
    known = [each.cost_usd for each in said if each.cost_usd is not None]
    return {"cost_usd": sum(known) if known else None, "seconds": round(sum(each.seconds for each in said), 3)}


def _tell_journal(start: Start, folder: RunFolder, verdict: Verdict) -> None:
    """Let the journal know what the answers were worth: the judge's points as a score of each decision that led to them."""
    if start.journal is None:
        return
    single = folder.within(files.SINGLE)
    sides = [(Side.MULTI, start.plan, folder)]
    if single is not None:
        from delegate_cli.running.single import known_plan

        alone = known_plan(folder)
        sides += [] if alone is None else [(Side.SINGLE, alone, single)]
    for side, plan, where in sides:
        for each in plan.subtasks:
            result = where.results.get(each.id)
            if result is None or each.assigned is None or each.assigned.agent != result.agent or not each.assigned.decision:
                continue
            note = "points of a judge" if len(plan.subtasks) == 1 else "points of a judge, for all parts together"
            score = round(verdict.points(side) / 100, 6)
            try:
                start.journal.say(Feedback(each.assigned.decision, score=score, note=note, origin=Origin.LIBRARY))
            except JournalError as error:
                if "has no decision" not in error.message:  # a plan may come from another machine
                    start.say(f"an outcome was not recorded: {error.message} ({error.fix})")


def _stays_here(start: Start, asker: Speaker, agents: Iterable[str | None]) -> bool:
    cards = [start.roster.get(agent) for agent in agents if agent is not None]
    return asker.away and any(card is not None and card.local_only for card in cards)


def _fallback(code: str, reason: str) -> dict[str, Any]:
    return {"fallback": {"code": code, "reason": reason}}


def _of_judge(row: Mapping[str, Any]) -> bool:
    return str(row["stage"]).startswith("judge")
