"""A calibration between memory and the files beside the index: opened with it, renewed with it, never in its way.

Whatever is wrong with the kept calibration, the label-free fit decides and one line says so.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delegate_cli.agents import Roster
from delegate_cli.encoders import Encoder
from delegate_cli.encoders.tuned import digest
from delegate_cli.errors import IndexUnavailable, UsageError
from delegate_cli.index import calibration as kept
from delegate_cli.index import store
from delegate_cli.index.build import Progress
from delegate_cli.index.calibration import Label
from delegate_cli.loaded import Fit, Loaded
from delegate_cli.settings import Settings

if TYPE_CHECKING:
    from delegate_cli.calibrating.fit import Calibration
    from delegate_cli.fitting import HeldOut

Say = Callable[[str], None]
_MEND = "run: delegate calibrate TASKS.jsonl, or delegate calibrate --reset"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a calibration is made for: the folder of the index, its roster and settings, and who is told of it.

    `tuned_on` has digests of the tasks that the encoder was tuned on: on these it is too sure to learn from them again.
    """

    folder: Path
    roster: Roster
    settings: Settings
    progress: Progress
    say: Say
    tuned_on: frozenset[str] = frozenset()


def attach(ready: Loaded, folder: Path, say: Say) -> Loaded:
    """The index with the calibration that is kept beside it, if there is one and it was made for this index."""
    try:
        stored = kept.read(folder)
        if stored is None:
            return ready
        record = stored.fits.get(_generation(ready.index.manifest))
        if record is None:
            raise store.Unusable("it was made for another index")
        return ready.with_fit(_fit(record, ready.fit), int(stored.facts["tasks"]) if record["figures"]["applied"] else 0)
    except (store.Unusable, KeyError, TypeError, ValueError) as reason:
        say(f"calibration on labelled tasks left out: {_said(reason)} ({_MEND})")
        return ready


def status(folder: Path, manifest: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """In words, what is kept for this generation, and its record; the record is None where nothing is in use."""
    try:
        stored = kept.read(folder)
        if stored is None:
            return "none", None
        record = stored.fits.get(_generation(manifest))
        if record is None:
            raise store.Unusable("it was made for another index")
        parts = [name for name, part in record["figures"]["parts"].items() if part["applied"]]
        facts = stored.facts
        what = f"{', '.join(parts)} fitted" if parts else "nothing was better than the label-free fit"
        words = f"{what} on {facts['tasks']} labelled tasks of {facts['date']}"
        return words, {**record["figures"], "labels": facts}
    except (store.Unusable, KeyError, TypeError, ValueError) as reason:
        return f"not used: {_said(reason)}", None


def source_digest(data: bytes) -> str:
    """What a file of labelled tasks is known again by."""
    return hashlib.sha256(data).hexdigest()


def rests_on(folder: Path, data: bytes) -> bool:
    """Whether the kept calibration was fitted on the file with this content."""
    try:
        stored = kept.read(folder)
    except store.Unusable:
        return False
    return stored is not None and stored.facts.get("source_sha256") == source_digest(data)


def make(
    ground: Ground, open_index: Callable[[], Loaded], labels: Sequence[Label], facts: Mapping[str, Any], store_it: bool
) -> "Calibration":
    """Calibrate the index in use, and keep what is no worse than before.

    Args:
        facts: kept with the labels: `date`, `source_sha256`, and `none_share`, which is None where it is estimated.

    Raises:
        IndexUnavailable: it cannot be written, or others keep replacing the index.
    """
    from delegate_cli.fitting import hold_out, prepare  # scikit-learn and scipy: 1 s
    from delegate_cli.index.parts import parts_of

    labels, facts = _with_answers(ground.folder, labels, facts)
    used = fresh(ground, labels)
    for _ in range(3):
        ready = open_index()
        vectors = np.asarray(ready.index.parts.vectors)
        held_out = hold_out(prepare(ground.roster, parts_of(ground.roster), vectors), ground.progress)
        found = _calibrate(ground, ready, used, held_out, facts)
        if not store_it or not found.applied or _save(ground.folder, ready, labels, facts, found):
            return found
    raise IndexUnavailable("the index was replaced three times while it was calibrated", "try again")


def renew(manifest: Mapping[str, Any], ground: Ground, encoder: Encoder, held_out: Sequence["HeldOut"]) -> None:
    """Calibrate a new generation on the labelled tasks that are kept, before it is swapped in; called under the lock.

    The old generation's fit is kept too: until the swap it is the one in use.

    Raises:
        IndexUnavailable: it cannot be written.
    """
    try:
        stored = kept.read(ground.folder)
        if stored is None:
            return
        labels = kept.read_labels(ground.folder, stored)
        used = fresh(ground, labels)
        ready = Loaded(encoder, store.read_generation(manifest))
        found = _calibrate(ground, ready, used, held_out[0] if held_out else None, stored.facts)
    except UsageError as reason:
        ground.say(f"calibration on labelled tasks left out: {reason.message}")
        return
    except (store.Unusable, KeyError, TypeError, ValueError) as reason:
        ground.say(f"calibration on labelled tasks left out: {_said(reason)} ({_MEND})")
        return
    if found.tasks < len(used):
        gone = len(used) - found.tasks
        ground.say(f"{gone} of {len(used)} labelled tasks left out: the roster no longer has their agents")
    fits = {name: fit for name, fit in stored.fits.items() if name == _current(ground.folder)}
    facts = {**stored.facts, "tasks": found.tasks, "nobody": found.nobody}
    kept.write(ground.folder, labels, facts, {**fits, _generation(manifest): _record(found)})


def _calibrate(
    ground: Ground, ready: Loaded, labels: Sequence[Label], held_out: "HeldOut | None", facts: Mapping[str, Any]
) -> "Calibration":
    from delegate_cli.calibrating.fit import calibrate  # scikit-learn and scipy, as above
    from delegate_cli.calibrating.seen import Unseen, see, without_labels

    seen = see(ready, labels, ground.roster, ground.settings.shortlist, ground.progress)
    if not seen:
        raise store.Unusable("the roster has none of the agents of its labelled tasks")
    requests = without_labels(held_out, ground.roster, labels)
    unseen = None if facts.get("unseen") is None else Unseen(*facts["unseen"])
    return calibrate(ready, seen, len(ground.roster), ground.settings.target_error, requests, facts["none_share"], unseen)


def _with_answers(folder: Path, labels: Sequence[Label], facts: Mapping[str, Any]) -> tuple[list[Label], dict[str, Any]]:
    """Labelled tasks of a file and the answers that are kept already, which they do not replace."""
    try:
        stored = kept.read(folder)
        answers = [] if stored is None else [label for label in kept.read_labels(folder, stored) if label.answered]
    except store.Unusable:
        stored, answers = None, []
    if stored is None or not answers:
        return list(labels), dict(facts)
    texts = {label.task for label in labels}
    return [*labels, *(each for each in answers if each.task not in texts)], {**facts, "unseen": stored.facts.get("unseen")}


def relabel(folder: Path, answers: Sequence[Label], facts: Mapping[str, Any]) -> None:
    """Put these answers in the place of the former ones; to be called under the lock, and before the index is made anew.

    The labelled tasks of a file stay as they are. What is fitted in the index in use stays too, until there is another one.

    Args:
        facts: `date`, and `unseen`, the tasks that nobody answered.

    Raises:
        IndexUnavailable: it cannot be written.
    """
    try:
        stored = kept.read(folder)
        labels = [] if stored is None else [label for label in kept.read_labels(folder, stored) if not label.answered]
    except (store.Unusable, KeyError, TypeError, ValueError):
        stored, labels = None, []
    if not answers and not labels:
        kept.forget(folder)
        return
    former = {"source_sha256": None, "none_share": None} if stored is None else stored.facts
    unseen = facts["unseen"] if answers else None
    count = len(labels) + len(answers)
    nobody = sum(not label.agents for label in (*labels, *answers))
    new = {**former, **facts, "unseen": unseen, "tasks": count, "nobody": nobody, "answers": len(answers)}
    kept.write(folder, [*labels, *answers], new, {} if stored is None else stored.fits)


def fresh(ground: Ground, labels: Sequence[Label]) -> Sequence[Label]:
    """Without the tasks that the encoder was tuned on.

    Raises:
        UsageError: none are left.
    """
    if not ground.tuned_on:
        return labels
    left = [label for label in labels if digest(label.task) not in ground.tuned_on]
    if not left:
        raise UsageError(
            "the encoder was tuned on all of these tasks, so it is too sure of them to be calibrated on them",
            "calibrate on other tasks, or undo it: delegate tune --undo",
        )
    if len(left) < len(labels):
        gone = f"{len(labels) - len(left)} of {len(labels)} labelled tasks"
        ground.say(f"{gone} left out of the calibration: the encoder was tuned on them")
    return left


def _save(folder: Path, ready: Loaded, labels: Sequence[Label], facts: Mapping[str, Any], found: "Calibration") -> bool:
    """Keep a calibration for the index it was fitted on; False when that index is no longer the one in use."""
    generation = _generation(ready.index.manifest)
    with store.lock(folder):
        if _current(folder) != generation:
            return False
        facts = {**facts, "tasks": found.tasks, "nobody": found.nobody}
        kept.write(folder, labels, facts, {generation: _record(found)})
    return True


def _generation(manifest: Mapping[str, Any]) -> str:
    return Path(manifest["generation"]).name


def _current(folder: Path) -> str:
    try:
        return _generation(store.read_manifest(folder))
    except store.Unusable:
        return ""


def _record(found: "Calibration") -> dict[str, Any]:
    fit = {"weights": found.fit.weights.tolist(), "none": found.fit.none.tolist(), "curve": found.fit.curve.tolist()}
    return {**fit, "figures": found.as_dict()}


def _fit(record: Mapping[str, Any], like: Fit) -> Fit:
    columns = like.curve.shape[1]
    found = Fit(
        np.array(record["weights"], dtype=float),
        np.array(record["none"], dtype=float),
        np.array(record["curve"], dtype=float).reshape(-1, columns),
    )
    if found.weights.shape != like.weights.shape or found.none.shape != like.none.shape:
        raise store.Unusable("it was made by another version")
    return found


def _said(reason: Exception) -> str:
    return str(reason) if isinstance(reason, store.Unusable) else "it is damaged"
