"""Rows as CSV and Parquet: read back they equal what was written, by our reader and by others."""

from __future__ import annotations

import csv
import json
from dataclasses import fields, replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secateur.errors import FileError
from secateur.study import Row, State
from secateur.study.export import (
    read_csv,
    read_parquet,
    row_columns,
    write_csv,
    write_parquet,
)
from tests.study.rows import made_rows

WRITERS = {"csv": (write_csv, read_csv), "parquet": (write_parquet, read_parquet)}


def odd_rows() -> list[Row]:
    """What formats stumble over: texts with commas and lines, the last bits of numbers, nothing."""
    row = made_rows(1, 1, network=True)[0]
    return [
        replace(row, instance='a, "b"\nc;\té', reason="=1+1\r\nnext", family=" "),
        replace(row, energy=0.1 + 0.2, bound=-1e-300, wall=5e-324, gap=1e308),
        replace(row, seed=2**62, higher_is_better=False, metered=True, ones=(), incumbents=()),
        replace(row, options={"a": [1, None, "x"], "ü": {"b": 1.5}}, started="", count=0),
        replace(row, started="2026-02-03T04:05:06.789012+00:00", state=State.FAILED),
        Row("k", "s", "i", "0", 1, 0, "m", "b", 0, State.CANNOT),
    ]


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("network", [False, True])
def test_what_is_read_is_what_was_written(tmp_path, kind, network):
    write, read = WRITERS[kind]
    rows = [*made_rows(3, 2, network=network), *odd_rows()]
    path = write(rows, tmp_path / f"new/rows.{kind}")
    assert read(path) == rows
    assert read(write([], tmp_path / f"none.{kind}")) == []
    again = write(rows, tmp_path / f"again.{kind}")
    assert again.read_bytes() == path.read_bytes()


def test_a_column_for_every_field_with_a_text():
    columns = row_columns()
    assert [c.name for c in columns] == [f.name for f in fields(Row)]
    assert all(c.text for c in columns)
    kinds = {c.name: (c.kind, c.optional) for c in columns}
    assert kinds["seed"] == ("whole", False)
    assert kinds["count"] == ("whole", True)
    assert kinds["energy"] == ("number", True)
    assert kinds["metered"] == ("truth", False)
    assert kinds["higher_is_better"] == ("truth", True)
    assert kinds["started"] == ("time", False)
    assert kinds["options"] == ("json", False)
    assert kinds["state"] == ("text", False)


def test_types_in_parquet_are_what_a_stranger_expects(tmp_path):
    rows = made_rows(2, 2)
    path = write_parquet(rows, tmp_path / "rows.parquet")
    schema = pq.read_schema(path)
    assert schema.field("seed").type == pa.int64()
    assert schema.field("energy").type == pa.float64()
    assert schema.field("metered").type == pa.bool_()
    assert schema.field("started").type == pa.timestamp("us", tz="UTC")
    assert schema.field("options").type == pa.string()
    assert not schema.field("key").nullable
    assert schema.field("queue").metadata[b"description"] == b"waited at a service."
    frame = pd.read_parquet(path)
    assert frame["energy"].isna().sum() == sum(row.energy is None for row in rows)
    assert frame["energy"].dropna().tolist() == [r.energy for r in rows if r.energy is not None]
    assert json.loads(frame["options"][0]) == dict(rows[0].options)
    assert frame["started"][0].isoformat() == rows[0].started


def test_csv_is_read_by_pandas_and_by_hand(tmp_path):
    rows = made_rows(2, 2)
    path = write_csv(rows, tmp_path / "rows.csv")
    frame = pd.read_csv(path)
    assert list(frame.columns) == [f.name for f in fields(Row)]
    assert frame["energy"].dropna().tolist() == [r.energy for r in rows if r.energy is not None]
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert lines[0]["state"] == "done"
    assert lines[0]["access"] == ""
    assert lines[0]["metered"] == "false"
    assert json.loads(lines[0]["incumbents"]) == [list(step) for step in rows[0].incumbents]


@pytest.mark.parametrize("kind", WRITERS)
def test_nothing_is_overwritten_and_nothing_is_left(tmp_path, kind):
    write, _ = WRITERS[kind]
    path = tmp_path / "there"
    path.write_text("mine")
    with pytest.raises(FileError, match="exists already"):
        write(made_rows(1, 1), path)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileError, match="cannot be written"):
        write([], path / "below")


def broken(path, old: str, new: str) -> None:
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode(), 1))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("key,study", "clef,study", "other columns"),
        (",done,", ",finished,", "line 2 .* says state: 'finished'"),
        (",false,0,", ",perhaps,0,", "says metered: 'perhaps'"),
        (",20,190,", ",many,190,", "says variables: 'many'"),
        ("-100.0", "cold", "says"),
        ("\r\n", ",more\r\n", "other columns"),
    ],
)
def test_a_damaged_csv_file_is_told_with_line_and_column(tmp_path, old, new, told):
    path = write_csv(made_rows(1, 1), tmp_path / "rows.csv")
    broken(path, old, new)
    with pytest.raises(FileError, match=told):
        read_csv(path)


def test_what_is_no_table_of_ours_is_refused(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\xff\xfe")
    for read in (read_csv, read_parquet):
        with pytest.raises(FileError):
            read(path)
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(FileError, match="other columns"):
        read_parquet(tmp_path / "other.parquet")
    (tmp_path / "cut.csv").write_text("")
    with pytest.raises(FileError, match="other columns"):
        read_csv(tmp_path / "cut.csv")
