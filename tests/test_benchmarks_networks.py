"""The benchmarks of networks in their tiny configurations."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.benchmarking import run


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    """Of the weights that the benchmarks of networks train."""
    return tmp_path_factory.mktemp("cache")


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


def test_ties(tmp_path):
    """Without Torch-Pruning it says so; with it, most members are the same."""
    content, text = run(tmp_path, "ties.py")
    assert logging.getLogger("secateur").isEnabledFor(logging.WARNING), "silent there alone"
    assert [row["groups"] for row in content["networks"]] == [5, 5, 4]
    if content["torch-pruning"] is None:
        assert "is not installed" in text
    else:
        assert sum(row["same"] for row in content["networks"]) > 20
