"""Columns and rows as aligned text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from secateur.report.columns import Column, as_data, cells
from secateur.shown import escaped


def text(columns: Sequence[Column], rows: Iterable[Any], notes: Sequence[str] | None = None) -> str:
    """Aligned columns for a terminal, which obeys nothing of what is in them.

    Arguments:
        columns: what is not ``shown`` is left out.
        rows: whatever the columns take.
        notes: one for each row, behind it, without a heading.
    """
    shown = [column for column in columns if column.shown]
    head = [f"{c.name} ({c.unit})" if c.unit else c.name for c in shown]
    lines = [[escaped(cell) for cell in line] for line in (head, *cells(shown, rows))]
    widths = [max(len(line[k]) for line in lines) for k in range(len(shown))]
    behind = [""] * len(lines) if notes is None else ["", *map(escaped, notes)]
    return "\n".join(
        "  ".join(
            [
                *(
                    cell.ljust(width) if column.left else cell.rjust(width)
                    for cell, width, column in zip(line, widths, shown, strict=True)
                ),
                note,
            ]
        ).rstrip()
        for line, note in zip(lines, behind, strict=True)
    )


def markdown(columns: Sequence[Column], rows: Iterable[Any]) -> str:
    """A Markdown table; the first column, and those aligned so, to the left."""
    shown = [column for column in columns if column.shown]
    head = [f"{c.name} {c.unit}".strip() for c in shown]
    rule = ["---" if c.left or k == 0 else "--:" for k, c in enumerate(shown)]
    lines = [[_cell(cell) for cell in line] for line in [head, *cells(shown, rows)]]
    return "\n".join(
        ["| " + " | ".join(lines[0]) + " |", "|" + "|".join(rule) + "|"]
        + ["| " + " | ".join(line) + " |" for line in lines[1:]]
    )


def to_json(columns: Sequence[Column], rows: Iterable[Any]) -> str:
    """A JSON list, one object a row."""
    return json.dumps([as_data(columns, row) for row in rows], indent=2, allow_nan=False) + "\n"


def to_csv(columns: Sequence[Column], rows: Iterable[Any]) -> str:
    """CSV with a line of keys; what lies inside others is named ``times.eager.ms``.

    A value that is None, or that a row does not have, is empty.
    """
    flat = [_flat(as_data(columns, row)) for row in rows]
    keys = list(dict.fromkeys(key for row in flat for key in row))
    file = io.StringIO()
    writer = csv.DictWriter(file, keys, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return file.getvalue()


def _flat(data: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            made |= _flat(value, f"{before}{key}.")
        else:
            made[before + key] = value
    return made


def _cell(words: str) -> str:
    """In one line, and without an end of the cell inside."""
    return " ".join(words.split("\n")).replace("|", "\\|")
