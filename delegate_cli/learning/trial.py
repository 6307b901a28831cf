"""New lessons, tried before they are kept: the index with them in memory, and left-out answers before and after."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import comb
from typing import Any

import numpy as np

from delegate_cli.agents import Roster
from delegate_cli.calibrating.fit import MIN_LABELS, Calibration, Verdict, calibrate, useless_for, verdict
from delegate_cli.calibrating.seen import MAX_LABELS, Judged, Unseen, judge, see, without_labels
from delegate_cli.encoders import Vectors
from delegate_cli.fitting import HeldOut, fit_roster, hold_out, prepare
from delegate_cli.index import store
from delegate_cli.index.build import Progress, embed, layout, vectors_of
from delegate_cli.index.calibration import Label
from delegate_cli.index.parts import parts_of
from delegate_cli.index.search import PartIndex
from delegate_cli.learning.blending import Chosen, choose
from delegate_cli.loaded import Loaded

WORSE = 0.05  # chance of so many tasks lost by chance, below which top-1 is said to be worse


@dataclass(frozen=True, slots=True)
class Side:
    """Left-out answers under one state: log loss, and the share of those that somebody fits with the right agent first."""

    top1: float | None
    log_loss: float


@dataclass(frozen=True, slots=True)
class Trial:
    """What learning would change, on answers that neither side knew.

    Attributes:
        tasks: new answers that were left out.
        gained, lost: tasks whose first agent is right only after, and only before.
        p_value: of losing as many of these by chance (a one-sided sign test).
        verdict: whether log loss is no worse, and beyond noise better, than where the answers only calibrate the index in use.
        calibration: fitted on all answers, for the index that was taught.
        alone: the same for the index in use.
        blend: how much what was learnt is to count, and why; None where there are no sample requests among it.
    """

    tasks: int
    before: Side
    after: Side
    gained: int
    lost: int
    p_value: float
    verdict: Verdict
    calibration: Calibration
    alone: Calibration
    ready: Loaded
    blend: Chosen | None = None

    @property
    def applied(self) -> bool:
        """Whether it is not worse."""
        return self.verdict.applied and self.p_value >= WORSE

    def as_dict(self) -> dict[str, Any]:
        """The figures."""
        sides: dict[str, Any] = {name: {"top1": side.top1, "log_loss": side.log_loss} for name, side in self._sides()}
        test: dict[str, Any] = {"gained": self.gained, "lost": self.lost, "p_value": self.p_value}
        test |= {"gain": self.verdict.gain, "noise": self.verdict.noise, "reason": self.reason}
        facts = {"left_out": self.tasks, **sides, "test": test, "calibration": self.calibration.as_dict()}
        return facts if self.blend is None else facts | {"blend": self.blend.as_dict()}

    @property
    def reason(self) -> str:
        """In words, why it is applied or not."""
        if self.verdict.applied and not self.applied:
            return f"fewer first agents right: {self.lost} lost, {self.gained} gained"
        return self.verdict.reason

    def _sides(self) -> list[tuple[str, Side]]:
        return [("before", self.before), ("after", self.after)]


def try_out(
    now: Loaded,
    roster: Roster,
    taught: Roster,
    new: Sequence[Label],
    rest: Sequence[Label],
    unseen: Unseen,
    shortlist: int,
    target_error: float,
    progress: Progress,
    none_share: float | None = None,
    known: dict[bytes, Vectors] | None = None,
) -> Trial:
    """Compare the index in use with one that was taught, both calibrated on the answers, so that only what is taught differs.

    Args:
        roster, taught: what the two indexes are made of.
        new: the answers to be learnt, which the index in use does not know.
        rest: what it was calibrated on.
        none_share: of tasks that nobody fits, where somebody has said it.
        known: vectors by hash of their text, for what is in neither index.
    """
    before = judge(now, see(now, new, roster, shortlist, progress), len(roster))
    chosen = blend_of(now, taught, progress, known or {})
    taught = taught if chosen is None else replace(taught, blend=chosen.blend)
    ready, held_out = index_of(now, taught, target_error, progress, known or {})
    labels = [*rest[max(0, len(rest) + len(new) - MAX_LABELS) :], *new]
    seen = see(ready, labels, taught, shortlist, progress)
    found = calibrate(ready, seen, len(taught), target_error, without_labels(held_out, taught, labels), none_share, unseen)
    after = found.judged.at(np.arange(len(seen)) >= len(seen) - len(new))
    weight = np.array([task.weight for task in seen[-len(new) :]])
    alone = recalibrate(now, roster, labels, unseen, shortlist, target_error, progress, none_share)
    beside = alone.judged.at(np.arange(len(seen)) >= len(seen) - len(new))
    hindrance = useless_for(before, len(roster)) or _in_vain(chosen)
    said = Verdict(False, hindrance) if hindrance else verdict(weight / weight.mean() * (after.surprise - beside.surprise))
    gained = int((after.right & ~before.right).sum())
    lost = int((before.right & ~after.right).sum())
    fitted = ready.with_fit(found.fit, len(seen))
    return Trial(
        len(new),
        _side(before),
        _side(after),
        gained,
        lost,
        sign_test(lost, gained),
        said,
        found,
        alone,
        fitted if found.applied else ready,
        chosen,
    )


def blend_of(like: Loaded, taught: Roster, progress: Progress, known: dict[bytes, Vectors]) -> Chosen | None:
    """How much the learnt requests of a roster are to count; None where it has none."""
    if not any(agent.learned for agent in taught):
        return None
    parts = parts_of(taught)
    vectors, _ = embed(parts, like.encoder, {**vectors_of(like.index), **known}, progress)
    return choose(prepare(taught, parts, vectors), like.label_free().weights, progress)


def _in_vain(chosen: Chosen | None) -> str:
    vain = chosen is not None and chosen.blend.weight == 0
    return "whatever it gives, it takes from agents of which nothing was learnt" if vain else ""


def recalibrate(
    now: Loaded,
    roster: Roster,
    labels: Sequence[Label],
    unseen: Unseen,
    shortlist: int,
    target_error: float,
    progress: Progress,
    none_share: float | None = None,
) -> Calibration:
    """The calibration of the index in use on all answers, where they are not to become sample requests."""
    seen = see(now, labels, roster, shortlist, progress)
    held_out = hold_out(prepare(roster, parts_of(roster), np.asarray(now.index.parts.vectors)), progress)
    return calibrate(now, seen, len(roster), target_error, without_labels(held_out, roster, labels), none_share, unseen)


def index_of(
    like: Loaded, roster: Roster, target_error: float, progress: Progress, known: dict[bytes, Vectors]
) -> tuple[Loaded, HeldOut | None]:
    """The index of a roster in memory, made as it would be on disk, and its held-out requests."""
    parts = parts_of(roster)
    vectors, _ = embed(parts, like.encoder, {**vectors_of(like.index), **known}, progress)
    held_out: list[HeldOut] = []
    fitted = fit_roster(roster, parts, vectors, progress, target_error, keep=held_out.append)
    manifest = {**like.index.manifest, "agents": len(roster), "parts": len(parts.texts), "report": fitted.report}
    arrays = fitted.arrays | layout(parts)
    index = store.StoredIndex(manifest, PartIndex.build(vectors), arrays, tuple(fitted.grams))
    return Loaded(like.encoder, index), held_out[0] if held_out else None


def sign_test(lost: int, gained: int) -> float:
    """The chance of at least so many lost among all that changed, if gains and losses were equally likely (McNemar, exact)."""
    count = lost + gained
    return float(sum(comb(count, each) for each in range(lost, count + 1)) / 2**count)


def _side(judged: Judged) -> Side:
    inside = judged.somebody
    return Side(float(judged.right[inside].mean()) if inside.any() else None, float(judged.surprise.mean()))


FEWEST = MIN_LABELS  # new answers: fewer tell nothing
