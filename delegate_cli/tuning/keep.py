"""A tuned encoder between training and use: written, compiled and indexed beside the usual one, then switched to by one rename.

Whatever is killed before the rename leaves the encoder in use, and is cleared away by the next tuning.
"""

import datetime
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delegate_cli.agents import Roster
from delegate_cli.encoders import catalog, tuned
from delegate_cli.encoders.catalog import EncoderSource, Tuned
from delegate_cli.encoders.onnx import OnnxEncoder
from delegate_cli.errors import DelegateError, EncoderError
from delegate_cli.index import calibration as kept
from delegate_cli.index import store
from delegate_cli.index.calibration import Label
from delegate_cli.opening import Opener
from delegate_cli.settings import Settings

Save = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Place:
    """Whose encoder is tuned, and who is told of it; `home` is DELEGATE_HOME."""

    home: Path
    roster: Roster
    settings: Settings
    progress: Callable[[str, int, int], None]
    say: Callable[[str], None]

    @property
    def folder(self) -> Path:
        return tuned.folder_of(self.home, self.roster)

    def index(self, source: EncoderSource) -> None:
        """Make the index with this encoder, which is compiled first; nothing is done where both are there."""
        from delegate_cli.encoders.compile import compile_encoder

        encoder = OnnxEncoder(compile_encoder(source, self.home, self.say))
        opener = Opener(self.roster, self.settings, self.home, True, self.progress, self.say, encoder, frozenset())
        opener.build(encoder, force=False)


def install(place: Place, source: EncoderSource, save: Save, figures: Mapping[str, Any], labels: Sequence[Label]) -> None:
    """Put a tuned adapter into use.

    Args:
        source: the usual encoder, which the adapter changes.
        save: writes the adapter to a path.
        figures: kept in its record.
        labels: the tasks that it was trained on, of which the record keeps digests.

    Raises:
        EncoderError: it cannot be compiled.
        IndexUnavailable: it cannot be written.
    """
    with _lock(place.folder):
        former = _in_use(place.folder)
        _clear(place, {former.path.parent.name} if former else set())
        found = _write(place.folder, source, save, figures, labels)
        new = source.with_tuned(found)
        _take_calibration(place, former.fingerprint if former else source.fingerprint, found.fingerprint)
        place.index(new)
        tuned.switch(place.folder, found)


def undo(place: Place, source: EncoderSource) -> bool:
    """Return to the usual encoder; whether another was in use. What was tuned stays until the next tuning, for its readers."""
    if not (place.folder / "CURRENT").exists():
        return False
    with _lock(place.folder):
        try:
            place.index(source)
        except DelegateError as error:  # then the next decision will say so
            place.say(f"the index is not ready: {error.message}")
        tuned.switch(place.folder, None)
    return True


def _write(folder: Path, source: EncoderSource, save: Save, figures: Mapping[str, Any], labels: Sequence[Label]) -> Tuned:
    """A new generation, which nothing names yet."""
    work = folder / ".building"
    work.mkdir()
    save(work / tuned.ADAPTER)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    digests = sorted({tuned.digest(label.task) for label in labels})
    record = {"date": date, "encoder": source.fingerprint, **figures, "tasks_sha256": digests}
    (work / tuned.RECORD).write_text(json.dumps(record, indent=1))
    for file in work.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    sha256 = hashlib.sha256((work / tuned.ADAPTER).read_bytes()).hexdigest()
    target = folder / f"gen-{sha256[:12]}"
    if target.exists():  # the very same weights: only the record may differ
        os.replace(work / tuned.RECORD, target / tuned.RECORD)
    else:
        work.rename(target)
    return Tuned(target / tuned.ADAPTER, sha256, source.fingerprint)


def _take_calibration(place: Place, former: str, new: str) -> None:
    """Give the new index the labelled tasks that the one in use is calibrated on, so that it is calibrated as well."""
    old, folder = (store.folder_of(place.home, place.roster, fingerprint) for fingerprint in (former, new))
    if old == folder:
        return
    try:
        stored = kept.read(old)
        if stored is None:
            return
        labels = kept.read_labels(old, stored)
    except (store.Unusable, KeyError, TypeError, ValueError):
        place.say("the calibration on labelled tasks is damaged and was left out (run: delegate calibrate TASKS.jsonl)")
        return
    with store.lock(folder):
        kept.write(folder, labels, stored.facts, {})


def _clear(place: Place, keep: set[str]) -> None:
    """Remove what nobody uses any more: older generations, with their encoders and indexes, and what was left half written."""
    shutil.rmtree(place.folder / ".building", ignore_errors=True)
    stay = {name.removeprefix("gen-") for name in keep}
    for entry in place.folder.glob("gen-*"):
        name = entry.name.removeprefix("gen-")
        if name not in stay:
            for compiled in (place.home / "encoders").glob(f"*{catalog.TUNED}{name}"):
                shutil.rmtree(compiled, ignore_errors=True)
            shutil.rmtree(entry, ignore_errors=True)
    usual = store.folder_of(place.home, place.roster)
    for folder in store.folders_of(place.home, place.roster):
        if folder != usual and folder.name.rpartition(catalog.TUNED)[2] not in stay:
            shutil.rmtree(folder, ignore_errors=True)


def _in_use(folder: Path) -> Tuned | None:
    try:
        return tuned.read(folder)
    except EncoderError:
        return None


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    from filelock import FileLock

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            yield
    except OSError as error:
        raise store.unwritable(folder, error) from None
