"""Every benchmark runs in its tiny configuration, and what it writes is what its table says."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.benchmarking import ROOT, run, sound


def test_the_demo_is_proven_and_everything_else_is_beside_it(tmp_path):
    content, text = run(tmp_path, "capacity.py")
    (row,) = content["proven"]
    assert (row["objective"], row["count"], row["gap"]) == ("fisher", 173, 0.0)
    assert 0 <= row["difference"] < 1e-6
    assert "1 of 1 proven" in text
    others = {other["name"]: other for other in content["beside"]}
    assert {"annealing under prices", "greedy and swaps"} <= set(others)
    room = 1e-9 * abs(row["energy"])
    assert all(o["energy"] >= row["energy"] - room for o in others.values() if "energy" in o)
    assert len(content["penalty"]) == 5
    assert content["penalty"][0]["strength"] > 100 * content["penalty"][-1]["strength"]
    for made in content["penalty"]:
        assert 0 <= made["feasible"] <= 1
        assert (made["energy"] is None) == (made["feasible"] == 0)
        assert made["repaired"] is None or made["repaired"] >= row["energy"] - room
        assert f"P = {made['strength']:.2g}, {made['name']}" in text


def test_widths(tmp_path):
    content, text = run(tmp_path, "capacity.py", "--widths", output="made-widths")
    assert {(row["objective"], row["width"]) for row in content["rows"]} == {
        (objective, width) for objective in ("fisher", "residual") for width in (24, 160)
    }
    assert all(sound(row) for row in content["rows"])
    assert all(row["gap"] == 0 for row in content["rows"] if row["width"] == 24)
    assert "| 4 × 24 |" in text


def test_roots(tmp_path):
    content, text = run(tmp_path, "capacity.py", "--roots", output="made-roots")
    gaps = {(row["objective"], row["way"]): row["gap"] for row in content["rows"]}
    assert all(gap is None or gap >= -1e-9 for gap in gaps.values())
    for objective in ("fisher", "residual"):
        simple, best = gaps[objective, "sums over rows"], gaps[objective, "mixing method"]
        assert best < simple
        assert best == pytest.approx(gaps[objective, "interior point method"], rel=0.1)
    assert gaps["residual", "Gilmore–Lawler"] < 1
    assert "| mixing method | " in text


def test_scale_in_processes_of_their_own(tmp_path):
    content, text = run(tmp_path, "capacity.py", "--channels", "300", output="made-scale")
    coupled, layers = content["rows"]
    assert (coupled["channels"], coupled["count"]) == (300, 108)
    assert coupled["couplings"] > 0
    assert (layers["couplings"], layers["gap"]) == (0, 0.0)
    assert all(sound(row) and row["peak_memory_mib"] > 0 for row in content["rows"])
    assert (tmp_path / "made-scale.png").read_bytes().startswith(b"\x89PNG")
    assert "| 300 |" in text


def test_instances_are_proven(tmp_path):
    content, text = run(tmp_path, "instances.py")
    (row,) = content["rows"]
    assert (row["solver"], row["gap"]) == ("branch-and-bound", 0.0)
    assert sound(row)
    assert "proves **1 of 1**" in text


def test_strangers_are_written_and_counted(tmp_path):
    """Installing and testing them takes minutes; the results in the repository are of that."""
    content, text = run(tmp_path, "strangers.py")
    kept = json.loads((ROOT / "benchmarks" / "results" / "strangers.json").read_text())
    lines = {row["solver"]: row["lines"] for row in content["rows"]}
    assert len(lines) == len(kept["rows"]) == 5
    for row in kept["rows"]:
        assert row["lines"] == lines[row["solver"]]
        assert row["solver"] in text
        assert row["failed"] == 0
        assert row["passed"] >= 35


@pytest.mark.parametrize(
    "name",
    [
        "strangers.py",
        "capacity.py",
        "instances.py",
        "overhead.py",
        "networks.py",
        "scale.py",
    ],
)
def test_every_benchmark_says_how_it_is_run(name):
    text = (ROOT / "benchmarks" / name).read_text()
    assert f"python benchmarks/{name}" in text
    assert "--quick" in text or "parser(" in text


def test_overhead(tmp_path):
    content, _ = run(tmp_path, "overhead.py")
    (row,) = content["rows"]
    assert row["n"] == 40
    assert row["direct_seconds"] > 0


def test_qiskit_optimization_beside_ours(tmp_path):
    """Ours keeps the count in every sample; without qiskit-optimization it says so."""
    content, text = run(tmp_path, "qiskit_beside_ours.py")
    ours = [row for row in content["rows"] if row["method"] == "secateur, qaoa"]
    assert [row["n"] for row in ours] == [4, 5]
    assert all(row["kept"] == 1 for row in ours)
    assert all(row["evaluations"] <= content["evaluations"] for row in ours)
    if content["qiskit-optimization"] is None:
        assert "is not installed" in text
        return
    exact = [row for row in content["rows"] if row["method"].endswith(", exact")]
    assert len(exact) == 2
    assert all(row["gap"] == pytest.approx(0, abs=1e-9) for row in exact)
    assert "| 5 | qiskit-optimization, recursive |" in text


def test_the_evaluator_on_the_masks_of_a_refinement(tmp_path):
    content, text = run(tmp_path, "evaluator.py")
    (row,) = content["rows"]
    assert row["network"] == "resnet"
    assert row["masks"] >= 4
    assert row["difference"] < 1e-5
    for way in ("cut", "one"):
        assert row["speedup"][way] == pytest.approx(row["cpu"]["masked"] / row["cpu"][way])
        assert f"{row['speedup'][way]:.2f}" in text


def test_memory_is_of_the_process_itself_and_not_of_who_started_it():
    inner = "import common; print(common.peak_memory())"
    outer = (
        "import subprocess, sys\nlarge = bytearray(600 << 20)\n"
        f"inner = [sys.executable, '-c', {inner!r}]\n"
        "print(subprocess.run(inner, capture_output=True, text=True).stdout)"
    )
    folder = ROOT / "benchmarks"
    done = subprocess.run(
        [sys.executable, "-c", outer],
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.pathsep.join(sys.path)}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 1 < float(done.stdout) < 300
