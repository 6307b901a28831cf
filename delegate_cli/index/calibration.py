"""The calibration on labelled tasks, kept beside the index: one file CALIBRATION, swapped in by one rename.

It names the labelled tasks it rests on, which have a file of their own that only their owner may read, and holds what was
fitted for each generation of the index. During a rebuild it covers the old and the new generation, so that a reader or a
kill at any moment finds a whole pair. Knows nothing of what the fitted numbers mean.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from delegate_cli.index import sealed, store

FORMAT = 1  # raise when a key means something else than before
_NAME = "CALIBRATION"
_LABELS = "labels-"


class Label(NamedTuple):
    """A labelled task and the ids of the agents that may rightly do it; none of them: nobody fits.

    `weight`: how many tasks it stands for. `answered`: the id of the decision that was answered, empty for tasks of a file.
    """

    task: str
    agents: tuple[str, ...]
    weight: float = 1.0
    answered: str = ""


class Stored(NamedTuple):
    """What CALIBRATION says: facts of the labelled tasks, and fits by name of generation."""

    facts: dict[str, Any]
    fits: dict[str, Any]


def read(folder: Path) -> Stored | None:
    """The calibration of an index; None when there is none.

    Raises:
        Unusable: it is damaged.
    """
    record = sealed.read(folder / _NAME, FORMAT)
    if record is None:
        return None
    return Stored(record["labels"], record["fits"])


def read_labels(folder: Path, stored: Stored) -> list[Label]:
    """The labelled tasks that a calibration rests on.

    Raises:
        Unusable: their file is missing or damaged.
    """
    digest = stored.facts["sha256"]
    try:
        data = _labels_path(folder, digest).read_bytes()
    except OSError as error:
        raise store.Unusable(f"its labelled tasks cannot be read ({error.strerror})") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise store.Unusable("its labelled tasks are damaged")
    lines = map(json.loads, data.decode("utf-8").split("\n")[:-1])
    return [Label(task, tuple(agents), *rest) for task, agents, *rest in lines]


def write(folder: Path, labels: Sequence[Label], facts: Mapping[str, Any], fits: Mapping[str, Any]) -> None:
    """Replace the calibration; call it under `store.lock`. `fits` holds JSON by name of generation.

    Raises:
        IndexUnavailable: it cannot be written; the former one stays.
    """
    lines = "".join(json.dumps(_line(label), ensure_ascii=False) + "\n" for label in labels)
    data = lines.encode("utf-8")
    digest = hashlib.sha256(data).hexdigest()
    path = _labels_path(folder, digest)
    try:
        there = path.read_bytes() == data if path.exists() else False
    except OSError as error:
        raise store.unwritable(folder, error) from None
    if not there:
        sealed.replace_file(path, data)
    sealed.write(folder / _NAME, FORMAT, {"labels": {**facts, "sha256": digest}, "fits": dict(fits)})
    _clean(folder, keep=path.name)


def forget(folder: Path) -> bool:
    """Remove the calibration and its labelled tasks, under `store.lock`; whether there was one.

    Raises:
        IndexUnavailable: it cannot be removed.
    """
    there = sealed.forget(folder / _NAME)
    _clean(folder, keep=None)
    return there


def _line(label: Label) -> list[Any]:
    of_answer = [label.weight, label.answered] if label.answered or label.weight != 1 else []
    return [label.task, sorted(label.agents), *of_answer]


def _labels_path(folder: Path, digest: str) -> Path:
    return folder / f"{_LABELS}{digest[:12]}.jsonl"


def _clean(folder: Path, keep: str | None) -> None:
    """Remove labelled tasks that nothing names, and what killed writers left."""
    for entry in folder.glob(f"*{_LABELS}*"):
        if entry.name != keep:
            with suppress(OSError):
                entry.unlink()
    for entry in folder.glob(f".{_NAME}-*"):
        with suppress(OSError):
            entry.unlink()
