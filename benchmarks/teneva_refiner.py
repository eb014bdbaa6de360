"""The refiner of plugins/teneva beside our own tensor train, at equal evaluations.

    python benchmarks/teneva_refiner.py

All start from the same selection of the Fisher QUBO and see the same selection crops. What counts
is the metric on the test photographs, which none of them sees.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from common import one_core, parser, write
from refinement import QUICK

from secateur.report.columns import named
from secateur.report.table import markdown

ROOT = Path(__file__).parents[1]


def teneva_refiner() -> type[Any] | None:
    """The refiner's class, from where the plugin is installed or from this repository."""
    if find_spec("teneva") is None:
        return None
    if find_spec("secateur_teneva") is None:
        sys.path.append(str(ROOT / "plugins" / "teneva"))
    from secateur_teneva.refiner import TenevaRefiner

    return TenevaRefiner


def methods(evaluations: int) -> tuple[Any, ...]:
    from secateur.methods import Method
    from secateur.refine import Exchange, TensorTrain

    made = [
        Method("fisher", name="fisher, not refined"),
        Method("fisher", refine=Exchange(evaluations), name="swaps guided by the QUBO"),
        Method(
            "fisher", refine=TensorTrain(evaluations, rank=4), name="our tensor train of rank 4"
        ),
    ]
    kind = teneva_refiner()
    if kind is not None:
        made += [
            Method("fisher", refine=kind(evaluations), name="teneva, ANOVA alone"),
            Method("fisher", refine=kind(evaluations, sweeps=3), name="teneva, ANOVA and ALS"),
        ]
    return tuple(made)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    import torch

    from secateur.pipeline import compare
    from secateur.tasks.denoising import denoising_task
    from secateur.tasks.photographs import load_photographs
    from secateur.zoo import HalfUNet, pretrained_halfunet

    torch.set_num_threads(1)
    torch.manual_seed(0)
    small = QUICK if arguments.quick else {}
    network = HalfUNet(8, 2).eval() if arguments.quick else pretrained_halfunet()
    photographs = load_photographs()
    started, runs = time.time(), []
    for seed in range(arguments.seeds):
        result = compare(
            network,
            denoising_task(photographs, seed=seed, **small),
            amount=arguments.amount,
            methods=methods(arguments.evaluations),
            seed=seed,
            tied=False,
            probes=2 if arguments.quick else 20,
        )
        runs += [{"seed": seed, **row} for row in result.to_json()["rows"]]
        print(f"seed {seed}, {time.time() - started:.0f} s\n{result}\n", flush=True)
    return {
        "teneva": version("teneva") if find_spec("teneva") else None,
        "amount": arguments.amount,
        "evaluations": arguments.evaluations,
        "seeds": arguments.seeds,
        "seconds": round(time.time() - started),
        "runs": runs,
    }


def table(content: dict[str, Any]) -> str:
    lines = [
        "# The refiner of teneva beside our tensor train",
        "",
        f"PSNR in dB on the test photographs, {content['amount']} of the channels pruned, masked ⇒ "
        f"compensated; {content['evaluations']} evaluations of the selection crops each; mean over "
        f"{content['seeds']} seeds, single seeds in brackets.",
        "",
    ]
    rows = []
    for method in dict.fromkeys(run["method"] for run in content["runs"]):
        runs = [run for run in content["runs"] if run["method"] == method]
        cells = [method]
        for name in ("psnr", "psnr_compensated"):
            values = [run[name] for run in runs]
            single = ", ".join(f"{value:.2f}" for value in values)
            cells.append(f"{np.mean(values):.2f} ({single})")
        seconds = np.mean([run["seconds"] or 0.0 for run in runs])
        rows.append([*cells, f"{seconds:.0f}"])
    lines.append(markdown(named("method", "masked", "compensated", "seconds"), rows))
    missing = "" if content["teneva"] else "teneva is not installed. "
    lines += ["", f"{missing}{content['seconds']} s in all."]
    return "\n".join(lines)


def main() -> None:
    made = parser(__doc__, "teneva-refiner.json")
    made.add_argument("--seeds", type=int, default=3)
    made.add_argument("--amount", default="75%")
    made.add_argument("--evaluations", type=int, default=150)
    arguments = made.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.evaluations = 1, 4
    one_core()
    write(arguments.output, measure(arguments), table)


if __name__ == "__main__":
    main()
