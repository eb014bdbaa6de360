"""The committed tables of the benchmarks are what their code makes of the committed figures."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RESULTS = BENCHMARKS / "results"
PLAIN = {
    "capacity": "capacity_demo",
    "capacity-roots": "capacity_roots",
    "capacity-scale": "capacity_scale",
    "capacity-widths": "capacity_widths",
    "instances": "instances",
    "overhead": "overhead",
    "refinement": "refinement",
    "ties": "ties",
}


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def committed(name: str) -> tuple[dict[str, Any], list[str]]:
    text = (RESULTS / f"{name}.md").read_text()
    return json.loads((RESULTS / f"{name}.json").read_text()), words(text)


def words(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", PLAIN)
def test_it_is_the_table_of_its_figures(benchmark, name):
    content, wanted = committed(name)
    made = words(benchmark(PLAIN[name]).table(content))
    assert len(made) > 5
    assert made == wanted[: len(made)]


def test_the_claims(benchmark):
    """The aims too are what the rows say."""
    for name in ("claims", "claims-digits"):
        content, wanted = committed(name)
        assert content["aims"] == benchmark("claims_aims").aims(content)
        made = words(benchmark("claims_tables").tables(content))
        assert made == wanted[: len(made)]


@pytest.mark.parametrize(
    ("marker", "module", "make", "name"),
    [
        ("claims: leads", "claims_tables", "leads", "claims"),
        ("refinement: gains", "refinement", "explained", "refinement"),
    ],
)
def test_the_explanation_has_the_tables(benchmark, marker, module, make, name):
    content, _ = committed(name)
    made = words(getattr(benchmark(module), make)(content))
    told = (BENCHMARKS.parent / "docs" / "explanation" / "science.md").read_text()
    assert len(made) > 4
    assert words(told.split(f"<!-- {marker} -->")[1])[: len(made)] == made


def test_no_benchmark_makes_tables_by_hand():
    for path in BENCHMARKS.glob("*.py"):
        assert "|--" not in path.read_text(), path.name
        assert '" | ".join' not in path.read_text(), path.name


def test_gains_of_a_refinement_are_over_its_start(benchmark):
    refinement = benchmark("refinement")
    rows = [
        {"network": "n", "amount": 0.5, "seed": seed, "method": method, "true": {"test": value}}
        for seed, values in enumerate(((30.0, 30.1, 30.4), (20.0, 20.3, 19.8)))
        for method, value in zip(("start", "random swaps", "law"), values, strict=True)
    ]
    rows.append({**rows[0], "network": "reference", "true": {"test": 1000.0}})
    shown = [line.split("|")[1:-1] for line in refinement.explained({"rows": rows}).splitlines()]
    cells = [[cell.strip() for cell in line] for line in shown]
    assert cells[2:] == [["n, 50%", "+0.20", "+0.10"], ["all", "+0.20", "+0.10"]]
    told = refinement._together(rows)
    assert "| random swaps | +0.20 | +0.10 | 0 of 2 |  |" in told[-1]
    assert "| law | +0.10 | -0.20 | 1 of 2 | -0.10 ± 0.40 |" in told[-1]
    assert refinement._together(rows[-1:]) == []
