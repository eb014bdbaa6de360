"""The README's other figures are drawn from the committed tables, and from what those say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same_curves(made: Path, shown: Path) -> bool:
    """Whether two drawings have the same lines; texts depend on the fonts that there are."""

    def paths(path: Path) -> list[str]:
        return [line for line in path.read_text().splitlines() if line.startswith("L ")]

    return len(paths(made)) > 50 and paths(made) == paths(shown)


def test_the_networks_are_those_of_the_table(tmp_path):
    """Against the table, which another program made of the same rows."""
    figure = script("networks_figure")
    content = json.loads((RESULTS / "networks.json").read_text())
    table = (RESULTS / "networks.md").read_text()
    for network in ("ResNet", "MobileNetV2", "VGG", "ViT", "Conv1d"):
        part = table.split(f"\n## {network}\n")[1].split("\n## ")[0]
        for method in figure.STYLES:
            rows = [line for line in part.splitlines() if f"| {method} |" in line]
            cells = [[one.strip() for one in row.strip("|").split("|")] for row in rows]
            points = figure.points(content["rows"], network, method)[1:]
            assert len(points) == len(cells) == 3
            for (speed, accuracy), row in zip(points, cells, strict=True):
                assert speed == pytest.approx(float(row[8]), abs=0.0051)
                assert accuracy == pytest.approx(float(row[4]), abs=0.0051)
    figure.draw(content, tmp_path / "networks")
    assert same_curves(tmp_path / "networks.svg", ROOT / "docs" / "images" / "networks.svg")


def test_the_solvers_are_those_of_the_table(tmp_path):
    figure = script("solvers_figure")
    rows = figure.methods((RESULTS / "solvers" / "methods.md").read_text())
    assert len(rows) == 14
    assert figure.parts("99 [97, 100]") == (99.0, 97.0, 100.0)
    assert figure.parts("4.56") == (4.56, 4.56, 4.56)
    figure.draw(rows, tmp_path / "solvers")
    assert same_curves(tmp_path / "solvers.svg", ROOT / "docs" / "images" / "solvers.svg")


def test_what_is_claimed_is_in_the_rows():
    content = json.loads((RESULTS / "claims.json").read_text())
    runs: dict = {}
    for run in content["runs"]:
        runs.setdefault((run["network"], run["amount"], run["method"]), {})[run["seed"]] = run
    cells = [key[:2] for key in runs if key[2] == "auto"]

    def lead(cell, other, stage):
        own, theirs = runs[*cell, "auto"], runs[*cell, other]
        assert own.keys() == theirs.keys() == set(range(5))
        return np.mean([own[seed][stage] - theirs[seed][stage] for seed in own])

    leads = {cell: lead(cell, "taylor", "compensated") for cell in cells}
    peers = {run["method"] for run in content["runs"] if run["kind"] == "peer"}
    behind = {
        cell: min(lead(cell, one, "recovered") for one in peers if (*cell, one) in runs)
        for cell in cells
    }
    lost = [value for value in behind.values() if value <= 0]
    told = " ".join((ROOT / "README.md").read_text().split())
    assert (
        "Over 5 calibration seeds, three networks and six amounts, compensated, ours is at worst "
        f"{-min(leads.values()):.2f} dB below greedy Taylor and at best {max(leads.values()):.2f} "
        "dB above it: up to half of the channels it wins "
        f"{max(v for (_, a), v in leads.items() if float(a[:-1]) <= 50):.2f} dB at most, at 85 % "
        f"{min(v for (_, a), v in leads.items() if a == '85%'):.2f} dB at least."
    ) in told
    assert (
        f"in {len(cells) - len(lost)} of {len(cells)} cells, and at most {-min(lost):.2f} dB "
        "behind in the others"
    ) in told

    def below(name, amount, row):
        rows = runs[name, amount, row].values()
        assert len(rows) == 5
        dense = np.mean([run["masked"] for run in runs[name, "0%", "dense"].values()])
        return f"{dense - np.mean([run['recovered'] for run in rows]):.2f}"

    short, more = (f"auto, recovered in {steps} steps" for steps in (1000, 4000))
    assert (
        f"the large Half-UNet is {below('halfunet', '75%', short)} dB below the dense network "
        f"without three quarters of its channels, the chain {below('chain', '50%', short)} dB "
        f"without half of them; in four thousand {below('halfunet', '75%', more)} and "
        f"{below('chain', '50%', more)} dB"
    ) in told
