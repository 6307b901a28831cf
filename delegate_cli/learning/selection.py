"""Which tasks of a review queue to answer first, when there is time for some of them only: those that teach most.

Each waiting task wants a sample request like itself, the more so the less sure it is who does it. An answered task serves the
tasks around it, unless a sample request or an earlier answer serves them already. Taking next what serves most is greedy
maximisation of a weighted facility-location function (Wei, Iyer and Bilmes 2015, "Submodularity in data subset selection and
active learning"), which is submodular, so that gains only shrink and most need not be computed anew (Minoux 1978).
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from delegate_cli.encoders import Vectors
from delegate_cli.index.build import Progress
from delegate_cli.index.parts import Part
from delegate_cli.journal.entries import Entry
from delegate_cli.learning.learn import Embedded
from delegate_cli.loaded import Loaded
from delegate_cli.pipeline import Delegator

SHARPNESS = 3  # power of the cosine similarity: what is only loosely like a task serves it next to nothing
MOST = 4000  # tasks that are compared with each other, which takes 64 MB; the others follow in their own order
_BLOCK = 4096  # sample requests that tasks are compared with at a time
Floats = NDArray[np.float64]


def most_informative_first(
    delegator: Delegator, waiting: Sequence[Entry], answered: Sequence[str], progress: Progress
) -> list[Entry]:
    """Waiting decisions in the order in which they teach this roster most, by the index in use.

    Those of other roster files, and those whose text was not kept, come last, in their own order.

    Args:
        answered: tasks that somebody has answered, learnt or not.

    Raises:
        IndexUnavailable: there is none and none can be made.
    """
    path = delegator.roster.path
    here = None if path is None else str(Path(path).absolute())
    own = [entry for entry in waiting if entry.roster_path == here and entry.task is not None]
    if not own:
        return list(waiting)
    ready = delegator.ready()
    embedded = Embedded(ready)
    vectors = []
    for done, entry in enumerate(own, 1):
        vectors.append(embedded.of([str(entry.task)])[0])
        progress("looking at tasks", done, len(own))
    requests = np.asarray(ready.index.parts.vectors)[ready.index.arrays["kind"] == Part.EXAMPLE]
    known = np.concatenate([requests, embedded.of(answered)])
    tasks = np.stack(vectors)
    doubt, none = look(ready, [str(entry.task) for entry in own], tasks, len(delegator.roster), delegator.settings.shortlist)
    taken = {entry.id for entry in own}
    return [*(own[row] for row in informative(tasks, doubt, none, known)), *(each for each in waiting if each.id not in taken)]


def look(ready: Loaded, tasks: Sequence[str], vectors: Vectors, agents: int, shortlist: int) -> tuple[Floats, Floats]:
    """How tasks look to the index in use, without constraints: `doubt` and `none`, as `informative` takes them."""
    found = np.zeros((len(tasks), 2))
    for row, (task, vector) in enumerate(zip(tasks, vectors, strict=True)):
        query = ready.query(task, vector)
        views = ready.decider.views(query, ready.retriever.shortlist(query, shortlist, None))
        ranking = ready.rank(query, views, agents, None)
        found[row] = 1 - ranking.share[0], ranking.none
    return found[:, 0], found[:, 1]


def informative(tasks: Vectors, doubt: Floats, none: Floats, known: Vectors) -> NDArray[np.int64]:
    """The order in which tasks teach most: a permutation, of which every beginning is the choice for so much time.

    Args:
        tasks: unit vectors, shape (tasks, dimension).
        doubt: one minus the probability of the likeliest agent if somebody fits, shape (tasks,).
        none: the probability that nobody fits, shape (tasks,): such an answer is no sample request.
        known: unit vectors of sample requests and of answered tasks, shape (known, dimension).

    Returns:
        Rows of `tasks`; the earlier row first where two teach as much.
    """
    fits = 1 - none
    weight = doubt * fits
    near = np.sort(np.argsort(-weight, kind="stable")[:MOST])
    chosen = near[_greedy(tasks[near], weight[near], fits[near], known)]
    return np.concatenate([chosen, np.setdiff1d(np.arange(len(tasks)), near)])


def _greedy(tasks: Vectors, weight: Floats, fits: Floats, known: Vectors) -> NDArray[np.int64]:
    """Rows by what each adds to those before it."""
    likeness = _likeness(tasks, tasks)
    served = np.zeros(len(tasks), dtype=np.float32)
    for start in range(0, len(known), _BLOCK):
        np.maximum(served, _likeness(tasks, known[start : start + _BLOCK]).max(axis=1), out=served)

    def gain(row: int) -> float:
        return float(fits[row] * (weight @ np.maximum(likeness[row] - served, 0.0)))

    heap = [(-gain(row), row, 0) for row in range(len(tasks))]
    heapify(heap)
    order: list[int] = []
    while heap:
        _, row, found_at = heap[0]
        if found_at < len(order):  # what it added to fewer answers is the most that it can add now
            heapreplace(heap, (-gain(row), row, len(order)))
            continue
        heappop(heap)
        order.append(row)
        np.maximum(served, likeness[row], out=served)
    return np.array(order, dtype=np.int64)


def _likeness(tasks: Vectors, others: Vectors) -> Vectors:
    """Shape (tasks, others), in [0, 1]."""
    found: Vectors = np.clip(tasks @ others.T, 0.0, 1.0).astype(np.float32) ** SHARPNESS
    return found
