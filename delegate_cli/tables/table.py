"""A table in memory: named columns of cells, each of which knows its line, and checked views of them as numbers or texts.

Knows nothing of files, nor of what the columns mean. A mistake names file, line and column.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from delegate_cli.errors import TableError

Cell = str | float | None  # None: nothing was written there
Floats = NDArray[np.float64]
_HOLES = frozenset(("", "na", "n/a", "nan", "null", "none", "-", "–", "?"))  # what people write for "not known" among numbers
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length by name, in the file's order.

    `lines`: of each row, the line of the file it begins on (in Parquet, which row it is, from 1); `unit` is the word for it.
    """

    path: str
    columns: Mapping[str, Sequence[Cell]]
    lines: Sequence[int]
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    def error(self, row: int | None, column: str | None, message: str, fix: str = "") -> TableError:
        """An error that names the file and, where given, line and column."""
        line = "" if row is None else f", {self.unit} {self.lines[row]}"
        place = "" if column is None else f", column {shown(column)}"
        return TableError(f"{self.path}{line}{place}: {message}", fix)

    def require(self, *names: str) -> None:
        """Raise a TableError unless there are rows and all these columns."""
        if not len(self):
            raise self.error(None, None, "there are no rows", "write one line for each row below the names of the columns")
        for name in names:
            if name not in self.columns:
                near = get_close_matches(name, self.columns, n=1, cutoff=0.6)
                known = ", ".join(shown(each) for each in list(self.columns)[:12])
                fix = f"did you mean {shown(near[0])}?" if near else f"it has: {known}"
                raise self.error(None, None, f"there is no column {shown(name)}", fix)

    def texts(self, name: str) -> list[str]:
        """A column as texts, none of them empty.

        Raises:
            TableError: there is no such column, or a cell is empty.
        """
        self.require(name)
        found = []
        for row, cell in enumerate(self.columns[name]):
            if cell is None or cell == "":
                raise self.error(row, name, "it is empty", "fill it in, or remove the line")
            found.append(cell if isinstance(cell, str) else f"{cell:g}")
        return found

    def numbers(self, name: str, low: float = -math.inf, high: float = math.inf, holes: bool = False) -> Floats:
        """A column as finite numbers, shape (rows,); with `holes`, NaN where nothing is known. true is 1, false is 0.

        Raises:
            TableError: there is no such column, or a cell is text, lies outside [low, high], or is empty without `holes`.
        """
        self.require(name)
        found = np.empty(len(self))
        for row, cell in enumerate(self.columns[name]):
            value = as_number(cell)
            if value is None:
                raise self.error(row, name, f"{shown(str(cell))} is not a number", "write a plain number such as 0.5")
            if math.isnan(value) and not holes:
                raise self.error(row, name, "it is empty", "fill it in, or remove the line")
            if math.isinf(value) or value < low or value > high:
                raise self.error(row, name, f"{value:g} is {_outside(value, low, high)}", "correct it, or leave it empty")
            found[row] = value
        return found

    def numeric(self, name: str) -> bool:
        """Whether the column has numbers and nothing else but holes."""
        values = [as_number(cell) for cell in self.columns[name]]
        return None not in values and not all(value is not None and math.isnan(value) for value in values)

    def distinct(self, *names: str) -> None:
        """Raise a TableError where two rows have the same texts in all these columns; the message names both lines."""
        seen: dict[tuple[str, ...], int] = {}
        for row, key in enumerate(zip(*(self.texts(name) for name in names), strict=True)):
            first = seen.setdefault(key, row)
            if first != row:
                what = " with ".join(shown(part) for part in key)
                again = f"{what} is there already, on {self.unit} {self.lines[first]}"
                raise self.error(row, None, again, "keep one of the two lines")


def as_number(cell: Cell) -> float | None:
    """The number that a cell holds: NaN for a hole, None for a text that is no number."""
    if not isinstance(cell, str):
        return math.nan if cell is None else cell
    word = cell.strip().lower()
    if word in _HOLES:
        return math.nan
    if word in _TRUTH:
        return _TRUTH[word]
    try:
        return None if "_" in word else float(word)
    except ValueError:
        return None


def shown(text: str) -> str:
    """A text as an error message may quote it: short, without control characters."""
    clean = "".join(char if char.isprintable() else "�" for char in text)
    return repr(clean if len(clean) <= 40 else clean[:39] + "…")


def _outside(value: float, low: float, high: float) -> str:
    if math.isinf(value):
        return "not finite"
    return f"below {low:g}" if value < low else f"above {high:g}"
