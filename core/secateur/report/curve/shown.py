"""A curve for people: rows as they come, a table of the lines, and sentences computed from both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secateur.report import table
from secateur.report.columns import Column
from secateur.report.curve.points import LINES, OURS, TAYLOR, TIE, Curve
from secateur.report.rows import millions, row_columns, thousands

if TYPE_CHECKING:
    from secateur.result import Row

NONE = "–"
"""Where there is nothing, so that every line has as many cells."""
NAMES = {TAYLOR: "greedy Taylor"}


def called(role: str, method: str) -> str:
    """What a row is called: ours says which objective it is."""
    return f"ours ({method})" if role == OURS else NAMES.get(role, method)


@dataclass(frozen=True)
class Printer:
    """Lines of one table that come one by one.

    Arguments:
        unit: of the metric.
        methods: the longest that a method will be called.
    """

    unit: str
    methods: int

    def head(self, curve: Curve) -> str:
        """The heading and the dense network."""
        return self._text(curve, curve.dense, curve.dense.method)

    def line(self, curve: Curve, role: str, row: Row) -> str:
        """One row."""
        return self._text(curve, row, called(role, row.method)).splitlines()[-1]

    def _text(self, curve: Curve, row: Row, name: str) -> str:
        return table.text(self._columns(curve, name), [row])

    def _columns(self, curve: Curve, name: str) -> Sequence[Column]:
        def wide(width: int, text: Any) -> Any:
            return lambda row: (NONE if (made := text(row)) is None else made).rjust(width)

        def metric(field: str) -> Any:
            def text(row: Row) -> str | None:
                value = getattr(row, field)
                return None if value is None else f"{value:.3f}"

            return text

        unit = f" ({self.unit})" if self.unit else ""
        columns: list[tuple[str, int, Any]] = [
            ("channels", 10, _channels),
            ("parameters", 10, lambda row: thousands(row.parameters)),
            ("MACs", 8, lambda row: millions(row.macs)),
            ("time", 8, _time),
            (f"masked{unit}", 6, metric("metric")),
            ("compensated", 6, metric("metric_compensated")),
            ("recovered", 6, metric("metric_recovered")),
            ("QUBO", 12, lambda row: row.proof or None),
            ("seconds", 7, lambda row: f"{row.seconds:.1f}" if row.pruned else None),
        ]
        return [
            Column("pruned", lambda row: curve.label(row.pruned).rjust(6)),
            Column("method", lambda _: name.ljust(self.methods), left=True),
            *(Column(title, wide(width, text)) for title, width, text in columns),
        ]


def _channels(row: Row) -> str:
    return f"{row.channels} (-{row.pruned})" if row.pruned else str(row.channels)


def _time(row: Row) -> str | None:
    """The dense network's time, and how many times as fast the others are."""
    for runtime, ms in row.times_ms.items():
        speedup = row.speedups.get(runtime)
        if speedup is None:
            return f"{ms:.2f} ms"
        return f"{speedup.value:.2f}x" if speedup.different else "as dense"
    return None


def pivot(curve: Curve) -> str:
    """A line for each point, a column for each line of the picture."""
    left = Column(
        "channels left",
        lambda count: f"{100.0 * (1 - count / curve.dense.channels):.0f} %",
    )
    columns = [Column("pruned", curve.label), left]
    for line in LINES:
        columns.append(
            Column(
                line.name,
                lambda count, line=line: curve.value(line, count),  # type: ignore[misc]
                format=".2f",
                missing=NONE,
            )
        )
    return table.text(columns, curve.counts)


def ties(curve: Curve) -> str:
    """In one sentence, where all methods tie, compensated; "" if nothing can be compared."""
    spreads = {count: curve.spread(count) for count in curve.counts}
    apart = [
        spread
        for count, spread in spreads.items()
        if spread is not None and count not in curve.tied
    ]
    within = f"within {_with_unit(f'{TIE:g}', curve.unit)}"
    between = ""
    if apart:
        least, most = f"{min(apart):.2f}", f"{max(apart):.2f}"
        between = _with_unit(least if least == most else f"{least} to {most}", curve.unit)
    if curve.tied and not apart:
        return f"All methods tie at {_listed(curve, curve.tied)} pruned: compensated, {within}."
    if curve.tied:
        return (
            f"All methods tie at {_listed(curve, curve.tied)} pruned (compensated, {within}); "
            f"elsewhere {between} are between the best and the worst."
        )
    if apart:
        return (
            f"Nowhere do all methods tie (compensated, {within}): {between} are between the best "
            "and the worst."
        )
    return ""


def lead(curve: Curve) -> str:
    """In one sentence, what ours is worth beside greedy Taylor, both compensated, and recovered."""
    taylor, ours, recovered = LINES[1], LINES[3], LINES[4]
    parts = []
    for name, line in (("compensated", ours), ("recovered", recovered)):
        found = {}
        for count in curve.counts:
            above, below = curve.value(line, count), curve.value(taylor, count)
            if above is not None and below is not None:
                found[curve.label(count)] = above - below
        if found:
            told = ", ".join(f"{value:+.2f} at {label}" for label, value in found.items())
            parts.append(f"{name} {told}")
    if not parts:
        return ""
    return f"Ours beside greedy Taylor compensated{_in_unit(curve.unit)}: {'; '.join(parts)}."


def csv_of(curve: Curve) -> str:
    """All rows as CSV: what each stands for, and the keys of ``result.json``."""
    runtimes = list(curve.dense.times_ms)
    # rows of a result are columns of their own; what a row stands for comes first
    inner = row_columns(curve.metric, curve.unit, runtimes)
    columns = [
        Column("role", lambda pair: pair[0]),
        *(
            Column(
                column.name,
                lambda pair, column=column: column.of(pair[1]),  # type: ignore[misc]
                key=column.key,
                data=column.data,
            )
            for column in inner
        ),
    ]
    rows = [("dense", curve.dense)]
    rows += [pair for count in curve.counts for pair in curve.rows[count].items()]
    return table.to_csv(columns, rows)


def _listed(curve: Curve, counts: Sequence[int]) -> str:
    labels = [curve.label(count) for count in counts]
    return " and ".join([", ".join(labels[:-1]), labels[-1]] if len(labels) > 1 else labels)


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}".rstrip()


def _in_unit(unit: str) -> str:
    return f", in {unit}" if unit else ""
