"""One row an instance: the gaps and the successes of each method."""

from __future__ import annotations

from typing import Any

from secateur.extras import needed_by
from secateur.study.report.charts.plot import (
    Plot,
    Records,
    colour,
    data,
    finite,
    gap_axis,
    hover,
    shape,
    share_axis,
    specification,
)
from secateur.study.report.looks import Look
from secateur.study.report.numbers import level
from secateur.study.statistics import Analysis

with needed_by("a report"):
    import altair as alt

MOST = 24
"""Instances that are drawn at once on the page; the filter chooses them."""
MOST_PAPER = 40
"""Instances that fit a page of a paper."""


def gaps(analysis: Analysis, look: Look) -> Plot | None:
    """Mean gap of each method on each instance, and the range of its runs."""
    rows: Records = [
        {
            "instance": cell.instance,
            "method": cell.method,
            "gap": cell.gap,
            "low": cell.gap_best,
            "high": cell.gap_worst,
            "runs": cell.runs,
        }
        for cell in analysis.cells
        if cell.done and finite(cell.gap, cell.gap_best, cell.gap_worst)
    ]
    if not rows:
        return None
    values = [row[key] for row in rows for key in ("gap", "low", "high")]
    return _dots(
        "instances-gap",
        "Gap, instance by instance",
        "Mean gap of each method's runs; the line goes from its best to its worst run. A run "
        "without an answer counts as a gap of 100 %; methods that gave no answer at all are not "
        "drawn, and are told below.",
        rows,
        "gap",
        gap_axis(values, "gap to the best known energy"),
        ".3~p",
        look,
    )


def successes(analysis: Analysis, look: Look) -> Plot | None:
    """Success probability of each method on each instance, with Wilson's interval."""
    rows: Records = [
        {
            "instance": cell.instance,
            "method": cell.method,
            "success": cell.success.value,
            "low": cell.success.low,
            "high": cell.success.high,
            "runs": cell.runs,
        }
        for cell in analysis.cells
        if finite(cell.success.value, cell.success.low, cell.success.high)
    ]
    if not rows:
        return None
    return _dots(
        "instances-success",
        "Success, instance by instance",
        (
            "Share of runs that found the best known energy, "
            if not analysis.threshold
            else f"Share of runs within {level(analysis.threshold)} of the best known energy, "
        )
        + f"with Wilson's {level(analysis.confidence)} intervals. With few runs the intervals "
        "are wide: that is what these runs can tell.",
        rows,
        "success",
        share_axis("success probability"),
        ".1%",
        look,
    )


def _dots(
    name: str,
    title: str,
    caption: str,
    rows: Records,
    field: str,
    axis: dict[str, Any],
    format: str,
    look: Look,
) -> Plot:
    instances = list(dict.fromkeys(row["instance"] for row in rows))
    left_out = 0
    if not look.page and len(instances) > MOST_PAPER:
        left_out = len(instances) - MOST_PAPER
        first = set(instances[:MOST_PAPER])
        rows = [row for row in rows if row["instance"] in first]
        caption += f" Drawn: the first {MOST_PAPER} instances, {left_out} more are in the tables."
    y = alt.Y("instance:N", sort=None, axis=alt.Axis(title=None, grid=True, tickBand="extent"))
    offset = alt.YOffset("method:N", scale=alt.Scale(domain=look.methods))
    base = alt.Chart(data(name))
    layers = [
        base.mark_rule(strokeWidth=1.3 if look.page else 0.8).encode(
            x=alt.X("low:Q", **axis), x2="high:Q", y=y, yOffset=offset, color=colour(look)
        ),
        base.mark_point(filled=True, opacity=1, size=52 if look.page else 14).encode(
            x=alt.X(f"{field}:Q", **axis),
            y=y,
            yOffset=offset,
            color=colour(look),
            shape=shape(look),
            tooltip=hover(
                ("instance:N", "instance", ""),
                ("method:N", "method", ""),
                (f"{field}:Q", field, format),
                ("low:Q", "from", format),
                ("high:Q", "to", format),
                ("runs:Q", "runs", "d"),
            ),
        ),
    ]
    step = alt.Step(9 if look.page else 4, **{"for": "offset"})
    return Plot(
        name,
        title,
        caption,
        f"{title}: {len(instances)} instances, {len(look.methods)} methods; the table of "
        "instances holds the numbers.",
        specification(layers, {name: rows}, look, height=step),
        most=MOST if look.page else 0,
    )
