"""How wide a block may be: equal blocks, signed and not negative, proven or with which gap."""

from __future__ import annotations

from typing import Any

from common import clocks, verdict
from synthetic import POSITIVE, SIGNED, make_statistics

import secateur
from secateur.problem import count as exactly
from secateur.pruning.selecting import make_problem
from secateur.report.columns import Column
from secateur.report.table import markdown

AMOUNT = 0.36


def run(
    widths: list[int], single: list[int], limits: list[float], *, seed: int = 0
) -> dict[str, Any]:
    """Four blocks of each width, and single blocks that are wider.

    Arguments:
        widths: of four equal blocks.
        single: widths of one block by itself.
        limits: seconds, the next one only where the one before proved nothing.
        seed: of the statistics.
    """
    rows = []
    for objective in (SIGNED, POSITIVE):
        for blocks, width in [*((4, w) for w in widths), *((1, w) for w in single)]:
            statistics = make_statistics([width] * blocks, seed=seed)
            count = round(AMOUNT * blocks * width)
            problem = make_problem(statistics, objective, [exactly(count)])
            for limit in limits:
                with clocks() as taken:
                    found = secateur.solve(
                        problem, backend="branch-and-bound", time_limit=limit, proof=False
                    )
                rows.append(
                    {
                        "objective": objective,
                        "blocks": blocks,
                        "width": width,
                        "limit": limit,
                        "energy": found.energy,
                        "bound": found.bound,
                        "gap": found.gap,
                        **taken,
                    }
                )
                print(rows[-1], flush=True)
                if found.gap == 0:
                    break
    return {"rows": rows, "amount": AMOUNT, "seed": seed}


COLUMNS = (
    Column("blocks", lambda row: f"{row['blocks']} × {row['width']}"),
    Column("limit", unit="s", format="g"),
    Column("proof", lambda row: verdict(row["gap"])),
    Column("energy", format=".8g"),
    Column("bound", format=".8g", missing="none"),
    Column("CPU", lambda row: row["cpu"], unit="s", format=".1f"),
)


def table(content: dict[str, Any]) -> str:
    lines = [
        "# How wide a block may be",
        "",
        f"Synthetic statistics (seed {content['seed']}, benchmarks/synthetic.py), "
        f"{100 * content['amount']:g} % pruned, every block keeping one; "
        '`secateur.solve(problem, backend="branch-and-bound", time_limit=…)`. '
        f"`{SIGNED}` has couplings of both signs, `{POSITIVE}` none below zero. The limit is of "
        "the wall, the seconds of the processor: on a busy machine they are fewer.",
    ]
    for objective in (SIGNED, POSITIVE):
        rows = [row for row in content["rows"] if row["objective"] == objective]
        lines += ["", f"## {objective}", "", markdown(COLUMNS, rows)]
    return "\n".join(lines)
