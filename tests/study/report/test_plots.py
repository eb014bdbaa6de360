"""What is drawn is what was computed."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import vl_convert

from secateur.study.report.charts import curves, plots
from secateur.study.report.looks import page_look, paper_look
from secateur.study.report.palette import DASHES, PAPER, SHAPES, signs

from ..rows import made_rows
from .making import many_rows, quick


@pytest.fixture(scope="module")
def rows():
    return made_rows(network=True)


@pytest.fixture(scope="module")
def analysis(rows):
    return quick(rows)


@pytest.fixture(scope="module", params=[page_look, paper_look], ids=["page", "paper"])
def drawn(request, rows, analysis):
    return plots(analysis, rows, request.param(signs([of.method for of in analysis.methods])))


def test_a_gap_curve_is_the_share_of_runs_at_or_below(drawn, rows, analysis):
    best = {of.name: of.best for of in analysis.instances}
    for at in (0.0, 0.004, 0.02, 0.9):
        for method in {row.method for row in rows}:
            own = [row for row in rows if row.method == method]
            below = [
                row
                for row in own
                if row.energy is not None
                and (row.energy - best[row.instance]) / -best[row.instance] <= at + 1e-9
            ]
            points = [p for p in drawn["gap"].spec["datasets"]["gap"] if p["method"] == method]
            share = max(p["share"] for p in points if p["at"] <= at + 1e-9)
            assert share == pytest.approx(len(below) / len(own), abs=1e-6)


def test_every_number_that_is_drawn_is_finite(drawn):
    for plot in drawn.values():
        text = json.dumps(plot.spec, allow_nan=False)
        assert "NaN" not in text
        for records in plot.spec["datasets"].values():
            for record in records:
                assert all(not isinstance(v, float) or math.isfinite(v) for v in record.values())


def test_ranks_and_groups_are_those_of_the_test(drawn, analysis):
    data = drawn["ranks"].spec["datasets"]
    assert {p["method"]: pytest.approx(p["rank"], abs=1e-6) for p in data["ranks"]} == dict(
        zip(analysis.ranks.methods, analysis.ranks.ranks, strict=True)
    )
    assert [set(g["members"].split(", ")) for g in data["groups"]] == [
        set(group) for group in analysis.ranks.groups
    ]
    (ruler,) = data["ruler"]
    assert ruler["to"] - ruler["from"] == pytest.approx(
        analysis.ranks.critical_difference, abs=1e-6
    )


def test_agreement_is_a_whole_matrix(drawn, analysis):
    cells = {
        (p["first"], p["second"]): p["jaccard"]
        for p in drawn["agreement"].spec["datasets"]["agreement"]
    }
    assert len(cells) == len(analysis.methods) ** 2
    assert all(cells[b, a] == value for (a, b), value in cells.items())


def test_only_what_has_data_is_drawn():
    rows = [row for row in made_rows(1, 2) if row.method == "scip"]  # it cannot take the only one
    names = set(plots(quick(rows), rows, page_look(signs(["scip"]))))
    assert "instances-gap" not in names
    assert "agreement" not in names
    assert "quality" not in names
    assert "gap" in names


def test_methods_are_told_apart_without_colour():
    made = signs([f"m{number}" for number in range(64)])
    assert len({(one.number, one.dash, one.shape) for one in made}) == 64
    for first in range(0, 64, 8):  # of one colour, and of neighbours
        some = made[first : first + 8]
        assert len({one.number for one in some}) == len(PAPER)
        assert len({one.dash for one in some}) == len(DASHES)
        assert len({one.shape for one in some}) == len(SHAPES)


def test_a_curve_of_many_runs_is_drawn_from_few_corners_that_miss_nothing_visible():
    rows = many_rows(40, 1, 30)
    analysis = quick(rows)
    plot = curves.gap_curve(analysis, page_look(signs(["method 00"])))
    points = plot.spec["datasets"]["gap"]
    (whole,) = analysis.gap_curves
    assert len(points) < len(whole.at)
    for at, share in zip(whole.at, whole.share, strict=True):
        here = max(p["share"] for p in points if p["at"] <= at + 1e-9)
        assert share - here < 2 * curves.SEEN
    assert points[-1]["share"] == pytest.approx(whole.share[-1], abs=1e-6)


def test_one_point_alone_is_told_by_its_ticks():
    """Vega's own format writes 0 and 1 there."""
    rows = [
        dataclasses.replace(row, energy=0.0152928, compensated=0.9926)
        for row in made_rows(network=True)
        if row.energy is not None and row.compensated is not None
    ]
    made = plots(quick(rows), rows, paper_look(signs(sorted({row.method for row in rows}))))
    svg = vl_convert.vegalite_to_svg(made["quality-1"].spec)
    assert ">0.0152928<" in svg
    assert ">0.9926<" in svg
