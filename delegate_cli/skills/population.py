"""A population: who was measured at what, as one Gaussian, and the same with each family of rows left out.

Scores come in as they were written, NaN where nobody measured. Inside, every skill is in units of its own spread. What the
left-out Gaussians miss of their own rows is what honest intervals are made of (`inference`).
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from delegate_cli.skills.gaussian import FEW, Gaussian, fit, prior_share
from delegate_cli.skills.scales import Scale, detect

FOLDS = 12
_FEW = 6  # families; with fewer each row is its own
_USUAL_SPREAD = 0.5  # of a bounded skill inside, of which few rows have a score
_OPEN_SPREAD = 0.1  # of an open one that fewer than two rows have, in its own score: 120 of an Elo of 1200
_FAMILY = re.compile(r"[^\W\d_]+")
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class History:
    """A table of scores, shape (rows, skills), NaN where nobody measured; rows and skills have names.

    `families`: rows of one family (a vendor, a model's versions) are left out together; "" for a row of its own.
    """

    rows: tuple[str, ...]
    skills: tuple[str, ...]
    scores: Floats
    scales: tuple[Scale, ...]
    families: tuple[str, ...]

    @classmethod
    def of(
        cls,
        rows: Sequence[str],
        skills: Sequence[str],
        scores: Floats,
        scales: Sequence[Scale] | None = None,
        families: Sequence[str] | None = None,
    ) -> "History":
        """In the order of names, so that the order of a file never matters; scales are detected where they are not given."""
        if scales is None:
            scales = [detect(scores[:, place]) for place in range(len(skills))]
        families = family_names(rows) if families is None else families
        down, across = sorted(range(len(rows)), key=lambda row: rows[row]), sorted(range(len(skills)), key=skills.__getitem__)
        return cls(
            tuple(rows[row] for row in down),
            tuple(skills[place] for place in across),
            scores[np.ix_(down, across)],
            tuple(scales[place] for place in across),
            tuple(families[row] for row in down),
        )


def family_names(rows: Sequence[str]) -> list[str]:
    """The family of each row by its name: the first word of what stands after the last slash. "" where that says nothing."""
    found = [_FAMILY.search(row.rpartition("/")[2].lower()) for row in rows]
    words = [match.group() if match else "" for match in found]
    counts = {word: words.count(word) for word in set(words)}
    if len(counts) < _FEW or max(counts.values(), default=0) > len(rows) / 2:
        return [""] * len(rows)
    return words


class Population:
    """The Gaussian of a history.

    Args:
        raw: scores as they are, in their own units and neither bent nor scaled (what the package skillinfer does).
        seen: of skills that no row of the history has, the told scores of others, by name.
    """

    def __init__(self, history: History, raw: bool = False, seen: Mapping[str, Floats] | None = None) -> None:
        self.history = history
        self.raw = raw
        self.scales = tuple(Scale(each.low, each.high, logit=not raw) for each in history.scales)
        columns = [scale.inside(scale.share(history.scores[:, at])) for at, scale in enumerate(self.scales)]
        inside = np.column_stack(columns) if columns else np.zeros((len(history.rows), 0))
        self.centre, self.spread = self._standard(inside)
        for name, scores in (seen or {}).items():
            at = history.skills.index(name)
            centre, spread = self._standard(
                np.broadcast_to(self.scales[at].inside(scores)[:, None], (len(scores), inside.shape[1]))
            )
            self.centre[at], self.spread[at] = centre[at], spread[at]
        self.values: Floats = (inside - self.centre) / self.spread
        self.gaussian = fit(self.values, raw=raw)
        self.unmeasured: dict[int, Floats] = {}  # by fold left out: the variances of an agent that nobody measured

    @property
    def skills(self) -> tuple[str, ...]:
        return self.history.skills

    @cached_property
    def fold_of(self) -> NDArray[np.int64]:
        """The fold of each row, shape (rows,): whole families, the largest first, always into the smallest fold."""
        members: dict[str, list[int]] = defaultdict(list)
        for row, family in enumerate(self.history.families):
            members[family or f"\0{row}"].append(row)
        size = [0] * min(FOLDS, max(len(members), 1))
        fold = np.zeros(len(self.history.rows), dtype=np.int64)
        for _, rows in sorted(members.items(), key=lambda each: (-len(each[1]), each[0])):
            smallest = size.index(min(size))
            fold[rows] = smallest
            size[smallest] += len(rows)
        return fold

    @cached_property
    def folds(self) -> list[Gaussian]:
        """The Gaussian without each fold."""
        return [
            fit(self.values[self.fold_of != each], self.gaussian, self.raw)
            for each in range(int(self.fold_of.max(initial=0)) + 1)
        ]

    def _standard(self, inside: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation of each column; what too few rows have gets the usual ones of the others."""
        known = ~np.isnan(inside)
        count = known.sum(axis=0)
        if self.raw:
            return np.zeros(inside.shape[1]), np.ones(inside.shape[1])
        total = np.where(known, inside, 0.0)
        centre = total.sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(known, inside - centre, 0.0) ** 2).sum(axis=0)
        bounded = np.array([scale.bounded for scale in self.scales], dtype=bool)
        usual = np.where(bounded, _USUAL_SPREAD, np.maximum(_OPEN_SPREAD * np.abs(centre), 1.0))
        share = np.where(bounded | (count < 2), prior_share(count), 0.0)  # an open scale says nothing of its spread
        spread = np.sqrt((1 - share) * squares / np.maximum(count - (count < FEW), 1) + share * usual**2)
        return centre, np.where(spread < 1e-9, usual, spread)
