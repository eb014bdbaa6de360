"""Every benchmark runs in its tiny configuration, and what it writes is what its table says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(tmp_path: Path, name: str, *more: str, output: str = "made") -> tuple[dict, str]:
    """The JSON and the Markdown that a benchmark wrote."""
    command = [sys.executable, str(ROOT / "benchmarks" / name), "--quick", *more]
    command += ["--output", str(tmp_path / "made.json")]
    environment = {k: v for k, v in os.environ.items() if k != "SECATEUR_INSTANCES"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / f"{output}.json").read_text())
    text = (tmp_path / f"{output}.md").read_text()
    assert content["command"] in text
    assert "--quick" in content["command"]
    assert content["versions"]["numpy"] in text
    return content, text


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Of the weights that the benchmarks of networks train."""
    return tmp_path_factory.mktemp("cache")


def sound(row: dict) -> bool:
    """The bound is not above the energy."""
    return row["bound"] is None or row["bound"] <= row["energy"]


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


def test_networks(tmp_path, cache):
    content, text = run(tmp_path, "networks.py", "--cache", str(cache))
    rows = {row["method"]: row for row in content["rows"]}
    dense, ours, uniform = (
        rows[name] for name in ("dense", "secateur, fisher", "uniformly narrower")
    )
    assert ours["macs"] <= 0.5 * dense["macs"]
    assert all(width % 16 == 0 for width in ours["widths"][:-1])
    assert ours["widths"][-1] == 10, "the classes stay"
    assert 0.4 < uniform["macs"] / ours["macs"] < 1.6
    assert all(0 <= row["accuracy"] <= 1 for row in (dense, ours))
    for runtime in content["runtimes"]:
        key = f"{runtime}_ms"
        assert min(row[key] for row in content["rows"]) > 0
        assert f"| {dense[key] / ours[key]:.2f} |" in text
    assert f"| 50% | secateur, fisher | {100 * ours['macs'] / dense['macs']:.1f} |" in text
    # nothing is trained twice
    kept = {file: file.stat().st_mtime_ns for file in cache.iterdir()}
    assert kept
    again, _ = run(tmp_path, "networks.py", "--cache", str(cache))
    assert {file: file.stat().st_mtime_ns for file in cache.iterdir()} == kept
    assert again["rows"][0]["accuracy"] == dense["accuracy"]


def test_a_budget_of_time_is_measured_by_another_clock(tmp_path, cache):
    content, text = run(
        tmp_path,
        "networks.py",
        *("--budget", "time=50%", "--networks", "Conv1d", "--cache", str(cache)),
        output="made-time",
    )
    assert {row["network"] for row in content["rows"]} == {"Conv1d"}
    for row in content["rows"]:
        assert row["time"] == pytest.approx(row["slim_ms"] / row["dense_ms"])
        assert row["macs"] < 1
        assert f"| Conv1d | {row['runtime']} | {100 * row['time']:.1f} |" in text


def test_networks_as_fast_in_pytorch(tmp_path, cache):
    content, text = run(
        tmp_path,
        "networks.py",
        *("--eager", "--networks", "Conv1d", "--cache", str(cache)),
        output="made-eager",
    )
    (row,) = content["rows"]
    assert row["macs"] <= 0.5
    assert "of 1 have at least 0.9 of its speed-up" in text


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


def test_a_resnet_stage_by_stage(tmp_path):
    content, text = run(tmp_path, "scale.py")
    tied, untied = content["rows"]
    # an eighth of a ResNet-50, counted by hand
    wide = [(8, 3), (16, 4), (32, 6), (64, 3)]
    inner = sum(2 * width * blocks for width, blocks in wide)
    assert untied["channels"] == 8 + inner + sum(4 * width * (blocks + 1) for width, blocks in wide)
    assert tied["channels"] == 8 + inner + sum(4 * width for width, _ in wide)
    for row in (tied, untied):
        assert row["count"] == row["channels"] // 2
        assert row["difference"] < 1e-4
        assert row["bound"] is None or row["bound"] <= row["energy"]
        assert row["parameters"][1] < row["parameters"][0]
        stages = [stage["stage"] for stage in row["stages"]]
        assert stages[:2] == ["channels", "statistics"]
        assert stages[-2:] == ["cut", "check"]
        for stage in row["stages"]:
            assert 0 < stage["peak_mib"] < 2000
            assert f"| {stage['stage']} | " in text
        longest = max(row["stages"], key=lambda stage: stage["cpu"])["stage"]
        assert f"Longest: {longest} (" in text


def test_overhead(tmp_path):
    content, _ = run(tmp_path, "overhead.py")
    (row,) = content["rows"]
    assert row["n"] == 40
    assert row["direct_seconds"] > 0


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


def test_ties(tmp_path):
    """Without Torch-Pruning it says so; with it, most members are the same."""
    content, text = run(tmp_path, "ties.py")
    assert [row["groups"] for row in content["networks"]] == [5, 5, 4]
    if content["torch-pruning"] is None:
        assert "is not installed" in text
    else:
        assert sum(row["same"] for row in content["networks"]) > 20
