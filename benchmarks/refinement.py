"""The tensor train beside its controls: exchange search with as many evaluations.

    python benchmarks/refinement.py --output benchmarks/results/refinement.json

All start from the same selection of the Fisher QUBO and see the same selection crops. What counts
is the metric on the test photographs, which none of them sees.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch

from secateur.methods import Method
from secateur.pipeline import compare
from secateur.refine import Exchange, TensorTrain
from secateur.report.columns import Column
from secateur.report.table import markdown
from secateur.tasks.denoising import denoising_task
from secateur.tasks.photographs import load_photographs
from secateur.versions import versions
from secateur.zoo import pretrained_halfunet


def methods(evaluations: int) -> tuple[Method, ...]:
    return (
        Method("taylor", "greedy", name="taylor, not refined"),
        Method("fisher", name="fisher, not refined"),
        Method("fisher", refine=Exchange(evaluations, guide="random"), name="random swaps"),
        Method("fisher", refine=Exchange(evaluations), name="swaps guided by the QUBO"),
        Method("fisher", refine=TensorTrain(evaluations, rank=1), name="tensor train of rank 1"),
        Method("fisher", refine=TensorTrain(evaluations), name="tensor train of rank 4"),
    )


QUICK = {"patches": 8, "patch": 32, "selection_patches": 4, "test_patches": 4}
"""The task of the tiny configuration."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--amount", default="75%")
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument(
        "--tied", action="store_true", help="filters that are added up leave together"
    )
    parser.add_argument("--quick", action="store_true", help="a tiny configuration, in seconds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    small = QUICK if arguments.quick else {}
    if arguments.quick:
        arguments.seeds, arguments.evaluations = 1, 4
    torch.set_num_threads(arguments.threads)
    network, photographs = pretrained_halfunet(), load_photographs()
    started, runs = time.time(), []
    for seed in range(arguments.seeds):
        result = compare(
            network,
            denoising_task(photographs, seed=seed, **small),
            amount=arguments.amount,
            methods=methods(arguments.evaluations),
            seed=seed,
            tied=arguments.tied,
            probes=2 if arguments.quick else 20,
        )
        runs += [{"seed": seed, **row} for row in result.to_json()["rows"]]
        print(f"seed {seed}, {time.time() - started:.0f} s\n{result}\n", flush=True)
    content = {
        "command": f"python benchmarks/refinement.py --seeds {arguments.seeds} --amount "
        f"{arguments.amount} --evaluations {arguments.evaluations}"
        + (" --tied" if arguments.tied else "")
        + (" --quick" if arguments.quick else ""),
        "versions": versions(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "seconds": round(time.time() - started),
        "runs": runs,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    arguments.output.with_suffix(".md").write_text(table(content, arguments))


COLUMNS = (
    Column("method", itemgetter(0)),
    Column("masked", itemgetter(1), left=True),
    Column("compensated", itemgetter(2), left=True),
    Column("seconds", itemgetter(3), format=".0f"),
)


def table(content: dict, arguments: argparse.Namespace) -> str:
    lines = [
        "# Refinement on the true metric",
        "",
        f"PSNR in dB on the test photographs, {arguments.amount} of the channels pruned, masked ⇒ "
        f"compensated; {arguments.evaluations} evaluations of the selection crops each; mean over "
        f"{arguments.seeds} seeds, single seeds in brackets.",
        "",
    ]
    rows = []
    for method in dict.fromkeys(run["method"] for run in content["runs"]):
        runs = [run for run in content["runs"] if run["method"] == method]
        cells = []
        for name in ("psnr", "psnr_compensated"):
            values = [run[name] for run in runs]
            single = ", ".join(f"{value:.2f}" for value in values)
            cells.append(f"{np.mean(values):.2f} ({single})")
        seconds = np.mean([run["seconds"] or 0.0 for run in runs])
        rows.append([method, *cells, seconds])
    lines.append(markdown(COLUMNS, rows))
    about = ", ".join(f"{name} {value}" for name, value in content["versions"].items())
    lines += ["", f"`{content['command']}`: {content['seconds']} s ({about}).", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
