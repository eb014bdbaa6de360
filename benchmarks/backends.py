"""Every usable backend on the demo's real QUBOs at equal total time: energy, gap, calls, seconds.

    python benchmarks/backends.py

Exactly 36 % pruned, every layer keeping a channel. Each has the same limit for its whole search,
prices and moves included, and no proof of ours beside it (``proof=False``), so that nobody takes
our proof for its merit; its own answer before our moves is shown too. A backend that cannot take
the problem is in the table with its reason.
"""

from __future__ import annotations

from typing import Any

from common import clocks, one_core, parser, percent, scip, verdict, write

from secateur.report.columns import named
from secateur.report.table import markdown

ALIASES = ("neal",)
WRAPPED = {"decompose": ("exhaustive", "gurobi", "qaoa", "scip"), "blocks": ("gurobi", "scip")}


def main() -> None:
    arguments = parser(__doc__, "backends.json")
    arguments.add_argument("--objectives", nargs="+", default=["fisher", "residual"])
    arguments.add_argument("--amount", type=float, default=0.36)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--time-limit", type=float, default=10.0)
    arguments.add_argument("--only", nargs="+", help="these backends and no others")
    given = arguments.parse_args()
    one_core()
    if given.quick:
        given.objectives, given.seeds, given.time_limit = ["fisher"], 1, 0.3
        given.only = given.only or ["greedy", "annealing", "branch-and-bound", "exhaustive"]
    from demo_problems import demo_problem

    import secateur

    solvers = usable()
    rows = []
    for objective in given.objectives:
        problem = demo_problem(objective, given.amount)
        secateur.solve(problem, time_limit=0.5)  # what is imported at first is nobody's time
        for name, (solver, stochastic) in solvers.items():
            if given.only and name not in given.only:
                continue
            for seed in range(given.seeds if stochastic else 1):
                row = solved(problem, solver, seed, given.time_limit)
                rows.append({"objective": objective, "backend": name, "seed": seed, **row})
                print(rows[-1], flush=True)
                if "refused" in row:
                    break
    content = {
        "channels": problem.n,
        "count": problem.count,
        "couplings": len(problem.quadratic[2]),
        "time_limit": given.time_limit,
        "seeds": given.seeds,
        "rows": rows,
    }
    write(given.output, content, table)


def usable() -> dict[str, tuple[Any, bool]]:
    """Everything that can be used here and costs nothing; whether a seed changes its answer."""
    from secateur.backends.listing import describe_backends

    found: dict[str, tuple[Any, bool]] = {"greedy": ("greedy", False), "auto": ("auto", False)}
    for backend in describe_backends():
        free = backend.usable and not backend.capabilities["metered"]
        if free and backend.name not in ALIASES:
            exact = backend.capabilities["exact"] or not backend.capabilities["takes_seed"]
            found[backend.name] = (backend.name, not exact)
    ours = scip()
    if not isinstance(ours, str):
        found["scip"] = (ours, False)
    for strategy, inner in WRAPPED.items():
        for name in inner:
            if name in found:
                found[f"{strategy}:{name}"] = (wrapped(strategy, found[name][0]), True)
    return found


def wrapped(strategy: str, solver: Any) -> Any:
    """A strategy over a backend that may not be installed as a plugin."""
    if isinstance(solver, str):
        return f"{strategy}:{solver}"
    from secateur.solving.blockwise import by_block
    from secateur.solving.decomposition import decompose

    return (decompose if strategy == "decompose" else by_block)(solver)


def solved(problem: Any, solver: Any, seed: int, time_limit: float) -> dict[str, Any]:
    import secateur
    from secateur.errors import SecateurError

    with clocks() as taken:
        try:
            found = secateur.solve(
                problem, backend=solver, seed=seed, time_limit=time_limit, proof=False
            )
        except SecateurError as error:
            return {"refused": error.message}
    return {
        "energy": found.energy,
        "backend_energy": found.backend_energy,
        "bound": found.bound,
        "gap": found.gap,
        "stopped": str(found.stopped),
        "calls": found.calls,
        **taken,
    }


def table(content: dict[str, Any]) -> str:
    lines = [
        "# Backends on a real pruning QUBO, at equal total time",
        "",
        f"The demo's network: {content['channels']} channels, exactly {content['count']} pruned, "
        f"every layer keeping one, {content['couplings']} couplings, all inside layers. "
        f"{content['time_limit']:g} s for the whole search of each, a proof of ours beside none. "
        "How far the energy is above the best of the table, in %, mean (worst) over "
        f"{content['seeds']} seeds where it has any; as the backend left it, and after our moves.",
    ]
    for objective in dict.fromkeys(row["objective"] for row in content["rows"]):
        here = [row for row in content["rows"] if row["objective"] == objective]
        best = min(row["energy"] for row in here if "energy" in row)
        cells = []
        for name in dict.fromkeys(row["backend"] for row in here):
            runs = [row for row in here if row["backend"] == name]
            if "refused" in runs[0]:
                cells.append([name, f"cannot: {runs[0]['refused']}", "", "", "", "", ""])
                continue
            cells.append(
                [
                    name,
                    spread([row["backend_energy"] for row in runs], best),
                    spread([row["energy"] for row in runs], best),
                    verdict(min((r["gap"] for r in runs if r["gap"] is not None), default=None)),
                    runs[0]["calls"],
                    f"{mean([row['cpu'] for row in runs]):.1f}",
                    f"{mean([row['wall'] for row in runs]):.1f}",
                ]
            )
        head = ["backend", "its own, above %", "with moves, above %", "its gap", "calls"]
        lines += ["", f"## {objective}: best known {best:.9g}", ""]
        lines.append(markdown(named(*head, "CPU s", "s"), cells))
    return "\n".join(lines)


def spread(energies: list[float | None], best: float) -> str:
    if any(energy is None for energy in energies):
        return ""
    gaps = [(energy - best) / abs(best) for energy in energies if energy is not None]
    return f"{percent(mean(gaps))} ({percent(max(gaps))})"


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
