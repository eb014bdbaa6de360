"""Rows as CSV and Parquet, and back: what is read equals what was written.

CSV holds numbers as Python writes them, "true" and "false", an empty cell for what is missing, and
JSON in ``options``, ``versions``, ``machine``, ``incumbents`` and ``ones``. Parquet has int64,
float64, booleans, timestamps in UTC and lists; ``options`` and its like are JSON text there too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secateur.errors import FileError
from secateur.extras import needed_by
from secateur.plainfile import read_plain
from secateur.study.export.columns import Kind, RowColumn, row_columns
from secateur.study.export.writing import write_new
from secateur.study.row import Row, State

if TYPE_CHECKING:
    import pyarrow as pa

_REMEDY = "take a file that `secateur study export` wrote"
MOST_CELL = 2**27
"""Characters of one cell of a CSV file: the ones of the largest problems fit."""


def write_csv(rows: Iterable[Row], path: Path | str) -> Path:
    """One line a cell, under the names of ``Row``'s fields; UTF-8, RFC 4180.

    Arguments:
        rows: any.
        path: of a new file.

    Raises:
        FileError: it exists, or cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    columns = row_columns()
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([_as_text(column, getattr(row, column.name)) for column in columns])
    return write_new(Path(path), text.getvalue().encode())


def read_csv(path: Path | str) -> list[Row]:
    """The rows of a file that ``write_csv`` wrote.

    Arguments:
        path: of the file.

    Raises:
        FileError: it is missing, has other columns, or a value that is none of its column.
    """
    path = Path(path)
    try:
        text = read_plain(path).decode()
    except UnicodeDecodeError as error:
        raise FileError(f"{path} is no UTF-8 text: {error}", remedy=_REMEDY) from error
    limit = csv.field_size_limit(MOST_CELL)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise FileError(f"{path} is no CSV file: {error}", remedy=_REMEDY) from error
    finally:
        csv.field_size_limit(limit)
    columns = row_columns()
    if not lines or lines[0] != [column.name for column in columns]:
        raise FileError(f"{path} has other columns than a study's rows", remedy=_REMEDY)
    return [_row(path, number, columns, cells) for number, cells in enumerate(lines[1:], 2)]


def write_parquet(rows: Iterable[Row], path: Path | str) -> Path:
    """One row a cell; what each column means is in the schema's metadata.

    Arguments:
        rows: any.
        path: of a new file.

    Raises:
        FileError: it exists, or cannot be written.
        MissingExtra: PyArrow is not installed.
    """
    with needed_by("Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

    rows = list(rows)
    schema = _schema()
    arrays = [
        pa.array(
            [_as_arrow(column, getattr(row, column.name)) for row in rows], schema.field(place).type
        )
        for place, column in enumerate(row_columns())
    ]
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays, schema=schema), buffer)
    return write_new(Path(path), buffer.getvalue())


def read_parquet(path: Path | str) -> list[Row]:
    """The rows of a file that ``write_parquet`` wrote; times as ISO 8601 in UTC.

    Arguments:
        path: of the file.

    Raises:
        FileError: it is missing, damaged, or has other columns.
        MissingExtra: PyArrow is not installed.
    """
    with needed_by("Parquet"):
        import pyarrow as pa
        import pyarrow.parquet as pq

    path = Path(path)
    try:
        table = pq.read_table(io.BytesIO(read_plain(path)))
    except (pa.ArrowException, OSError) as error:
        raise FileError(f"{path} is no Parquet file: {error}", remedy=_REMEDY) from error
    if not table.schema.equals(_schema()):
        raise FileError(f"{path} has other columns than a study's rows", remedy=_REMEDY)
    return [
        Row(**{c.name: _of_arrow(c, found[c.name]) for c in row_columns()})
        for found in table.to_pylist()
    ]


def _as_text(column: RowColumn, value: Any) -> str:
    if value is None:
        return ""
    if column.kind == "truth":
        return "true" if value else "false"
    if column.kind in ("json", "steps", "places"):
        return _dumped(value)
    return repr(float(value)) if column.kind == "number" else str(value)


def _dumped(value: Any) -> str:
    return json.dumps(value, default=list, separators=(",", ":"))


_READ: Mapping[Kind, Callable[[str], Any]] = {
    "text": str,
    "time": str,
    "whole": int,
    "number": float,
    "truth": {"true": True, "false": False}.__getitem__,
    "json": json.loads,
    "steps": lambda text: tuple((float(at), float(energy)) for at, energy in json.loads(text)),
    "places": lambda text: tuple(int(one) for one in json.loads(text)),
}


def _row(path: Path, line: int, columns: tuple[RowColumn, ...], cells: list[str]) -> Row:
    if len(cells) != len(columns):
        raise FileError(
            f"line {line} of {path} has {len(cells)} cells, and there are {len(columns)} columns",
            remedy=_REMEDY,
        )
    values: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell == "" and column.optional:
            values[column.name] = None
            continue
        try:
            values[column.name] = _READ[column.kind](cell)
        except (ValueError, KeyError, TypeError) as error:
            shown = cell if len(cell) <= 60 else cell[:60] + "…"
            raise FileError(
                f"line {line} of {path} says {column.name}: {shown!r}", remedy=_REMEDY
            ) from error
    return _with_state(path, line, values)


def _with_state(path: Path, line: int, values: dict[str, Any]) -> Row:
    try:
        values["state"] = State(values["state"])
    except ValueError as error:
        raise FileError(
            f"line {line} of {path} says state: {values['state']!r}", remedy=_REMEDY
        ) from error
    return Row(**values)


def _schema() -> pa.Schema:
    import pyarrow as pa

    steps = pa.list_(pa.struct([("seconds", pa.float64()), ("energy", pa.float64())]))
    types: Mapping[Kind, pa.DataType] = {
        "text": pa.string(),
        "time": pa.timestamp("us", tz="UTC"),
        "whole": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "json": pa.string(),
        "steps": steps,
        "places": pa.list_(pa.int32()),
    }
    return pa.schema(
        [
            pa.field(
                column.name,
                types[column.kind],
                nullable=column.optional or column.kind == "time",
                metadata={"description": column.text},
            )
            for column in row_columns()
        ]
    )


def _as_arrow(column: RowColumn, value: Any) -> Any:
    if value is None:
        return None
    if column.kind == "json":
        return _dumped(value)
    if column.kind == "time":
        return datetime.fromisoformat(value).astimezone(UTC) if value else None
    if column.kind == "steps":
        return [{"seconds": at, "energy": energy} for at, energy in value]
    return list(value) if column.kind == "places" else value


def _of_arrow(column: RowColumn, value: Any) -> Any:
    if column.kind == "time":
        return "" if value is None else value.isoformat()
    if value is None:
        return None
    if column.kind == "json":
        return json.loads(value)
    if column.kind == "steps":
        return tuple((step["seconds"], step["energy"]) for step in value)
    if column.kind == "places":
        return tuple(value)
    return State(value) if column.name == "state" else value
