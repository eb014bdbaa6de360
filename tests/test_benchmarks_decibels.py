"""The benchmarks of decibels in their tiny configurations."""

from __future__ import annotations

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


def test_the_fit(tmp_path):
    """Rows are kept as they end; what is there is not made again, another table is."""
    content, text = run(tmp_path, "fit.py", "--networks", "chain")
    assert [(row["kind"], row["patches"]) for row in content["rows"]] == [
        ("fit", 2),
        ("fit", 4),
        ("statistics and fit", 2),
        ("statistics and fit", 4),
    ]
    assert all(row["seconds"] > 0 and row["psnr"] < row["dense"] for row in content["rows"])
    assert "| pruned | on as many patches | 2 | 4 |" in text
    again, _ = run(tmp_path, "fit.py", "--networks", "chain", "--resume")
    assert again["rows"] == content["rows"]  # with the same seconds


def test_the_fit_of_few_patches(tmp_path):
    content, text = run(tmp_path, "fit.py", "--few", "--networks", "chain")
    methods = {row["method"] for row in content["rows"]}
    assert {"taylor", "residual", "residual, ridge 0.01"} <= methods
    assert "| method | 2 |" in text
    assert "(+" in text or "(-" in text
