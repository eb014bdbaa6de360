"""What all plots share: names, signs of methods, and the specification that is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secateur.extras import needed_by
from secateur.shown import escaped
from secateur.study.report.looks import COLUMN, Look

with needed_by("a report"):
    import altair as alt

Records = list[dict[str, Any]]
HEIGHT, PAPER_HEIGHT = 300, 145
"""Of a plot of curves: on the page in pixels, in a figure in points."""


@dataclass(frozen=True)
class Plot:
    """One plot with its words.

    Arguments:
        name: of its place on the page and of its files.
        title: above it.
        caption: how to read it, in a sentence or two.
        alt: what it shows, for whoever does not see it.
        spec: of Vega-Lite, with its data under ``datasets``.
        most: most instances that are drawn at once; 0 for all.
        legend: the signs of the methods belong below it.
    """

    name: str
    title: str
    caption: str
    alt: str
    spec: Mapping[str, Any]
    most: int = 0
    legend: bool = True


def specification(
    layers: Sequence[alt.Chart],
    datasets: Mapping[str, Records],
    look: Look,
    *,
    height: float | alt.Step | None = None,
) -> dict[str, Any]:
    """Layers as a specification of Vega-Lite.

    Arguments:
        layers: each on ``alt.NamedData`` of one of the data sets.
        datasets: by name; what is not finite must have been left out.
        look: of the page or of a paper.
        height: of the plot; a step for each row of it; that of curves unless given.
    """
    chart = alt.layer(*layers)
    if height is None:
        # a figure's legend takes its height from the plot
        legend = max(0, math.ceil(len(look.methods) / look.columns) - 2)
        height = HEIGHT if look.page else PAPER_HEIGHT + 11 * legend
    spec: dict[str, Any] = chart.to_dict(context={"pre_transform": False})
    spec["datasets"] = {name: list(records) for name, records in datasets.items()}
    spec["width"] = "container" if look.page else COLUMN
    spec["height"] = height.to_dict() if isinstance(height, alt.Step) else height
    spec["autosize"] = {
        "type": "fit-x" if isinstance(height, alt.Step) or look.page else "fit",
        "contains": "padding",
        "resize": True,
    }
    spec["padding"] = 4 if look.page else 1
    spec["config"] = look.config()
    return _plain(spec)


def _plain(value: Any) -> Any:
    """Text without controls, numbers to seven figures, which is more than can be seen.

    A file of SVG may hold no controls, and some turn the direction of a line.
    """
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def data(name: str) -> alt.NamedData:
    """A data set of the specification, by its name."""
    return alt.NamedData(name)


def colour(look: Look, *, lines: bool = False) -> alt.Color:
    """A method's colour; in a figure its legend stands below."""
    return alt.Color(
        "method:N",
        scale=alt.Scale(domain=look.methods, range=look.colours),
        legend=_legend(look, lines),
    )


def dash(look: Look) -> alt.StrokeDash:
    """A method's dash."""
    return alt.StrokeDash(
        "method:N",
        scale=alt.Scale(domain=look.methods, range=[list(sign.dash) for sign in look.signs]),
        legend=_legend(look, lines=True),
    )


def shape(look: Look) -> alt.Shape:
    """A method's shape."""
    return alt.Shape(
        "method:N",
        scale=alt.Scale(domain=look.methods, range=[sign.shape for sign in look.signs]),
        legend=_legend(look, lines=False),
    )


def _legend(look: Look, lines: bool) -> alt.Legend | None:
    if look.page:
        return None
    # long enough for a dash to be seen, and as dark as the line where a pale band is below it
    stroke: dict[str, Any] = {"symbolType": "stroke", "symbolSize": 320} if lines else {}
    return alt.Legend(title=None, symbolOpacity=1, **stroke)


def hover(*parts: tuple[str, str, str]) -> list[alt.Tooltip]:
    """What a pointer shows: field with its type, what people call it, format."""
    return [
        alt.Tooltip(field, title=title, format=format)
        if format
        else alt.Tooltip(field, title=title)
        for field, title, format in parts
    ]


def gap_axis(gaps: Iterable[float], title: str) -> dict[str, Any]:
    """Scale and axis of gaps: even around 0, by decades above; 0 is there.

    Arguments:
        gaps: that are drawn.
        title: of the axis.
    """
    found = [abs(gap) for gap in gaps if gap and math.isfinite(gap)]
    least = min(found, default=1e-3)
    most = max(found, default=1.0)
    decade = min(max(math.floor(math.log10(least)), -6), -1)
    top = max(math.ceil(math.log10(most) - 1e-9), decade + 1)
    values = [0.0, *(10.0**power for power in range(decade, top + 1))]
    return {
        "scale": alt.Scale(type="symlog", constant=10.0**decade, domainMin=0, nice=False),
        "axis": alt.Axis(
            title=title,
            values=values,
            labelExpr="datum.value == 0 ? '0' : format(datum.value * 100, '~g') + ' %'",
            labelOverlap="greedy",
            labelSeparation=6,
        ),
    }


def seconds_axis(title: str = "seconds") -> dict[str, Any]:
    """Scale and axis of times, by decades."""
    return {
        "scale": alt.Scale(type="log", nice=False),
        "axis": alt.Axis(
            title=title, format="~g", labelOverlap="greedy", labelSeparation=6, tickCount=6
        ),
    }


def share_axis(title: str) -> dict[str, Any]:
    """Scale and axis of shares, from nothing to all."""
    return {
        "scale": alt.Scale(domain=[0, 1]),
        "axis": alt.Axis(title=title, format=".0%", tickCount=5),
    }


def finite(*values: float | None) -> bool:
    """None of them is missing or without end."""
    return all(value is not None and math.isfinite(value) for value in values)
