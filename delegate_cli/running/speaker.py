"""A model asked about a run as a whole: to put answers together, or to compare two. What was asked is kept in the run's folder.

What is there already, from before an interrupt, is not asked again. What an answer means is others' business.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from delegate_cli.deciders.prompt import Messages, schema
from delegate_cli.deciders.replies import answer_length, text_of
from delegate_cli.endpoints import Asker, Reply, Request, is_loopback
from delegate_cli.errors import BudgetError, EndpointError
from delegate_cli.running import looping
from delegate_cli.running.folder import ASKED, RunFolder
from delegate_cli.settings import Llm, Settings

if TYPE_CHECKING:
    from delegate_cli.deciders.redact import Redactor


@dataclass(frozen=True, slots=True)
class Question:
    """One thing that is asked: `stage` is its name in the folder, `properties` the JSON Schema of the answer's keys."""

    stage: str
    messages: Messages
    properties: Mapping[str, Any]
    tokens: int

    @property
    def key(self) -> str:
        """The same for the same question."""
        return hashlib.sha256(json.dumps([self.stage, self.messages]).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Said:
    """What came of a question: `raw` is None where no answer came, and `error` says why.

    `valid` is None until somebody has read it.
    """

    stage: str
    key: str
    model: str
    messages: Messages
    raw: str | None = None
    error: Mapping[str, str] | None = None
    valid: bool | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    cached: bool = False
    started: float = 0.0
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(slots=True)
class Speaker:
    """Asks one model for one run.

    Attributes:
        llm: the endpoint, within what the run has left.
        redact: takes private values out of what is sent, where that is wanted.
        calls: how many more the run may make; None is unlimited.
    """

    llm: Llm
    folder: RunFolder
    local_only: bool = False
    redact: "Redactor | None" = None
    cache_mb: float = 0.0
    calls: int | None = None

    @property
    def away(self) -> bool:
        """Whether what is asked leaves this machine."""
        return not is_loopback(self.llm.url)

    def put(self, questions: Sequence[Question]) -> list[Said]:
        """What came of each question; those that were answered before are not asked again."""
        kept = {row["key"]: row for row in self.folder.lines(ASKED) if row["raw"] is not None}
        missing = [question for question in questions if question.key not in kept]
        found = {}
        if missing and self.calls is not None and self.calls < len(missing):
            error = BudgetError("the run may make no more calls", "raise --max-calls").as_dict()
            found = {each.key: Said(each.stage, each.key, self.llm.model or "", each.messages, error=error) for each in missing}
        elif missing:
            found = {said.key: said for said in looping.run(self._all(missing))}
            self.calls = None if self.calls is None else self.calls - len(missing)
        if found:
            keep(self.folder, found.values())
        return [found[each.key] if each.key in found else Said(**kept[each.key]) for each in questions]

    async def _all(self, questions: Sequence[Question]) -> list[Said]:
        from delegate_cli.endpoints.cache import FILE, AnswerCache
        from delegate_cli.endpoints.client import Client  # the openai SDK: 0.6 s
        from delegate_cli.settings import home

        cache = AnswerCache(home() / FILE, self.cache_mb) if self.cache_mb else None
        async with Client(self.llm, cache=cache, local_only=self.local_only) as client:
            return list(await asyncio.gather(*(self._one(client, question) for question in questions)))

    async def _one(self, client: Asker, question: Question) -> Said:
        messages, restorer = question.messages, None
        if self.redact is not None:
            text, restorer = self.redact.text(messages[1]["content"])
            messages = [messages[0], {**messages[1], "content": text}]
        started, clock = time.time(), time.monotonic()
        said = Said(question.stage, question.key, client.model, messages, started=started)
        try:
            reply = await client.ask(await self._request(client, question, messages))
            raw = text_of(reply)
        except EndpointError as error:
            return replace(said, error=error.as_dict(), seconds=round(time.monotonic() - clock, 3))
        raw = raw if restorer is None else restorer.restore(raw)
        return replace(_counted(said, reply), raw=raw, seconds=round(time.monotonic() - clock, 3))

    async def _request(self, client: Asker, question: Question, messages: Messages) -> Request:
        can = await client.capabilities()
        body: dict[str, Any] = {"model": client.model, "messages": messages, **answer_length(can, question.tokens)}
        if can.json_schema:
            body["response_format"] = schema(question.stage.partition("-")[0], dict(question.properties))
        return Request("chat/completions", body)


def _counted(said: Said, reply: Reply) -> Said:
    return replace(
        said,
        model=reply.model,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        cost_usd=reply.cost_usd,
        cached=reply.cached,
    )


def keep(folder: RunFolder, said: Iterable[Said]) -> None:
    """Write down what was asked, in the place of what was asked under the same key before."""
    rows = {row["key"]: row for row in folder.lines(ASKED)}
    rows |= {each.key: each.as_dict() for each in said}
    folder.write_lines(ASKED, rows.values())


def judging_endpoint(settings: Settings) -> Llm:
    """The endpoint of the judge: its own, or what it changes of that of `llm`. A key never goes from one to the other."""
    judge = settings.judge
    if judge.base_url is not None:
        return Llm(base_url=judge.base_url, model=judge.model or settings.llm.model, key_env=judge.key_env, prices=judge.prices)
    changed: dict[str, Any] = {}
    if judge.key_env is not None:
        changed |= {"key_env": judge.key_env, "key_command": None}
    if judge.prices is not None or judge.model not in (None, settings.llm.model):  # else the price is another model's
        changed |= {"prices": judge.prices}
    if judge.model is not None:
        changed["model"] = judge.model
    if "prices" in changed and judge.prices is None:
        changed["budget_usd"] = None  # which cannot be held without
    return replace(settings.llm, **changed)


def within(llm: Llm, usd: float | None) -> Llm:
    """An endpoint that spends no more than so much, where its prices are known; calls are counted by who asks."""
    if llm.prices is None or usd is None:
        return llm
    return replace(llm, budget_usd=max(0.0, usd if llm.budget_usd is None else min(usd, llm.budget_usd)))
