"""A column, declared once: from it come text, Markdown, JSON and CSV.

::

    COLUMNS = (
        Column("network", key="name", value=lambda row: row.name),
        Column("time", unit="ms", format=".2f", value=lambda row: row.ms),
    )
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Arguments:
        name: what people read above it.
        value: from a row to its value; the entry ``name`` of a mapping unless given.
        unit: of the numbers that are shown; stands behind the name.
        format: how a value is shown: a format specification (".2f"), or a function to a string.
        missing: is shown for a value that is None.
        key: under what the value stands in JSON and CSV, ``name`` unless given; several words are
            a place inside, ``("times", "eager")``; empty: nowhere.
        data: from the value to what stands there; the value itself unless given.
        shown: False: only in JSON and CSV.
        left: aligned to the left.
    """

    name: str
    value: Callable[[Any], Any] | None = None
    unit: str = ""
    format: str | Callable[[Any], str] = ""
    missing: str = ""
    key: str | tuple[str, ...] | None = None
    data: Callable[[Any], Any] | None = None
    shown: bool = True
    left: bool = False

    @property
    def place(self) -> tuple[str, ...]:
        """Where the value stands in JSON; empty: nowhere."""
        key = self.name if self.key is None else self.key
        return tuple(word for word in ((key,) if isinstance(key, str) else key) if word)

    def of(self, row: Any) -> Any:
        """The value of a row."""
        return row[self.name] if self.value is None else self.value(row)

    def text(self, row: Any) -> str:
        """The value of a row as it is shown."""
        value = self.of(row)
        if value is None:
            return self.missing
        return self.format(value) if callable(self.format) else format(value, self.format)


def named(*names: str) -> list[Column]:
    """Columns over rows that are sequences of what is shown, in their order.

    Arguments:
        names: what stands above them.
    """
    return [Column(name, itemgetter(number), format=str) for number, name in enumerate(names)]


def as_data(columns: Iterable[Column], row: Any) -> dict[str, Any]:
    """A row as plain data, in the order of the columns."""
    made: dict[str, Any] = {}
    for column in columns:
        *outer, last = column.place or ("",)
        if not last:
            continue
        inside = made
        for word in outer:
            inside = inside.setdefault(word, {})
        value = column.of(row)
        inside[last] = value if column.data is None else column.data(value)
    return made


def cells(columns: Sequence[Column], rows: Iterable[Any]) -> list[list[str]]:
    """What is shown of the rows."""
    return [[column.text(row) for column in columns if column.shown] for row in rows]
