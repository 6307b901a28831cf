"""Fitted difficulty on disk: one file DIFFICULTY beside a roster's index, arrays and a manifest, swapped in by one rename.

Reading it runs no code. Only its owner may read it, since it holds vectors of tasks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from delegate_cli.index import bundle, store
from delegate_cli.index.sealed import forget as forget_file
from delegate_cli.index.sealed import replace_file
from delegate_cli.planning.difficulty import Difficulty
from delegate_cli.planning.estimators import choose
from delegate_cli.planning.features import Floats
from delegate_cli.planning.novelty import Novelty
from delegate_cli.planning.outcomes import Outcomes
from delegate_cli.planning.spread import Spread

NAME = "DIFFICULTY"
FORMAT = 2  # raise when an array means something else than before, or forms of tasks are read otherwise
_PARTS = ("estimator", "novelty", "spread")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a fit left.

    Attributes:
        cost, seconds: mean, 5 % and 95 % quantile of each agent's known ones, shape (3, agents), NaN where none is.
        tasks: how many outcomes each agent had, shape (agents,).
        record: how it was made and what it came to, as `difficulty fit` printed it.
        encoder: fingerprint of the encoder that it was made with.
    """

    difficulty: Difficulty
    cost: Floats
    seconds: Floats
    tasks: Floats
    record: Mapping[str, Any]
    encoder: str


def kept_of(difficulty: Difficulty, outcomes: Outcomes, record: Mapping[str, Any], encoder: str) -> Kept:
    """A fit with what its table says of cost and time."""
    known = (~np.isnan(outcomes.success)).sum(axis=0).astype(np.float64)
    return Kept(difficulty, _spent(outcomes.cost, known), _spent(outcomes.seconds, known), known, record, encoder)


def _spent(values: Floats | None, like: Floats) -> Floats:
    found = np.full((3, len(like)), np.nan)
    for at in range(len(like) if values is not None else 0):
        assert values is not None
        spent = values[~np.isnan(values[:, at]), at]
        if len(spent):
            found[:, at] = (spent.mean(), *np.quantile(spent, (0.05, 0.95)))
    return found


def write(folder: Path, kept: Kept) -> None:
    """Replace the file, under `store.lock`.

    Raises:
        IndexUnavailable: it cannot be written; the former one stays.
    """
    fitted = kept.difficulty
    arrays = {"rates": fitted.rates, "cost": kept.cost, "seconds": kept.seconds, "tasks": kept.tasks}
    for part in _PARTS:
        arrays |= {f"{part}.{name}": array for name, array in getattr(fitted, part).arrays.items()}
    manifest = {
        "agents": fitted.agents,
        "estimator": fitted.name,
        "slope": fitted.slope,
        "encoder": kept.encoder,
        "record": kept.record,
    }
    replace_file(folder / NAME, bundle.packed(arrays, FORMAT, manifest))


def read(folder: Path) -> Kept | None:
    """What was kept; None where nothing was.

    Raises:
        Unusable: the file is damaged, or was made by another version.
    """
    return bundle.read(folder / NAME, FORMAT, _kept)


def _kept(arrays: store.Arrays, manifest: Mapping[str, Any]) -> Kept:
    whole = {name: array.astype(np.float64) for name, array in arrays.items()}
    parts = {part: {name.partition(".")[2]: whole[name] for name in whole if name.startswith(f"{part}.")} for part in _PARTS}
    difficulty = Difficulty(
        tuple(manifest["agents"]),
        manifest["estimator"],
        choose.restored(manifest["estimator"], parts["estimator"]),
        float(manifest["slope"]),
        whole["rates"],
        Novelty(parts["novelty"]),
        Spread(parts["spread"]),
    )
    return Kept(difficulty, whole["cost"], whole["seconds"], whole["tasks"], manifest["record"], manifest["encoder"])


def forget(folder: Path) -> bool:
    """Remove the file, under `store.lock`; whether there was one."""
    return forget_file(folder / NAME)
