"""Labelled tasks → calibration: weights, `none` and threshold that are fitted on them and kept only where they are no worse.

Every labelled task is predicted by what was fitted without it, and compared with what the roster alone gave. Knows nothing of
files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate_cli.calibrating.seen import Judged as Judged
from delegate_cli.calibrating.seen import Labelled, Unseen
from delegate_cli.calibrating.seen import Seen as Seen
from delegate_cli.calibrating.seen import judge as judge
from delegate_cli.calibrating.seen import see as see
from delegate_cli.confidence import labelled, none, threshold
from delegate_cli.confidence.metrics import auroc, expected_calibration_error, wilson
from delegate_cli.fitting import HeldOut, none_features
from delegate_cli.loaded import Fit, Loaded

FOLDS = 5
LEAVE_ONE_OUT = 30  # labelled tasks: with fewer each is a fold of its own
MIN_LABELS = 10  # fewer say less than the roster does
MIN_SOMEBODY = 5  # of them tasks that somebody fits
MIN_NOBODY = 2
BEHIND = 50.0  # the roster's own held-out requests count at most like so many labelled tasks in the threshold's curve
CAUTION = 1.0  # standard errors that are added to the error among answered tasks
SEED = 3
Floats = NDArray[np.float64]
Refit = Callable[[Loaded, Sequence[Seen]], Loaded]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a part of the fit is applied, and why; `gain` in log loss (nats a task), `noise` its 95 % half-width."""

    applied: bool
    reason: str
    gain: float | None = None
    noise: float | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What labelled tasks came to: the fit, a verdict on each part, and figures before and after, cross-fitted."""

    fit: Fit
    tasks: int
    nobody: int
    verdicts: Mapping[str, Verdict]
    before: Mapping[str, float | None]
    after: Mapping[str, float | None]
    judged: Judged  # the tasks after, cross-fitted

    @property
    def applied(self) -> bool:
        """Whether anything differs from the label-free fit."""
        return any(verdict.applied for verdict in self.verdicts.values())

    def as_dict(self) -> dict[str, Any]:
        """The figures without the fit."""
        verdicts = {name: asdict(verdict) for name, verdict in self.verdicts.items()}
        facts = {"tasks": self.tasks, "nobody": self.nobody, "applied": self.applied}
        return {**facts, "parts": verdicts, "before": dict(self.before), "after": dict(self.after)}


def calibrate(
    ready: Loaded,
    seen: Sequence[Seen],
    agents: int,
    target_error: float,
    requests: HeldOut | None,
    none_share: float | None = None,
    unseen: Unseen | None = None,
) -> Calibration:
    """Fit each part on all tasks, if fitted on the other folds it was no worse for the tasks of each.

    Each task counts as many as it stands for; the weights alone are fitted without that, since which tasks are labelled
    hangs on their texts only, and so does what the weights say.

    Args:
        requests: the roster's own held-out requests, which stand behind the threshold as long as labels are few.
        none_share: of real tasks that nobody fits, in (0, 1); by default the file's own, shrunk to the assumed one.
        unseen: where the tasks are answers to decisions, those that nobody answered. Sample requests then say less about real
            tasks, and which threshold is lucky is chosen anew each time, so that it takes more caution.
    """
    free = ready.label_free()
    folds = folds_of(seen)
    trains = [[task for task, fold in zip(seen, folds, strict=True) if fold != out] for out in range(max(folds) + 1)]
    now, final = [free] * len(trains), free
    before = judged = judge(free, seen, agents)
    given = np.array([task.weight for task in seen])
    aside = (Unseen() if unseen is None else unseen).per(given.mean())
    each = weight_of(before.somebody, none_share, given)
    share = none_share or _share_of_nobody(before, given / given.mean(), aside)
    verdicts: dict[str, Verdict] = {}
    useless = useless_for(before, agents)
    parts: dict[str, tuple[Refit, str]] = {
        "weights": (_refit_weights, useless),
        "none": (lambda base, train: _refit_none(base, train, agents, share), useless or _no_nobody(before)),
    }
    for name, (refit, hindrance) in parts.items():
        if hindrance:
            verdicts[name] = Verdict(False, hindrance)
            continue
        tried = [refit(base, train) for base, train in zip(now, trains, strict=True)]
        after = _judge_folds(tried, seen, folds, agents)
        verdicts[name] = verdict(each * (after.surprise - judged.surprise))
        if verdicts[name].applied:
            now, judged, final = tried, after, refit(final, seen)
    most = BEHIND if unseen is None else BEHIND * BEHIND / (BEHIND + len(seen))
    caution = threshold.CAUTION if unseen is None else CAUTION
    tasks = _Handed(judged, each, aside, _behind(requests, final.fit, share, most), caution)
    cuts, curve, verdicts["threshold"] = _thresholds(tasks, folds, free, target_error, useless, moved=final is not free)
    if verdicts["threshold"].applied:
        final = final.with_fit(replace(final.fit, curve=curve), len(seen))
    old = np.full(len(seen), free.threshold(target_error))
    nobody = int((~before.somebody).sum())
    then, now_given = figures(before, old, each), figures(judged, cuts, each)
    return Calibration(final.fit, len(seen), nobody, verdicts, then, now_given, judged)


def folds_of(seen: Sequence[Labelled]) -> list[int]:
    """The fold of each task; those that somebody fits and the others are dealt out evenly."""
    count = len(seen) if len(seen) < LEAVE_ONE_OUT else FOLDS
    order = np.random.default_rng(SEED).permutation(len(seen))
    order = order[np.argsort([len(seen[row].gold) == 0 for row in order], kind="stable")]
    folds = np.empty(len(seen), dtype=int)
    folds[order] = np.arange(len(seen)) % count
    return list(map(int, folds))


def weight_of(somebody: NDArray[np.bool_], none_share: float | None, given: Floats | None = None) -> Floats:
    """What each task counts: as given, or so much that the two sorts have the given shares; the mean is 1."""
    weight = np.ones(len(somebody)) if given is None else given / given.mean()
    if none_share is None or somebody.all() or not somebody.any():
        return weight
    fits = float(weight[somebody].sum() / weight.sum())
    shared: Floats = weight * np.where(somebody, (1 - none_share) / fits, none_share / (1 - fits))
    return shared


def useless_for(free: Judged, agents: int) -> str:
    """Why nothing can be learnt from these tasks; empty when something can."""
    count, right = int(free.somebody.sum()), int(free.right[free.somebody].sum())
    if len(free.somebody) < MIN_LABELS:
        return f"{len(free.somebody)} labelled tasks, {MIN_LABELS} are needed"
    if count < MIN_SOMEBODY:
        return f"{count} tasks that some agent fits, {MIN_SOMEBODY} are needed"
    if wilson(right, count)[0] <= 1 / agents:
        return f"the labels agree with {right} of {count} first candidates, no more than chance may; are the ids right?"
    return ""


def _no_nobody(free: Judged) -> str:
    count = int((~free.somebody).sum())
    return "" if count >= MIN_NOBODY else f"{count} tasks that nobody fits, {MIN_NOBODY} are needed"


def _refit_weights(base: Loaded, train: Sequence[Seen]) -> Loaded:
    inside = [task for task in train if len(task.gold)]
    longest = max(len(task.views.places) for task in inside)
    standard = np.zeros((len(inside), longest, len(base.fit.weights)))
    penalty = np.full((len(inside), longest), np.inf)
    gold = np.zeros((len(inside), longest), dtype=bool)
    for row, task in enumerate(inside):
        count = len(task.views.places)
        standard[row, :count], penalty[row, :count] = task.views.standard, task.views.penalty
        gold[row, :count] = np.isin(task.views.places, task.gold)
    weights = labelled.refit_weights(labelled.Rows(standard, penalty, gold), base.fit.weights)
    return base.with_fit(replace(base.fit, weights=weights), len(train))


def _refit_none(base: Loaded, train: Sequence[Seen], agents: int, share: float) -> Loaded:
    found = [(task.under(base).none_features(task.query, task.views, agents), len(task.gold) > 0) for task in train]
    inside = np.array([features for features, somebody in found if somebody])
    outside = np.array([features for features, somebody in found if not somebody])
    if not len(outside):  # the fold that holds the last of them
        return base
    coefficients = labelled.refit_none(inside, outside, base.fit.none, share)
    return base.with_fit(replace(base.fit, none=coefficients), len(train))


def _judge_folds(fitted: Sequence[Loaded], seen: Sequence[Seen], folds: Sequence[int], agents: int) -> Judged:
    """Each task by the fit that was made without it."""
    each = [judge(fitted[fold], [task], agents) for task, fold in zip(seen, folds, strict=True)]
    columns = (np.concatenate([getattr(one, name) for one in each]) for name in Judged.__slots__)
    return Judged(*columns)


def verdict(difference: Floats) -> Verdict:
    change = float(difference.mean())
    noise = 1.96 * float(difference.std(ddof=1)) / len(difference) ** 0.5
    if change > 0:
        return Verdict(False, "worse on tasks it was not fitted on", -change, noise)
    beyond = "better beyond noise" if -change > noise else "not worse; the gain is within noise"
    return Verdict(True, beyond, -change, noise)


def _share_of_nobody(before: Judged, given: Floats, unseen: Unseen) -> float:
    if int((~before.somebody).sum()) < MIN_NOBODY:  # they may just never have been written down
        return none.PRIOR_NONE
    return labelled.none_share(float(given[~before.somebody].sum()) + unseen.nobody, float(given.sum()) + unseen.tasks)


def _behind(requests: HeldOut | None, fit: Fit, share: float, most: float) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Probability, rightness and weight of the roster's own requests under this fit, with and without their agent."""
    if requests is None:
        return np.empty(0), np.empty(0, dtype=bool), np.empty(0)
    inside, top, right = none_features(requests, fit.weights, without_gold=False)
    outside, top_outside, _ = none_features(requests, fit.weights, without_gold=True)
    final = np.append(top, top_outside) * (1 - none.probability_none(np.vstack((inside, outside)), fit.none))
    weight = np.repeat((1 - share, share), (len(inside), len(outside))) * min(1.0, most / len(inside))
    return final, np.append(right, np.zeros(len(outside), dtype=bool)), weight


@dataclass(frozen=True, slots=True)
class _Handed:
    """What the threshold is fitted on: labelled tasks with their weights, those nobody spoke of, and sample requests behind."""

    judged: Judged
    each: Floats
    unseen: Unseen
    behind: tuple[Floats, NDArray[np.bool_], Floats]
    caution: float

    def curve(self, rows: NDArray[np.bool_]) -> Floats:
        """Of some of the labelled tasks and all that stands beside them."""
        judged = self.judged
        columns = zip((judged.top[rows], judged.right[rows], self.each[rows]), self.unseen.rows, self.behind, strict=True)
        inside = np.repeat((True, False), (len(self.unseen.rows[0]), len(self.behind[0])))
        top, right, weight = (np.concatenate(column) for column in columns)
        seen = np.concatenate((self.each[rows], np.zeros(len(self.unseen.rows[0])), self.behind[2]))
        return threshold.fit_curve(top, right, weight, np.append(judged.somebody[rows], inside), self.caution, seen)


def _thresholds(
    tasks: _Handed, folds: Sequence[int], free: Loaded, target_error: float, useless: str, moved: bool
) -> tuple[Floats, Floats, Verdict]:
    """The threshold of each task (of the curve without its fold, or the old one), the new curve, and the verdict."""
    old = np.full(len(folds), free.threshold(target_error))
    judged, each = tasks.judged, tasks.each
    curve = tasks.curve(np.ones(len(folds), dtype=bool))
    if useless or len(folds) < threshold.MIN_REQUESTS:
        return old, curve, Verdict(False, useless or f"{len(folds)} tasks, {threshold.MIN_REQUESTS} are needed")
    new = np.empty(len(folds))
    for fold in range(max(folds) + 1):
        out = np.array(folds) == fold
        new[out] = threshold.at(tasks.curve(~out), target_error).probability
    was, would = (excess_and_coverage(judged, each, cuts, target_error, tasks.unseen) for cuts in (old, new))
    if would[0] > was[0]:
        return old, curve, Verdict(False, "more errors among tasks handed over")
    # the old curve was drawn for the old probabilities: where these have moved, its coverage is not to be trusted
    cautious = tasks.caution > threshold.CAUTION and moved
    if (not moved and would > was) or (not cautious and hands_over_less_for_nothing(judged, each, old, new)):
        return old, curve, Verdict(False, "fewer tasks handed over for no fewer errors")
    return new, curve, Verdict(True, "no more errors among tasks handed over")


def hands_over_less_for_nothing(judged: Judged, each: Floats, old: Floats, new: Floats) -> bool:
    """Whether the new cuts hand fewer tasks over, and no fewer wrong ones: all of shape (tasks,)."""
    before, after = (each * ((judged.top >= cuts) & (judged.none < 0.5)) for cuts in (old, new))
    return bool(after.sum() < before.sum() and after[~judged.right].sum() >= before[~judged.right].sum() > 0)


def excess_and_coverage(
    judged: Judged, each: Floats, cuts: Floats, target_error: float, unseen: Unseen = Unseen()
) -> tuple[float, float]:
    """Error above the target among tasks handed over (nobody's count as wrong), and the share not handed over.

    The error is shrunk to the promised one, as in the curve: one wrong task among three says little.
    """
    given = (judged.top >= cuts) & (judged.none < 0.5)
    wrong, promised = each[given & ~judged.right].sum(), (1 - judged.top[given]).mean() if given.any() else 0.0
    top, right, weight = unseen.rows
    aside = top >= np.median(cuts)
    wrong, count = wrong + (weight * (1 - right))[aside].sum(), each[given].sum() + weight[aside].sum()
    error = (wrong + threshold.TRUST * promised) / (count + threshold.TRUST)
    inside, whole = each * judged.somebody, (each * judged.somebody).sum() + weight.sum()
    covered = (inside[given].sum() + weight[aside].sum()) / max(whole, 1e-9)
    return max(0.0, round(float(error - target_error), 9)), 1.0 - float(covered)


def figures(judged: Judged, cuts: Floats, each: Floats) -> dict[str, float | None]:
    """The figures to report; ECE, top-1, error and coverage are over tasks that somebody fits. None: nothing to measure."""
    inside, outside = judged.somebody, ~judged.somebody
    given = (judged.top >= cuts) & (judged.none < 0.5)
    found = {
        "log_loss": float((each * judged.surprise).mean()),
        "top1": _share(judged.right, inside),
        "ece": expected_calibration_error(judged.top[inside], judged.right[inside]),
        "ece_all": expected_calibration_error(judged.top, judged.right),
        "none_auroc": auroc(judged.none, outside),
        "coverage": _share(given, inside),
        "error": _share(~judged.right, given & inside),
        "error_all": _share(~judged.right, given),
        "nobody_handed_over": _share(given, outside),
    }
    return {name: float(value) if np.isfinite(value) else None for name, value in found.items()}


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part[whole].mean()) if whole.any() else float("nan")
