"""Where the time went: wall, queue, access and processor apart."""

from __future__ import annotations

from secateur.extras import needed_by
from secateur.study.report.charts.plot import Plot, Records, data, finite, hover, specification
from secateur.study.report.looks import Look
from secateur.study.report.numbers import plain
from secateur.study.statistics import Analysis

with needed_by("a report"):
    import altair as alt

KINDS = {"wall": 1.0, "queue": 0.25, "access": 0.7, "cpu": 0.45}
"""Kinds of time, and how dark their bars are."""


def times(analysis: Analysis, look: Look) -> Plot | None:
    """Median seconds of a run, by kind; kinds that nobody told of have no bar."""
    rows: Records = [
        {
            "method": of.method,
            "kind": kind,
            "seconds": spent.median,
            "total": spent.total,
            "told": spent.told,
        }
        for of in analysis.times
        for kind in KINDS
        if finite((spent := getattr(of, kind)).median, spent.total)
    ]
    if not rows:
        return None
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in rows)]
    bars = (
        alt.Chart(data("times"))
        .mark_bar(color=look.heat, cornerRadiusEnd=1)
        .encode(
            x=alt.X("seconds:Q", axis=alt.Axis(title="median seconds of a run", format="~g")),
            y=alt.Y("method:N", sort=None, axis=alt.Axis(title=None, grid=False)),
            yOffset=alt.YOffset("kind:N", scale=alt.Scale(domain=kinds)),
            opacity=alt.Opacity(
                "kind:O",
                scale=alt.Scale(domain=kinds, range=[KINDS[kind] for kind in kinds]),
                legend=alt.Legend(title=None, symbolType="square", columns=4),
            ),
            tooltip=hover(
                ("method:N", "method", ""),
                ("kind:N", "time", ""),
                ("seconds:Q", "median seconds", ".3~g"),
                ("total:Q", "seconds in all", ".4~g"),
                ("told:Q", "runs that told it", "d"),
            ),
        )
    )
    return Plot(
        "times",
        "Where the time went",
        "Median of a run: wall is the whole search, queue the waiting at a service, access what "
        "a device or a metered solver itself took, cpu the processors' time of this process "
        "and its children. They overlap, so they do not add up. A kind that a backend does not "
        "tell has no bar.",
        "Median seconds of a run. "
        + "; ".join(f"{row['method']}, {row['kind']}: {plain(row['seconds'])} s" for row in rows)
        + ".",
        specification(
            [bars],
            {"times": rows},
            look,
            height=alt.Step(9 if look.page else 5, **{"for": "offset"}),
        ),
        legend=False,
    )
