"""The benchmarks of decibels in their tiny configurations."""

from __future__ import annotations

import json

import pytest

from tests.benchmarking import run


def test_refinement(tmp_path):
    content, text = run(tmp_path, "refinement.py")
    rows = {(row["network"], row["method"]): row for row in content["rows"]}
    assert len(rows) == 7 + 6  # the reference's setting has no fit to give more data to
    for (_, name), row in rows.items():
        assert row["true"].keys() == {"searched", "selection", "held", "test"}
        assert "history" not in row or row["evaluations"] <= 3, name
    assert "| swaps guided by the QUBO |" in text
    again, _ = run(tmp_path, "refinement.py", "--resume")
    assert again["rows"] == content["rows"]  # read, not measured again


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
    assert methods == {"taylor", "residual"}
    assert [row["ridge"] for row in content["rows"]] == [0.001, 0.001, 0.01, 0.03]
    assert "| method | 2 |" in text
    assert "(+" in text or "(-" in text
    for name in ("auto", "residual, ridge 0.03", "residual, ridge auto"):
        assert f"| {name} | " in text


def test_shrinkage(tmp_path):
    content, text = run(tmp_path, "shrinkage.py", "--networks", "chain")
    ways = {row["way"]: row for row in content["rows"]}
    assert len(ways) == len(content["rows"]) == 7
    assert ways["ridge 0.01"]["intensity"] == pytest.approx(0.01)
    assert 0 < ways["Ledoit-Wolf, identity"]["intensity"] < 1
    assert len({row["selection"] for row in content["rows"]}) == 7, "every way fits otherwise"
    assert "| way | chain, 75%, 2 |" in text


def test_recovery_goes_on_where_it_stopped(tmp_path):
    """Every way once; what was measured is not measured again."""
    cell = {"seed": 0, "network": "halfunet", "amount": "75%", "way": "distil", "seconds": 20.0}
    numbers = dict.fromkeys(("cpu", "wall", "dense", "start", "value"), 1234.0)
    (tmp_path / "made.jsonl").write_text(json.dumps(cell | numbers) + "\n")
    content, text = run(tmp_path, "recovery.py", "--networks", "halfunet", "--resume")
    rows = {(row["amount"], row["way"]): row for row in content["rows"]}
    assert len(rows) == len(content["rows"]) == 13
    assert rows.pop(("75%", "distil")) == cell | numbers
    for (amount, way), row in rows.items():
        assert amount == "75%" or row["start"] == row["dense"]
        if way in ("distil", "supervised", "features too", "taylor, distil"):
            assert row["selection_value"] >= row["selection_start"]
    assert len((tmp_path / "made.jsonl").read_text().splitlines()) == 13
    assert "between two rounds" in text
