"""The reference of the store says what the tables are, column by column."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from secateur.study.row import Row
from secateur.study.store import open_store
from secateur.study.stored import Member
from secateur.study.tables import AS_JSON, VERSION, metadata
from tests.study.rows import made_rows

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "store.md"
ORDER = ("studies", "members", "cells", "reads", "payments", "schema_version")


def kind_of(column: sa.Column) -> str:
    if column.table.name in ("cells",) and column.name in AS_JSON:
        return "JSON"
    kinds = {
        sa.Boolean: "truth",
        sa.LargeBinary: "bytes",
        sa.Double: "double",
        sa.BigInteger: "integer, 64 bits",
        sa.Integer: "integer",
        sa.String: "text",
    }
    said = next(word for kind, word in kinds.items() if isinstance(column.type, kind))
    return said + (" or null" if column.nullable else "")


def table_of(table: sa.Table) -> str:
    lines = [
        f"### {table.name}: {table.comment}",
        "",
        "| column | type | what it is |",
        "|---|---|---|",
    ]
    for column in table.columns:
        name = f"`{column.name}`" + (" (key)" if column.primary_key else "")
        lines.append(f"| {name} | {kind_of(column)} | {column.comment or ''} |")
    return "\n".join(lines)


def test_the_page_has_every_table_and_column():
    text = PAGE.read_text(encoding="utf-8")
    assert set(ORDER) == set(metadata.tables)
    for name in ORDER:
        assert table_of(metadata.tables[name]) in text
    assert f"The form of these tables is {VERSION}" in text


def test_every_field_of_a_row_is_a_column_and_says_what_it_is():
    columns = metadata.tables["cells"].columns
    assert [column.name for column in columns] == list(Row.__dataclass_fields__)
    assert all(column.comment for column in columns)


def test_doubles_are_doubles_on_a_server_too():
    said = str(
        sa.schema.CreateTable(metadata.tables["cells"]).compile(dialect=postgresql.dialect())
    )
    assert "energy DOUBLE PRECISION" in said
    assert "couplings BIGINT NOT NULL" in said


def test_the_program_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rows = made_rows(1, 1)
    with open_store("study.db") as store:
        cells = [Member(row.key, row.instance, row.method) for row in rows]
        store.begin("Made up", sha256="0" * 64, toml="", cells=cells)
        for row in rows:
            store.add(row)
    [program] = re.findall(r"```python\n(.+?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(program, "store.md", "exec"), {})
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"Made up {len(rows)} of {len(rows)}"
    assert len(said) == 1 + len(rows)
