"""The path of a task, from text to `Decision`, and the object that holds what the path needs.

`Delegator.decide` is the one place where the steps meet; every command and the library call it.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli import policy
from delegate_cli.agents import Roster
from delegate_cli.calibrating import keep
from delegate_cli.confidence import rubric
from delegate_cli.deciders.head import VIEWS
from delegate_cli.decision import Candidate, DeciderInfo, Decision, Exclusion, Status
from delegate_cli.encoders import Encoder, Vectors, catalog
from delegate_cli.errors import EncoderError, IndexUnavailable, TaskError
from delegate_cli.evidence import Quotable, content_words
from delegate_cli.index import store
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import agent_parts
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.retrievers.fused import Query
from delegate_cli.settings import Settings, home, resolve

if TYPE_CHECKING:
    from delegate_cli.calibrating.fit import Calibration
    from delegate_cli.fitting import HeldOut

MAX_TASK = 1024 * 1024  # characters
Floats = NDArray[np.float64]


def _silent(what: str, done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of one decision. `top` of None means every eligible agent."""

    top: int | None = 3
    explain: bool = False
    roles: Collection[str] = ()
    ref: Any = None


class Delegator:
    """Decides which agent of a roster should do a task.

    The index is opened at the first decision, and made first when it is missing or stale.

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
    """

    def __init__(
        self,
        roster: Roster,
        settings: Settings | None = None,
        *,
        folder: Path | None = None,
        rebuild: bool = True,
        progress: Callable[[str, int, int], None] = _silent,
        say: Callable[[str], None] = lambda line: None,
        encoder: Encoder | None = None,
        without: frozenset[str] = frozenset(),
        nearest: int | None = None,
    ) -> None:
        self.roster = roster
        self.settings = settings if settings is not None else resolve({}, roster.settings)
        self.folder = folder if folder is not None else home()
        self._rebuild = rebuild
        self._progress = progress
        self._say = say
        self._encoder = encoder
        self._without = without
        self._nearest = nearest
        self._ready: Loaded | None = None
        self._agent_parts: dict[int, Quotable] = {}
        self._thresholds: dict[float, float] = {}
        self._exclusions: dict[frozenset[str], tuple[Exclusion, ...]] = {}

    def decide(self, task: str, ask: Ask = Ask()) -> Decision:
        """Who should do this task?

        Raises:
            TaskError: the task is empty, too long or not text.
            IndexUnavailable: there is no index and none may be made.
            EncoderError: the encoder cannot be loaded.
        """
        return self.decide_vector(check_task(task), None, ask)

    def decide_vector(self, task: str, vector: Vectors | None, ask: Ask) -> Decision:
        """The same for a checked task whose vector may be known already: the path of a task, top to bottom."""
        started = time.perf_counter()
        ready = self.ready()
        excluded = self._excluded(frozenset(ask.roles))
        if len(excluded) == len(self.roster):
            return self._nobody(task, excluded, ask)
        eligible = policy.eligible(self.roster, excluded)
        if vector is None:
            vector = ready.encoder.encode(task)
        query = ready.retriever.query(task, vector)
        places = self._shortlist(ready, query, eligible)
        views = ready.decider.views(query, places)
        ranking = ready.rank(query, views, len(self.roster) - len(excluded), eligible)
        top, second = float(ranking.probability[0]), float(ranking.probability[1:2].sum())
        status = policy.hand_over(top, top - second, ranking.none, self._threshold(ready), self.settings.min_margin)
        return Decision(
            task=task,
            status=status,
            agent=None if status is Status.NONE else self.roster.agents[ranking.places[0]].id,
            probability=top,
            none=ranking.none,
            margin=top - second,
            threshold=self._threshold(ready),
            candidates=self._candidates(ready, query, ranking, ask.top),
            excluded=excluded,
            decider=DeciderInfo("head", ready.encoder.name, ready.calibrated),
            roster=self._roster_facts(),
            contrast=self._contrast(query, ranking, ready.weights) if ask.explain else None,
            ref=ask.ref,
            elapsed_ms=(time.perf_counter() - started) * 1e3,
        )

    def shortlist(self, task: str) -> frozenset[str]:
        """The ids of the agents that are scored for a task of a requester without roles."""
        ready, text = self.ready(), check_task(task)
        eligible = policy.eligible(self.roster, self._excluded(frozenset()))
        query = ready.retriever.query(text, ready.encoder.encode(text))
        return frozenset(self.roster.agents[place].id for place in self._shortlist(ready, query, eligible))

    def _shortlist(self, ready: Loaded, query: Query, eligible: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        if self._nearest is not None:
            return ready.retriever.nearest(query, self._nearest, eligible)
        return ready.retriever.shortlist(query, self.settings.shortlist, eligible)

    def ready(self) -> Loaded:
        """Load encoder and index, once; make what is missing."""
        if self._ready is None:
            self._ready = self._prepare()
        return self._ready

    def rebuild(self, force: bool = True) -> dict[str, Any]:
        """Make the index anew (unchanged texts keep their vectors) and return its manifest."""
        encoder = self.encoder()
        self._build(encoder, force)
        self._ready = None
        self._thresholds.clear()
        return store.read_manifest(store.folder_of(self.folder, self.roster))

    def calibrate(self, labels: Sequence[Label], facts: Mapping[str, Any], store_it: bool = True) -> "Calibration":
        """Fit what can be fitted on labelled tasks, and keep it with the index where it is no worse (`keep.make`)."""
        ground = keep.Ground(store.folder_of(self.folder, self.roster), self.roster, self.settings, self._progress, self._say)
        try:
            return keep.make(ground, self._prepare, labels, facts, store_it)
        finally:
            self._ready = None
            self._thresholds.clear()

    def encoder(self) -> "Encoder":
        """The compiled encoder, which is compiled first when it is missing."""
        if self._encoder is not None:
            return self._encoder
        from delegate_cli.encoders.onnx import OnnxEncoder  # onnxruntime and tokenizers: 70 ms

        source = catalog.find(self.settings.encoder)
        folder = source.folder(self.folder)
        damaged = False
        if catalog.read_facts(folder) is not None:
            try:
                return OnnxEncoder(folder)
            except EncoderError:
                if not self._rebuild:
                    raise
                damaged = True
        if not self._rebuild:
            raise IndexUnavailable(f"the encoder {source.name} is not compiled", "run: delegate index rebuild")
        from delegate_cli.encoders.compile import compile_encoder  # sentence-transformers and torch: 7–16 s

        return OnnxEncoder(compile_encoder(source, self.folder, self._say, damaged))

    def _prepare(self) -> Loaded:
        encoder = self.encoder()
        folder = store.folder_of(self.folder, self.roster)
        problem = ""
        for attempt in range(4):  # others may replace the index between its making and its reading
            try:
                loaded = Loaded(encoder, store.open_index(folder, self.roster, encoder.fingerprint))
                return keep.attach(loaded, folder, self._say)
            except store.Unusable as reason:
                problem = str(reason)
            if not self._rebuild:
                break
            if attempt == 0:
                self._say(f"building the index ({problem})")
            self._build(encoder, force=attempt > 0)
        raise IndexUnavailable(f"no usable index: {problem}", "run: delegate index rebuild")

    def _build(self, encoder: Encoder, force: bool) -> None:
        from delegate_cli.fitting import fit_roster  # scikit-learn and scipy: 1 s
        from delegate_cli.index.build import build_index

        folder = store.folder_of(self.folder, self.roster)
        held_out: list[HeldOut] = []
        fit = partial(fit_roster, target_error=self.settings.target_error, without=self._without, keep=held_out.append)
        ground = keep.Ground(folder, self.roster, self.settings, self._progress, self._say)
        renew = partial(keep.renew, ground=ground, encoder=encoder, held_out=held_out)
        build_index(folder, self.roster, encoder, fit, self._progress, force, renew)

    def _parts(self, place: int) -> Quotable:
        if place not in self._agent_parts:
            self._agent_parts[place] = Quotable(agent_parts(self.roster.agents[place]))
        return self._agent_parts[place]

    def _excluded(self, roles: frozenset[str]) -> tuple[Exclusion, ...]:
        if roles not in self._exclusions:
            self._exclusions = {roles: policy.exclude(self.roster, roles)}
        return self._exclusions[roles]

    def _threshold(self, ready: Loaded) -> float:
        if self.settings.min_probability is not None:
            return self.settings.min_probability
        target = self.settings.target_error
        if target not in self._thresholds:
            self._thresholds[target] = ready.threshold(target)
        return self._thresholds[target]

    def _candidates(self, ready: Loaded, query: Query, ranking: Ranking, top: int | None) -> tuple[Candidate, ...]:
        spread = float(np.exp(-(ranking.share * np.log(np.maximum(ranking.share, 1e-12))).sum()))
        found = []
        for rank, place in enumerate(ranking.places[:top].tolist()):
            agent = self.roster.agents[place]
            probability = float(ranking.probability[rank])
            if rank >= 3 and probability < 1e-3:  # with --all: a rubric for the hopeless says nothing
                found.append(Candidate(agent.id, agent.name, agent.kind.value, probability))
                continue
            other = 1 if rank == 0 else 0
            evidence = self._parts(place).nearest(ready.decider.similarities(query.vector, place))
            alone = len(ranking.places) == 1
            standing = rubric.Standing(
                probability=probability,
                share=float(ranking.share[rank]),
                rival=0.0 if alone else float(ranking.probability[other]),
                rival_name="" if alone else self.roster.agents[ranking.places[other]].name,
                first=rank == 0,
                agents=len(ranking.places),
                spread=spread,
                none=ranking.none,
                evidence=evidence,
            )
            found.append(Candidate(agent.id, agent.name, agent.kind.value, probability, rubric.assess(standing), (evidence,)))
        return tuple(found)

    def _contrast(self, query: Query, ranking: Ranking, weights: Floats) -> dict[str, Any] | None:
        """What set the runner-up apart: the weighted difference of each view, and the words only one card has."""
        places = ranking.views.places.tolist()
        if len(ranking.places) < 2 or int(ranking.places[1]) not in places:
            return None
        first, second = (places.index(int(place)) for place in ranking.places[:2])
        gap = (ranking.views.standard[first] - ranking.views.standard[second]) * weights
        agents = [self.roster.agents[place] for place in ranking.places[:2]]
        spoken = set(content_words(query.text))
        said = [spoken & set(content_words(" ".join((agent.description, *agent.examples)))) for agent in agents]
        return {
            "runner_up": agents[1].id,
            "views": {name: round(float(value), 3) for name, value in zip(VIEWS, gap, strict=True)},
            "not_for": round(float(ranking.views.penalty[second] - ranking.views.penalty[first]), 3),
            "words_of_first": sorted(said[0] - said[1]),
            "words_of_runner_up": sorted(said[1] - said[0]),
        }

    def _nobody(self, task: str, excluded: Any, ask: Ask) -> Decision:
        return Decision(
            task=task,
            status=Status.NO_ELIGIBLE,
            agent=None,
            probability=0.0,
            none=1.0,
            margin=0.0,
            candidates=(),
            excluded=excluded,
            decider=DeciderInfo("head", self.settings.encoder, calibrated=False),
            roster=self._roster_facts(),
            ref=ask.ref,
        )

    def _roster_facts(self) -> dict[str, str | None]:
        return {"path": self.roster.path, "sha256": self.roster.sha256}


def check_task(task: str) -> str:
    """A task without outer white space.

    Raises:
        TaskError: it is empty, longer than 1 MiB, or has half a surrogate pair.
    """
    if len(task) > MAX_TASK:
        raise TaskError(f"the task has {len(task):,} characters; the limit is {MAX_TASK:,}", "shorten it")
    try:
        task.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TaskError(
            f"the task has half a surrogate pair at character {error.start + 1}", "send valid Unicode text"
        ) from None
    task = task.strip()
    if not task:
        raise TaskError("the task is empty", "say in words what is to be done")
    return task
