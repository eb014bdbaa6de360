"""A strict reader of a submission to QOBLIB, which shares no code with what writes one.

It holds the rules of QOBLIB's ``misc/ci/check_submission.py`` and CONTRIBUTING.md, and more: it
reads the instance's file itself and recomputes every objective.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

HEADER_2025 = (
    "Problem,Submitter,Date,Reference,Best Objective Value,Optimality Bound,Modeling Approach,"
    "# Decision Variables,# Binary Variables,# Integer Variables,# Continuous Variables,"
    "# Non-Zero Coefficients,Coefficients Type,Coefficients Range,Workflow,Algorithm Type,# Runs,"
    "# Feasible Runs,# Successful Runs,Success Threshold,Hardware Specifications,Total Runtime,"
    "CPU Runtime,GPU Runtime,QPU Runtime,Other HW Runtime,Remarks"
)
HEADER_2026 = (
    "Problem,Submitter,Affiliation,Date,Reference,Best Objective Value,Optimality Bound,"
    "Modeling Approach,# Decision Variables,# Binary Variables,# Integer Variables,"
    "# Continuous Variables,# Non-Zero Coefficients,Coefficients Type,Coefficients Range,Workflow,"
    "Algorithm Type,Paradigm,# Runs,# Feasible Runs,# Successful Runs,Success Threshold,"
    "Hardware Specifications,Total Runtime,Time to Solution,CPU Runtime,GPU Runtime,QPU Runtime,"
    "Other HW Runtime,Remarks"
)
WHOLE = [
    "# Decision Variables",
    "# Binary Variables",
    "# Integer Variables",
    "# Continuous Variables",
    "# Non-Zero Coefficients",
    "# Runs",
    "# Feasible Runs",
    "# Successful Runs",
]
NUMBERS = [
    "Best Objective Value",
    "Optimality Bound",
    "Success Threshold",
    "Total Runtime",
    "Time to Solution",
    "CPU Runtime",
    "GPU Runtime",
    "QPU Runtime",
    "Other HW Runtime",
]


def sparse_objective(path: Path, ones: set[int], *, sign: float = 1.0) -> float:
    """Of a ``.sparse`` file (MQLib: n and entries, maximised) or of lines ``i j value`` from 1."""
    total = 0.0
    lines = [line.split() for line in path.read_text().splitlines() if line[:1] not in "#c"]
    for i, j, value in lines[1:]:
        if int(i) - 1 in ones and int(j) - 1 in ones:
            total += float(value) * (1.0 if i == j else 2.0)
    return sign * total


def read_solution(path: Path) -> tuple[float, dict[str, int]]:
    """The objective that a ``.sol`` file says, and its values by name."""
    said, values = None, {}
    for line in path.read_text().splitlines():
        if line.startswith("# Objective value = "):
            assert said is None
            said = float(line.removeprefix("# Objective value = "))
        elif not line.startswith("#"):
            name, value = line.split()
            assert name not in values
            assert value in ("0", "1")
            values[name] = int(value)
    assert said is not None
    return said, values


def check_submission(folder: Path, header: str = HEADER_2025) -> dict[str, list[dict[str, str]]]:
    """Every rule; the rows of each instance."""
    found = {}
    assert all(path.is_dir() for path in folder.iterdir())
    for place in sorted(folder.iterdir()):
        assert place.name.lower() != "misc"
        found[place.name] = _check_instance(place, header)
    assert found
    return found


def _check_instance(place: Path, header: str) -> list[dict[str, str]]:
    name = place.name
    text = (place / f"{name}_summary.csv").read_text()
    assert text.splitlines()[0] == header
    with (place / f"{name}_summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        _check_row(row, name)
    single, several = place / f"{name}_solution.sol", place / "solutions"
    assert single.exists() != several.exists()
    if several.exists():
        files = [several / f"{name}_solution_{k}.sol" for k in range(len(list(several.iterdir())))]
        assert sorted(several.iterdir()) == sorted(files)
    else:
        files = [single]
    best = [float(r["Best Objective Value"]) for r in rows if r["Best Objective Value"] != "N/A"]
    assert [read_solution(path)[0] for path in files] == best
    series = place / f"{name}_objective_time_series.json"
    assert {path.name for path in place.iterdir()} == {
        f"{name}_summary.csv",
        series.name,
        single.name if single.exists() else several.name,
    }
    _check_series(json.loads(series.read_text()), rows)
    return rows


def _check_row(row: dict[str, str], name: str) -> None:
    assert row["Problem"] == name
    assert None not in row.values()
    assert all(value.strip() for value in row.values())
    for column in WHOLE:
        assert row[column] == "N/A" or str(int(row[column])) == row[column]
        assert row[column] == "N/A" or int(row[column]) >= 0
    for column in NUMBERS:
        if column in row and row[column] != "N/A":
            assert math.isfinite(float(row[column]))
            assert "Runtime" not in column or float(row[column]) >= 0
    runs = [int(row[f"# {kind}Runs"]) for kind in ("Successful ", "Feasible ", "")]
    assert runs == sorted(runs)
    assert runs[2] > 0
    assert (runs[1] == 0) == (row["Best Objective Value"] == "N/A")
    assert row["Algorithm Type"] in ("Deterministic", "Stochastic", "N/A")
    kinds = [int(row[f"# {kind} Variables"]) for kind in ("Binary", "Integer", "Continuous")]
    assert int(row["# Decision Variables"]) == sum(kinds)


def _check_series(series: list, rows: list[dict[str, str]]) -> None:
    assert len(series) == sum(int(row["# Feasible Runs"]) for row in rows)
    for run in series:
        assert run
        assert all(set(step) == {"Time", "Incumbent"} for step in run)
        values = [step["Incumbent"] for step in run]
        assert values in (sorted(values), sorted(values, reverse=True))
        times = [step["Time"] for step in run]
        assert times == sorted(times)
        assert all(isinstance(x, (int, float)) and math.isfinite(x) for x in times + values)
        assert times[0] >= 0
