"""How a plot looks: on the page, in the colours of the page; in a figure, as a paper prints it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from secateur.study.report.palette import Sign

COLUMN = 237
"""Width of a figure in points, 3.3 in: one column of most papers."""
_SIGN, _BETWEEN = 26, 10
"""Of a legend: points that a method's sign takes, and between two columns."""


@dataclass(frozen=True)
class Look:
    """What differs between the page and a paper.

    Arguments:
        signs: of the methods.
        page: colours are variables of the page, legends stand outside the plot, a pointer shows
            values; else a figure that is complete by itself.
        ink: of text and of marks that stand for no method.
        soft: of what is less important.
        rule: of axes.
        grid: behind the marks.
        heat: of a matrix; its depth says the value.
        font: of all text; one face only, so that a PDF is the same each time.
        size: of text, in points or pixels.
        label: most pixels of a name beside an axis.
    """

    signs: tuple[Sign, ...]
    page: bool
    ink: str
    soft: str
    rule: str
    grid: str
    heat: str
    font: str
    size: float
    label: int

    @property
    def methods(self) -> list[str]:
        """Their names, in the order of their signs."""
        return [sign.method for sign in self.signs]

    @property
    def colours(self) -> list[str]:
        """In the same order."""
        return [sign.variable if self.page else sign.paper for sign in self.signs]

    @property
    def columns(self) -> int:
        """Columns of a figure's legend: as many as its longest name leaves room for, at most two.

        How wide a name is drawn is guessed from above; ``most`` is what is never exceeded.
        """
        widest = max((_width(name, self.size) for name in self.methods), default=0.0)
        return 2 if widest <= self._room(2) else 1

    def _room(self, columns: int) -> int:
        """Points for a name, so that so many columns of a legend are no wider than the figure."""
        return (COLUMN - 2 - (columns - 1) * _BETWEEN) // columns - _SIGN

    def config(self) -> dict[str, Any]:
        """The ``config`` of a Vega-Lite specification."""
        text: dict[str, Any] = {"labelFont": self.font, "titleFont": self.font}
        text |= {"titleFontWeight": "normal"}
        text |= {"labelFontSize": self.size, "titleFontSize": self.size}
        axis = text | {
            "labelColor": self.soft,
            "titleColor": self.ink,
            "domainColor": self.rule,
            "tickColor": self.rule,
            "gridColor": self.grid,
            "labelLimit": self.label,
            "titlePadding": 6,
        }
        legend = text | {
            "labelColor": self.ink,
            "titleColor": self.ink,
            "orient": "bottom",
            "columns": self.columns,
            "columnPadding": _BETWEEN,
            # what is longer is cut with a dot-dot-dot, not by the edge
            "labelLimit": self._room(self.columns),
            # the plot ends where the figure does, so a legend that ends there has all the width
            "layout": {"bottom": {"anchor": "end"}},
            "symbolSize": 45,
            "symbolStrokeWidth": 1.4,
            "title": None,
            "rowPadding": 1,
            "offset": 4,
        }
        return {
            "background": "transparent" if self.page else "white",
            "font": self.font,
            "view": {"stroke": None},
            "axis": axis,
            "legend": legend,
            "text": {"font": self.font, "fontSize": self.size, "color": self.ink},
            "axisQuantitative": {"tickCount": 6},
            "aria": False,  # the plot as a whole is described; its marks would be read one by one
        }


def _width(name: str, size: float) -> float:
    """Of a name in a face without serifs; rather too much than too little."""
    of = {"narrow": 0.34, "capital": 0.78, "wide": 1.0, "other": 0.56}
    return size * sum(of[_kind(letter)] for letter in name)


def _kind(letter: str) -> str:
    if letter in "iljtfrI.:,;'|!()[] -":
        return "narrow"
    if letter in "mwMW@%" or letter > "\u02ff":
        return "wide"
    return "capital" if letter.isupper() else "other"


def page_look(signs: Sequence[Sign]) -> Look:
    """Of the page; whatever is light or dark follows its style sheet."""
    return Look(
        tuple(signs),
        page=True,
        ink="var(--ink)",
        soft="var(--soft)",
        rule="var(--rule)",
        grid="var(--grid)",
        heat="var(--heat)",
        font="system-ui, sans-serif",
        size=12,
        label=130,
    )


def paper_look(signs: Sequence[Sign]) -> Look:
    """Of a figure for a paper."""
    return Look(
        tuple(signs),
        page=False,
        ink="#000000",
        soft="#333333",
        rule="#666666",
        grid="#E6E6E6",
        heat="#0072B2",
        font="Liberation Sans, Arial, Helvetica, sans-serif",
        size=7.5,
        label=90,
    )


def only(look: Look, methods: Sequence[str]) -> Look:
    """The same look for some methods, which keep their signs."""
    return replace(look, signs=tuple(sign for sign in look.signs if sign.method in set(methods)))
