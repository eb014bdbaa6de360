"""The large Half-UNet's QUBOs at every count: proven, and what everything else makes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from common import clocks, percent, scip, verdict
from demo_problems import demo_problem
from penalty import penalised, strengths

import secateur
from secateur.errors import SecateurError
from secateur.report.columns import Column, named
from secateur.report.table import markdown

OTHERS = {
    "annealing under prices": {"backend": "annealing"},
    "greedy and swaps": {"backend": "greedy"},
    "scip": {"backend": scip()},
    "gurobi, size-limited, block by block": {"backend": "blocks:gurobi"},
}


def run(
    objectives: list[str],
    amounts: list[int],
    *,
    others: list[int],
    seconds: float,
    seed: int = 0,
) -> dict[str, Any]:
    """Prove at every amount; at some of them everything else beside it."""
    rows, beside, penalties = [], [], []
    for objective in objectives:
        secateur.solve(demo_problem(objective, 0.5), time_limit=1.0)  # what is imported at first
        for amount in amounts:
            problem = demo_problem(objective, amount / 100)
            with clocks() as taken:
                found = secateur.solve(problem, time_limit=60.0)
            row = {
                "objective": objective,
                "amount": amount,
                "count": problem.count,
                "energy": found.energy,
                "bound": found.bound,
                "gap": found.gap,
                "difference": relative(found.energy, found.bound, problem.scale),
                "nodes": found.provenance["blocks"]["nodes"],
                **taken,
            }
            rows.append(row)
            print(row, flush=True)
            if amount not in others:
                continue
            annealed = 0.0
            for name, options in OTHERS.items():
                made = other(problem, name, options, seconds, seed)
                annealed = made.get("cpu", 0.0) if name == "annealing under prices" else annealed
                beside.append({"objective": objective, "amount": amount, **made})
                print(beside[-1], flush=True)
            for name, strength in strengths(problem).items():
                made = penalised(problem, strength, annealed, seed)
                penalties.append({"objective": objective, "amount": amount, "name": name, **made})
                print(penalties[-1], flush=True)
    return {
        "proven": rows,
        "beside": beside,
        "penalty": penalties,
        "time_limit_of_the_others": seconds,
        "seed": seed,
    }


def other(
    problem: Any, name: str, options: dict[str, Any], seconds: float, seed: int
) -> dict[str, Any]:
    """One of the others; what it refuses is told."""
    with clocks() as taken:
        try:
            found = secateur.solve(problem, **options, seed=seed, time_limit=seconds, proof=False)
        except SecateurError as error:
            return {"name": name, "refused": error.message}
    return {
        "name": name,
        "energy": found.energy,
        "backend_energy": found.backend_energy,
        "bound": found.bound,
        "gap": found.gap,
        "calls": found.calls,
        **taken,
    }


def relative(energy: float, bound: float | None, scale: float) -> float | None:
    """Energy less bound in units of the energy; None without a bound.

    An energy of 1e-12 of the problem's own numbers is zero to their rounding: then in units of
    these.
    """
    if bound is None:
        return None
    size = abs(energy) if abs(energy) > 1e-12 * scale else scale
    return (energy - bound) / size if size else 0.0


def above(energy: float | None, best: float) -> str:
    """How far an energy is above the optimum, in %."""
    if energy is None:
        return "none"
    return percent((energy - best) / abs(best)) if best else f"{energy:.3g} (of 0)"


PROVEN = (
    Column("K", lambda row: f"{row['count']} ({row['amount']} %)"),
    Column("energy", format=".9g"),
    Column("bound", format=".9g", missing="none"),
    Column("proof", lambda row: verdict(row["gap"])),
    Column("nodes"),
    Column("CPU", lambda row: row["cpu"], unit="s", format=".2f"),
)


def table(content: dict[str, Any]) -> str:
    rows = content["proven"]
    proven = [row for row in rows if row["gap"] == 0]
    lines = [
        "# Exactly K, proven",
        "",
        "The large Half-UNet's QUBOs: 480 channels in ten layers of 48, every layer keeping one. "
        "`secateur.solve(problem)`, no solver but numpy and scipy. Seconds are of one core.",
        "",
        f"**{len(proven)} of {len(rows)} proven optimal; median "
        f"{np.median([row['cpu'] for row in rows]):.2f} s, most "
        f"{max(row['cpu'] for row in rows):.2f} s.** Largest relative difference of energy and "
        f"bound: {max(row['difference'] for row in rows):.2g}.",
    ]
    for objective in dict.fromkeys(row["objective"] for row in rows):
        here = [row for row in rows if row["objective"] == objective]
        lines += ["", f"## {objective}", ""]
        lines.append(markdown(PROVEN, here))
    return "\n".join([*lines, "", beside(content), "", penalties(content)])


def best_of(content: dict[str, Any], row: dict[str, Any]) -> float:
    """The proven energy of a row's problem."""
    return next(
        p["energy"]
        for p in content["proven"]
        if (p["objective"], p["amount"]) == (row["objective"], row["amount"])
    )


def beside(content: dict[str, Any]) -> str:
    lines = [
        "# Everything else beside it",
        "",
        f"The same problems with a limit of {content['time_limit_of_the_others']:g} s each and no "
        "proof of ours: how far the answer is above the optimum, before and after our swaps, and "
        "the gap that the solver itself proves.",
    ]
    rows = content["beside"]
    for objective in dict.fromkeys(row["objective"] for row in rows):
        cells = []
        for row in rows:
            if row["objective"] != objective:
                continue
            if "refused" in row:
                cells.append([row["name"], f"{row['amount']} %", row["refused"], "", "", "", ""])
                continue
            best = best_of(content, row)
            cells.append(
                [
                    row["name"],
                    f"{row['amount']} %",
                    "" if not row["calls"] else above(row["backend_energy"], best),
                    above(row["energy"], best),
                    verdict(row["gap"]),
                    f"{row['cpu']:.2f}",
                    f"{row['wall']:.2f}",
                ]
            )
        head = ["solver", "K", "its own, above %", "with swaps, above %", "its gap", "CPU s", "s"]
        lines += ["", f"## {objective}", "", markdown(named(*head), cells)]
    return "\n".join(lines)


def penalties(content: dict[str, Any]) -> str:
    lines = [
        "# The count as a penalty",
        "",
        "`P (Σz - K)²` added to the QUBO, on the same sampler with the same sweeps for the same "
        "processor time as the whole search under prices. Feasible: exactly K, every layer "
        "keeping one. The price is what the last channel of a greedy choice costs.",
    ]
    rows = content["penalty"]
    for objective in dict.fromkeys(row["objective"] for row in rows):
        cells = []
        for amount in dict.fromkeys(r["amount"] for r in rows if r["objective"] == objective):
            here = [r for r in rows if (r["objective"], r["amount"]) == (objective, amount)]
            best = best_of(content, here[0])
            ours = next(
                r
                for r in content["beside"]
                if (r["objective"], r["amount"]) == (objective, amount) and "energy" in r
            )
            cells.append(
                ["under prices", f"{amount} %", "", "100", "", "", above(ours["energy"], best)]
            )
            cells += [
                [
                    f"P = {row['strength']:.2g}, {row['name']}",
                    f"{amount} %",
                    row["reads"],
                    f"{100 * row['feasible']:.0f}",
                    "{} … {}".format(*row["counts"]),
                    above(row["energy"], best),
                    above(row["repaired"], best),
                ]
                for row in here
            ]
        head = [
            "count by",
            "K",
            "reads",
            "feasible %",
            "counts",
            "best feasible, above %",
            "after our repair and swaps, above %",
        ]
        lines += ["", f"## {objective}", "", markdown(named(*head), cells)]
    return "\n".join(lines)
