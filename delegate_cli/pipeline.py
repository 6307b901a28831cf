"""The path of a task, from text to `Decision`, and the object that holds what the path needs.

`Delegator.decide` is the one place where the steps meet; every command and the library call it.
"""

import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from delegate_cli import followup
from delegate_cli.agents import Roster
from delegate_cli.ask import Ask as Ask
from delegate_cli.ask import check_task
from delegate_cli.candidates import Candidates, Heard, contrast, decider_info, doubted
from delegate_cli.decision import DeciderInfo, Decision, Status
from delegate_cli.encoders import Encoder, Vectors
from delegate_cli.errors import SettingsError
from delegate_cli.index import learned
from delegate_cli.index.calibration import Label
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.opening import Opener
from delegate_cli.opinion import Opinion
from delegate_cli.pending import Asking, Pending, Steps
from delegate_cli.policy import ANYBODY_THERE, Constraints
from delegate_cli.policy.limits import Standing
from delegate_cli.policy.load import Load
from delegate_cli.retrievers.fused import Query
from delegate_cli.ruling import Rules, Verdict
from delegate_cli.settings import Settings, home, resolve

if TYPE_CHECKING:
    from delegate_cli.advising import Adviser
    from delegate_cli.calibrating.fit import Calibration
    from delegate_cli.calibrating.fusing import FusionCalibration
    from delegate_cli.calibrating.keep_fusion import Fusions
    from delegate_cli.connecting import Manner
    from delegate_cli.deciders.question import ModelDecider
    from delegate_cli.endpoints import Request

T = TypeVar("T")


class Delegator:
    """Decides which agent of a roster should do a task; safe to use from several threads.

    The index is opened at the first decision, and made first when it is missing or stale. The end of `with` or `async with`
    ends the connection to a model.

    Args:
        roster: the agents.
        settings: what is not given comes from the environment and the roster's own settings.
        folder: where encoders and indexes are kept; default DELEGATE_HOME.
        rebuild: whether the index may be made when it is missing or stale.
        progress: called with (what, done, of how many) while an index is made.
        say: called with lines about what is being prepared.
        encoder: one that is loaded already; else the setting's is, and compiled first where it is missing.
        without: views (names as in `deciders.head.VIEWS`) that get no weight when the index is made; for measuring, and only
            in a folder of its own, since an index does not say what it was made without.
        nearest: score exactly so many eligible agents, also in a roster that would all be scored; for measuring.
        manner: how a model is asked, where the settings have one.
        model: a model decider to ask instead of the one that the settings describe.
        beside: another delegator, whose model is asked through the same connection and within the same budget.
        load: what agents have on their hands; by default nothing is known of it.
    """

    remote: Literal[False] = False  # whether a server decides

    def __init__(
        self,
        roster: Roster,
        settings: Settings | None = None,
        *,
        folder: Path | None = None,
        rebuild: bool = True,
        progress: Callable[[str, int, int], None] = lambda what, done, total: None,
        say: Callable[[str], None] = lambda line: None,
        encoder: Encoder | None = None,
        without: frozenset[str] = frozenset(),
        nearest: int | None = None,
        manner: "Manner | None" = None,
        model: "ModelDecider | None" = None,
        beside: "Delegator | None" = None,
        load: Load | None = None,
    ) -> None:
        self.settings = settings if settings is not None else resolve({}, roster.settings)
        self.folder = folder if folder is not None else home()
        self.roster = roster = learned.teach(self.folder, roster, say)
        self._opener = Opener(self.roster, self.settings, self.folder, rebuild, progress, say, encoder, without)
        self._candidates = Candidates(roster)
        self._nearest = nearest
        self._opening = threading.Lock()
        self._ready: Loaded | None = None
        self._fits: Fusions | None = None
        self._owns_connection = beside is None
        self._asking: Asking = Asking() if beside is None else beside._asking
        self.adviser = self._adviser(manner, model, beside, say)
        self._thresholds: dict[float, float] = {}
        self._rules = Rules(roster, self.settings, load)

    def decide(self, task: str, ask: Ask = Ask()) -> Decision:
        """Who should do this task?

        Raises:
            TaskError: the task is empty, too long or not text.
            IndexUnavailable: there is no index and none may be made.
            EncoderError: the encoder cannot be loaded.
            EndpointError: a model gave no answer, and the manner of asking is strict.
        """
        return self.begin(check_task(task), None, ask).result()

    async def adecide(self, task: str, ask: Ask = Ask()) -> Decision:
        """The same without blocking the event loop; opening the index and what the head does run in a thread."""
        import asyncio

        pending = await asyncio.to_thread(self.begin, check_task(task), None, ask)
        return await pending.wait()

    def begin(self, task: str, vector: Vectors | None, ask: Ask, answered: Callable[[], None] | None = None) -> Pending:
        """Start to decide a checked task, whose vector may be known already; many may be under way at once."""
        return Pending(self.path(task, vector, ask), self._asking, answered)

    def preview(self, task: str, ask: Ask = Ask()) -> "list[Request]":
        """What a model would be sent for a task, before any answer; empty where the head decides alone. Nothing is sent."""
        steps = self.path(check_task(task), None, ask)
        try:
            inquiry = next(steps)
            return [] if self.adviser is None else self.adviser.preview(inquiry)
        except StopIteration:
            return []
        finally:
            steps.close()

    def wait_for(self, start: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What comes of something else that is asked of the model, in the thread that asks."""
        found: T = self._asking.submit(start).result()
        return found

    def path(self, task: str, vector: Vectors | None, ask: Ask) -> Steps:
        """The path of a task, top to bottom. It stops where a model is asked, and goes on with what it is sent."""
        started = time.perf_counter()
        ready = self.ready()
        wanted = self._rules.wanted(ask.constraints)
        standing = self._rules.limits.standing(wanted)
        if not standing.count:
            return self._nobody(task, standing, wanted, ask)
        place = standing.place(self.roster, ask.previous)
        query, alone, turn = followup.read(ready, task, vector, ask, place, lambda query: self._ranked(ready, query, standing))
        verdict = own = self._rules.judged(alone, self._threshold(ready))
        opinion = Opinion()
        adviser = None if ask.alone else self.adviser
        if adviser is not None and adviser.wanted(verdict.status, alone.none):
            opinion = yield adviser.inquiry(ready, query, alone)
            verdict = self._advised(ready, verdict, opinion)
        if adviser is not None and adviser.rates(opinion):
            opinion = yield adviser.rating(ready, query, verdict.ranking, opinion)
        verdict = self._rules.ruled(
            verdict, standing, wanted, lambda: self._ranked(ready, query, standing.everybody()), query.vector
        )
        candidates = self._candidates.of(ready, query, verdict.ranking, ask.top, Heard.of(self.roster, alone, opinion))
        verdict = self._rules.handed(verdict, doubted(verdict.status, candidates))
        if opinion.advice is not None:
            read = task if ask.context is None else f"{ask.context}\n{task}"
            verdict = self._rules.suspected(verdict, own, read, opinion.advice.places)
        return Decision(
            task=task,
            status=verdict.status,
            agent=None if verdict.status is Status.NONE else self.roster.agents[verdict.ranking.places[0]].id,
            probability=verdict.top,
            none=verdict.ranking.none,
            margin=verdict.margin,
            threshold=verdict.threshold,
            candidates=candidates,
            excluded=standing.excluded,
            decider=decider_info(ready, opinion, verdict.fused),
            roster=self._roster_facts(),
            contrast=contrast(self.roster, query, verdict.ranking, ready.weights) if ask.explain else None,
            fallback=opinion.fallback,
            reason=verdict.reason,
            missed=None if verdict.ranking.missed is None else self.roster.agents[verdict.ranking.missed].id,
            traded=verdict.traded,
            escalation=verdict.escalation,
            followup=turn,
            ref=ask.ref,
            elapsed_ms=(time.perf_counter() - started) * 1e3,
        )

    def _ranked(self, ready: Loaded, query: Query, standing: Standing) -> Ranking:
        everybody = ready.decider.views(query, self._shortlist(ready, query, None))
        if standing.eligible is None or standing.count == len(self.roster):
            return ready.rank(query, everybody, standing.count, None)
        views = ready.decider.views(query, self._shortlist(ready, query, standing.eligible))
        return ready.rank_among(query, everybody, views, standing.eligible)

    def _advised(self, ready: Loaded, alone: Verdict, opinion: Opinion) -> Verdict:
        """The verdict with the model's answer in it; without one the head's stands."""
        if opinion.advice is None or self.adviser is None:
            return alone
        from delegate_cli.advice import fuse, unfitted
        from delegate_cli.confidence import fusion

        fitted = self._fusions(ready).get(self.adviser.key(opinion.advice.answer))
        ranking = fuse(alone.ranking, opinion.advice, fusion.DEFAULT if fitted is None else fitted.weights)
        cut = alone.threshold
        if self.settings.min_probability is None:
            of = unfitted if fitted is None else fitted.threshold
            cut = of(self.settings.target_error, cut, alone.status is not Status.DECIDED)
        return self._rules.judged(ranking, cut, fused=fitted is not None)

    def shortlist(self, task: str) -> frozenset[str]:
        """The ids of the agents that are scored for a task of a requester without roles, whoever is there."""
        ready, text = self.ready(), check_task(task)
        eligible = self._rules.limits.standing(ANYBODY_THERE).eligible
        query = ready.query(text)
        return frozenset(self.roster.agents[place].id for place in self._shortlist(ready, query, eligible))

    def _shortlist(self, ready: Loaded, query: Query, eligible: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        if self._nearest is not None:
            return ready.retriever.nearest(query, self._nearest, eligible)
        return ready.retriever.shortlist(query, self.settings.shortlist, eligible)

    def ready(self) -> Loaded:
        """Load encoder and index, once; make what is missing."""
        ready = self._ready
        if ready is None:
            with self._opening:
                ready = self._ready
                if ready is None:
                    ready = self._opener.open()
                    self._rules.outcomes, self._rules.skills = self._opener.outcomes(ready), ready.skills
                    self._ready = ready
        return ready

    def rebuild(self, force: bool = True) -> dict[str, Any]:
        """Make the index anew (unchanged texts keep their vectors) and return its manifest."""
        manifest = self._opener.build(self.encoder(), force)
        self._forget()
        return manifest

    def calibrate(self, labels: Sequence[Label], facts: Mapping[str, Any], store_it: bool = True) -> "Calibration":
        """Fit what can be fitted on labelled tasks, and keep it with the index where it is no worse (`keep.make`)."""
        try:
            return self._opener.calibrate(labels, facts, store_it)
        finally:
            self._forget()

    def calibrate_model(
        self, labels: Sequence[Label] | int, facts: Mapping[str, Any], store_it: bool = True
    ) -> "FusionCalibration":
        """Fit how much the model's answers count, on labelled tasks or on so many left-out sample requests.

        Raises:
            EndpointError: it answered none of them.
            SettingsError: no model is configured.
        """
        from delegate_cli import consulting  # scikit-learn and scipy: 1 s
        from delegate_cli.calibrating import keep_fusion

        if self.adviser is None:
            raise SettingsError("there is no model to calibrate", "set llm.model, and a decider that asks it")
        ready, share, progress = self.ready(), facts["none_share"], self._opener.progress
        if isinstance(labels, int):
            cases, share = consulting.left_out(ready, self.roster, self.adviser, labels, progress)
        else:
            fresh = self._opener.fresh(ready.encoder, labels)
            cases = consulting.labelled(ready, self.roster, self.adviser, fresh, self.settings.shortlist, progress)
        heard = consulting.consult(cases, self.adviser, self._asking, self.settings.llm.concurrency, progress)
        found = consulting.calibrate(heard, len(self.roster), self._threshold(ready), self.settings.target_error, share)
        if store_it and found.applied:
            keep_fusion.save(self._opener.folder(ready.encoder), ready.index.manifest, heard.key, found, facts)
            self._fits = None
        return found

    def close(self) -> None:
        """End the connection to the model, if there is one."""
        if self._owns_connection and self.adviser is not None:
            self._asking.close(self.adviser.close)

    def __enter__(self) -> "Delegator":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> "Delegator":
        return self

    async def __aexit__(self, *_: object) -> None:
        import asyncio

        await asyncio.to_thread(self.close)

    def _forget(self) -> None:
        self._ready = self._fits = None
        self._thresholds.clear()

    def _adviser(
        self, manner: "Manner | None", model: "ModelDecider | None", beside: "Delegator | None", say: Callable[[str], None]
    ) -> "Adviser | None":
        """Who asks a model; None where none is ever to be asked."""
        if beside is not None:
            return None if beside.adviser is None else beside.adviser.of(self.roster)
        if not self.settings.asks_model and (model is None or self.settings.decider == "head"):
            return None
        from delegate_cli.advising import adviser  # what talks to models: 15 ms that the head alone does without
        from delegate_cli.connecting import Manner

        return adviser(self.roster, self.settings, manner or Manner(), model, say)

    def _fusions(self, ready: Loaded) -> "Fusions":
        from delegate_cli.calibrating.keep_fusion import Fusions

        if self._fits is None:
            self._fits = Fusions(self._opener.folder(ready.encoder), ready.index.manifest, self._opener.say)
        return self._fits

    def encoder(self) -> Encoder:
        """The compiled encoder, which is compiled first when it is missing."""
        return self._opener.encoder()

    def _threshold(self, ready: Loaded) -> float:
        if self.settings.min_probability is not None:
            return self.settings.min_probability
        if (target := self.settings.target_error) not in self._thresholds:
            self._thresholds[target] = ready.threshold(target)
        return self._thresholds[target]

    def _nobody(self, task: str, standing: Standing, wanted: Constraints, ask: Ask) -> Decision:
        return Decision(
            task=task,
            status=Status.NO_ELIGIBLE,
            agent=None,
            probability=0.0,
            none=1.0,
            margin=0.0,
            candidates=(),
            excluded=standing.excluded,
            lift=self._rules.limits.lift(wanted),
            escalation=self._rules.nobody(standing),
            decider=DeciderInfo("head", self.settings.encoder, calibrated=False),
            roster=self._roster_facts(),
            ref=ask.ref,
        )

    def _roster_facts(self) -> dict[str, str | None]:
        return {"path": self.roster.path, "sha256": self.roster.sha256}
