"""Labelled tasks, or the roster's own left-out sample requests, put to a model: what its fit is made from."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate_cli.advising import Adviser
from delegate_cli.agents import Roster
from delegate_cli.calibrating import fusing
from delegate_cli.calibrating.fit import see
from delegate_cli.calibrating.fusing import Consulted
from delegate_cli.confidence import none as none_model
from delegate_cli.confidence.calibration import softmax
from delegate_cli.confidence.threshold import TAKEN_OUT
from delegate_cli.deciders.head import Views
from delegate_cli.errors import EndpointError
from delegate_cli.fitting import HeldOut, hold_out, none_features, prepare
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import parts_of
from delegate_cli.loaded import Loaded, Ranking
from delegate_cli.opinion import Opinion
from delegate_cli.pending import Asking, Inquiry
from delegate_cli.retrievers.fused import Query

WITHOUT = 5  # every so many left-out requests are asked once more, without their own agent: tasks that nobody fits
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A task to put to the model: how the head ranks it, and the places of the right agents."""

    alone: Ranking
    gold: NDArray[np.int64]
    inquiry: Inquiry


@dataclass(frozen=True, slots=True)
class Consultation:
    """Tasks with their answers, all by one model in one way (`key`), and how many had another one or none."""

    tasks: list[Consulted]
    key: str
    left_out: int


def labelled(
    ready: Loaded, roster: Roster, adviser: Adviser, labels: Sequence[Label], shortlist: int, progress: Progress
) -> list[Case]:
    """Labelled tasks, as `route` sees them without constraints."""
    cases = []
    for seen in see(ready, labels, roster, shortlist, progress):
        alone = ready.rank(seen.query, seen.views, len(roster), None)
        cases.append(Case(alone, seen.gold, adviser.inquiry(ready, seen.query, alone)))
    return cases


def left_out(ready: Loaded, roster: Roster, adviser: Adviser, most: int, progress: Progress) -> tuple[list[Case], float]:
    """The roster's left-out sample requests, evenly spaced, and the share of tasks that nobody fits.

    No card shows the request itself. Every fifth is asked once more with its agent taken out.

    Raises:
        EndpointError: there are too few sample requests to leave any out.
    """
    parts, vectors = parts_of(roster), np.asarray(ready.index.parts.vectors)
    held_out = hold_out(prepare(roster, parts, vectors), progress)
    if held_out is None:
        raise EndpointError("too few sample requests to leave any out", "add examples to the agents, or give labelled tasks")
    count = len(held_out.left_out)
    chosen = np.linspace(0, count - 1, min(most, count)).astype(int)
    cases = []
    for without_gold, rows in ((False, chosen), (True, chosen[::WITHOUT])):
        features, _, _ = none_features(held_out, ready.fit.weights, without_gold)
        for row in rows.tolist():
            none = float(none_model.probability_none(features[row], ready.fit.none))
            alone = _ranking(held_out, row, ready, none, without_gold)
            text = parts.texts[held_out.rows[row]]
            query = Query(text, vectors[held_out.rows[row]], np.zeros(0, dtype=np.float32))
            gold = np.array([] if without_gold else [held_out.left_out.gold[row]], dtype=np.int64)
            cases.append(Case(alone, gold, adviser.inquiry(ready, query, alone, without=text)))
    odds = TAKEN_OUT * none_model.PRIOR_NONE / (1 - none_model.PRIOR_NONE)
    return cases, odds / (1 + odds)


def _ranking(held_out: HeldOut, row: int, ready: Loaded, none: float, without_gold: bool) -> Ranking:
    """How the head ranks a left-out request."""
    standard = held_out.left_out.standard[row].astype(np.float64)
    logits = standard @ ready.fit.weights
    places = np.arange(len(logits))
    if without_gold:
        places = np.delete(places, held_out.left_out.gold[row])
    share = softmax(logits[places])
    order = np.lexsort((places, -share))
    views = Views(places, standard[places], np.zeros(len(places)), float(held_out.head[row].max()))
    return Ranking(places[order], share[order] * (1 - none), share[order], none, views)


def consult(cases: Sequence[Case], adviser: Adviser, asking: Asking, concurrency: int, progress: Progress) -> Consultation:
    """Ask about all of them, a few at a time; those without an answer are left out.

    Raises:
        EndpointError: there is no answer at all.
    """
    answered: list[tuple[str, Consulted]] = []
    reason = ""
    for done, (case, opinion) in enumerate(_opinions(cases, asking, concurrency), 1):
        progress("asking", done, len(cases))
        if opinion.advice is None:
            reason = (opinion.fallback or {}).get("reason", "")
        else:
            answered.append((adviser.key(opinion.advice.answer), Consulted(case.alone, opinion.advice, case.gold)))
    if not answered:
        raise EndpointError(
            f"the model answered none of {len(cases)} tasks: {reason}", "see what it says to one: delegate route"
        )
    key, _ = Counter(name for name, _ in answered).most_common(1)[0]
    tasks = [task for name, task in answered if name == key]
    return Consultation(tasks, key, len(cases) - len(tasks))


def calibrate(
    heard: Consultation, agents: int, usual: float, target_error: float, none_share: float | None
) -> fusing.FusionCalibration:
    """The fit of a consultation; arguments as for `fusing.calibrate`."""
    return fusing.calibrate(heard.tasks, agents, usual, target_error, none_share)


def _opinions(cases: Iterable[Case], asking: Asking, concurrency: int) -> Iterator[tuple[Case, Opinion]]:
    waiting: deque[tuple[Case, Future[Opinion]]] = deque()
    for case in cases:
        waiting.append((case, asking.submit(case.inquiry.start)))
        if len(waiting) >= concurrency:
            first, future = waiting.popleft()
            yield first, future.result()
    for case, future in waiting:
        yield case, future.result()
