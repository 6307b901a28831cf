"""Parquet → a table, by pyarrow; the only file that imports it. Texts, numbers and truth values are read, nothing else."""

import io

from delegate_cli.errors import TableError
from delegate_cli.tables.read import check_names
from delegate_cli.tables.table import Cell, Table

try:
    import pyarrow as arrow
    from pyarrow import parquet
except ImportError:
    raise TableError("Parquet files need pyarrow", "pip install 'delegate-cli[table]', or save the table as CSV") from None


def read(path: str, data: bytes) -> Table:
    """All rows of a Parquet file.

    Raises:
        TableError: it is damaged, or a column holds neither texts nor numbers.
    """
    try:
        found = parquet.read_table(io.BytesIO(data))
    except (arrow.ArrowException, OSError) as error:
        raise TableError(f"{path}: not a whole Parquet file ({str(error)[:60]})", "write it again, or save it as CSV") from None
    check_names(path, list(found.column_names))
    columns = {name: _cells(path, name, found.column(name).to_pylist()) for name in found.column_names}
    return Table(path, columns, range(1, found.num_rows + 1), "row")


def _cells(path: str, name: str, values: list[object]) -> list[Cell]:
    cells: list[Cell] = []
    for row, value in enumerate(values, 1):
        if value is None or isinstance(value, str):
            cells.append(value)
        elif isinstance(value, bool | int | float):
            cells.append(float(value))
        else:
            kind = f"a {type(value).__name__}, neither a number nor a text"
            raise TableError(f"{path}, row {row}, column {name!r}: it is {kind}", "leave the column out")
    return cells
