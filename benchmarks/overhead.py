"""What the framework costs over calling the sampler itself, as a ratio in one run.

    python benchmarks/overhead.py

Both anneal the same dense QUBO with the same reads, sweeps, temperatures and seed; through the
framework with every check (options, applicability, labels, energies). The two take turns, and the
ratio is of their medians. The answers are the same.
"""

from __future__ import annotations

import statistics
import time
from operator import itemgetter
from typing import Any

from common import one_core, parser, write

from secateur.report.columns import Column
from secateur.report.table import markdown


def main() -> None:
    arguments = parser(__doc__, "overhead.json")
    arguments.add_argument("--n", type=int, nargs="+", default=[100, 300, 1000])
    arguments.add_argument("--reads", type=int, default=10)
    arguments.add_argument("--sweeps", type=int, default=1000)
    arguments.add_argument("--repeats", type=int, default=7)
    given = arguments.parse_args()
    one_core()
    if given.quick:
        given.n, given.repeats = [40], 3
    rows = [measured(n, given.reads, given.sweeps, given.repeats) for n in given.n]
    write(given.output, {"rows": rows}, table)


def measured(n: int, reads: int, sweeps: int, repeats: int) -> dict[str, Any]:
    """One size: the sampler by itself and through the framework, by turns."""
    import dimod
    import numpy as np
    from dwave.samplers import SimulatedAnnealingSampler

    from secateur.backends.call import run
    from secateur.backends.registry import load_backend
    from secateur.problem import Problem

    rng = np.random.default_rng(n)
    bqm = dimod.BinaryQuadraticModel(np.triu(rng.normal(size=(n, n))), "BINARY")
    bqm.relabel_variables({k: f"layer.{k % 10}:{k}" for k in range(n)})
    hot, cold = 0.1 / np.sqrt(n), 20.0 / np.sqrt(n)

    def direct() -> Any:
        numbered, _ = bqm.relabel_variables_as_integers(inplace=False)
        return SimulatedAnnealingSampler().sample(
            numbered, num_reads=reads, num_sweeps=sweeps, beta_range=[hot, cold], seed=5
        )

    def framed() -> Any:
        options = {"reads": reads, "sweeps": sweeps, "beta_hot": hot, "beta_cold": cold}
        return run(load_backend("annealing"), Problem(bqm), options | {"seed": 5}).samples

    records = [call().record for call in (direct, framed)]  # equal reads may be one row
    energies = [np.sort(np.repeat(r.energy.round(6), r.num_occurrences)) for r in records]
    assert np.array_equal(*energies), "the two did not solve the same problem"
    times: dict[str, list[float]] = {"direct": [], "framework": []}
    for _ in range(repeats):
        for name, call in (("direct", direct), ("framework", framed)):
            started = time.process_time()  # a busy machine takes the wall clock for others
            call()
            times[name].append(time.process_time() - started)
    row = {
        "n": n,
        "direct_seconds": statistics.median(times["direct"]),
        "framework_seconds": statistics.median(times["framework"]),
        # the middle of the ratios of neighbours in time: a busy machine slows both
        "overhead": statistics.median(
            b / a - 1 for a, b in zip(times["direct"], times["framework"], strict=True)
        ),
    }
    print(row, flush=True)
    return row


def table(content: dict[str, Any]) -> str:
    columns = [
        Column("variables, dense", itemgetter("n")),
        Column("sampler", itemgetter("direct_seconds"), unit="s", format=".3f"),
        Column("through secateur", itemgetter("framework_seconds"), unit="s", format=".3f"),
        Column("more", lambda row: 100 * row["overhead"], unit="%", format=".1f"),
    ]
    return f"# What the framework costs\n\n{markdown(columns, content['rows'])}"


if __name__ == "__main__":
    main()
