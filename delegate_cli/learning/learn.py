"""`delegate learn`: what the journal's answers would change, and keeping it; each time is a step that can be taken back."""

import datetime
import hashlib
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delegate_cli.agents import Roster
from delegate_cli.calibrating import keep
from delegate_cli.calibrating.seen import MAX_LABELS, Unseen
from delegate_cli.encoders import Vectors
from delegate_cli.errors import IndexUnavailable
from delegate_cli.index import calibration, outcomes, store
from delegate_cli.index.build import Progress, vectors_of
from delegate_cli.index.calibration import Label
from delegate_cli.index.learned import Learned, read, untaught, write
from delegate_cli.index.parts import Part, parts_of
from delegate_cli.injection import heard
from delegate_cli.journal.store import Journal
from delegate_cli.learning import answers as said
from delegate_cli.learning.answers import Answer, Reading
from delegate_cli.learning.lessons import Lessons, draw
from delegate_cli.loaded import Loaded
from delegate_cli.pipeline import Delegator

if TYPE_CHECKING:
    from delegate_cli.calibrating.fit import Calibration
    from delegate_cli.learning.trial import Trial

FEWEST = 10  # new answers: fewer tell nothing
_DAMAGED = "run: delegate learn --undo, which removes it; the next delegate learn makes it again from the journal"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What learning would change.

    Attributes:
        reading: what the journal holds.
        lessons: what is new in it.
        withdrawn: decisions whose answers were taken back since they were learnt.
        trial: how it went on left-out answers; None with too few.
        alone: where the new sample requests are not to be kept, the calibration of the index in use on all answers.
        former, after: what was learnt before, and would be then.
    """

    reading: Reading
    lessons: Lessons
    withdrawn: tuple[str, ...]
    trial: "Trial | None"
    alone: "Calibration | None"
    former: Learned
    after: Learned

    @property
    def applied(self) -> bool:
        """Whether the new sample requests are no worse."""
        return self.trial is not None and self.trial.applied

    @property
    def changes(self) -> bool:
        """Whether anything is to be kept."""
        return self.applied or (self.alone is not None and self.alone.applied)

    @property
    def missing(self) -> int:
        """How many more new answers would do."""
        return 0 if self.trial is not None else FEWEST - len(self.lessons.new)

    def as_dict(self, roster: Roster) -> dict[str, Any]:
        """The figures, for one roster."""
        lessons, step = self.lessons, self.after.steps[-1]
        facts: dict[str, Any] = {
            "answers": len(self.reading.answers),
            "new": len(lessons.new),
            "missing": self.missing,
            "unusable": dict(self.reading.unusable),
            "examples": {agent: [_count(roster, agent), new] for agent, new in lessons.examples.items()},
            "copies": lessons.copies,
            "full": lessons.full,
            "contradictions": [
                {"task": each.task, "was": each.was, "now": each.now, "in_roster": each.written}
                for each in lessons.contradictions
            ],
            "gone": {**dict.fromkeys(self.former.gone(roster), 0), **lessons.gone},
            "withdrawn": len(self.withdrawn),
            "weights": dict(step["weights"]),
            "unanswered": round(float(step["unseen"][0]), 1),
            "applied": self.applied,
        }
        if self.trial is not None:
            facts |= self.trial.as_dict()
        if self.alone is not None:
            facts["calibration"] = self.alone.as_dict()
        return facts


def propose(delegator: Delegator, journal: Journal, since: float | None, progress: Progress) -> Proposal:
    """Read the journal and try what it teaches; nothing is written.

    Args:
        since: only answers from then on are new.

    Raises:
        IndexUnavailable: there is none and none can be made, or what was learnt before is damaged.
    """
    roster, folder = untaught(delegator.roster), _folder(delegator)
    former = _read(folder)
    reading = said.read(journal, roster)
    known = {lesson.decision: lesson.agent for lesson in former.lessons}
    new = [each for each in reading.answers if known.get(each.decision, "") != each.agent and each.at >= (since or 0.0)]
    withdrawn = _withdrawn(former, reading, journal)
    ready = delegator.ready()
    embedded = Embedded(ready)
    lessons = _draw(new, former, withdrawn, roster, embedded)
    weights, unseen = said.weights(reading.answers, reading.population)
    after = former.then(lessons.new, {*lessons.replaced, *withdrawn}, _facts(weights, unseen, lessons))
    if len(lessons.new) < FEWEST:
        return Proposal(reading, lessons, withdrawn, None, None, former, after)
    from delegate_cli.learning.trial import try_out  # scikit-learn and scipy: 1 s

    fresh_ids = {lesson.decision for lesson in lessons.new}
    here = [label for label in after.labels if not label.agents or label.agents[0] in roster.position][-MAX_LABELS:]
    fresh = [label for label in here if label.answered in fresh_ids]
    labels, share = _of_file(_index_folder(delegator))
    rest = [*labels, *(label for label in here if label.answered not in fresh_ids)]
    settings = delegator.settings
    size, target = settings.shortlist, settings.target_error
    taught = after.taught(roster)
    trial = try_out(ready, delegator.roster, taught, fresh, rest, unseen, size, target, progress, share, embedded.known)
    after = after if trial.blend is None else after.blended(trial.blend.blend)
    return Proposal(reading, lessons, withdrawn, trial, None if trial.applied else trial.alone, former, after)


def keep_proposal(delegator: Delegator, proposal: Proposal) -> None:
    """Keep what is no worse; the index is to be made anew after it.

    Raises:
        IndexUnavailable: it cannot be written, or somebody else has learnt meanwhile.
    """
    folder = _folder(delegator)
    with store.lock(folder):
        if _read(folder) != proposal.former:
            raise IndexUnavailable("somebody else has learnt meanwhile", "run it again")
        if proposal.applied:
            write(folder, proposal.after)
    _relabel(delegator, proposal.after)


def keep_outcomes(delegator: Delegator, journal: Journal) -> dict[str, list[float]]:
    """Keep what became of tasks, for ranking among agents that are about equally probable.

    Returns:
        For each agent how much of its work is known, and the mean of its success.
    """
    found = said.outcomes(journal, delegator.roster)
    folder, ready = _index_folder(delegator), delegator.ready()
    if not found and not (folder / outcomes.NAME).exists():
        return {}
    vectors = Embedded(ready).of([each.task for each in found])
    with store.lock(folder):
        outcomes.write(
            folder, ready.encoder.fingerprint, vectors, [each.agent for each in found], [each.success for each in found]
        )
    by_agent: dict[str, list[float]] = {}
    for each in found:
        by_agent.setdefault(each.agent, []).append(each.success)
    return {agent: [len(values), sum(values) / len(values)] for agent, values in sorted(by_agent.items())}


def undo(delegator: Delegator) -> int | None:
    """Take the last step back, or remove what is damaged; the index is to be made anew after it.

    Returns:
        How many sample requests are gone with it; None where nothing had been learnt.
    """
    folder = _folder(delegator)
    if not folder.exists():
        return None
    with store.lock(folder):
        try:
            former = read(folder)
        except (store.Unusable, KeyError, TypeError, ValueError):
            former = Learned(steps=({},))
        if not former.steps:
            return None
        after = former.undone()
        write(folder, after)
    _relabel(delegator, after)
    return sum(lesson.example for lesson in former.standing) - sum(lesson.example for lesson in after.standing)


def _relabel(delegator: Delegator, learned: Learned) -> None:
    """Calibrate the next index on these answers; that of a tuned encoder has a folder of its own."""
    folder = _index_folder(delegator)
    facts = learned.steps[-1] if learned.steps else {"date": _today(), "unseen": None}
    with store.lock(folder):
        keep.relabel(folder, learned.labels, {"date": facts["date"], "unseen": facts["unseen"]})


class Embedded:
    """Texts as vectors; those of the index and each new one are embedded once."""

    def __init__(self, ready: Loaded) -> None:
        self._encoder = ready.encoder
        self.known = vectors_of(ready.index)

    def of(self, texts: Sequence[str]) -> Vectors:
        """Shape (texts, dimension)."""
        rows = []
        for text in map(heard, texts):
            key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
            if key not in self.known:
                self.known[key] = self._encoder.encode(text)
            rows.append(self.known[key])
        return np.stack(rows) if rows else np.zeros((0, self._encoder.dimension), dtype=np.float32)


def _draw(new: Sequence[Answer], former: Learned, withdrawn: Sequence[str], roster: Roster, embedded: Embedded) -> Lessons:
    standing = [lesson for lesson in former.standing if lesson.decision not in withdrawn]
    parts = parts_of(roster)
    rows = parts.rows(Part.EXAMPLE)
    written = embedded.of([parts.texts[row] for row in rows.tolist()])
    tasks, before = embedded.of([each.task for each in new]), embedded.of([each.task for each in standing])
    return draw(new, tasks, standing, before, roster, written, parts.owner[rows])


def _withdrawn(former: Learned, reading: Reading, journal: Journal) -> tuple[str, ...]:
    """Lessons of decisions that are in the journal without their answer."""
    answered = {each.decision for each in reading.answers}
    left = [lesson.decision for lesson in former.standing if lesson.decision not in answered]
    return tuple(each for each in left if journal.rows("SELECT 1 FROM decisions WHERE id = ?", (each,)))


def _facts(weights: dict[str, float], unseen: Unseen, lessons: Lessons) -> dict[str, Any]:
    facts = {"date": _today(), "at": time.time(), "weights": weights, "unseen": [*unseen[:2], list(unseen.promised)]}
    return {**facts, "answers": len(lessons.new), "examples": sum(lessons.examples.values())}


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _count(roster: Roster, agent: str) -> int:
    found = roster.get(agent)
    return 0 if found is None else len(found.examples) + len(found.learned)


def _folder(delegator: Delegator) -> Path:
    return store.folder_of(delegator.folder, delegator.roster)


def _index_folder(delegator: Delegator) -> Path:
    return store.folder_of(delegator.folder, delegator.roster, delegator.encoder().fingerprint)


def _read(folder: Path) -> Learned:
    try:
        return read(folder)
    except (store.Unusable, KeyError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, store.Unusable) else "it is damaged"
        raise IndexUnavailable(f"what was learnt from answers cannot be used: {reason}", _DAMAGED) from None


def _of_file(folder: Path) -> tuple[list[Label], float | None]:
    """Labelled tasks of `delegate calibrate`, and the share of tasks that nobody fits where that was given with them."""
    with suppress(store.Unusable, KeyError, TypeError, ValueError):
        stored = calibration.read(folder)
        if stored is not None:
            labels = [label for label in calibration.read_labels(folder, stored) if not label.answered]
            return labels, stored.facts["none_share"]
    return [], None
