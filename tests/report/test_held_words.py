"""Columns, notes, footers and causes: what is said, word for word."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from secateur.errors import FileError
from secateur.report import columns, footer, output, rows, table
from secateur.report.columns import Column, as_data, cells, named


def test_where_a_value_stands_in_json():
    assert Column("a").place == ("a",)
    assert Column("a", key="b").place == ("b",)
    assert Column("a", key=("b", "c")).place == ("b", "c")
    assert Column("a", key="").place == ()
    row = {"a": 1, "b": 2, "c": 3, "d": None}
    given = [
        Column("a"),
        Column("b", key=("in", "b")),
        Column("c", key=("in", "c"), data=lambda value: value * 10),
        Column("d", key="", missing="-"),
    ]
    assert as_data(given, row) == {"a": 1, "in": {"b": 2, "c": 30}}
    assert cells([*given, Column("e", lambda _: 5, shown=False)], [row]) == [["1", "2", "3", "-"]]


def test_columns_over_sequences():
    assert cells(named("x", "y"), [("a", 1), (None, 2)]) == [["a", "1"], ["", "2"]]
    assert [column.name for column in named("x", "y")] == ["x", "y"]


def test_notes_stand_behind_their_rows():
    given = [Column("name", left=True), Column("n", unit="ms")]
    data = [{"name": "a", "n": 5}, {"name": "long", "n": 12345678}]
    assert table.text(given, data, notes=["first", ""]) == (
        "name    n (ms)\na            5  first\nlong  12345678"
    )
    assert table.text(given, data) == "name    n (ms)\na            5\nlong  12345678"


def test_markdown_is_aligned_as_the_columns_are():
    given = [Column("n"), Column("s", left=True), Column("m", unit="ms")]
    found = table.markdown(given, [{"n": 1, "s": "x|y\nz", "m": 2}])
    assert found == "| n | s | m ms |\n|---|---|--:|\n| 1 | x\\|y z | 2 |"


def test_csv_names_what_lies_inside():
    given = [Column("a"), Column("b", key=("t", "e", "ms")), Column("c", key=("t", "x"))]
    assert table.to_csv(given, [{"a": 1, "b": 2, "c": None}]) == "a,t.e.ms,t.x\n1,2,\n"


def test_numbers_of_thousands_and_times():
    assert rows.thousands(1234567) == "1 234 567"
    fast = SimpleNamespace(value=2.0, low=1.9, high=2.1, different=True)
    same = SimpleNamespace(value=1.0, low=0.9, high=1.1, different=False)
    assert rows._shown_time((3.6, None)) == "3.60 ms"
    assert rows._shown_time((3.6, fast)) == "3.60 ms (2.00x)"
    assert rows._shown_time((3.6, same)) == "3.60 ms (no difference)"
    assert rows._time_data(None) is None
    assert rows._time_data((3.6, None)) == {"ms": 3.6}


def test_the_first_runtime_stands_beside_the_macs_and_the_others_at_the_end():
    names = [one.name for one in rows.row_columns("psnr", "dB", ["eager", "onnx"]) if one.shown]
    assert names == [
        "method", "channels", "parameters", "MACs", "eager (1 thread)", "psnr", "compensated",
        "seconds", "QUBO", "onnx",
    ]  # fmt: skip
    (onnx,) = [one for one in rows.row_columns("psnr", "", ["eager", "onnx"]) if one.name == "onnx"]
    row = SimpleNamespace(times_ms={"eager": 1.0}, speedups={})
    assert (onnx.of(row), onnx.text(row)) == (None, "")


def test_macs_are_in_millions_or_in_thousands():
    said = [rows.millions(n) for n in (0, 20_448, 999_949, 999_950, 1_050_000, 23_900_000)]
    assert said == ["0.0 k", "20.4 k", "999.9 k", "1.0 M", "1.1 M", "23.9 M"]
    (macs,) = [one for one in rows.row_columns("psnr", "dB", ["eager"]) if one.name == "MACs"]
    assert macs.text(SimpleNamespace(macs=20_448)) == "20.4 k"


def found(groups=(), stands=(), placed=(), norm_over="all"):
    return SimpleNamespace(
        groups=[SimpleNamespace(tied=tied) for tied in groups],
        stands=list(stands),
        placed=[SimpleNamespace(path=path) for path in placed],
        norm_over=norm_over,
    )


def test_sets_of_tied_layers_are_told_once():
    channels = found([("a", "b"), ("c",), ("a", "b"), ("d", "e")])
    assert footer.tied_paths(channels) == [("a", "b"), ("d", "e")]
    assert footer.footer(channels) == ["tied: a = b", "tied: d = e"]


@pytest.mark.parametrize("number", [footer.MOST - 1, footer.MOST, footer.MOST + 1])
def test_many_lines_are_shortened_and_counted(number):
    tied = footer.footer(found([(f"a{k}", f"b{k}") for k in range(number)]))
    stands = footer.footer(found(stands=[(f"a{k}", f"reason {k}") for k in range(number)]))
    for lines, words in ((tied, "more sets of tied layers"), (stands, "more reasons, see")):
        if number <= footer.MOST:
            assert len(lines) == number
            assert not any(words in line for line in lines)
        else:
            assert len(lines) == footer.MOST + 1
            assert lines[-1].startswith(f"({number - footer.MOST} {words}")


@pytest.mark.parametrize(("number", "said"), [(4, "a, b, c, d"), (5, "a, b, c, d …")])
def test_four_layers_of_a_reason_are_named(number, said):
    paths = "abcde"[:number]
    (line,) = footer.footer(found(stands=[(path, "why") for path in paths]))
    assert line == f"not pruned: {said}: why"
    (line,) = footer.footer(found(placed=paths))
    assert line.endswith(f"behind {said}, which takes time")
    (line,) = footer.footer(found(norm_over="kept"))
    assert "over the channels that are kept" in line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (FileError("x cannot be written: full", remedy="y"), "full"),
        (FileError("x exists already", remedy="y"), "x exists already"),
        (OSError(28, "No space left"), "No space left"),
        (OSError("odd"), "OSError: odd"),
        (RuntimeError("\n  \nthe second\nthe third"), "RuntimeError: the second"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_the_cause_of_an_error_in_a_line(error, said):
    assert output.cause(error) == said


def test_a_place_is_free_and_its_ending_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        (tmp_path / f"q-rescued-{number}.bqm.gz").touch()
    assert next(output.places(tmp_path / "q.bqm.gz")) == tmp_path / "q-rescued-3.bqm.gz"
    assert next(output.places(tmp_path / "q.bqm")) == tmp_path / "q-rescued-1.bqm"
    assert next(output.places(tmp_path / "q.d", folder=True)) == tmp_path / "q.d-rescued-1"


def test_no_folder_is_tried_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(output.tempfile, "tempdir", str(tmp_path))
    assert len(list(output.places(tmp_path / "x"))) == 1


def test_the_last_name_that_is_tried(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "MOST", 2)
    for name in ("HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(output.tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x-rescued-1").touch()
    assert [place.name for place in output.places(tmp_path / "x")] == ["x-rescued-2"]
    (tmp_path / "x-rescued-2").touch()
    assert list(output.places(tmp_path / "x")) == []


def test_a_file_of_a_mebibyte_is_tried(tmp_path, monkeypatch):
    """As much as a small result takes: a disk with less is told before the work."""
    seen = []
    real = output.os.fsync
    monkeypatch.setattr(
        output.os, "fsync", lambda file: (seen.append(output.os.fstat(file).st_size), real(file))
    )
    output.try_output(tmp_path / "new" / "result")
    assert seen == [1024 * 1024]
    assert not list(tmp_path.iterdir())


def test_a_column_without_a_value_is_the_entry_of_its_name():
    assert columns.Column("a").of({"a": 3}) == 3
    assert columns.Column("a", lambda row: row + 1).of(3) == 4
    assert columns.Column("a", format=".2f").text({"a": 1.239}) == "1.24"
