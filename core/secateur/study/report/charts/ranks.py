"""Methods against each other: mean ranks with the critical difference, pairs, the virtual best."""

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
    specification,
)
from secateur.study.report.looks import Look
from secateur.study.report.numbers import hundredths, level, percent
from secateur.study.statistics import Analysis

with needed_by("a report"):
    import altair as alt

_RULER = "\ue000ruler"
"""The row of the ruler; a letter without a meaning tells it from methods."""


def critical_difference(analysis: Analysis, look: Look) -> Plot | None:
    """Mean ranks; a bar joins methods that the test does not tell apart (Demšar, 2006)."""
    ranks = analysis.ranks
    if not ranks.methods or not all(map(finite, ranks.ranks)):
        return None
    rank_of = dict(zip(ranks.methods, ranks.ranks, strict=True))
    rows = list(ranks.methods)
    methods: Records = [
        {"method": m, "row": m, "rank": r, "shown": hundredths(r)} for m, r in rank_of.items()
    ]
    groups: Records = []
    for number, group in enumerate(ranks.groups):
        row = f"\ue000group {number + 1}"  # a letter that has no meaning marks it
        rows.append(row)
        held = [rank_of[method] for method in group]
        groups.append({"row": row, "from": min(held), "to": max(held), "members": ", ".join(group)})
    ruler: Records = []
    if ranks.critical_difference is not None:
        rows.insert(0, _RULER)
        ruler = [
            {
                "row": rows[0],
                "from": 1.0,
                "to": 1.0 + ranks.critical_difference,
                "shown": hundredths(ranks.critical_difference),
            }
        ]
    last = max([len(rank_of), *(end["to"] for end in ruler)])
    x: dict[str, Any] = {"scale": alt.Scale(domain=[0.8, last + 0.35], nice=False, zero=False)}
    y = alt.Y(
        "row:N",
        sort=None,
        scale=alt.Scale(domain=rows),
        # rows of bars and of the ruler have no name of their own
        axis=alt.Axis(
            title=None,
            grid=False,
            domain=False,
            ticks=False,
            labelExpr="substring(datum.label, 0, 1) != '\ue000' ? datum.label"
            " : datum.label == '" + _RULER + "' ? 'critical difference' : ''",
        ),
    )
    axis = alt.Axis(
        title="mean rank over instances, 1 is best",
        values=list(range(1, len(rank_of) + 1)),
        format="d",
        grid=True,
    )
    thick = 5 if look.page else 3.5
    size = 90 if look.page else 40
    layers = [
        alt.Chart(data("groups"))
        .mark_rule(strokeWidth=thick, strokeCap="round", color=look.ink)
        .encode(
            x=alt.X("from:Q", axis=axis, **x),
            x2="to:Q",
            y=y,
            tooltip=hover(("members:N", "not told apart", "")),
        ),
        alt.Chart(data("ruler"))
        .mark_rule(strokeWidth=1.5, color=look.soft)
        .encode(x=alt.X("from:Q", axis=axis, **x), x2="to:Q", y=y),
        alt.Chart(data("ruler"))
        .mark_tick(thickness=1.5, size=9, color=look.soft)
        .encode(x=alt.X("from:Q"), y=y),
        alt.Chart(data("ruler"))
        .mark_tick(thickness=1.5, size=9, color=look.soft)
        .encode(x=alt.X("to:Q"), y=y),
        alt.Chart(data("ruler"))
        .mark_text(align="left", dx=7, color=look.soft)
        .encode(x=alt.X("to:Q"), y=y, text="shown:N"),
        alt.Chart(data("ranks"))
        .mark_point(filled=True, opacity=1, size=size)
        .encode(
            x=alt.X("rank:Q", axis=axis, **x),
            y=y,
            color=colour(look),
            shape=shape(look),
            tooltip=hover(("method:N", "method", ""), ("rank:Q", "mean rank", ".2f")),
        ),
        alt.Chart(data("ranks"))
        .mark_text(align="left", dx=9, color=look.soft)
        .encode(x=alt.X("rank:Q"), y=y, text="shown:N"),
    ]
    layers = [layer for layer in layers if ruler or layer.data.name != "ruler"]
    said = "Thick bars join methods that are not told apart. " if groups else ""
    tested = ranks.critical_difference is not None
    return Plot(
        "ranks",
        "Mean ranks and the critical difference",
        (
            "Methods are ranked on each instance by their mean gap, ties averaged. "
            + said
            + (
                "Methods whose mean ranks are further apart than the critical difference differ "
                "beyond chance (Friedman's test, then Nemenyi's; Demšar, 2006)."
                if tested
                else "There is no critical difference here."
            )
            + (f" Note: {ranks.note.rstrip('.')}." if ranks.note else "")
        ),
        "Mean ranks: "
        + ", ".join(f"{m} {hundredths(r)}" for m, r in rank_of.items())
        + (
            f"; critical difference {hundredths(ranks.critical_difference)}"
            if ranks.critical_difference is not None
            else ""
        )
        + ".",
        specification(
            [_unlegended(layer, look) for layer in layers],
            {"ranks": methods, "groups": groups, "ruler": ruler},
            look,
            height=alt.Step(24 if look.page else 13),
        ),
        legend=False,
    )


def differences(analysis: Analysis, look: Look) -> Plot | None:
    """Each pair's difference of gaps with its interval."""
    found: Records = []
    for pair in analysis.pairs:
        value = pair.difference
        if not finite(value.value):
            continue
        low, high = (value.low, value.high) if finite(value.low, value.high) else (value.value,) * 2
        found.append(
            {
                "pair": f"{pair.first} − {pair.second}",
                "first": pair.first,
                "second": pair.second,
                "difference": value.value,
                "low": low,
                "high": high,
                "pairs": pair.pairs,
            }
        )
    if not found:
        return None
    y = alt.Y("pair:N", sort=None, axis=alt.Axis(title=None, grid=False, labelLimit=2 * look.label))
    x = alt.X(
        "low:Q",
        scale=alt.Scale(zero=True),
        axis=alt.Axis(
            title="difference of gaps (points of %)",
            # names leave the plot less width than its title needs; there is room below them
            titleAnchor="middle" if look.page else "end",
            labelExpr="format(datum.value * 100, '~g')",
            labelOverlap=True,
        ),
    )
    base = alt.Chart(data("differences"))
    layers = [
        alt.Chart(data("zero")).mark_rule(color=look.rule).encode(x="x:Q"),
        base.mark_rule(color=look.ink, strokeWidth=1.6).encode(x=x, x2="high:Q", y=y),
        base.mark_point(
            filled=True, color=look.ink, opacity=1, size=55 if look.page else 25
        ).encode(
            x=alt.X("difference:Q"),
            y=y,
            tooltip=hover(
                ("pair:N", "pair", ""),
                ("difference:Q", "difference", ".3~p"),
                ("low:Q", "from", ".3~p"),
                ("high:Q", "to", ".3~p"),
                ("pairs:Q", "pairs of runs", "d"),
            ),
        ),
    ]
    return Plot(
        "differences",
        "Differences, pair by pair",
        f"Gap of the first less gap of the second on the same instance and seed, mean over "
        f"instances (left of 0 the first is better), with {level(analysis.confidence)} intervals "
        "of a paired bootstrap. Where an interval holds 0, the runs do not say who is better.",
        f"Differences of gaps with intervals for {len(found)} pairs of methods; the table below "
        "holds the numbers.",
        specification(
            layers,
            {"differences": found, "zero": [{"x": 0}]},
            look,
            height=alt.Step(20 if look.page else 11),
        ),
        legend=False,
    )


def virtual_best(analysis: Analysis, look: Look) -> Plot | None:
    """Each method's mean gap beside that of the best method of each instance."""
    rows: Records = []
    for method in analysis.methods:
        gap = method.gap
        if not finite(gap.value):
            continue
        low, high = (gap.low, gap.high) if finite(gap.low, gap.high) else (gap.value, gap.value)
        rows.append({"method": method.method, "gap": gap.value, "low": low, "high": high})
    best = analysis.virtual_best
    if not rows or not finite(best.gap):
        return None
    values = [row[key] for row in rows for key in ("gap", "low", "high")] + [best.gap]
    axis = gap_axis(values, "mean gap to the best known energy")
    y = alt.Y("method:N", sort=None, axis=alt.Axis(title=None, grid=False))
    base = alt.Chart(data("gaps"))
    layers = [
        alt.Chart(data("best"))
        .mark_rule(color=look.ink, strokeDash=[4, 3])
        .encode(x=alt.X("gap:Q", **axis)),
        base.mark_rule(strokeWidth=1.8).encode(
            x=alt.X("low:Q", **axis), x2="high:Q", y=y, color=colour(look)
        ),
        base.mark_point(filled=True, opacity=1, size=90 if look.page else 40).encode(
            x=alt.X("gap:Q", **axis),
            y=y,
            color=colour(look),
            shape=shape(look),
            tooltip=hover(
                ("method:N", "method", ""),
                ("gap:Q", "mean gap", ".3~p"),
                ("low:Q", "from", ".3~p"),
                ("high:Q", "to", ".3~p"),
            ),
        ),
    ]
    return Plot(
        "virtual-best",
        "Against the virtual best solver",
        f"Mean gap over instances with {level(analysis.confidence)} intervals. The dashed line "
        f"({percent(best.gap)}) is the virtual best solver: the best method of each instance, "
        "chosen after the fact. What lies between it and the best single method "
        f"({best.single_best}) is the most that choosing could win.",
        "Mean gaps: "
        + ", ".join(f"{row['method']} {percent(row['gap'])}" for row in rows)
        + f"; virtual best {percent(best.gap)}.",
        specification(
            [_unlegended(layer, look) for layer in layers],
            {"gaps": rows, "best": [{"gap": best.gap}]},
            look,
            height=alt.Step(26 if look.page else 14),
        ),
        legend=False,
    )


def _unlegended(layer: alt.Chart, look: Look) -> alt.Chart:
    """Rows carry the methods' names, so no legend is needed in a figure either."""
    for name in ("color", "shape"):
        channel: Any = getattr(layer.encoding, name, alt.Undefined)
        if channel is not alt.Undefined:
            channel.legend = None
    return layer
