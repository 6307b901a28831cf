"""A CSV or Parquet file → a table. CSV is read by the standard library, Parquet by pyarrow, which is an extra.

The separator (comma, semicolon, tab) is found in the first line; a BOM, CRLF, quotes and blank lines are fine.
"""

import csv
import io
from pathlib import Path

from delegate_cli.errors import TableError
from delegate_cli.tables.table import Cell, Table, shown

MAX_BYTES = 256 * 2**20
_SEPARATORS = ",;\t"
_PARQUET = b"PAR1"


def read_table(path: str | Path) -> Table:
    """All rows of a file, whose kind is seen by its first bytes.

    Raises:
        TableError: it is missing, too large, damaged, not UTF-8, without columns or rows, or a row has too few or many cells.
    """
    try:
        file = Path(path)
        size = file.stat().st_size
        data = file.read_bytes() if size <= MAX_BYTES else b""
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise TableError(f"{path}: {why}", "name a CSV or Parquet file") from None
    if size > MAX_BYTES:
        raise TableError(f"{path}: larger than {MAX_BYTES // 2**20} MiB", "leave out columns or rows that are not needed")
    if data.startswith(_PARQUET):
        from delegate_cli.tables import parquet  # pyarrow: 0.2 s, and an extra

        table = parquet.read(str(path), data)
    else:
        table = _read_csv(str(path), data)
    table.require()
    return table


def _read_csv(path: str, data: bytes) -> Table:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(f"{path}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x})", "save it as UTF-8") from None
    first = text.lstrip("\r\n").partition("\n")[0]
    csv.field_size_limit(max(csv.field_size_limit(), MAX_BYTES))  # a task in a cell may be longer than 128 KiB
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(_SEPARATORS, key=first.count), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    began = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                lines.append(began)
            began = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"{path}, line {reader.line_num}: not valid CSV: {error}", "check the quotes on this line") from None
    if not rows:
        raise TableError(f"{path}: there are no columns", "write the names of the columns on the first line")
    return _table(path, rows, lines)


def _table(path: str, rows: list[list[str]], lines: list[int]) -> Table:
    names, body = rows[0], rows[1:]
    check_names(path, names)
    for row, line in zip(body, lines[1:], strict=True):
        if len(row) != len(names):
            wrong = f"{len(row)} cells, and there are {len(names)} columns"
            raise TableError(f"{path}, line {line}: {wrong}", "check separators, and quote texts that contain one")
    columns: dict[str, list[Cell]] = {name: [row[place] or None for row in body] for place, name in enumerate(names)}
    return Table(path, columns, lines[1:])


def check_names(path: str, names: list[str]) -> None:
    """Raise a TableError where a column has no name (the first may have none) or the name of another."""
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TableError(f"{path}: two columns have the name {shown(name)}", "rename or remove one")
        if not name and place:
            raise TableError(f"{path}: column {place + 1} has no name", "name it, or remove it")
