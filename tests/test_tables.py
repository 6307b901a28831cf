"""Tables of figures: CSV and Parquet read alike, and every mistake named with its line and column."""

import math
from pathlib import Path

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from delegate_cli.errors import TableError
from delegate_cli.tables.read import read_table
from delegate_cli.tables.table import as_number

TEXT = "agent,math,code\nalpha,0.5,NA\n\nbeta,.25,1e2\n"


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "scores.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def refused(folder: Path, text: str | bytes, column: str = "math", **bounds: float) -> str:
    with pytest.raises(TableError) as caught:
        read_table(written(folder, text)).numbers(column, **bounds)  # type: ignore[arg-type]
    assert caught.value.fix
    return caught.value.message


@pytest.mark.parametrize(
    "text", [TEXT, TEXT.replace("\n", "\r\n"), TEXT.replace(",", ";"), TEXT.replace(",", "\t"), "\ufeff" + TEXT]
)
def test_csv_of_any_layout_is_read_alike(tmp_path: Path, text: str) -> None:
    table = read_table(written(tmp_path, text))
    assert list(table.columns) == ["agent", "math", "code"]
    assert (table.texts("agent"), table.numbers("math").tolist(), table.lines) == (["alpha", "beta"], [0.5, 0.25], [2, 4])
    assert np.array_equal(table.numbers("code", holes=True), [math.nan, 100], equal_nan=True)
    assert table.numeric("code")
    assert not table.numeric("agent")


def test_a_cell_may_hold_separators_and_lines_and_later_rows_keep_their_line(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, 'task,cost\n"one, two\nthree",1\nfour,x\n'))
    assert table.texts("task")[0] == "one, two\nthree"
    with pytest.raises(TableError, match="line 4, column 'cost': 'x' is not a number"):
        table.numbers("cost")


def test_parquet_is_read_as_csv_is(tmp_path: Path) -> None:
    columns = {"agent": ["alpha", "beta"], "math": [0.5, None], "right": [True, False], "n": [3, 4]}
    parquet.write_table(pyarrow.table(columns), tmp_path / "scores.parquet")
    table = read_table(tmp_path / "scores.parquet")
    assert np.array_equal(table.numbers("math", holes=True), [0.5, math.nan], equal_nan=True)
    assert (table.numbers("right").tolist(), table.numbers("n").tolist()) == ([1, 0], [3, 4])
    with pytest.raises(TableError, match="row 2, column 'math': it is empty"):
        table.numbers("math")


def test_a_damaged_parquet_file_or_one_of_lists_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(TableError, match="not a whole Parquet file"):
        read_table(tmp_path / "broken.parquet")
    parquet.write_table(pyarrow.table({"math": [[1, 2]]}), tmp_path / "lists.parquet")
    with pytest.raises(TableError, match="row 1, column 'math': it is a list"):
        read_table(tmp_path / "lists.parquet")


def test_mistakes_name_line_and_column(tmp_path: Path) -> None:
    assert refused(tmp_path, "agent,math\na,\n").endswith("scores.csv, line 2, column 'math': it is empty")
    assert "line 3, column 'math': 'high' is not a number" in refused(tmp_path, "agent,math\na,1\nb,high\n")
    assert "line 2, column 'math': -1 is below 0" in refused(tmp_path, "agent,math\na,-1\n", low=0)
    assert "line 2, column 'math': inf is not finite" in refused(tmp_path, "agent,math\na,inf\n")
    assert "line 2: 3 cells, and there are 2 columns" in refused(tmp_path, "agent,math\na,1,2\n")
    assert "line 2: not UTF-8 (byte 0xff)" in refused(tmp_path, b"agent,math\n\xff,1\n")
    assert "two columns have the name 'math'" in refused(tmp_path, "agent,math,math\na,1,2\n")
    assert "column 2 has no name" in refused(tmp_path, "agent,,math\na,1,2\n")
    assert "there is no column 'maths'" in refused(tmp_path, "agent,math\na,1\n", "maths")
    assert "there are no rows" in refused(tmp_path, "agent,math\n")
    assert "there are no columns" in refused(tmp_path, "\n")
    assert "not valid CSV" in refused(tmp_path, 'agent,math\n"a,1\n')
    with pytest.raises(TableError, match="No such file"):
        read_table(tmp_path / "none.csv")


def test_duplicates_name_both_lines(tmp_path: Path) -> None:
    table = read_table(written(tmp_path, "agent,task,ok\na,t,1\nb,t,0\na,t,0\n"))
    table.distinct("agent", "task", "ok")
    with pytest.raises(TableError, match="line 4: 'a' with 't' is there already, on line 2"):
        table.distinct("agent", "task")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_comes_back_as_it_was_written(value: float) -> None:
    assert as_number(repr(value)) == value
