"""Fits for models between memory and the file beside the index. One that was made for another model or index is not used."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delegate_cli.advice import FusionFit
from delegate_cli.calibrating.keep import source_digest
from delegate_cli.confidence.fusion import Weights
from delegate_cli.index import calibration, store
from delegate_cli.index import fusion as kept

if TYPE_CHECKING:
    from delegate_cli.calibrating.fusing import FusionCalibration

_MEND = "run: delegate calibrate TASKS.jsonl --decider, or delegate calibrate --reset"


def key(kind: str, model: str, endpoint: str, shortlist: int) -> str:
    """All that a fit is made for: how the answer was had, the model as it answered, its base URL, and how many were shown."""
    return json.dumps([kind, model, endpoint, shortlist], ensure_ascii=False)


class Fusions:
    """The fits of one index, by key.

    Args:
        say: is told once of a fit that is not used.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self._say = say
        self._said: set[str] = set()
        self._ground = _ground(folder, manifest)
        self._records: dict[str, Any] = {}
        try:
            self._records = kept.read(folder)
        except (store.Unusable, KeyError, TypeError, ValueError) as reason:
            self._tell("", str(reason) if isinstance(reason, store.Unusable) else "it is damaged")

    def get(self, key: str) -> FusionFit | None:
        """The fit with this key; None where there is none that belongs to this index."""
        record = self._records.get(key)
        if record is None:
            return None
        try:
            if record["ground"] != self._ground:
                self._tell(key, "it was made for another index or calibration")
                return None
            return FusionFit(
                Weights(**record["weights"]), np.array(record["rows"], dtype=float).reshape(-1, 4), record["tasks"]
            )
        except (KeyError, TypeError, ValueError):
            self._tell(key, "it is damaged")
            return None

    def _tell(self, key: str, why: str) -> None:
        if key not in self._said:
            self._said.add(key)
            self._say(f"calibration of the model left out: {why} ({_MEND})")


def save(folder: Path, manifest: Mapping[str, Any], key: str, found: "FusionCalibration", facts: Mapping[str, Any]) -> None:
    """Keep a fit for the index it was made on.

    Raises:
        IndexUnavailable: it cannot be written.
    """
    fit = found.fit
    record = {
        "ground": _ground(folder, manifest),
        "weights": asdict(fit.weights),
        "rows": fit.rows.tolist(),
        "tasks": fit.tasks,
    }
    with store.lock(folder):
        kept.write(folder, key, {**record, "facts": dict(facts), "figures": found.as_dict()})


def rests_on(folder: Path, data: bytes) -> bool:
    """Whether a kept fit was made on the file with this content."""
    try:
        records = kept.read(folder)
    except (store.Unusable, KeyError, TypeError, ValueError):
        return False
    return any(record["facts"].get("source_sha256") == source_digest(data) for record in records.values())


def status(folder: Path, manifest: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """For each kept fit what it is in words, and its record."""
    try:
        records = kept.read(folder)
    except (store.Unusable, KeyError, TypeError, ValueError):
        return [("not used: it is damaged", {})]
    found = []
    for name, record in records.items():
        kind, model, endpoint, shortlist = json.loads(name)
        used = record["ground"] == _ground(folder, manifest)
        made = f"fitted on {record['tasks']} tasks of {record['facts']['date']}"
        words = f"{kind} by {model} at {endpoint}, {shortlist} shown: {made}"
        named = {"kind": kind, "model": model, "endpoint": endpoint, "shortlist": shortlist, "used": used}
        found.append(
            (words if used else f"{words}; not used: made for another index or calibration", {**named, **record["figures"]})
        )
    return found


def _ground(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What the head's probabilities rest on: texts, encoder, and labelled tasks."""
    try:
        stored = calibration.read(folder)
    except (store.Unusable, KeyError, TypeError, ValueError):
        stored = None
    labels = None if stored is None else stored.facts.get("sha256")
    return {"text_sha256": manifest.get("text_sha256"), "encoder": manifest.get("encoder"), "labels": labels}
