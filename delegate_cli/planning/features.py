"""A task's text → what its difficulty is guessed from: the encoder's vector (what it is about) and its form.

The form of a task (its length, its numbers, whether it lists options) tells how hard it is nearly as well as its meaning does,
and the two together better than either: docs/planning.md has the figures.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from delegate_cli.encoders import Encoder

Floats = NDArray[np.float64]
LONGEST = 100_000  # characters of a task that its form is read from
CLIP = 3.0  # standard deviations at which a figure of the form is cut: one odd task shall not be far from everything
_OPTION = re.compile(r"^[A-E][.)] (.*)$", re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_FIGURE = re.compile(r"[-$]?[\d.,/^x+ ()-]+%?")
_SIGNS = "?$\\=^(_%"


class Tasks(NamedTuple):
    """Unit vectors, shape (tasks, dimension), and forms, shape (tasks, figures)."""

    vectors: Floats
    forms: Floats

    def rows(self, chosen: NDArray[np.int64]) -> "Tasks":
        """Some of the tasks."""
        return Tasks(self.vectors[chosen], self.forms[chosen])


def features(tasks: Sequence[str], encoder: Encoder, progress: Callable[[str, int, int], None] | None = None) -> Tasks:
    """What is read from each task. `progress` gets (what, done, of how many)."""
    vectors = np.empty((len(tasks), encoder.dimension))
    for row, task in enumerate(tasks):
        vectors[row] = encoder.encode(task)
        if progress is not None and (row % 50 == 49 or row + 1 == len(tasks)):
            progress("reading tasks", row + 1, len(tasks))
    return Tasks(vectors, np.stack([form(task) for task in tasks]))


def form(task: str) -> Floats:
    """Figures of a text's form, shape (32,), each finite: lengths, lines, options, numbers, signs, letters, wording."""
    text = task[:LONGEST]
    length, words = max(len(text), 1), text.split()
    options = _OPTION.findall(text)
    sizes = [len(option) for option in options] or [0]
    stem = re.split(r"^A[.)] ", text, maxsplit=1, flags=re.MULTILINE)[0].rstrip()
    numbers = _NUMBER.findall(text)
    largest = max((float(each) for each in numbers if len(each) < 12), default=0.0)
    figures = [
        np.log(length),
        np.log1p(len(words)),
        np.log1p(text.count("\n")),
        len(options),
        np.log1p(max(sizes)),
        np.log1p(min(sizes)),
        np.log1p(len(stem)),
        np.log1p(len(numbers)),
        np.log1p(largest),
        sum(bool(_FIGURE.fullmatch(option.strip())) for option in options) / max(len(options), 1),
        *_letters(text, length),
        *(np.log1p(text.count(sign)) for sign in _SIGNS),
        *_wording(text, stem, words),
    ]
    return np.asarray(figures, dtype=np.float64)


def _letters(text: str, length: int) -> list[float]:
    """Shares of digits, capitals, signs and letters beyond ASCII."""
    return [
        sum(char.isdigit() for char in text) / length,
        sum(char.isupper() for char in text) / length,
        sum(not char.isalnum() and not char.isspace() for char in text) / length,
        sum(ord(char) > 127 for char in text) / length,
    ]


def _wording(text: str, stem: str, words: list[str]) -> list[float]:
    many = max(len(words), 1)
    lower = text.lower()
    return [
        sum(len(word) for word in words) / many,
        len({word.lower() for word in words}) / many,
        text.count(".") / many,
        text.count(",") / many,
        "/" in text,
        "not" in lower.split() or "EXCEPT" in text,
        "following" in lower,
        "which of the following" in lower,
        "how many" in lower or "how much" in lower,
        stem.endswith("?"),
    ]
