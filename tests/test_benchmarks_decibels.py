"""The benchmarks of decibels in their tiny configurations."""

from __future__ import annotations

import json

import pytest

from tests.benchmarking import run


@pytest.mark.parametrize(("tied", "channels"), [([], 480), (["--tied"], 336)])
def test_claims(tmp_path, tied, channels):
    content, _ = run(tmp_path, "claims.py", *tied)
    rows = {row["method"]: row for row in content["runs"]}
    assert {"dense", "random", "taylor", "fisher", "residual"} <= set(rows)
    assert rows["dense"]["channels"] == channels
    asked = content["runs"][0]["asked"]
    assert asked == "20%"
    for name, row in rows.items():
        assert row["pruned"] == (0 if name == "dense" else round(0.2 * channels))
    assert rows["fisher"]["psnr"] > rows["random"]["psnr"]


def test_refinement(tmp_path):
    content, text = run(tmp_path, "refinement.py")
    rows = {row["method"]: row for row in content["runs"]}
    assert rows["tensor train of rank 4"]["evaluations"] <= 4
    assert rows["fisher, not refined"]["evaluations"] == 0
    assert "| swaps guided by the QUBO |" in text


def test_the_refiner_of_teneva_beside_ours(tmp_path):
    """Without teneva it says so; with it, both have as many evaluations."""
    content, text = run(tmp_path, "teneva_refiner.py")
    rows = {row["method"]: row for row in content["runs"]}
    assert {"fisher, not refined", "our tensor train of rank 4"} <= set(rows)
    assert all(row["evaluations"] <= 4 for row in content["runs"])
    if content["teneva"] is None:
        assert "is not installed" in text
    else:
        assert "| teneva, ANOVA alone |" in text


def test_recovery_goes_on_where_it_stopped(tmp_path):
    """Every way once; what was measured is not measured again."""
    cell = {"seed": 0, "network": "halfunet", "amount": "75%", "way": "distil", "seconds": 20.0}
    numbers = dict.fromkeys(("cpu", "wall", "dense", "start", "value"), 1234.0)
    (tmp_path / "made.jsonl").write_text(json.dumps(cell | numbers) + "\n")
    content, text = run(tmp_path, "recovery.py", "--networks", "halfunet", "--resume")
    rows = {(row["amount"], row["way"]): row for row in content["rows"]}
    assert len(rows) == len(content["rows"]) == 11
    assert rows.pop(("75%", "distil")) == cell | numbers
    for (amount, way), row in rows.items():
        assert amount == "75%" or row["start"] == row["dense"]
        if way in ("distil", "supervised", "features too", "taylor, distil"):
            assert row["selection_value"] >= row["selection_start"]
    assert len((tmp_path / "made.jsonl").read_text().splitlines()) == 11
    assert "between two rounds" in text
