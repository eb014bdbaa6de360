"""A budget of measured time: asked for, and measured again in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import networks_digits as digits
import networks_models as models
from networks_cell import Cell, cell_of, limit, measuring
from networks_time import in_fresh_process, usable
from networks_torch_pruning import macs

import secateur
import secateur.pruning.planning
from secateur.errors import AmountError
from secateur.report.columns import Column
from secateur.report.table import markdown


def run(
    names: Sequence[str],
    amount: str,
    *,
    objective: str,
    seeds: Sequence[int],
    cache: Path,
    seconds: float,
    small: bool,
) -> dict[str, Any]:
    """One row for each network, runtime and seed; the measuring is not the library's own."""
    rows = []
    if small:
        secateur.pruning.planning.FITTING, secateur.pruning.planning.MEASURING = 1.0, 0.5
        secateur.pruning.planning.NETWORKS = 6  # each is written as ONNX for onnxruntime
    for name in names:
        for seed in seeds:
            cell = cell_of(name, seed, cache, small)
            for runtime in usable():
                rows.append(measured(cell, amount, objective, runtime, seconds))
                print(rows[-1], flush=True)
    return {
        "rows": rows,
        "budget": amount,
        "objective": objective,
        "seeds": list(seeds),
        "quick": small,
    }


def measured(
    cell: Cell, amount: str, objective: str, runtime: str, seconds: float
) -> dict[str, Any]:
    """The budget, and the share of the dense time that its network takes."""
    started = time.process_time()
    try:
        result = secateur.prune(
            cell.network,
            cell.task,
            budget={"time": amount},
            runtimes=(runtime,),
            multiple=models.STEP,
            objective=objective,
            time_limit=limit(cell),
            **measuring(cell),
        )
    except AmountError as error:  # so much stays however much is pruned
        about = {"network": cell.name, "seed": cell.seed, "runtime": runtime}
        return {**about, "refused": error.message}
    taken = time.process_time() - started
    networks = {"dense": cell.network, "slim": result.network}
    times = in_fresh_process(networks, cell.example, runtime, seconds=seconds)
    return {
        "network": cell.name,
        "seed": cell.seed,
        "runtime": runtime,
        "time": times["slim"] / times["dense"],
        "dense_ms": times["dense"],
        "slim_ms": times["slim"],
        "macs": macs(result.network, cell.example) / macs(cell.network, cell.example),
        "accuracy": digits.accuracy(result.network, cell.test),
        "dense_accuracy": digits.accuracy(cell.network, cell.test),
        "seconds": taken,
    }


def share(amount: str) -> float:
    return float(amount[:-1]) / 100 if amount.endswith("%") else float(amount)


def met(row: dict[str, Any], wanted: float) -> bool:
    """Within a tenth of the budget, either way."""
    if "refused" in row:
        return False
    return abs(row["time"] / wanted - 1.0) <= 0.1


def table(content: dict[str, Any]) -> str:
    every, wanted = content["rows"], share(content["budget"])
    rows = [row for row in every if "refused" not in row]
    columns = [
        Column("network"),
        Column("runtime"),
        Column("time", lambda row: 100 * row["time"], unit="%", format=".1f"),
        Column("within 10 %", lambda row: "yes" if met(row, wanted) else "no"),
        Column("ms", lambda row: f"{row['dense_ms']:.3g} ⇒ {row['slim_ms']:.3g}"),
        Column("MACs", lambda row: 100 * row["macs"], unit="%", format=".1f"),
        Column(
            "accuracy",
            lambda row: f"{100 * row['dense_accuracy']:.2f} ⇒ {100 * row['accuracy']:.2f}",
            unit="%",
        ),
        Column("CPU", lambda row: row["seconds"], unit="s", format=".0f"),
    ]
    return "\n".join(
        [
            f"# A budget of {content['budget']} of the measured time",
            "",
            f"**{sum(met(row, wanted) for row in rows)} of {len(rows)} within 10 % of the "
            "budget**, as measured beside the dense network in a fresh process by this benchmark's "
            "own clock, not the library's.",
            "",
            markdown(columns, rows),
            "",
            *[
                f"{row['network']}, {row['runtime']}: refused: {row['refused']}."
                for row in every
                if "refused" in row
            ],
        ]
    )
