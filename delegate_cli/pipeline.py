"""The path of a task, from text to `Decision`, and the object that holds what the path needs.

`Delegator.decide` is the one place where the steps meet; every command and the library call it.
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli import policy
from delegate_cli.agents import Roster
from delegate_cli.candidates import Candidates, contrast
from delegate_cli.decision import DeciderInfo, Decision, Exclusion, Status
from delegate_cli.encoders import Encoder, Vectors
from delegate_cli.errors import TaskError
from delegate_cli.index.calibration import Label
from delegate_cli.loaded import Loaded
from delegate_cli.opening import Opener
from delegate_cli.retrievers.fused import Query
from delegate_cli.settings import Settings, home, resolve

if TYPE_CHECKING:
    from delegate_cli.calibrating.fit import Calibration

MAX_TASK = 1024 * 1024  # characters


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
        self._opener = Opener(self.roster, self.settings, self.folder, rebuild, progress, say, encoder, without)
        self._candidates = Candidates(roster)
        self._nearest = nearest
        self._ready: Loaded | None = None
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
            candidates=self._candidates.of(ready, query, ranking, ask.top),
            excluded=excluded,
            decider=DeciderInfo("head", ready.encoder.name, ready.calibrated),
            roster=self._roster_facts(),
            contrast=contrast(self.roster, query, ranking, ready.weights) if ask.explain else None,
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
            self._ready = self._opener.open()
        return self._ready

    def rebuild(self, force: bool = True) -> dict[str, Any]:
        """Make the index anew (unchanged texts keep their vectors) and return its manifest."""
        manifest = self._opener.build(self.encoder(), force)
        self._ready = None
        self._thresholds.clear()
        return manifest

    def calibrate(self, labels: Sequence[Label], facts: Mapping[str, Any], store_it: bool = True) -> "Calibration":
        """Fit what can be fitted on labelled tasks, and keep it with the index where it is no worse (`keep.make`)."""
        try:
            return self._opener.calibrate(labels, facts, store_it)
        finally:
            self._ready = None
            self._thresholds.clear()

    def encoder(self) -> Encoder:
        """The compiled encoder, which is compiled first when it is missing."""
        return self._opener.encoder()

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
