"""In PyTorch itself: as few MACs as asked for, and as fast as the uniformly narrower network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networks_digits as digits
import networks_models as models
from networks_cell import Cell, cell_of, limit, measuring, uniform
from networks_time import in_fresh_process
from networks_torch_pruning import macs

import secateur
import secateur.pruning.planning
from secateur.errors import AmountError
from secateur.report.columns import Column
from secateur.report.table import markdown

RUNTIME = "eager"


def run(
    names: Sequence[str],
    shares: Sequence[float],
    *,
    objective: str,
    seeds: Sequence[int],
    cache: Path,
    seconds: float,
    small: bool,
) -> dict[str, Any]:
    """One row for each network, share of the MACs and seed; measured once for all shares."""
    rows: list[dict[str, Any]] = []
    if small:
        secateur.pruning.planning.FITTING, secateur.pruning.planning.MEASURING = 1.0, 0.5
    for name in names:
        for seed in seeds:
            cell = cell_of(name, seed, cache, small)
            measured = secateur.measure(cell.network, cell.task, **measuring(cell))
            for share in shares:
                rows.append(row_of(cell, measured, share, objective, seconds))
                print(rows[-1], flush=True)
    return {"rows": rows, "objective": objective, "seeds": list(seeds), "quick": small}


def row_of(
    cell: Cell, measured: secateur.Measured, share: float, objective: str, seconds: float
) -> dict[str, Any]:
    """Both budgets at once, by one search; then all networks in a fresh process."""
    dense = macs(cell.network, cell.example)
    narrow = uniform(cell, round(share * dense))
    first = in_fresh_process(
        {"dense": cell.network, "uniform": narrow}, cell.example, RUNTIME, seconds=seconds
    )
    wanted = first["uniform"] / first["dense"]
    about = {"network": cell.name, "seed": cell.seed, "share": share, "asked": wanted}
    try:
        result = measured.prune(
            objective=objective,
            budget={"macs": share, "time": wanted},
            multiple=models.STEP,
            runtimes=(RUNTIME,),
            time_limit=limit(cell),
        )
    except AmountError as error:  # so much stays however much is pruned
        return {**about, "refused": error.message}
    networks = {"dense": cell.network, "uniform": narrow, "slim": result.network}
    times = in_fresh_process(networks, cell.example, RUNTIME, seconds=1.5 * seconds)
    return {
        **about,
        "uniform": times["uniform"] / times["dense"],
        "slim": times["slim"] / times["dense"],
        "macs": macs(result.network, cell.example) / dense,
        "uniform_macs": macs(narrow, cell.example) / dense,
        "accuracy": digits.accuracy(result.network, cell.test),
        "dense_accuracy": digits.accuracy(cell.network, cell.test),
    }


COLUMNS = (
    Column("network", lambda row: row["network"]),
    Column("stays %", lambda row: f"{100 * row['share']:.0f}"),
    Column("MACs %", lambda row: f"{100 * row['macs']:.1f} ({100 * row['uniform_macs']:.1f})"),
    Column("×", lambda row: f"{1 / row['slim']:.2f} ({1 / row['uniform']:.2f})"),
    Column("of the uniform ×", lambda row: f"{row['uniform'] / row['slim']:.2f}"),
    Column(
        "accuracy %", lambda row: f"{100 * row['dense_accuracy']:.2f} ⇒ {100 * row['accuracy']:.2f}"
    ),
)


def table(content: dict[str, Any]) -> str:
    every = content["rows"]
    rows = [row for row in every if "refused" not in row]
    met = sum(row["uniform"] / row["slim"] >= 0.9 for row in rows)
    return "\n".join(
        [
            "# As fast in PyTorch as the uniformly narrower network",
            "",
            "Two budgets at once: a share of the MACs, and the time that the uniformly narrower "
            "network of as many MACs takes, in eager PyTorch. In brackets, that network's own. "
            f"**{met} of {len(rows)} have at least 0.9 of its speed-up**, as measured in a fresh "
            "process by this benchmark's own clock; accuracy is without fine-tuning.",
            "",
            markdown(COLUMNS, rows),
            "",
            *[
                f"{row['network']}, {100 * row['share']:.0f} %: refused: {row['refused']}."
                for row in every
                if "refused" in row
            ],
        ]
    )
