"""A table as the page shows it: what is shown, its interval, and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secateur.report.columns import Column
from secateur.shown import escaped
from secateur.study.report.numbers import MISSING
from secateur.study.report.tables import Table
from secateur.study.statistics import Estimate, InstanceSummary

LONG = 26
"""Letters from which on a name may be cut, and is shown whole by a pointer."""


@dataclass(frozen=True)
class Head:
    """Above a column: its name, what it means, the side it is aligned to."""

    name: str
    help: str
    side: str


@dataclass(frozen=True)
class Cell:
    """What is shown; ``sort`` is None where it is sorted by what is shown."""

    text: str
    interval: str = ""
    sort: str | None = None
    side: str = ""
    name: bool = False


@dataclass(frozen=True)
class Line:
    """A row; the filter asks for its method (or two) and its instance, None where it has none."""

    cells: Sequence[Cell]
    method: str | None
    second: str | None
    instance: str | None


@dataclass(frozen=True)
class Shown:
    """A table of the page."""

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Line]
    notes: str
    filtered: bool


def tabulated(table: Table) -> Shown:
    """A table of a report for the page.

    Arguments:
        table: its columns that are not ``shown``, or hold nothing in any row, are left to the
            files.
    """
    columns = [
        column
        for column in table.columns
        if column.shown and any(column.text(row) for row in table.rows)
    ]
    best = [_best(column, table) for column in columns]
    lines = []
    for row in table.rows:
        cells = [
            _cell(column, row, top, first=number == 0)
            for number, (column, top) in enumerate(zip(columns, best, strict=True))
        ]
        lines.append(Line(cells, *_filtered_by(row)))
    heads = [
        Head(
            f"{c.name} ({c.unit})" if c.unit else c.name,
            table.helps.get(_key(c), ""),
            "left" if c.left or number == 0 else "",
        )
        for number, c in enumerate(columns)
    ]
    filtered = any(line.method is not None or line.instance is not None for line in lines)
    return Shown(table.caption, heads, lines, table.notes, filtered)


def _key(column: Column) -> str:
    return ".".join(column.place)


def _filtered_by(row: Any) -> tuple[str | None, str | None, str | None]:
    """Method, second method and instance of a row, written as the plots write them."""
    if isinstance(row, InstanceSummary):
        return None, None, escaped(row.name)
    found = (
        getattr(row, "method", getattr(row, "first", None)),
        getattr(row, "second", None),
        getattr(row, "instance", None),
    )
    method, second, instance = (None if name is None else escaped(name) for name in found)
    return method, second, instance


def _number(column: Column, row: Any) -> float | None:
    """What a cell is sorted by; None where it is no number, or nothing is known."""
    value = column.of(row)
    value = value.value if isinstance(value, Estimate) else value
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
        return None
    return float(value)


def _best(column: Column, table: Table) -> float | None:
    """The value that stands out; None where none does, or all are the same."""
    which = table.best.get(_key(column))
    values = {value for row in table.rows if (value := _number(column, row)) is not None}
    if which is None or len(values) < 2:
        return None
    return min(values) if which == "low" else max(values)


def _cell(column: Column, row: Any, best: float | None, *, first: bool) -> Cell:
    text = column.text(row)
    if column.left or first:
        side = "words" if column.name in ("reason", "seeds") else "left"
        return Cell(text, side=side, name=side == "left" and len(text) > LONG)
    number, interval = _number(column, row), ""
    if isinstance(column.of(row), Estimate):
        text, _, interval = text.partition(" [")
        interval = interval.rstrip("]").replace(", ", " – ")
    if number is None:
        return Cell(_minus(text) or MISSING, sort=text)
    # JavaScript's name of what has no end
    sort = f"{number:.9g}" if math.isfinite(number) else "Infinity" if number > 0 else "-Infinity"
    shown = None if sort == _minus(text) and not interval else sort
    return Cell(_minus(text), _minus(interval), shown, "best" if number == best else "")


def _minus(text: str) -> str:
    """A minus as long as a digit is wide, where a number begins with one; one that ends a line
    with its number."""
    return " ".join(
        f"−{word[1:]}" if word[:1] == "-" and word[1:] else word for word in text.split(" ")
    )
