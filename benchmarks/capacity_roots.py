"""What a diagonal is worth: the bound of one wide block before any branching, by how it is made."""

from __future__ import annotations

from typing import Any

import numpy as np
from common import clocks, percent
from synthetic import POSITIVE, SIGNED, make_statistics

from secateur.problem import count as exactly
from secateur.pruning.selecting import make_problem
from secateur.report.columns import named
from secateur.report.table import markdown

AMOUNT = 0.36
INTERIOR = 512
"""The interior point method is not asked beyond this width."""


def run(widths: list[int], *, seed: int = 0) -> dict[str, Any]:
    """The root bounds of single blocks of these widths."""
    rows = []
    for objective in (SIGNED, POSITIVE):
        for width in widths:
            statistics = make_statistics([width], seed=seed)
            problem = make_problem(statistics, objective, [exactly(round(AMOUNT * width))])
            for row in roots(problem):
                rows.append({"objective": objective, "width": width, **row})
                print(rows[-1], flush=True)
    return {"rows": rows, "amount": AMOUNT, "seed": seed}


def roots(problem: Any) -> list[dict[str, Any]]:
    """Each way to a diagonal, the bound that it gives at the count, and its seconds."""
    from secateur.solving.bounds import lower_curve, more_points, wide_start
    from secateur.solving.control import Control
    from secateur.solving.convexify import slope_at
    from secateur.solving.curves import upper_curves
    from secateur.solving.mixing import mixing_diagonal
    from secateur.solving.sdp import (
        dominant_diagonal,
        linear_diagonal,
        positive,
        sdp_diagonal,
    )
    from secateur.solving.small import scaled

    (block,) = problem.parts.blocks
    pairs = block.couplings
    largest = max(np.abs(block.linear).max(), np.abs(pairs).max())
    block = scaled(block, float(2.0 ** -round(np.log2(largest))))
    linear, pairs = block.linear, block.couplings
    (curve,) = upper_curves([block], problem.parts.root, control=Control())
    k = problem.count
    energy = float(curve.energy[k])
    others = np.where(np.arange(block.size + 1) == k, 0.0, np.inf)
    slope = slope_at(curve.energy, others, k)
    gap = 1e-3 * abs(energy)
    ways: dict[str, Any] = {
        "sums over rows": lambda: dominant_diagonal(pairs),
        "twice the linear terms": lambda: linear_diagonal(linear, pairs),
        "interior point method": lambda: positive(
            sdp_diagonal(linear - slope, pairs, tolerance=gap, control=Control())[0], pairs
        ),
        "mixing method": lambda: positive(
            mixing_diagonal(linear - slope, pairs, tolerance=gap, control=Control())[0], pairs
        ),
        "at the number of ones": lambda: wide_start(block, [k], control=Control())[0],
    }
    if block.size > INTERIOR:
        del ways["interior point method"]
    rows = []
    for name, make in ways.items():
        with clocks() as taken:
            diagonal = make()
        if diagonal is None:
            rows.append({"way": name, "gap": None, **taken})
            continue
        start = np.full((1, block.size), k / block.size, dtype=np.float32)
        points = more_points(block, diagonal, [k], start, control=Control())
        bound = float(lower_curve(block, diagonal, points)[k])
        rows.append({"way": name, "gap": (energy - bound) / abs(energy), **taken})
    if float(pairs.min()) >= 0:
        zero = np.zeros((1, block.size), dtype=np.float32)
        with clocks() as taken:
            lower = lower_curve(block, dominant_diagonal(pairs), zero, gilmore_lawler=True)
        rows.append(
            {"way": "Gilmore–Lawler", "gap": (energy - float(lower[k])) / abs(energy), **taken}
        )
    return rows


def table(content: dict[str, Any]) -> str:
    lines = [
        "# What a diagonal is worth",
        "",
        f"Single blocks of synthetic statistics (seed {content['seed']}), "
        f"{100 * content['amount']:g} % pruned: how far the bound is below the best selection "
        "known before anything is branched on, in % of it (seconds of one core for the "
        "diagonal). Twice the linear terms are used only where that is certainly convex.",
    ]
    for objective in (SIGNED, POSITIVE):
        here = [row for row in content["rows"] if row["objective"] == objective]
        widths = list(dict.fromkeys(row["width"] for row in here))
        cells = []
        for way in dict.fromkeys(row["way"] for row in here):
            found = {row["width"]: row for row in here if row["way"] == way}
            cells.append([way, *(cell(found.get(width)) for width in widths)])
        lines += ["", f"## {objective}", "", markdown(named("diagonal", *map(str, widths)), cells)]
    return "\n".join(lines)


def cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if row["gap"] is None:
        return "not convex"
    return f"{percent(row['gap'])} ({row['cpu']:.2g} s)"
