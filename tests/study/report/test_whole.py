"""In a figure everything is drawn, whatever methods are called: nothing is beyond its edge."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import numpy as np
import pytest
import vl_convert
from PIL import Image

from secateur.study.report.charts import plots
from secateur.study.report.figures import vega_lite_version
from secateur.study.report.looks import paper_look
from secateur.study.report.palette import signs

from .making import many_rows, quick

AROUND = 150
NAMES = {
    "fourteen": (
        "annealing auto blocks:scip branch-and-bound decompose:exhaustive exhaustive greedy gurobi "
        "openjij-sqa path-integral qaoa scip steepest-descent tabu"
    ).split(),
    "short": ["a", "b", "c"],
    "long": [f"decompose:branch-and-bound reads={k}000 sweeps=100" for k in range(3)] + ["tabu"],
    "endless": ["W" * 80, "x", "decompose:exhaustive (100)", "量子焼きなまし法" * 4],
}


def ink_beyond(svg: str) -> int:
    """Pixels that are drawn outside the picture, once the picture is made larger all around."""
    size = re.compile(r'width="[\d.]+" height="[\d.]+" viewBox="0 0 ([\d.]+) ([\d.]+)"')
    width, height = map(float, size.search(svg).groups())
    whole = f"{width + 2 * AROUND} {height + 2 * AROUND}"
    wide, high = whole.split()
    larger = f'width="{wide}" height="{high}" viewBox="-{AROUND} -{AROUND} {whole}"'
    png = vl_convert.svg_to_png(size.sub(larger, svg, count=1))
    red, green, blue, alpha = np.moveaxis(
        np.array(Image.open(io.BytesIO(png)).convert("RGBA")), 2, 0
    )
    ink = (alpha > 0) & (np.minimum(np.minimum(red, green), blue) < 250)
    assert ink.any()
    ink[AROUND : AROUND + math.ceil(height), AROUND : AROUND + math.ceil(width)] = False
    return int(ink.sum())


@pytest.mark.parametrize("kind", NAMES)
def test_no_mark_and_no_letter_is_beyond_the_edge(kind):
    names = NAMES[kind]
    made = many_rows(3, len(names), 3)
    rows = [replace(row, method=names[int(row.method.split()[1])]) for row in made]
    analysis = quick(rows)
    drawn = plots(analysis, rows, paper_look(signs([of.method for of in analysis.methods])))
    assert len(drawn) > 8
    version = vega_lite_version()
    svgs = {
        name: vl_convert.vegalite_to_svg(dict(p.spec), vl_version=version, allowed_base_urls=[])
        for name, p in drawn.items()
    }
    assert {name: n for name, svg in svgs.items() if (n := ink_beyond(svg))} == {}
    legend = svgs["gap"]
    shown = re.findall(r"role-legend-label.*?<text[^>]*>([^<]*)</text>", legend)
    wanted = {name for name in names if len(name) < 60}
    assert wanted <= set(shown)  # whole; what is longer than a figure is wide has dots at its end
    assert all(one in names or one.endswith("…") for one in shown)


def test_a_cut_letter_is_found():
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20" viewBox="0 0 20 20">'
        '<rect x="{}" y="5" width="10" height="10"/></svg>'
    )
    assert ink_beyond(svg.format(5)) == 0
    assert ink_beyond(svg.format(15)) == 50
