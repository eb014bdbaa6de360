"""Tables and JSON of an analysis, infinite numbers included."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from secateur.report.table import markdown, text, to_csv
from secateur.report.table import to_json as rows_to_json
from secateur.study.statistics import Estimate, analyse, tables
from tests.study.rows import made_rows
from tests.study.statistics.making import row

ANALYSIS = analyse(made_rows(network=True), resamples=200)
PARTS = {
    "methods": (tables.methods_columns, ANALYSIS.methods),
    "instances": (tables.instances_columns, ANALYSIS.instances),
    "cells": (tables.cells_columns, ANALYSIS.cells),
    "pairs": (tables.pairs_columns, ANALYSIS.pairs),
    "contributions": (tables.contributions_columns, ANALYSIS.virtual_best.contributions),
    "agreement": (tables.agreement_columns, ANALYSIS.agreement),
    "quality": (tables.quality_columns, ANALYSIS.quality),
    "times": (tables.times_columns, ANALYSIS.times),
}


@pytest.mark.parametrize("part", PARTS)
def test_every_form_has_every_row(part):
    columns, rows = PARTS[part][0](), PARTS[part][1]
    assert len(text(columns, rows).splitlines()) == len(rows) + 1
    assert len(markdown(columns, rows).splitlines()) == len(rows) + 2
    assert len(json.loads(rows_to_json(columns, rows))) == len(rows)
    assert len(list(csv.DictReader(io.StringIO(to_csv(columns, rows))))) == len(rows)


@pytest.mark.parametrize("part", PARTS)
def test_the_data_of_a_table_is_that_of_the_analysis(part):
    """Nothing is scaled, rounded or forgotten there: per cent and signs are for people only."""
    columns, rows = PARTS[part][0](), PARTS[part][1]
    for told, own in zip(json.loads(rows_to_json(columns, rows)), rows, strict=True):
        expected = tables.as_data(own)
        for key, value in expected.items():
            if key == "backends":
                value = ", ".join(value)
            assert told[key] == value, key
        assert set(told) == set(expected)


def test_a_table_of_methods_for_people():
    lines = text(tables.methods_columns(), ANALYSIS.methods).splitlines()
    assert lines[0].split() == (
        "method rank success (%) gap (%) time to solution (s) time to target (s) "
        "primal integral solved best on runs done failed cannot absent"
    ).split()  # fmt: skip
    assert "93 [79, 98]" in lines[1]
    assert "∞ [65.8, ∞]" in lines[2]


def test_the_whole_as_json():
    made = json.loads(tables.to_json(ANALYSIS))
    assert made["methods"][1]["tts"]["value"] == "infinite"
    assert made["confidence"] == 0.95
    assert made["ranks"]["methods"][0] == "annealing"
    assert list(made) == list(vars(ANALYSIS))


def test_plain_data():
    assert tables.as_data({"a": (1.0, -math.inf), 2: Estimate(math.inf)}) == {
        "a": [1.0, "-infinite"],
        "2": {"value": "infinite", "low": None, "high": None},
    }
    assert tables.as_data(Estimate) is Estimate


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (None, ""),
        (Estimate(), ""),
        (Estimate(0.5), "0.5"),
        (Estimate(0.5, 0.25, math.inf), "0.5 [0.25, ∞]"),
        (Estimate(math.inf, None, math.inf), "∞ [?, ∞]"),
        (Estimate(-1e-9, -math.inf, 1.0), "-1e-09 [-∞, 1]"),
    ],
)
def test_estimates_for_people(estimate, words):
    assert tables.shown_estimate(estimate) == words


def test_numbers_for_people():
    assert tables.shown_estimate(Estimate(0.5, 0.25, 1.0), scale=100, form=".0f") == "50 [25, 100]"
    assert tables.shown_number(-0.001, ".2f") == "0.00"
    assert tables.shown_number(-0.006, ".2f") == "-0.01"
    assert tables.shown_number(-0.0) == "0"


def test_what_is_not_told_is_empty():
    made = analyse([row("m"), row("n")], resamples=10)
    lines = text(tables.instances_columns(), made.instances).splitlines()
    assert lines[1].split() == ["a", "10", "20"]
    assert "None" not in text(tables.cells_columns(), made.cells)
    assert "None" not in text(tables.times_columns(), made.times)
    assert "None" not in text(tables.pairs_columns(), made.pairs)


SMALL = analyse(
    [
        row("m", "a", 0, -100.0, ones=(0, 1), access=0.25, queue=0.5, cpu=0.125, charged=2.0,
            bound=-125.0, compensated=30.0),
        row("m", "b", 0, -50.0, ones=(0,), bound=-50.0, reads=8, reads_best=4,
            backend_energy=-50.0),
        row("n", "a", 0, -90.0, ones=(1, 2), compensated=29.0),
        row("n", "b", 0, -50.0, ones=(0,)),
    ],
    resamples=100,
)  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        (
            tables.instances_columns,
            SMALL.instances,
            ["a 10 20 -100 run -125", "b 10 20 -50 run -50 yes"],
        ),
        (
            tables.cells_columns,
            SMALL.cells[:3],
            [
                "m a -100 0 20 100 [21, 100] 0.5 0.25 0.5 [0.5, 9.95] 0.25 [0.25, 4.98] 0.5 1 1 0 "
                "0 0",
                "m b -50 0 0 100 [21, 100] 50 [21.5, 78.5] 1 1 [1, 19.9] 0.83 [0.375, 2.38] 1 1 1 "
                "0 0 0",
                "n a -90 10 28 0 [0, 79] 1 ∞ [2.92, ∞] ∞ 1 1 0 0 0",
            ],
        ),
        (tables.pairs_columns, SMALL.pairs, ["m n -5 [-10, 0] 75 [50, 100] 1 1 2 2 0"]),
        (tables.agreement_columns, SMALL.agreement, ["m m 0 0", "m n 0.67 0.33 2 2", "n n 0 0"]),
        (tables.quality_columns, SMALL.quality, ["a 2 30 30"]),
        (
            tables.times_columns,
            SMALL.times,
            ["m 2 2 0.5 0.25 0.125 1 0.5 0.25 0.125 2 2", "n 2 2 1"],
        ),
        (
            tables.contributions_columns,
            SMALL.virtual_best.contributions,
            ["m 2 1 1 5 1", "n 1 0 0 0 0"],
        ),
    ],
)
def test_what_people_read(columns, rows, expected):
    lines = text(columns(), rows).splitlines()
    assert [" ".join(line.split()) for line in lines[1:]] == expected
