"""Tables of a report as files: LaTeX and Markdown to be read, CSV and Parquet to be computed on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from secateur.extras import needed_by
from secateur.report.columns import Column, as_data
from secateur.report.table import markdown, to_csv
from secateur.shown import escaped
from secateur.study.report.latex import latex
from secateur.study.statistics import Estimate


@dataclass(frozen=True)
class Table:
    """One table, in every format.

    Arguments:
        name: of its files.
        caption: what it holds, in a line.
        columns: of it.
        rows: whatever the columns take.
        notes: below it.
        helps: what columns mean, by their keys, for the page.
        best: "low" or "high", by their keys: which value stands out on the page.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Any]
    notes: str = ""
    helps: Mapping[str, str] = field(default_factory=dict)
    best: Mapping[str, str] = field(default_factory=dict)


def write_tables(tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write each table as ``NAME.tex``, ``.md``, ``.csv`` and ``.parquet``.

    Arguments:
        tables: whose names differ.
        folder: that exists.
    """
    written = []
    for table in tables:
        label = f"tab:{table.name}"
        contents = {
            "tex": latex(
                table.columns, table.rows, caption=table.caption, label=label, notes=table.notes
            ),
            "md": f"{harmless(table.caption)}\n\n{_markdown(table)}\n"
            + (f"\n{harmless(table.notes)}\n" if table.notes else ""),
            "csv": to_csv(_raw(table.columns), table.rows),
        }
        for ending, content in contents.items():
            path = folder / f"{table.name}.{ending}"
            path.write_text(content, encoding="utf-8", newline="")
            written.append(path)
        path = folder / f"{table.name}.parquet"
        _write_parquet(table, path)
        written.append(path)
    return written


def harmless(words: str) -> str:
    """Words that Markdown shows as they are: no HTML, link, emphasis or escape in them."""
    return "".join(
        {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(letter, f"\\{letter}")
        if letter in "\\`*_[]<>&#"
        else letter
        for letter in escaped(words)
    )


def _markdown(table: Table) -> str:
    def marked(column: Column) -> Column:
        return replace(column, value=_shown(column), format=str)

    return markdown([marked(column) for column in table.columns if column.shown], table.rows)


def _shown(column: Column) -> Callable[[Any], str]:
    # what is not to the left is numbers, ours; names and reasons are anybody's
    return lambda row: harmless(column.text(row)) if column.left else column.text(row)


def _raw(columns: Sequence[Column]) -> list[Column]:
    """The same columns, with numbers as numbers: CSV and Parquet know infinity, JSON does not."""
    return [replace(column, data=_number_or(column.data)) for column in columns]


def _number_or(data: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    def raw(value: Any) -> Any:
        if isinstance(value, Estimate):
            return dataclasses.asdict(value)
        if data is None or isinstance(value, int | float):
            return value
        return data(value)

    return raw


def _write_parquet(table: Table, path: Path) -> None:
    """What the CSV holds, with types."""
    with needed_by("a table as Parquet"):
        import pyarrow
        import pyarrow.parquet

    rows = [_flat(as_data(_raw(table.columns), row)) for row in table.rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    arrays = [pyarrow.array([row.get(name) for row in rows]) for name in names]
    # a column in which all is missing still says what it would hold
    arrays = [a.cast(pyarrow.float64()) if pyarrow.types.is_null(a.type) else a for a in arrays]
    pyarrow.parquet.write_table(pyarrow.table(arrays, names), path)


def _flat(data: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            made |= _flat(value, f"{before}{name}.")
        else:
            made[before + name] = value
    return made
