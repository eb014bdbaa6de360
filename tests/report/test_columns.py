"""One declaration of a column gives text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from types import SimpleNamespace

import pytest

from secateur.report import table
from secateur.report.columns import Column, as_data, cells, named
from secateur.report.rows import row_columns
from secateur.surgery.timing import Ratio
from tests.test_public_names import modules_after

COLUMNS = (
    Column("name", left=True),
    Column("time", lambda row: row["ms"], unit="ms", format=".2f", key=("times", "eager")),
    Column("share", lambda row: row["share"], unit="%", format=lambda x: f"{100 * x:.0f}"),
    Column("bound", missing="none"),
    Column("hidden", shown=False),
    Column("only shown", lambda row: row["ms"] > 2, key=""),
)
ROWS = (
    {"name": "a|b", "ms": 1.234, "share": 0.5, "bound": None, "hidden": [1, 2]},
    {"name": "longer\nname", "ms": 12.0, "share": 1.0, "bound": -3.0, "hidden": []},
)


def test_text_is_aligned_and_has_units():
    rows = [ROWS[0], {**ROWS[1], "name": "longer"}]
    assert table.text(COLUMNS, rows).splitlines() == [
        "name    time (ms)  share (%)  bound  only shown",
        "a|b          1.23         50   none       False",
        "longer      12.00        100   -3.0        True",
    ]
    assert table.text(COLUMNS[:1], rows, ["", "why"]).splitlines() == [
        "name",
        "a|b",
        "longer  why",
    ]


def test_markdown_keeps_its_cells():
    assert table.markdown(COLUMNS, ROWS).splitlines() == [
        "| name | time ms | share % | bound | only shown |",
        "|---|--:|--:|--:|--:|",
        "| a\\|b | 1.23 | 50 | none | False |",
        "| longer name | 12.00 | 100 | -3.0 | True |",
    ]


def test_data_hold_values_and_not_what_is_shown():
    assert json.loads(table.to_json(COLUMNS, ROWS))[0] == {
        "name": "a|b",
        "times": {"eager": 1.234},
        "share": 0.5,
        "bound": None,
        "hidden": [1, 2],
    }
    with pytest.raises(ValueError, match="not JSON compliant"):
        table.to_json(COLUMNS, [{**ROWS[0], "ms": float("nan")}])


def test_csv_is_read_back():
    read = list(csv.DictReader(io.StringIO(table.to_csv(COLUMNS, ROWS))))
    assert list(read[0]) == ["name", "times.eager", "share", "bound", "hidden"]
    assert [row["name"] for row in read] == ["a|b", "longer\nname"]
    assert (read[0]["times.eager"], read[0]["bound"]) == ("1.234", "")


def test_csv_has_the_keys_of_all_rows():
    columns = [Column("x", data=lambda value: value)]
    text = table.to_csv(columns, [{"x": {"a": 1}}, {"x": {"a": 2, "b": 3}}])
    assert text == "x.a,x.b\n1,\n2,3\n"


def test_rows_of_cells():
    assert cells(named("a", "b"), [("x", 1), ("y", 2.5)]) == [["x", "1"], ["y", "2.5"]]


def row(**more):
    about = {
        "method": "dense", "amount": 0.0, "pruned": 0, "channels": 10, "metric": 1.0,
        "metric_compensated": None, "metric_recovered": None, "parameters": 12345,
        "macs": 2_500_000,
        "times_ms": {"eager": 2.0}, "speedups": {}, "seconds": 0.0, "batch_norm": False,
        "fitted": False, "energy": None, "evaluations": 0, "proof": "",
    }  # fmt: skip
    return SimpleNamespace(**about | more)


def test_the_columns_of_a_result():
    fast, same = Ratio(2.0, 1.9, 2.1), Ratio(1.0, 0.9, 1.1)
    rows = [
        row(),
        row(method="fisher", pruned=4, channels=6, seconds=3.21, metric_compensated=2.0,
            times_ms={"eager": 1.0}, speedups={"eager": fast}, proof="proven"),
        row(method="l1", pruned=4, channels=6, speedups={"eager": same}),
    ]  # fmt: skip
    text = table.text(row_columns("psnr", "dB", ["eager"]), rows).splitlines()
    assert [line.split("  ")[0] for line in text] == ["method", "dense", "fisher", "l1"]
    for words in ("psnr (dB)", "eager (1 thread)", "MACs", "QUBO"):
        assert words in text[0]
    assert "12 345" in text[1]
    assert "10 " in text[1]
    for words in ("6 (-4)", "2.5 M", "1.00 ms (2.00x)", "2.000", "3.2", "proven"):
        assert words in text[2]
    assert "2.00 ms (no difference)" in text[3]
    assert "recovered" not in text[0]
    shown = table.text(row_columns("psnr", "dB", ["eager"], recovered=True), rows)
    assert "compensated  recovered" in shown.splitlines()[0]
    data = as_data(row_columns("psnr", runtimes=["eager"]), rows[1])
    assert data["times"]["eager"] == {
        "ms": 1.0, "speedup": 2.0, "at_least": 1.9, "at_most": 2.1, "different": True,
    }  # fmt: skip
    assert set(data) == {
        "method", "amount", "pruned", "channels", "psnr", "psnr_compensated",
        "psnr_recovered", "parameters", "macs",
        "times", "seconds", "batch_norm", "fitted", "energy", "evaluations", "proof",
    }  # fmt: skip
    assert (data["channels"], data["seconds"], data["macs"]) == (6, 3.21, 2_500_000)
    assert as_data(row_columns("psnr"), rows[0])["times"] == {}


def test_tables_need_neither_torch_nor_matplotlib():
    loaded = modules_after(
        "import secateur.report\n"
        "from secateur.report import Column, try_output, columns, footer, output, rows, table"
    )
    assert not {"torch", "matplotlib", "dimod", "numpy"} & loaded
    loaded = modules_after("from secateur.report import save_result, save_or_rescue")
    assert "matplotlib" not in loaded


def test_an_unknown_name_of_the_package():
    import secateur.report

    with pytest.raises(AttributeError, match="no attribute 'colums'"):
        secateur.report.colums  # noqa: B018
