"""Labelled tasks as the decider sees them, and what a fit gives each.

A task that is among the index's own sample requests, as one learnt from an answer is, is seen by an index made without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.deciders.head import Views
from delegate_cli.fitting import HeldOut, Training, prepare, scored_without
from delegate_cli.index import store
from delegate_cli.index.build import Progress
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import Part, parts_of
from delegate_cli.index.search import PartIndex
from delegate_cli.injection import heard
from delegate_cli.loaded import Loaded
from delegate_cli.retrievers.fused import Query

FOLDS = 5  # indexes that are made, each without a share of the tasks that are sample requests
MAX_LABELS = 5000  # beyond it evenly spaced ones are used: four numbers and a curve need no more
Floats = NDArray[np.float64]


def _silent(what: str, done: int, total: int) -> None:
    pass


class Labelled(Protocol):
    """A task whose right agents are known by their places; none of them: nobody fits."""

    @property
    def gold(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A labelled task as the decider sees it; `gold` are the places of the right agents, none of them: nobody fits.

    `weight`: how many tasks it stands for. `by`: the index without this task, where that is not the one that is fitted.
    """

    query: Query
    views: Views
    gold: NDArray[np.int64]
    weight: float = 1.0
    by: Loaded | None = None

    def under(self, ready: Loaded) -> Loaded:
        """What scores this task, with the fit of `ready`."""
        return ready if self.by is None else self.by.with_fit(ready.fit, ready.labels)


class Unseen(NamedTuple):
    """Tasks that were handed over and of which nobody said anything.

    How many they are, in the unit of the labels' weights, how many of them nobody fits, and evenly spaced quantiles of the
    probabilities they were given: nothing else is known of them, so they are taken to be wrong as often as these say.
    """

    tasks: float = 0.0
    nobody: float = 0.0
    promised: tuple[float, ...] = ()

    def per(self, unit: float) -> "Unseen":
        """The same in another unit."""
        return Unseen(self.tasks / unit, self.nobody / unit, self.promised)

    @property
    def rows(self) -> tuple[Floats, Floats, Floats]:
        """Probability, share of right ones and weight of each quantile."""
        top = np.array(self.promised if self.tasks > 0 else (), dtype=float)
        return top, top, np.full(len(top), self.tasks / max(len(top), 1))


@dataclass(frozen=True, slots=True)
class Judged:
    """What tasks were given, each of shape (tasks,): surprise is −log P(right answer), `top` is of the first candidate."""

    surprise: Floats
    top: Floats
    right: NDArray[np.bool_]
    none: Floats
    somebody: NDArray[np.bool_]

    def at(self, rows: NDArray[np.bool_]) -> "Judged":
        """Some of them."""
        return Judged(*(getattr(self, name)[rows] for name in Judged.__slots__))


def see(ready: Loaded, labels: Sequence[Label], roster: Roster, shortlist: int, progress: Progress = _silent) -> list[Seen]:
    """Look at labelled tasks as `route` does, without constraints; those whose agents are all gone are left out."""
    chosen = [label for label in labels[:: -(-len(labels) // MAX_LABELS) or 1] if _known(label, roster)]
    without = _left_out(ready, chosen, roster, progress)
    seen = []
    for done, label in enumerate(chosen, 1):
        progress("labelled tasks", done, len(chosen))
        places = [roster.position[agent] for agent in label.agents if agent in roster.position]
        by = without.get(heard(label.task))
        index = ready if by is None else by
        query = index.query(label.task)
        views = index.decider.views(query, index.retriever.shortlist(query, shortlist, None))
        seen.append(Seen(query, views, np.array(sorted(places), dtype=np.int64), label.weight, by))
    return seen


def judge(ready: Loaded, seen: Sequence[Seen], agents: int) -> Judged:
    """What each task is given by this fit."""
    rows = []
    for task in seen:
        ranking = task.under(ready).rank(task.query, task.views, agents, None)
        hit = ranking.probability[np.isin(ranking.places, task.gold)].sum() if len(task.gold) else ranking.none
        right = ranking.places[0] in task.gold
        rows.append((-np.log(max(hit, 1e-12)), ranking.probability[0], right, ranking.none, len(task.gold) > 0))
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return Judged(columns[0], columns[1], columns[2] > 0, columns[3], columns[4] > 0)


def _known(label: Label, roster: Roster) -> bool:
    return not label.agents or any(agent in roster.position for agent in label.agents)


def _left_out(ready: Loaded, labels: Sequence[Label], roster: Roster, progress: Progress) -> dict[str, Loaded]:
    """Task → an index made without it, for the tasks that are sample requests."""
    parts = parts_of(roster)
    rows: dict[str, list[int]] = {}
    for row in parts.rows(Part.EXAMPLE).tolist():
        rows.setdefault(parts.texts[row], []).append(row)
    texts = sorted({text for label in labels if (text := heard(label.task)) in rows})
    if not texts:
        return {}
    training = prepare(roster, parts, np.asarray(ready.index.parts.vectors))
    folds = min(FOLDS, len(texts))
    order = np.random.default_rng(len(texts)).permutation(len(texts))
    found = {}
    for fold in range(folds):
        progress("leaving answers out", fold, folds)
        out = [texts[number] for number in order[fold::folds]]
        gone = np.array(sorted(row for text in out for row in rows[text]))
        found.update(dict.fromkeys(out, without(ready, training, gone)))
    progress("leaving answers out", folds, folds)
    return found


def without_labels(held_out: HeldOut | None, roster: Roster, labels: Sequence[Label]) -> HeldOut | None:
    """Held-out requests that are no labelled tasks themselves: no task is to count twice."""
    if held_out is None:
        return None
    texts, own = parts_of(roster).texts, {heard(label.task) for label in labels}
    keep: NDArray[np.bool_] = np.array([texts[row] not in own for row in held_out.rows])
    return held_out.at(keep) if keep.any() else None


def without(ready: Loaded, training: Training, rows: NDArray[np.int64]) -> Loaded:
    """The same index made without these rows, with the same fit."""
    parts = training.parts
    rest = np.setdiff1d(np.arange(len(parts.texts)), rows)
    counts = np.bincount(parts.owner[rest], minlength=training.agents)
    fit = ready.fit
    arrays = scored_without(training, rest) | {
        "owner": parts.owner[rest],
        "kind": parts.kind[rest],
        "offsets": np.append(0, np.cumsum(counts)),
        "weights": fit.weights,
        "none": fit.none,
        "threshold_curve": fit.curve,
    }
    index = store.StoredIndex(ready.index.manifest, PartIndex.build(training.vectors[rest]), arrays, tuple(training.vocabulary))
    return Loaded(ready.encoder, index)
