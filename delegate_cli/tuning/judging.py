"""Vectors of an encoder that is being tuned → what the decider makes of tasks with them, and whether that is no worse.

Everything behind the vectors is fitted anew, as `index rebuild` would, and tasks are decided as `route` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.calibrating.fit import Judged, judge, see
from delegate_cli.confidence.calibration import softmax
from delegate_cli.confidence.metrics import auroc, expected_calibration_error
from delegate_cli.encoders import Vectors
from delegate_cli.evaluation import compare
from delegate_cli.fitting import HeldOut, fit_roster
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import parts_of
from delegate_cli.index.search import PartIndex
from delegate_cli.index.store import StoredIndex
from delegate_cli.loaded import Loaded
from delegate_cli.settings import Settings

LEAST_GAIN = 0.01  # nats a task, of log loss: below it a switch is not worth its while, unless top-1 rises beyond noise
Floats = NDArray[np.float64]


class Requests(NamedTuple):
    """The roster's own sample requests, each predicted by what was fitted without it: both of shape (requests,)."""

    surprise: Floats  # −log P(right agent)
    right: Floats


@dataclass(frozen=True, slots=True)
class Measured:
    """What labelled tasks were given, and sample requests; None where there are too few of these."""

    tasks: Judged
    requests: Requests | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the tuned encoder is to be used, why, and tuned − usual of each figure with its 95 % interval."""

    applied: bool
    reason: str
    difference: Mapping[str, Any]


class Known:
    """An encoder of texts whose vectors are known."""

    name = fingerprint = "known"

    def __init__(self, vectors: Mapping[str, Vectors]) -> None:
        self._vectors = vectors
        self.dimension = len(next(iter(vectors.values())))

    def encode(self, text: str) -> Vectors:
        """One text → unit vector of shape (dimension,)."""
        return self._vectors[text]


def measure(encoder: Known, roster: Roster, labels: Sequence[Label], settings: Settings) -> Measured:
    """Fit the roster on an encoder's vectors and judge the tasks; the encoder knows all texts of both."""
    parts = parts_of(roster)
    vectors = np.stack([encoder.encode(text) for text in parts.texts])
    held_out: list[HeldOut] = []
    fitted = fit_roster(roster, parts, vectors, _silent, settings.target_error, keep=held_out.append)
    arrays = fitted.arrays | {"owner": parts.owner, "kind": parts.kind, "offsets": parts.offsets}
    facts = {"agents": len(roster), "report": fitted.report}
    ready = Loaded(encoder, StoredIndex(facts, PartIndex.build(vectors), arrays, tuple(fitted.grams)))
    judged = judge(ready, see(ready, labels, roster, settings.shortlist), len(roster))
    return Measured(judged, _requests(held_out[0], ready.weights) if held_out else None)


def _silent(what: str, done: int, total: int) -> None:
    pass


def _requests(held_out: HeldOut, weights: Floats) -> Requests:
    probability = softmax(held_out.left_out.standard @ weights)
    gold = held_out.left_out.gold
    found = probability[np.arange(len(gold)), gold]
    return Requests(-np.log(np.maximum(found, 1e-12)), (probability.argmax(axis=1) == gold).astype(float))


def joined(parts: Sequence[Judged], rows: Sequence[NDArray[np.int64]]) -> Judged:
    """What several folds were given, in the order of all tasks."""
    order = np.argsort(np.concatenate(rows))
    columns = (np.concatenate([getattr(part, name) for part in parts])[order] for name in Judged.__slots__)
    return Judged(*columns)


def figures(judged: Judged) -> dict[str, float | None]:
    """The figures to report; top-1 and ECE are over tasks that somebody fits. None: nothing to measure."""
    inside = judged.somebody
    found = {
        "top1": float(judged.right[inside].mean()),
        "log_loss": float(judged.surprise.mean()),
        "ece": expected_calibration_error(judged.top[inside], judged.right[inside]),
        "none_auroc": auroc(judged.none, ~inside),
    }
    return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}


def verdict(usual: Judged, tuned: Judged, before: Requests | None, after: Requests | None) -> Verdict:
    """Compare on the same tasks: used where these are likelier, and nothing else is worse beyond noise.

    Args:
        before: the sample requests under the usual encoder, `after` under the tuned ones (the mean of the folds): what
            agents without labelled tasks are judged by.
    """
    inside = np.flatnonzero(usual.somebody)
    first, second = (_Stated(judged, inside) for judged in (usual, tuned))
    found = {
        "top1": compare.mean_difference(first.right, second.right),
        "log_loss": compare.mean_difference(usual.surprise, tuned.surprise),
        "ece": compare.difference(first.ece, second.ece, len(inside)),
    }
    if before is not None and after is not None:
        found["requests_top1"] = compare.mean_difference(before.right, after.right)
        found["requests_log_loss"] = compare.mean_difference(before.surprise, after.surprise)
    reason = _against(found)
    gain, top1 = found["log_loss"], found["top1"]
    sure = bool((gain and gain["high"] < 0) or (top1 and top1["low"] > 0))
    words = "better beyond noise on tasks it was not trained on" if sure else "not worse; the gain is within noise"
    return Verdict(not reason, reason or words, found)


def _against(found: Mapping[str, dict[str, float] | None]) -> str:
    """What speaks against the tuned encoder; empty when nothing does. Of top-1 more is better, of the rest less."""
    gain, top1 = found["log_loss"], found["top1"]
    if gain is None or gain["value"] >= 0:
        return "held-out tasks became no likelier"
    if gain["value"] > -LEAST_GAIN and (top1 is None or top1["low"] <= 0):
        return "held-out tasks became hardly likelier"
    if top1 is None or top1["value"] < 0:
        return "fewer first candidates are right on held-out tasks"
    for name, words in (("ece", "the calibration error"), ("requests_log_loss", "log loss on the roster's sample requests")):
        figure = found.get(name)
        if figure is not None and figure["low"] > 0:
            return f"{words} rises beyond noise"
    requests = found.get("requests_top1")
    if requests is not None and requests["high"] < 0:
        return "fewer of the roster's own sample requests are told apart"
    return ""


class _Stated:
    """Probability and rightness of first candidates of some tasks."""

    def __init__(self, judged: Judged, rows: NDArray[np.int64]) -> None:
        self.right = judged.right[rows].astype(float)
        self._top = judged.top[rows]

    def ece(self, rows: Any) -> float:
        return expected_calibration_error(self._top[rows], self.right[rows])
