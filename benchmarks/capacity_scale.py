"""What scale costs: from statistics to an exact selection with a bound, each size in a process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from common import clocks, peak_memory, verdict

from secateur.report.columns import Column
from secateur.report.rows import thousands
from secateur.report.table import markdown

AMOUNT = 0.36
LAYERS = "layers"
"""The name of the problem without couplings inside layers."""


def run(sizes: list[int], diagonal: int, limit: float, *, objective: str = "fisher") -> Any:
    """Every size in a fresh process, so that its peak of memory is its own.

    Arguments:
        sizes: numbers of channels.
        diagonal: channels of a problem with linear terms and layer terms only; 0: none.
        limit: seconds of each solve.
        objective: of the coupled problems.
    """
    rows = []
    for kind, n in [*((objective, n) for n in sizes), *([(LAYERS, diagonal)] if diagonal else [])]:
        command = [sys.executable, str(Path(__file__)), kind, str(n), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    return {"rows": rows, "amount": AMOUNT, "limit": limit, "seed": 0}


def one(kind: str, n: int, limit: float) -> dict[str, Any]:
    """One size, in this process."""
    import secateur

    with clocks() as drawn:
        problem, make = layered(n) if kind == LAYERS else coupled(kind, n)
    before = peak_memory()
    began = time.perf_counter()
    with clocks() as made:
        problem = make()
    # the whole is to end in time, the making of the problem included
    left = max(1.0, limit - (time.perf_counter() - began))
    with clocks() as solved:
        found = secateur.solve(problem, time_limit=left)
    assert found.count == problem.count
    return {
        "kind": kind,
        "channels": n,
        "couplings": len(problem.quadratic[2]),
        "blocks": len(problem.parts.blocks),
        "widest": max(block.size for block in problem.parts.blocks),
        "count": found.count,
        "energy": found.energy,
        "bound": found.bound,
        "gap": found.gap,
        "statistics_cpu": drawn["cpu"],
        "problem_cpu": made["cpu"],
        "solve_cpu": solved["cpu"],
        "cpu": made["cpu"] + solved["cpu"],
        "wall": made["wall"] + solved["wall"],
        "stages": found.timings,
        "memory_of_statistics_mib": before,
        "peak_memory_mib": peak_memory(),
    }


def coupled(objective: str, n: int) -> Any:
    from synthetic import make_statistics, widths_of

    from secateur.problem import count as exactly
    from secateur.pruning.selecting import make_problem

    statistics = make_statistics(widths_of(n))
    count = round(AMOUNT * n)
    return None, lambda: make_problem(statistics, objective, [exactly(count)])


def layered(n: int) -> Any:
    """Linear terms; every layer of 256 to 2 048 keeps one, and half of them keep a share of a cost.

    The costs of a layer are alike within it, as parameters of its channels are, so that the budget
    of a layer is a number of ones.
    """
    from secateur.problem import Problem, at_least, at_most, count

    rng = np.random.default_rng(0)
    widths: list[int] = []
    while sum(widths) < n:
        widths.append(min(int(rng.choice([256, 512, 1024, 2048])), n - sum(widths)))
    linear = np.exp(rng.normal(0, 2, n))
    labels = [f"layer{i}:{k}" for i, width in enumerate(widths) for k in range(width)]

    def make() -> Problem:
        demands: list[Any] = [count(round(AMOUNT * n))]
        start = 0
        for i, width in enumerate(widths):
            inside = labels[start : start + width]
            demands.append(at_most(width - 1, inside, name=f"layer{i}"))
            if i % 2:
                demands.append(at_least(width // 4, inside, name=f"layer{i}: a quarter goes"))
            start += width
        nothing = np.zeros(0, dtype=np.int32)
        return Problem.from_arrays(labels, linear, (nothing, nothing, np.zeros(0)), 0.0, demands)

    return None, make


COLUMNS = (
    Column(
        "channels",
        lambda row: (
            thousands(row["channels"]) + (" (no couplings)" if row["kind"] == LAYERS else "")
        ),
    ),
    Column("couplings", format=thousands),
    Column("widest block", itemgetter("widest")),
    Column("proof", lambda row: verdict(row["gap"])),
    Column("CPU s: problem", itemgetter("problem_cpu"), format=".1f"),
    Column("solve", itemgetter("solve_cpu"), format=".1f"),
    Column("s in all", itemgetter("wall"), format=".1f"),
    Column("statistics", itemgetter("memory_of_statistics_mib"), unit="MiB", format=".0f"),
    Column("peak", itemgetter("peak_memory_mib"), unit="MiB", format=".0f"),
)


def table(content: dict[str, Any]) -> str:
    rows = content["rows"]
    lines = [
        "# What scale costs",
        "",
        f"ResNet-50's widths from the input on, synthetic statistics (seed {content['seed']}, "
        "benchmarks/synthetic.py), the Fisher QUBO with all couplings inside layers, "
        f"{100 * content['amount']:g} % pruned, every layer keeping one: from the statistics to "
        f"the selection with its bound, at most {content['limit']:g} s. The last row has linear "
        "terms and layer terms only. Peak memory is of a fresh process, PyTorch and the "
        "statistics themselves included.",
        "",
        markdown(COLUMNS, rows),
    ]
    return "\n".join(lines)


def draw(content: dict[str, Any], path: Path) -> None:
    """Cost against the number of channels; readable on a light and on a dark page."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [row for row in content["rows"] if row["kind"] != LAYERS]
    sizes = [row["channels"] for row in rows]
    grey, blue, orange, green = "#808080", "#3b8bd8", "#e07b1a", "#2f9e62"
    with pyplot.rc_context({"text.color": grey, "axes.labelcolor": grey, "axes.edgecolor": grey,
                            "xtick.color": grey, "ytick.color": grey}):  # fmt: skip
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
        left.loglog(sizes, [r["problem_cpu"] for r in rows], "o-", color=blue, label="problem")
        left.loglog(sizes, [r["solve_cpu"] for r in rows], "s-", color=orange, label="selection")
        left.set(xlabel="channels", ylabel="seconds of one core")
        right.loglog(sizes, [r["peak_memory_mib"] for r in rows], "o-", color=blue, label="peak")
        right.loglog(sizes, [r["memory_of_statistics_mib"] for r in rows], "s-", color=green,
                     label="with the statistics alone")  # fmt: skip
        right.set(xlabel="channels", ylabel="memory, MiB")
        for axes in (left, right):
            axes.grid(True, which="major", color=grey, alpha=0.3)
            axes.legend(frameon=False, labelcolor=grey)
        figure.savefig(path, transparent=True, dpi=150)
        pyplot.close(figure)


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
