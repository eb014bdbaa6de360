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
