"""The committed tables of the study of solvers are what its committed rows say."""

from __future__ import annotations

from pathlib import Path

import pytest

from secateur.report import table
from secateur.study.export import read_parquet
from secateur.study.statistics import analyse, tables

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results" / "solvers"


@pytest.fixture(scope="module")
def analysis():
    return analyse(read_parquet(RESULTS / "rows.parquet"))


def test_it_is_whole(analysis):
    assert (len(analysis.methods), len(analysis.instances)) == (14, 16)
    assert sum(one.runs for one in analysis.methods) == 2240


@pytest.mark.parametrize("name", ["methods", "quality", "times"])
def test_a_table_is_made_from_the_rows(analysis, name):
    columns = getattr(tables, f"{name}_columns")()
    made = table.markdown(columns, getattr(analysis, name)).splitlines()
    committed = (RESULTS / f"{name}.md").read_text().splitlines()
    rows = [line.replace("\\_", "_") for line in committed if line.startswith("| ")]
    # the report puts the best first
    assert sorted(line for line in made if line.startswith("| "))[1:] == sorted(rows)[1:]
