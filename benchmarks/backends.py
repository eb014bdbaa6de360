"""Every installed backend on the demo's real QUBO: energy, gap to the best known, time, bound.

    python benchmarks/backends.py --output benchmarks/results/backends.json

The Fisher QUBO of the bundled denoiser (480 channels), exactly 36 % pruned, every layer keeping a
channel. Each backend runs under the capacity search with its own defaults and, where it takes one,
a time limit for each call. The controls are beside them: the same QUBO by greedy and swaps, and at
random. A backend that cannot take the problem is in the table with its reason.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path

import torch
from secateur.capacity import CONTROL, solve_exactly

from secateur.backends.listing import describe_backends
from secateur.errors import SecateurError
from secateur.methods import Method, make_problem
from secateur.network import find_channels
from secateur.statistics import collect_statistics
from secateur.tasks.denoising import denoising_task
from secateur.versions import versions
from secateur.zoo import pretrained_halfunet

ALIASES = ("neal",)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--objectives", nargs="+", default=["fisher", "residual"])
    parser.add_argument("--amount", type=float, default=0.36)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--time-limit", type=float, default=10.0)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, task = pretrained_halfunet(), denoising_task()
    channels = find_channels(network, task.calibration[0][0][:1])
    statistics = collect_statistics(network, task, channels, probes=20, seed=0)
    count = round(arguments.amount * len(channels.labels))
    described = {d.name: d for d in describe_backends() if d.name not in ALIASES}
    names = [n for n, d in described.items() if d.usable and not d.capabilities["metered"]]
    names += [f"decompose:{n}" for n in names if n in ("exhaustive", "gurobi", "qaoa", "scip")]
    rows = []
    for objective in arguments.objectives:
        problem = make_problem(statistics, Method(objective, objective), count)
        for name in [CONTROL, *names]:
            for seed in range(arguments.seeds):
                row = solved(problem, name, seed, arguments.time_limit)
                rows.append({"objective": objective, "backend": name, "seed": seed, **row})
                print(rows[-1], flush=True)
                if "energy" not in row or not row.get("stochastic", True):
                    break
    content = {
        "command": f"python benchmarks/backends.py --seeds {arguments.seeds} --time-limit "
        f"{arguments.time_limit:g}",
        "n": problem.n,
        "count": count,
        "couplings": len(problem.quadratic[2]),
        "versions": versions() | {d.name: d.detail for d in described.values() if d.usable},
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "rows": rows,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    arguments.output.with_suffix(".md").write_text(table(content))


def solved(problem, name: str, seed: int, time_limit: float) -> dict:
    started = time.perf_counter()
    for given in (
        {"seed": seed, "time_limit": time_limit},
        {"time_limit": time_limit},
        {"seed": seed},
        {},
    ):
        try:
            found = solve_exactly(problem, name, **given)
        except SecateurError as error:
            if "takes no" in str(error):
                continue
            return {"refused": error.message}
        return {
            "energy": found.energy,
            "bound": found.bound,
            "status": str(found.status),
            "stopped": str(found.stopped),
            "calls": found.calls,
            "seconds": time.perf_counter() - started,
            "stochastic": "seed" in given,
        }
    return {"refused": "takes none of the options"}


def table(content: dict) -> str:
    lines = [
        "# Backends on a real pruning QUBO",
        "",
        f"The demo's network: {content['n']} channels, exactly {content['count']} pruned, every "
        f"layer keeping one, {content['couplings']} couplings, all inside layers. Gap to the best "
        "energy known, in % of it; mean and worst over seeds. Seconds are of the whole capacity "
        "search.",
    ]
    for objective in dict.fromkeys(row["objective"] for row in content["rows"]):
        here = [row for row in content["rows"] if row["objective"] == objective]
        best = min(row["energy"] for row in here if "energy" in row)
        lines += ["", f"## {objective}: best known {best:.6g}", ""]
        lines += [
            "| backend | gap, mean (worst) % | bound | calls | seconds |",
            "|---|--:|--:|--:|--:|",
        ]
        for name in dict.fromkeys(row["backend"] for row in here):
            runs = [row for row in here if row["backend"] == name]
            if not all("energy" in row for row in runs):
                lines.append(f"| {name} | cannot: {runs[0]['refused']} | | | |")
                continue
            gaps = [100 * (row["energy"] - best) / abs(best) for row in runs]
            bounds = [row["bound"] for row in runs if row["bound"] is not None]
            lines.append(
                f"| {name} | {sum(gaps) / len(gaps):.3f} ({max(gaps):.3f}) | "
                f"{'none' if not bounds else format(max(bounds), '.6g')} | {runs[0]['calls']} | "
                f"{sum(row['seconds'] for row in runs) / len(runs):.1f} |"
            )
    about = ", ".join(f"{name} {value}" for name, value in content["versions"].items())
    lines += ["", f"`{content['command']}` on {content['processors']} cores ({about}).", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
