"""The algorithms of qiskit-optimization beside our QAOA: time, optimum, and the count.

    python benchmarks/qiskit_beside_ours.py

Each is handed exactly K of n, in its own way: ours as the mixer that keeps it, theirs as the linear
constraint that they turn into a penalty. The same evaluations at most, the same shots.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from common import clocks, one_core, parser, write

from secateur.report.columns import named
from secateur.report.table import markdown

ROOT = Path(__file__).parents[1]
EVALUATIONS, SHOTS = 30, 1024
THEIRS = ("qaoa", "warm-start", "recursive", "exact")


def measure(sizes: list[int], seeds: int) -> dict[str, Any]:
    from secateur.testing import brute_force, random_problem

    theirs = find_spec("qiskit_optimization") is not None
    if theirs and find_spec("secateur_qiskit_optimization") is None:
        sys.path.append(str(ROOT / "plugins" / "qiskit-optimization"))
    rows = []
    for n in sizes:
        for seed in range(seeds):
            problem = random_problem(n, seed, ones=n // 2)
            optimum = brute_force(problem)[0]
            about = {"n": n, "count": n // 2, "seed": seed, "optimum": optimum}
            rows.append(about | ours(problem, seed, optimum))
            for algorithm in THEIRS if theirs else ():
                made = other(problem, seed, optimum, algorithm)
                if made is not None:
                    rows.append(about | made)
            print(f"n = {n}, seed {seed}", flush=True)
    found = version("qiskit-optimization") if theirs else None
    return {"qiskit-optimization": found, "evaluations": EVALUATIONS, "shots": SHOTS, "rows": rows}


def ours(problem: Any, seed: int, optimum: float) -> dict[str, Any]:
    from secateur.backends.call import run
    from secateur.solving import load_solver

    given = {"reps": 1, "iterations": EVALUATIONS, "shots": SHOTS, "simulator": "exact"}
    with clocks() as seconds:
        found = run(load_solver("qaoa"), problem, given, seed=seed)
    record = found.samples.record
    row = judged(problem, optimum, record.sample, record.num_occurrences)
    return row | {
        "method": "secateur, qaoa",
        "evaluations": found.raw["evaluations"],
        "seconds": seconds["cpu"],
    }


def other(problem: Any, seed: int, optimum: float, algorithm: str) -> dict[str, Any] | None:
    from secateur_qiskit_optimization import LARGEST, QiskitOptimizationOptions
    from secateur_qiskit_optimization.algorithms import run_algorithm

    if problem.n > LARGEST[algorithm]:
        return None
    options = QiskitOptimizationOptions(algorithm=algorithm, iterations=EVALUATIONS, shots=SHOTS)
    with clocks() as seconds:
        bits, about = run_algorithm(problem, options, seed, count=True)
    row = judged(problem, optimum, bits, np.ones(len(bits)))
    return row | {
        "method": f"qiskit-optimization, {algorithm}",
        "evaluations": about["evaluations"],
        "seconds": seconds["cpu"],
    }


def judged(problem: Any, optimum: float, rows: Any, often: Any) -> dict[str, Any]:
    """The best of the samples with the count, and how many have it and are optimal."""
    bits = np.asarray(rows)
    energies, kept = problem.energies(bits), bits.sum(axis=1, dtype=int) == problem.count
    total = float(np.sum(often))
    best = float(energies[kept].min()) if kept.any() else None
    optimal = kept & (energies <= optimum + 1e-9 * problem.scale)
    return {
        "gap": None if best is None else (best - optimum) / abs(optimum),
        "kept": float(np.sum(often[kept])) / total,
        "optimal": float(np.sum(often[optimal])) / total,
    }


def table(content: dict[str, Any]) -> str:
    rows = content["rows"]
    lines = [
        "# Our QAOA and the algorithms of qiskit-optimization",
        "",
        f"Exactly n/2 of n, signed couplings; one layer, at most {content['evaluations']} "
        f"evaluations of {content['shots']} shots each. Gap: of the best sample with the count, "
        "to the optimum over all vectors. Kept: the share of samples that have the count. Optimal: "
        "the share that is the optimum. Means over the seeds; seconds of a processor, and how "
        "often ours fits into them.",
        "",
    ]
    cells = []
    for n in dict.fromkeys(row["n"] for row in rows):
        these = [row for row in rows if row["n"] == n]
        base = np.mean([row["seconds"] for row in these if row["method"] == "secateur, qaoa"])
        for method in dict.fromkeys(row["method"] for row in these):
            same = [row for row in these if row["method"] == method]
            gaps = [row["gap"] for row in same if row["gap"] is not None]
            none = len(same) - len(gaps)
            gap = f"{100 * np.mean(gaps):.2g} %" if gaps else "none has it"
            gap += f" ({none} of {len(same)} without)" if none and gaps else ""
            mean = {
                k: np.mean([row[k] for row in same]) for k in ("kept", "optimal", "evaluations")
            }
            seconds = np.mean([row["seconds"] for row in same])
            cells.append(
                [
                    n,
                    method,
                    gap,
                    f"{100 * mean['kept']:.0f} %",
                    f"{100 * mean['optimal']:.3g} %",
                    f"{mean['evaluations']:.0f}",
                    f"{seconds:.3f}",
                    f"{seconds / base:.1f}",
                ]
            )
    head = ["n", "method", "gap", "kept", "optimal", "evaluations", "seconds", "ratio"]
    lines.append(markdown(named(*head), cells))
    found = content["qiskit-optimization"]
    lines += [
        "",
        f"qiskit-optimization {found}; its recursive algorithm counts the evaluations of all its "
        "circuits, and its exact one has none."
        if found
        else "qiskit-optimization is not installed.",
    ]
    return "\n".join(lines)


def main() -> None:
    made = parser(__doc__, "qiskit-optimization.json")
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--sizes", type=int, nargs="+", default=[6, 8, 10, 12])
    arguments = made.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.sizes = 1, [4, 5]
    one_core()
    from secateur.testing import random_problem

    ours(random_problem(3, 0, ones=1), 0, 1.0)  # what is loaded at the first call
    if find_spec("qiskit_optimization") and not arguments.quick:
        measure([3], 1)
    write(arguments.output, measure(arguments.sizes, arguments.seeds), table)


if __name__ == "__main__":
    main()
