"""What the framework costs over calling the sampler itself, as a ratio in one run.

    python benchmarks/overhead.py --output benchmarks/results/overhead.json

Both anneal the same dense QUBO with the same reads, sweeps, temperatures and seed; through the
framework with every check (options, applicability, labels, energies). The two take turns, and the
ratio is of their medians. The answers are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler

from secateur.backends.call import run
from secateur.backends.registry import load_backend
from secateur.problem import Problem
from secateur.versions import versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--n", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--reads", type=int, default=10)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    rows = []
    for n in arguments.n:
        rng = np.random.default_rng(n)
        matrix = np.triu(rng.normal(size=(n, n)))
        labels = [f"layer.{k % 10}:{k}" for k in range(n)]
        bqm = dimod.BinaryQuadraticModel(matrix, "BINARY")
        bqm.relabel_variables(dict(enumerate(labels)))
        hot, cold = 0.1 / np.sqrt(n), 20.0 / np.sqrt(n)
        common = {"seed": 5}

        def direct(bqm=bqm, hot=hot, cold=cold, common=common):
            numbered, _ = bqm.relabel_variables_as_integers(inplace=False)
            return SimulatedAnnealingSampler().sample(
                numbered,
                num_reads=arguments.reads,
                num_sweeps=arguments.sweeps,
                beta_range=[hot, cold],
                **common,
            )

        def framed(bqm=bqm, hot=hot, cold=cold, common=common):
            options = {"reads": arguments.reads, "sweeps": arguments.sweeps}
            options |= {"beta_hot": hot, "beta_cold": cold}
            return run(load_backend("annealing"), Problem(bqm), options | common).samples

        same = np.array_equal(
            np.sort(direct().record.energy.round(6)), np.sort(framed().record.energy.round(6))
        )
        assert same, "the two did not solve the same problem"
        times = {"direct": [], "framework": []}
        for _ in range(arguments.repeats):
            for name, call in (("direct", direct), ("framework", framed)):
                started = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - started)
        row = {
            "n": n,
            "direct_seconds": statistics.median(times["direct"]),
            "framework_seconds": statistics.median(times["framework"]),
            # the middle of the ratios of neighbours in time: a busy machine slows both
            "overhead": statistics.median(
                b / a - 1 for a, b in zip(times["direct"], times["framework"], strict=True)
            ),
        }
        rows.append(row)
        print(row, flush=True)
    content = {
        "command": f"python benchmarks/overhead.py --reads {arguments.reads} --sweeps "
        f"{arguments.sweeps} --repeats {arguments.repeats} --n {' '.join(map(str, arguments.n))}",
        "versions": versions(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "rows": rows,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
