"""What the objectives are worth: the table of the explanation, on the network of the project.

    python benchmarks/claims_untied.py --output benchmarks/results/claims-untied.json

Every method prunes exactly the same number of channels of the same trained network, from the same
statistics; PSNR is on test photographs. A difference is paired by calibration seed. Writes a JSON
file and, beside it, the same as a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections import defaultdict
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch

import secateur
from secateur.methods import RANDOM, Method
from secateur.objectives import linear_alone, shuffled
from secateur.report.columns import Column
from secateur.report.table import markdown
from secateur.solving import CONTROL
from secateur.tasks.denoising import denoising_task
from secateur.tasks.photographs import load_photographs
from secateur.versions import versions
from secateur.zoo import pretrained_halfunet, pretrained_small_halfunet

METHODS = (
    Method(RANDOM),
    Method("l1", CONTROL),
    Method("taylor", CONTROL),
    Method("hybrid", name="hybrid, prune form, cosine"),
    Method("hybrid", objective_options={"similarity_weight": 0.3}, name="hybrid, γ = 0.3"),
    Method("fisher", CONTROL, objective_options={"shrinkage": 0.0}, name="fisher diagonal"),
    Method("fisher", CONTROL, name="fisher, greedy and swaps"),
    Method("fisher"),
    Method("fisher", objective_options={"gradient": 1.0}, name="fisher with gradient"),
    Method("residual", CONTROL, name="residual, greedy and swaps"),
    Method("residual"),
    Method("residual+fisher"),
    *(
        Method(make(name), name=f"{name}, {what}")
        for name in ("hybrid", "fisher", "residual", "residual+fisher")
        for make, what in ((linear_alone, "linear alone"), (shuffled, "couplings shuffled"))
    ),
)


FEW = (METHODS[0], METHODS[2], METHODS[7], METHODS[10])
"""Methods of the tiny configuration, and its task."""
QUICK = {"patches": 8, "patch": 32, "selection_patches": 4, "test_patches": 4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--amounts", nargs="+", default=["20%", "36%", "50%", "65%", "75%"])
    parser.add_argument(
        "--plain-colours", action="store_true", help="calibrate on the photographs as they are"
    )
    parser.add_argument(
        "--tied", action="store_true", help="filters that are added up leave together"
    )
    parser.add_argument("--quick", action="store_true", help="a tiny configuration, in seconds")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    small = QUICK if arguments.quick else {}
    if arguments.quick:
        arguments.seeds, arguments.amounts = 1, arguments.amounts[:1]
    torch.set_num_threads(arguments.threads)
    network = pretrained_small_halfunet() if arguments.quick else pretrained_halfunet()
    photographs = load_photographs()
    started = time.time()
    runs = []
    for seed in range(arguments.seeds):
        task = denoising_task(
            photographs, seed=seed, varied_colours=not arguments.plain_colours, **small
        )
        measured = secateur.measure(
            network, task, seed=seed, tied=arguments.tied, probes=2 if arguments.quick else 20
        )
        print(f"seed {seed}: measured in {measured.seconds:.1f} s", flush=True)
        for amount in arguments.amounts:
            result = measured.compare(FEW if arguments.quick else METHODS, amount).last
            for row in result.to_json()["rows"]:
                runs.append({"seed": seed, "asked": amount, **row})
            print(f"seed {seed}, {amount}, {time.time() - started:.0f} s\n{result}\n", flush=True)
            reliability = result.reliability
    content = {
        "command": f"python benchmarks/claims_untied.py --seeds {arguments.seeds} --amounts "
        + " ".join(arguments.amounts)
        + (" --plain-colours" if arguments.plain_colours else "")
        + (" --tied" if arguments.tied else "")
        + (" --quick" if arguments.quick else ""),
        "versions": versions(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "seconds": round(time.time() - started),
        "reliability": reliability,
        "runs": runs,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    arguments.output.with_suffix(".md").write_text(table(content, arguments.amounts))


def table(content: dict, amounts: list[str]) -> str:
    """Mean over seeds, masked ⇒ compensated, and the paired difference to greedy Taylor."""
    by_cell = defaultdict(dict)
    for run in content["runs"]:
        by_cell[run["method"], run["asked"]][run["seed"]] = (
            run["psnr"],
            run["psnr_compensated"],
        )
    dense = np.mean([run["psnr"] for run in content["runs"] if run["method"] == "dense"])
    methods = list(dict.fromkeys(run["method"] for run in content["runs"]))[1:]
    lines = [
        "# Claims",
        "",
        f"PSNR in dB on the test photographs, channels removed ⇒ and compensated; dense "
        f"{dense:.2f}. Mean over {len(by_cell[methods[0], amounts[0]])} calibration seeds; in "
        "brackets the mean paired difference to greedy Taylor and its smallest and largest value.",
        "",
    ]
    rows = []
    for method in methods:
        cells = []
        for amount in amounts:
            own, taylor = by_cell[method, amount], by_cell["taylor", amount]
            values = np.array([own[seed] for seed in sorted(own)])
            difference = values - np.array([taylor[seed] for seed in sorted(own)])
            masked, compensated = values.mean(0)
            cell = f"{masked:.2f} ⇒ {compensated:.2f}"
            if method != "taylor":
                mean, low, high = difference.mean(0), difference.min(0), difference.max(0)
                cell += (
                    f" ({mean[0]:+.2f} [{low[0]:+.2f}, {high[0]:+.2f}] ⇒ "
                    f"{mean[1]:+.2f} [{low[1]:+.2f}, {high[1]:+.2f}])"
                )
            cells.append(cell)
        rows.append([method, *cells])
    columns = [
        Column(name, itemgetter(k), left=True) for k, name in enumerate(["method", *amounts])
    ]
    lines.append(markdown(columns, rows))
    about = ", ".join(f"{name} {value}" for name, value in content["versions"].items())
    lines += [
        "",
        f"`{content['command']}`: {content['seconds']} s on {content['processors']} cores "
        f"({about}). Split-half reliability of the Fisher couplings: "
        f"{content['reliability']:.2f}.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
