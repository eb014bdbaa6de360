"""What was selected: whether methods agree, and whether a better energy is a better network."""

from __future__ import annotations

from collections.abc import Sequence

from secateur.extras import needed_by
from secateur.study.report.charts.plot import (
    Plot,
    Records,
    colour,
    data,
    finite,
    hover,
    shape,
    specification,
)
from secateur.study.report.looks import Look
from secateur.study.report.numbers import hundredths
from secateur.study.row import Row
from secateur.study.statistics import Analysis

with needed_by("a report"):
    import altair as alt


def agreement(analysis: Analysis, look: Look) -> Plot | None:
    """Jaccard's index of each two methods as a matrix."""
    cells: Records = []
    for pair in analysis.agreement:
        if pair.jaccard is None:
            continue
        for first, second in {(pair.first, pair.second), (pair.second, pair.first)}:
            cells.append(
                {
                    "first": first,
                    "second": second,
                    "jaccard": pair.jaccard,
                    "pairs": pair.pairs,
                    "instances": pair.instances,
                }
            )
    if not cells:
        return None
    order = {method: number for number, method in enumerate(look.methods)}
    cells.sort(key=lambda cell: (order[cell["first"]], order[cell["second"]]))
    x = alt.X(
        "second:N",
        sort=None,
        axis=alt.Axis(
            title=None, labelAngle=-40, orient="bottom", labelLimit=look.label, grid=False
        ),
    )
    y = alt.Y("first:N", sort=None, axis=alt.Axis(title=None, grid=False))
    base = alt.Chart(data("agreement"))
    crowded = len(order) > 8
    layers = [
        base.mark_rect(color=look.heat, stroke=look.grid).encode(
            x=x,
            y=y,
            opacity=alt.Opacity(
                "jaccard:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.04, 0.95])
            ),
            tooltip=hover(
                ("first:N", "method", ""),
                ("second:N", "and", ""),
                ("jaccard:Q", "Jaccard", ".3f"),
                ("pairs:Q", "pairs of runs", "d"),
                ("instances:Q", "instances", "d"),
            ),
        ),
        base.mark_text(fontSize=look.size - (2 if crowded else 0)).encode(
            x=x,
            y=y,
            text=alt.Text("jaccard:Q", format=".2f"),
            color=alt.condition(
                "datum.jaccard > 0.55",
                alt.value("var(--paper)" if look.page else "#FFFFFF"),
                alt.value(look.ink),
            ),
        ),
    ]
    return Plot(
        "agreement",
        "Do methods select the same?",
        "Jaccard's index of the selections, mean over instances: of what either selects, the "
        "share that both do. 1 is the same selection. The diagonal compares runs of one method "
        "with each other.",
        "Agreement of selections: "
        + "; ".join(
            f"{pair.first} and {pair.second} {hundredths(pair.jaccard)}"
            for pair in analysis.agreement
            if pair.jaccard is not None
        )
        + ".",
        specification(layers, {"agreement": cells}, look, height=alt.Step(30 if look.page else 15)),
        legend=False,
    )


def quality(analysis: Analysis, rows: Sequence[Row], look: Look) -> list[Plot]:
    """Energy against the metric; on the page one plot for all, in figures one each."""
    names = [of.instance for of in analysis.quality]
    points: Records = []
    for name in names:
        points += [
            {
                "instance": name,
                "method": row.method,
                "energy": row.energy,
                "metric": row.compensated,
                "seed": row.seed,
            }
            for row in rows
            if row.instance == name
            and row.energy is not None
            and row.compensated is not None
            and finite(row.energy, row.compensated)
        ]
    if look.page:
        return [_scatter("quality", points, look, len(names))] if points else []
    made = []
    for number, name in enumerate(names, 1):
        own = [point for point in points if point["instance"] == name]
        if own:
            made.append(_scatter(f"quality-{number}", own, look, 1))
    return made


_EXACT = ".6~g"
"""Of ticks: where all points are one, Vega's own format rounds the only tick to a whole number."""


def _scatter(name: str, points: Records, look: Look, instances: int) -> Plot:
    chart = (
        alt.Chart(data(name))
        .mark_point(filled=True, opacity=0.75, size=55 if look.page else 22)
        .encode(
            x=alt.X(
                "energy:Q",
                scale=alt.Scale(zero=False),
                axis=alt.Axis(title="energy of the selection", labelOverlap=True, format=_EXACT),
            ),
            y=alt.Y(
                "metric:Q",
                scale=alt.Scale(zero=False),
                axis=alt.Axis(title="metric, compensated", format=_EXACT),
            ),
            color=colour(look),
            shape=shape(look),
            tooltip=hover(
                ("instance:N", "instance", ""),
                ("method:N", "method", ""),
                ("seed:Q", "seed", "d"),
                ("energy:Q", "energy", ".6~g"),
                ("metric:Q", "metric", ".6~g"),
            ),
        )
    )
    return Plot(
        name,
        "Is a better energy a better network?",
        "Each point is a run: its energy, which the solver was asked to make small, and the "
        "metric of the network that was pruned by it. If they go together, a better solver "
        "makes a better network; the table below says how sure that is."
        + ("" if look.page else f" Instance: {points[0]['instance']}."),
        f"Energy against metric of {len(points)} runs on {instances} instances; the table below "
        "holds the rank correlations.",
        specification([chart], {name: points}, look),
        most=1 if look.page else 0,
    )
