"""A table as the page shows it: what is shown, its interval, and what it is sorted by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from secateur.report.columns import Column
from secateur.study.report.numbers import NumberColumn
from secateur.study.report.tables import Table

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
        table: its columns that are not ``shown`` are left to the files.
    """
    columns = [column for column in table.columns if column.shown]
    best = [_best(column, table.rows) for column in columns]
    lines = []
    for row in table.rows:
        cells = [
            _cell(column, row, top, first=number == 0)
            for number, (column, top) in enumerate(zip(columns, best, strict=True))
        ]
        lines.append(Line(cells, *_filtered_by(table, row)))
    heads = [
        Head(
            f"{c.name} ({c.unit})" if c.unit else c.name,
            getattr(c, "help", ""),
            "left" if c.left or number == 0 else "",
        )
        for number, c in enumerate(columns)
    ]
    filtered = any(line.method is not None or line.instance is not None for line in lines)
    return Shown(table.caption, heads, lines, table.notes, filtered)


def _filtered_by(table: Table, row: Any) -> tuple[str | None, str | None, str | None]:
    """Method, second method and instance of a row."""
    if table.name == "problems":
        return None, None, row.name
    return (
        getattr(row, "method", getattr(row, "first", None)),
        getattr(row, "second", None),
        getattr(row, "instance", None),
    )


def _best(column: Column, rows: Sequence[Any]) -> float | None:
    """The value that stands out; None where none does, or all are the same."""
    if not isinstance(column, NumberColumn) or not column.best:
        return None
    values = [value for row in rows if (value := column.parts(row)[2]) is not None]
    if len(set(values)) < 2:
        return None
    return min(values) if column.best == "low" else max(values)


def _cell(column: Column, row: Any, best: float | None, *, first: bool) -> Cell:
    if isinstance(column, NumberColumn):
        text, interval, value = column.parts(row)
        if value is None or math.isnan(value):
            return Cell(text, sort="")
        # JavaScript's name of what has no end
        sort = repr(value) if math.isfinite(value) else f"{'-' * (value < 0)}Infinity"
        return Cell(text, interval, sort, "best" if value == best else "")
    text = column.text(row)
    if first:
        return Cell(text, name=len(text) > LONG)
    if column.name in ("reason", "note", "seeds"):
        return Cell(text, side="words")
    return Cell(text, side="left", name=len(text) > LONG)
