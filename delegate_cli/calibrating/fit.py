"""Labelled tasks → calibration: weights, `none` and threshold that are fitted on them and kept only where they are no worse.

Every labelled task is predicted by what was fitted without it, and compared with what the roster alone gave. Knows nothing of
files.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from delegate_cli.agents import Roster
from delegate_cli.confidence import labelled, none, threshold
from delegate_cli.confidence.metrics import auroc, expected_calibration_error, wilson
from delegate_cli.deciders.head import Views
from delegate_cli.fitting import HeldOut, none_features
from delegate_cli.index.build import Progress
from delegate_cli.index.calibration import Label
from delegate_cli.loaded import Fit, Loaded
from delegate_cli.retrievers.fused import Query

FOLDS = 5
LEAVE_ONE_OUT = 30  # labelled tasks: with fewer each is a fold of its own
MIN_LABELS = 10  # fewer say less than the roster does
MIN_SOMEBODY = 5  # of them tasks that somebody fits
MIN_NOBODY = 2
BEHIND = 50.0  # the roster's own held-out requests count at most like so many labelled tasks in the threshold's curve
MAX_LABELS = 5000  # beyond it evenly spaced ones are used: four numbers and a curve need no more
SEED = 3
Floats = NDArray[np.float64]


def _silent(what: str, done: int, total: int) -> None:
    pass


class Labelled(Protocol):
    """A task whose right agents are known by their places; none of them: nobody fits."""

    @property
    def gold(self) -> NDArray[np.int64]: ...


Refit = Callable[[Loaded, Sequence["Seen"]], Loaded]


@dataclass(frozen=True, slots=True)
class Seen:
    """A labelled task as the decider sees it; `gold` are the places of the right agents, none of them: nobody fits."""

    query: Query
    views: Views
    gold: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What tasks were given, each of shape (tasks,): surprise is −log P(right answer), `top` is of the first candidate."""

    surprise: Floats
    top: Floats
    right: NDArray[np.bool_]
    none: Floats
    somebody: NDArray[np.bool_]


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

    @property
    def applied(self) -> bool:
        """Whether anything differs from the label-free fit."""
        return any(verdict.applied for verdict in self.verdicts.values())

    def as_dict(self) -> dict[str, Any]:
        """The figures without the fit."""
        verdicts = {name: asdict(verdict) for name, verdict in self.verdicts.items()}
        facts = {"tasks": self.tasks, "nobody": self.nobody, "applied": self.applied}
        return {**facts, "parts": verdicts, "before": dict(self.before), "after": dict(self.after)}


def see(ready: Loaded, labels: Sequence[Label], roster: Roster, shortlist: int, progress: Progress = _silent) -> list[Seen]:
    """Look at labelled tasks as `route` does, without constraints; those whose agents are all gone are left out."""
    seen = []
    chosen = labels[:: -(-len(labels) // MAX_LABELS) or 1]
    for done, label in enumerate(chosen, 1):
        progress("labelled tasks", done, len(chosen))
        places = [roster.position[agent] for agent in label.agents if agent in roster.position]
        if label.agents and not places:
            continue
        query = ready.query(label.task)
        views = ready.decider.views(query, ready.retriever.shortlist(query, shortlist, None))
        seen.append(Seen(query, views, np.array(sorted(places), dtype=np.int64)))
    return seen


def judge(ready: Loaded, seen: Sequence[Seen], agents: int) -> Judged:
    """What each task is given by this fit."""
    rows = []
    for task in seen:
        ranking = ready.rank(task.query, task.views, agents, None)
        hit = ranking.probability[np.isin(ranking.places, task.gold)].sum() if len(task.gold) else ranking.none
        right = ranking.places[0] in task.gold
        rows.append((-np.log(max(hit, 1e-12)), ranking.probability[0], right, ranking.none, len(task.gold) > 0))
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return Judged(columns[0], columns[1], columns[2] > 0, columns[3], columns[4] > 0)


def calibrate(
    ready: Loaded,
    seen: Sequence[Seen],
    agents: int,
    target_error: float,
    requests: HeldOut | None,
    none_share: float | None = None,
) -> Calibration:
    """Fit each part on all tasks, if fitted on the other folds it was no worse for the tasks of each.

    Args:
        requests: the roster's own held-out requests, which stand behind the threshold as long as labels are few.
        none_share: of real tasks that nobody fits, in (0, 1); by default the file's own, shrunk to the assumed one.
    """
    free = ready.label_free()
    folds = folds_of(seen)
    trains = [[task for task, fold in zip(seen, folds, strict=True) if fold != out] for out in range(max(folds) + 1)]
    now, final = [free] * len(trains), free
    before = judged = judge(free, seen, agents)
    each = weight_of(before.somebody, none_share)
    verdicts: dict[str, Verdict] = {}
    useless = useless_for(before, agents)
    parts: dict[str, tuple[Refit, str]] = {
        "weights": (_refit_weights, useless),
        "none": (lambda base, train: _refit_none(base, train, agents, none_share), useless or _no_nobody(before)),
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
    behind = _behind(requests, final.fit, _share_of_nobody(before, none_share))
    cuts, curve, verdicts["threshold"] = _thresholds(
        judged, each, folds, free, target_error, behind, useless, moved=final is not free
    )
    if verdicts["threshold"].applied:
        final = final.with_fit(replace(final.fit, curve=curve), len(seen))
    old = np.full(len(seen), free.threshold(target_error))
    nobody = int((~before.somebody).sum())
    return Calibration(final.fit, len(seen), nobody, verdicts, figures(before, old, each), figures(judged, cuts, each))


def folds_of(seen: Sequence[Labelled]) -> list[int]:
    """The fold of each task; those that somebody fits and the others are dealt out evenly."""
    count = len(seen) if len(seen) < LEAVE_ONE_OUT else FOLDS
    order = np.random.default_rng(SEED).permutation(len(seen))
    order = order[np.argsort([len(seen[row].gold) == 0 for row in order], kind="stable")]
    folds = np.empty(len(seen), dtype=int)
    folds[order] = np.arange(len(seen)) % count
    return list(map(int, folds))


def weight_of(somebody: NDArray[np.bool_], none_share: float | None) -> Floats:
    """What each task counts: 1, or so much that the two sorts have the given shares; the mean is 1."""
    if none_share is None or somebody.all() or not somebody.any():
        return np.ones(len(somebody))
    weight: Floats = np.where(somebody, (1 - none_share) / somebody.mean(), none_share / (~somebody).mean())
    return weight


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


def _refit_none(base: Loaded, train: Sequence[Seen], agents: int, none_share: float | None) -> Loaded:
    found = [(base.none_features(task.query, task.views, agents), len(task.gold) > 0) for task in train]
    inside = np.array([features for features, somebody in found if somebody])
    outside = np.array([features for features, somebody in found if not somebody])
    if not len(outside):  # the fold that holds the last of them
        return base
    share = none_share or labelled.none_share(len(outside), len(train))
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


def _share_of_nobody(before: Judged, none_share: float | None) -> float:
    nobody = int((~before.somebody).sum())
    if nobody < MIN_NOBODY:  # they may just never have been written down
        return none_share or none.PRIOR_NONE
    return none_share or labelled.none_share(nobody, len(before.somebody))


def _behind(requests: HeldOut | None, fit: Fit, share: float) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Probability, rightness and weight of the roster's own requests under this fit, with and without their agent."""
    if requests is None:
        return np.empty(0), np.empty(0, dtype=bool), np.empty(0)
    inside, top, right = none_features(requests, fit.weights, without_gold=False)
    outside, top_outside, _ = none_features(requests, fit.weights, without_gold=True)
    final = np.append(top, top_outside) * (1 - none.probability_none(np.vstack((inside, outside)), fit.none))
    weight = np.repeat((1 - share, share), (len(inside), len(outside))) * min(1.0, BEHIND / len(inside))
    return final, np.append(right, np.zeros(len(outside), dtype=bool)), weight


def _thresholds(
    judged: Judged,
    each: Floats,
    folds: Sequence[int],
    free: Loaded,
    target_error: float,
    behind: tuple[Floats, NDArray[np.bool_], Floats],
    useless: str,
    moved: bool,
) -> tuple[Floats, Floats, Verdict]:
    """The threshold of each task (of the curve without its fold, or the old one), the new curve, and the verdict."""
    old = np.full(len(folds), free.threshold(target_error))
    curve = _curve(judged, each, np.ones(len(folds), dtype=bool), behind)
    if useless or len(folds) < threshold.MIN_REQUESTS:
        return old, curve, Verdict(False, useless or f"{len(folds)} tasks, {threshold.MIN_REQUESTS} are needed")
    new = np.empty(len(folds))
    for fold in range(max(folds) + 1):
        out = np.array(folds) == fold
        new[out] = threshold.at(_curve(judged, each, ~out, behind), target_error).probability
    was, would = (excess_and_coverage(judged, each, cuts, target_error) for cuts in (old, new))
    if would[0] > was[0]:
        return old, curve, Verdict(False, "more errors among tasks handed over")
    # the old curve was drawn for the old probabilities: where these have moved, its coverage is not to be trusted
    if (not moved and would > was) or hands_over_less_for_nothing(judged, each, old, new):
        return old, curve, Verdict(False, "fewer tasks handed over for no fewer errors")
    return new, curve, Verdict(True, "no more errors among tasks handed over")


def hands_over_less_for_nothing(judged: Judged, each: Floats, old: Floats, new: Floats) -> bool:
    """Whether the new cuts hand fewer tasks over, and no fewer wrong ones: all of shape (tasks,)."""
    before, after = (each * ((judged.top >= cuts) & (judged.none < 0.5)) for cuts in (old, new))
    return bool(after.sum() < before.sum() and after[~judged.right].sum() >= before[~judged.right].sum() > 0)


def _curve(judged: Judged, each: Floats, rows: NDArray[np.bool_], behind: tuple[Floats, NDArray[np.bool_], Floats]) -> Floats:
    # tasks that somebody fits weigh exactly 1, by which the curve knows them; the others as much in proportion
    inside = each[judged.somebody].max(initial=1e-9)
    weight = np.where(judged.somebody, 1.0, np.nextafter(each / inside, 2.0))
    columns = zip((judged.top, judged.right, weight), behind, strict=True)
    return threshold.fit_curve(*(np.append(own[rows], other) for own, other in columns))


def excess_and_coverage(judged: Judged, each: Floats, cuts: Floats, target_error: float) -> tuple[float, float]:
    """Error above the target among tasks handed over (nobody's count as wrong), and the share not handed over.

    The error is shrunk to the promised one, as in the curve: one wrong task among three says little.
    """
    given = (judged.top >= cuts) & (judged.none < 0.5)
    wrong, promised = each[given & ~judged.right].sum(), (1 - judged.top[given]).mean() if given.any() else 0.0
    error = (wrong + threshold.TRUST * promised) / (each[given].sum() + threshold.TRUST)
    return max(0.0, round(float(error - target_error), 9)), 1.0 - float(given[judged.somebody].mean())


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
