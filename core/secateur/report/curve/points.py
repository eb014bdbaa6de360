"""The rows of several methods at several amounts, and the lines through them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secateur.result import Row

TAYLOR, HYBRID, OURS = "taylor", "hybrid", "ours"
"""What a row stands for, whatever the method is called."""
ROLES = (TAYLOR, HYBRID, OURS)
TIE = 0.1
"""In the metric's unit: what lies so close together is a tie, a smaller difference is noise."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Line:
    """One line through the points.

    Arguments:
        name: in tables and pictures.
        role: of the rows that it goes through.
        field: of those rows.
    """

    name: str
    role: str
    field: str


LINES = (
    Line("greedy Taylor, masked", TAYLOR, "metric"),
    Line("greedy Taylor, compensated", TAYLOR, "metric_compensated"),
    Line("hybrid, compensated", HYBRID, "metric_compensated"),
    Line("ours, compensated", OURS, "metric_compensated"),
    Line("ours, recovered", OURS, "metric_recovered"),
)
"""In the order of the table: the plainest first."""


@dataclass(frozen=True)
class Curve:
    """What is known so far.

    Arguments:
        dense: the row of the network that was pruned.
        metric: its name.
        unit: of the metric.
        rows: by the number of channels that are pruned, and by role; a point may lack some.
    """

    dense: Row
    metric: str
    unit: str
    rows: Mapping[int, Mapping[str, Row]]

    def with_row(self, role: str, row: Row) -> Curve:
        """The same with one row more."""
        rows = {**self.rows, row.pruned: {**self.rows.get(row.pruned, {}), role: row}}
        return replace(self, rows=rows)

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Channels pruned at each point, the fewest first."""
        return tuple(sorted(self.rows))

    def value(self, line: Line, count: int) -> float | None:
        """The metric of a line at a point; None: not measured."""
        row = self.rows[count].get(line.role)
        return None if row is None else getattr(row, line.field)

    def label(self, count: int) -> str:
        """The share that is pruned, as ``36 %``; finer where two points would have one name."""
        amounts = {k: 100.0 * k / self.dense.channels for k in {*self.rows, count}}
        whole = [f"{amount:.0f}" for amount in amounts.values()]
        precise = ".0f" if len(set(whole)) == len(whole) else ".4g"
        return f"{amounts[count]:{precise}} %"

    def spread(self, count: int) -> float | None:
        """Between the best and the worst method at a point, compensated; None: some are missing."""
        values = [self.value(line, count) for line in LINES if line.field == "metric_compensated"]
        known = [value for value in values if value is not None]
        if len(known) < len(values) or not all(map(math.isfinite, known)):
            return None
        return max(known) - min(known)

    @property
    def tied(self) -> tuple[int, ...]:
        """The points at which all methods tie, compensated."""
        spreads = {count: self.spread(count) for count in self.counts}
        return tuple(
            count
            for count, spread in spreads.items()
            if spread is not None and spread <= TIE + _ROUNDING
        )

    def to_json(self) -> dict[str, Any]:
        """All rows as plain data."""
        return {
            "metric": self.metric,
            "unit": self.unit,
            "channels": self.dense.channels,
            "dense": self.dense.to_json(self.metric),
            "points": [
                {
                    "pruned": count,
                    "label": self.label(count),
                    "rows": {
                        role: row.to_json(self.metric) for role, row in self.rows[count].items()
                    },
                    "lines": {line.name: self.value(line, count) for line in LINES},
                }
                for count in self.counts
            ],
            "ties": {"within": TIE, "pruned": list(self.tied)},
        }
