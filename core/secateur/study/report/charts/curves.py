"""Curves over a gap, a time or a factor: one line a method."""

from __future__ import annotations

import math
from collections.abc import Sequence

from secateur.extras import needed_by
from secateur.study.report.charts.plot import (
    Plot,
    Records,
    colour,
    dash,
    data,
    finite,
    gap_axis,
    hover,
    seconds_axis,
    share_axis,
    specification,
)
from secateur.study.report.looks import Look
from secateur.study.report.numbers import level, percent, plain
from secateur.study.statistics import Analysis, Steps

with needed_by("a report"):
    import altair as alt

SEEN, MANY = 0.002, 400
"""Less than a pixel of a curve's height; corners up to which all are kept."""


def gap_curve(analysis: Analysis, look: Look) -> Plot:
    """The share of runs at or below each gap when their time is over."""
    end = max([1.0, *(x for curve in analysis.gap_curves for x in curve.at if finite(x))])
    points = _steps(analysis.gap_curves, start=0.0, end=end)
    # nothing is known below the smallest gap but 0, and the axis ends soon after the largest
    axis = gap_axis([p["at"] for p in points], "gap to the best known energy")
    line = (
        alt.Chart(data("gap"))
        .mark_line(interpolate="step-after", strokeWidth=2 if look.page else 1.2)
        .encode(
            x=alt.X("at:Q", **axis),
            y=alt.Y("share:Q", **share_axis("share of runs")),
            color=colour(look, lines=True),
            strokeDash=dash(look),
            tooltip=hover(
                ("method:N", "method", ""),
                ("at:Q", "gap at most", "~p"),
                ("share:Q", "runs", ".1%"),
            ),
        )
    )
    return Plot(
        "gap",
        "How good, when the time is over",
        "The share of runs whose gap to the best known energy is at most so much, each instance "
        "counting the same. Higher and further to the left is better; where a curve meets the left "
        "edge is the share that found the best known energy. What never comes to 100 % has runs "
        "without an answer.",
        "Empirical distribution of the gap, one line for each method. "
        + "; ".join(
            f"{c.method}: {percent(_at(c, 0.0))} of runs at gap 0" for c in analysis.gap_curves
        )
        + ".",
        specification([line], {"gap": points}, look),
    )


def target_curve(analysis: Analysis, look: Look) -> Plot | None:
    """The share of targets that are reached by a time."""
    times = [x for c in analysis.target_curves for x in c.at if finite(x) and x > 0]
    if not times:
        return None
    start, end = min(times), max(times)
    start = min(start, end / 1.01)
    points: Records = []
    for curve in analysis.target_curves:
        made = [(start, 0.0, 0.0)]
        for x, share, most in zip(curve.at, curve.share, curve.most, strict=True):
            if finite(x):
                made.append((max(x, start), share, most))
        made.append((end, *made[-1][1:]))
        points += [
            {"method": curve.method, "at": x, "share": share, "most": most}
            for x, share, most in _thin(made)
        ]
    base = alt.Chart(data("target")).encode(
        x=alt.X("at:Q", **seconds_axis("seconds, without queue")), color=colour(look, lines=True)
    )
    band = base.mark_area(interpolate="step-after", opacity=0.14).encode(
        y=alt.Y("share:Q"), y2="most:Q"
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2 if look.page else 1.2).encode(
        y=alt.Y("share:Q", **share_axis("share of targets")),
        strokeDash=dash(look),
        tooltip=hover(
            ("method:N", "method", ""), ("at:Q", "seconds", ".3~g"), ("share:Q", "reached", ".1%")
        ),
    )
    targets = ", ".join(level(gap) for gap in analysis.targets)
    return Plot(
        "target",
        "How fast, to a target",
        f"The share of (instance, run, target) that was reached by a time; targets are gaps of "
        f"{targets} to the best known energy. Higher and further to the left is better. The pale "
        "band is what a run that its limit stopped could have added at most.",
        "Share of targets reached over time, one line for each method. "
        + "; ".join(
            f"{c.method}: {percent(c.share[-1] if c.share else 0)} in the end"
            for c in analysis.target_curves
        )
        + ".",
        specification([band, line], {"target": points}, look),
    )


def profile(analysis: Analysis, look: Look) -> Plot | None:
    """The share of instances on which a method is within a factor of the best."""
    factors = [x for c in analysis.profiles for x in c.at if finite(x)]
    if not factors:
        return None
    end = max(*factors, 2.0) * 1.05
    points = _steps(analysis.profiles, start=1.0, end=end)
    line = (
        alt.Chart(data("profile"))
        .mark_line(interpolate="step-after", strokeWidth=2 if look.page else 1.2)
        .encode(
            x=alt.X(
                "at:Q",
                scale=alt.Scale(type="log", nice=False, domainMin=1),
                axis=alt.Axis(
                    title="expected time, as a factor of the best method's",
                    labelOverlap="greedy",
                    labelSeparation=6,
                    labelExpr="format(datum.value, '~g') + '×'",
                    tickCount=6,
                ),
            ),
            y=alt.Y("share:Q", **share_axis("share of instances")),
            color=colour(look, lines=True),
            strokeDash=dash(look),
            tooltip=hover(
                ("method:N", "method", ""),
                ("at:Q", "within a factor", ".3~g"),
                ("share:Q", "instances", ".1%"),
            ),
        )
    )
    return Plot(
        "profile",
        "Performance profile",
        "The share of instances on which the expected time to the target is at most so many times "
        "that of the best method there (Dolan and Moré, 2002). The left edge says how often a "
        "method is the fastest, the right edge how often it comes to the target at all. Which "
        "of two methods is higher can change when a third is left out.",
        "Performance profile, one line for each method. "
        + "; ".join(f"{c.method}: fastest on {percent(_at(c, 1.0))}" for c in analysis.profiles)
        + ".",
        specification([line], {"profile": points}, look),
    )


def anytime(analysis: Analysis, look: Look) -> Plot | None:
    """The gap over the time that a search has had."""
    points: Records = [
        {"method": c.method, "at": x, "low": low, "median": median, "high": high, "share": share}
        for c in analysis.anytime
        for x, low, median, high, share in zip(c.at, c.low, c.median, c.high, c.share, strict=True)
        if finite(x, low, median, high) and x > 0
    ]
    if not points:
        return None
    values = [point[key] for point in points for key in ("low", "median", "high")]
    axis = gap_axis(values, "gap of the best so far")
    base = alt.Chart(data("anytime")).encode(
        x=alt.X("at:Q", **seconds_axis("seconds, without queue")), color=colour(look, lines=True)
    )
    band = base.mark_area(interpolate="step-after", opacity=0.12).encode(
        y=alt.Y("low:Q", **axis), y2="high:Q"
    )
    line = base.mark_line(interpolate="step-after", strokeWidth=2 if look.page else 1.2).encode(
        y=alt.Y("median:Q", **axis),
        strokeDash=dash(look),
        tooltip=hover(
            ("method:N", "method", ""),
            ("at:Q", "seconds", ".3~g"),
            ("median:Q", "median gap", ".3~p"),
            ("share:Q", "with a selection", ".0%"),
        ),
    )
    return Plot(
        "anytime",
        "What a search holds at any time",
        "The gap of the best selection so far: median over all runs, and the quartiles as a pale "
        "band. A run that holds no selection yet counts as a gap of 100 %. A backend that tells "
        "nothing on its way has its first step when it ends.",
        "Median gap over time, one line for each method. "
        + "; ".join(
            f"{c.method}: {percent(c.median[-1])} after {plain(c.at[-1])} s"
            for c in analysis.anytime
            if c.at
        )
        + ".",
        specification([band, line], {"anytime": points}, look),
    )


def _steps(curves: Sequence[Steps], *, start: float, end: float) -> Records:
    """Corners of the curves from edge to edge."""
    points: Records = []
    for curve in curves:
        made = [
            (max(x, start), share)
            for x, share in zip(curve.at, curve.share, strict=True)
            if math.isfinite(x)
        ]
        if not made or made[0][0] > start:
            made.insert(0, (start, 0.0))
        if made[-1][0] < end:
            made.append((end, made[-1][1]))
        points += [{"method": curve.method, "at": x, "share": share} for x, share in _thin(made)]
    return points


def _thin(made: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Without corners too close to the one before to be seen: first its position, then shares."""
    kept = [made[0]]
    for number, corner in enumerate(made[1:], 1):
        rise = max(abs(now - then) for now, then in zip(corner[1:], kept[-1][1:], strict=True))
        if rise >= SEEN or number == len(made) - 1 or len(made) <= MANY:
            kept.append(corner)
    return kept


def _at(curve: Steps, position: float) -> float:
    """The share at a position."""
    return max(
        (share for x, share in zip(curve.at, curve.share, strict=True) if x <= position),
        default=0.0,
    )
