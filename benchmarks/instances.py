"""Small public instances, and generated ones in their style: proven without any licence.

    python benchmarks/instances.py --instances DIRECTORY

Beside branch-and-bound: SCIP, and Gurobi with the licence of its pip package (200 variables with a
quadratic objective). The files are not part of this project: gka1a, gka1b (Glover, Kochenberger and
Alidaee) and bqp50-1 (Beasley) are of the Biq Mac library, kcluster40_025_10_1 is of BiqBin, and
qoblib_mis_karate of QOBLIB. The generated ones are *in the style of* gka and Beasley: whole
coefficients uniform in [-100, 100] at a density, seeds stated; they are not the originals.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from common import clocks, one_core, parser, scip, verdict, write

from secateur.report.columns import Column
from secateur.report.table import markdown

FILES = {
    "gka1a.sparse": (-3414, None),
    "gka1b.sparse": (-133, None),
    "bqp50-1.sparse": (-2098, None),
    "kcluster40_025_10_1.json": (-3900, 10),
    "qoblib_mis_karate.qs": (-20, None),
}
"""The optimum, and the number of ones where it is demanded."""
DENSITIES = {
    "beasley-like": [(50, 0.1), (100, 0.1)],
    "gka-like": [(30, 1.0), (50, 0.3), (60, 0.5), (70, 0.8), (80, 0.2), (100, 0.3)],
}


def main() -> None:
    arguments = parser(__doc__, "instances.json")
    arguments.add_argument("--instances", type=Path, default=os.environ.get("SECATEUR_INSTANCES"))
    arguments.add_argument("--time-limit", type=float, default=60.0)
    arguments.add_argument("--seeds", type=int, default=2)
    given = arguments.parse_args()
    one_core()
    from secateur.problem import Problem

    solvers: dict[str, Any] = {
        "branch-and-bound": "branch-and-bound",
        "scip": scip(),
        "gurobi": "gurobi",
    }
    rows = []
    if given.quick:
        given.time_limit, problems = 5.0, [("gka-like", 0, generated(14, 0.5, 0), None)]
        solvers = {"branch-and-bound": "branch-and-bound"}
    else:
        problems = [*of_folder(given.instances), *in_their_style(given.seeds)]
    for name, seed, bqm, optimum in problems:
        problem = bqm if isinstance(bqm, Problem) else Problem(bqm)
        for solver, backend in solvers.items():
            row = {
                "instance": name,
                "seed": seed,
                "n": problem.n,
                "couplings": len(problem.quadratic[2]),
                "optimum": optimum,
                "solver": solver,
                **solved(problem, backend, given.time_limit),
            }
            rows.append(row)
            print(row, flush=True)
    write(given.output, {"time_limit": given.time_limit, "rows": rows}, table)


def of_folder(folder: Path | None) -> Iterator[tuple[str, None, Any, float]]:
    """The public instances, if their folder is given."""
    from secateur.files import load_bqm
    from secateur.problem import Problem

    if folder is None:
        print("no --instances and no SECATEUR_INSTANCES: generated ones only")
        return
    for name, (optimum, ones) in FILES.items():
        bqm = load_bqm(Path(folder) / name)
        yield Path(name).stem, None, bqm, optimum
        if ones is not None:  # the file has a penalty for what is a count
            yield f"{Path(name).stem}, {ones} ones demanded", None, Problem(bqm, ones), optimum


def in_their_style(seeds: int) -> Iterator[tuple[str, int, Any, None]]:
    for style, shapes in DENSITIES.items():
        for n, density in shapes:
            for seed in range(seeds):
                yield f"{style} {n}, {100 * density:g} %", seed, generated(n, density, seed), None


def generated(n: int, density: float, seed: int) -> Any:
    """Whole coefficients uniform in [-100, 100]; all linear ones, a share of the others."""
    import dimod

    rng = np.random.default_rng([n, round(1000 * density), seed])
    row, col = np.triu_indices(n, 1)
    chosen = rng.random(len(row)) < density
    values = rng.integers(-100, 101, size=int(chosen.sum())).astype(float)
    linear = rng.integers(-100, 101, size=n).astype(float)
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear, (row[chosen], col[chosen], 2 * values), 0.0, "BINARY"
    )


def solved(problem: Any, backend: Any, time_limit: float) -> dict[str, Any]:
    """One solver by itself, as the library calls it, and every answer checked."""
    from secateur.backends.call import run
    from secateur.errors import SecateurError
    from secateur.solving.solvers import as_solver

    with clocks() as taken:
        try:
            found = run(as_solver(backend), problem, time_limit=time_limit)
        except SecateurError as error:
            return {"refused": error.message}
    energy = float(found.samples.first.energy) if len(found.samples) else None
    gap = None
    if energy is not None and found.bound is not None:
        size = abs(energy) or abs(found.bound)
        gap = 0.0 if str(found.status) == "optimal" else (energy - found.bound) / (size or 1.0)
    raw = found.raw if isinstance(found.raw, dict) else {}
    return {
        "energy": energy,
        "bound": found.bound,
        "status": str(found.status),
        "gap": gap,
        "nodes": nodes_of(raw),
        **taken,
    }


def nodes_of(raw: dict[str, Any]) -> int | None:
    for name in ("nodes", "NodeCount", "node_count"):
        if name in raw:
            return int(json.loads(json.dumps(raw[name])))
    return None


def named_with_seed(row: dict[str, Any]) -> str:
    return row["instance"] if row["seed"] is None else f"{row['instance']} ({row['seed']})"


def table(content: dict[str, Any]) -> str:
    rows = content["rows"]
    ours = [row for row in rows if row["solver"] == "branch-and-bound"]
    proven = [row for row in ours if row.get("gap") == 0]
    wrong = [
        row for row in rows
        if row["optimum"] is not None and row.get("gap") == 0 and row["energy"] != row["optimum"]
    ]  # fmt: skip

    def found(key: str, shown: str) -> Callable[[dict[str, Any]], str]:
        def text(row: dict[str, Any]) -> str:
            if "refused" in row:
                return ""
            return "none" if row[key] is None else format(row[key], shown)

        return text

    columns = [
        Column("instance (seed)", named_with_seed),
        Column("n"),
        Column("solver"),
        Column("proof", lambda row: row["refused"] if "refused" in row else verdict(row["gap"])),
        Column("energy", found("energy", "g")),
        Column("bound", found("bound", ".8g")),
        Column("nodes", lambda row: row.get("nodes")),
        Column("CPU", lambda row: row.get("cpu"), unit="s", format=".2f"),
    ]
    return "\n".join(
        [
            "# Small instances",
            "",
            f"At most {content['time_limit']:g} s each. branch-and-bound, which needs no licence, "
            f"proves **{len(proven)} of {len(ours)}**; claims against a published optimum: "
            f"{len(wrong)} wrong.",
            "",
            markdown(columns, rows),
        ]
    )


if __name__ == "__main__":
    main()
