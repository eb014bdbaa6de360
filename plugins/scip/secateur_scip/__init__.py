"""The backend scip: exact, free, and without a size limit."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from secateur.backends import (
    Applicability,
    Availability,
    Backend,
    BackendOptions,
    Capabilities,
    Solution,
    Status,
    Stopped,
    Timings,
    option,
)
from secateur.problem import Problem

MOST_COUPLINGS = 200_000
"""Variables for products beyond this take gigabytes before the search begins."""
LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True)
class SCIPOptions(BackendOptions):
    """Options of SCIP."""

    time_limit: float | None = option(
        None, "stop after this and keep the best found", least=0, unit="s"
    )
    gap: float = option(0.0, "stop at this relative gap; 0 proves", least=0, most=1)
    node_limit: int | None = option(None, "stop after so many nodes", least=1)
    seed: int | None = option(
        None, "varies the search, not what is proven", least=0, most=LARGEST_SEED
    )


class SCIP(Backend):
    """Proves optimality; the count, limits and start are taken natively."""

    name = "scip"
    capabilities = Capabilities(
        native=frozenset({"count", "limit"}),
        exact=True,
        takes_seed=True,
        takes_time_limit=True,
        takes_start=True,
    )
    Options = SCIPOptions
    citation = """
@article{bolusani2024scip,
  author  = {Bolusani, Suresh and Besan{\\c{c}}on, Mathieu and Bestuzheva, Ksenia and others},
  title   = {The {SCIP} Optimization Suite 9.0},
  journal = {arXiv preprint arXiv:2402.17702}, year = {2024}
}
@incollection{maher2016pyscipopt,
  author    = {Maher, Stephen and Miltenberger, Matthias and Pedroso, Jo{\\~a}o Pedro and others},
  title     = {{PySCIPOpt}: Mathematical Programming in Python with the {SCIP} Optimization Suite},
  booktitle = {Mathematical Software -- ICMS 2016}, pages = {301--307}, year = {2016},
  doi       = {10.1007/978-3-319-42432-3_37}
}
"""

    @classmethod
    def availability(cls) -> Availability:
        """Whether PySCIPOpt is installed; SCIP is free."""
        found = _version()
        if found:
            return Availability(True, detail=f"PySCIPOpt {found}")
        return Availability(False, detail="PySCIPOpt is missing", remedy="pip install pyscipopt")

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Limited by the memory that a variable for each coupling takes."""
        couplings = int(np.count_nonzero(problem.quadratic[2]))
        if couplings > MOST_COUPLINGS:
            return Applicability(
                False,
                reason=f"{problem.n} variables with {couplings} couplings, and {self.name} takes "
                f"at most {MOST_COUPLINGS} couplings",
                remedy=f"use decompose:{self.name}, which sends parts of it, or a heuristic",
            )
        return Applicability(True, memory_bytes=10_000 * (couplings + problem.n))

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Minimise; optimal only where bound and energy meet."""
        assert isinstance(options, SCIPOptions)
        started = time.monotonic()
        scale = _power_of_two(problem)
        model, z = _build(problem, scale)
        _set_parameters(model, options)
        for row in problem.start if problem.start is not None else ():
            _offer(model, problem, z, row)
        model.optimizeNogil()
        status = model.getStatus()
        if status == "userinterrupt":  # SCIP takes Ctrl-C away from Python
            raise KeyboardInterrupt
        rows = [
            np.array([round(model.getSolVal(found, v)) for v in z], dtype=np.int8)
            for found in model.getSols()[:1]
        ]
        if problem.start is not None:
            rows += [row for row in problem.start if problem.feasible(row)[0]]
        bits = np.array(rows, dtype=np.int8).reshape(-1, problem.n)
        stopped = {
            "timelimit": Stopped.TIME_LIMIT,
            "nodelimit": Stopped.NODE_LIMIT,
            "totalnodelimit": Stopped.NODE_LIMIT,
            "memlimit": Stopped.MEMORY_LIMIT,
        }.get(status, Stopped.COMPLETED)
        held, bound = _held(problem, bits, model, scale, stopped)
        took = time.monotonic() - started
        return Solution.from_bits(
            problem,
            bits,
            options,
            took,
            status=held,
            stopped=stopped,
            bound=bound,
            timings=Timings(total=took, solve=float(model.getSolvingTime())),
            versions={"pyscipopt": _version(), "scip": f"{model.version():g}"},
            raw={"status": status, "nodes": int(model.getNTotalNodes())},
        )


def _held(
    problem: Problem, bits: NDArray[np.int8], model: Any, scale: float, stopped: Stopped
) -> tuple[Status, float | None]:
    """What the rows and SCIP's bound prove."""
    if not len(bits):
        infeasible = model.getStatus() == "infeasible"
        return (Status.INFEASIBLE if infeasible else Status.NONE), None
    best = float(problem.energies(bits).min())
    bound = float(model.getDualbound()) / scale
    if not math.isfinite(bound) or abs(bound) * scale >= 1e19:
        return Status.FEASIBLE, None
    size = float(np.abs(problem.linear).sum() + np.abs(problem.quadratic[2]).sum())
    size += abs(float(problem.offset))
    proven = stopped is Stopped.COMPLETED and best - bound <= 1e-7 * max(size, 1e-300)
    return (Status.OPTIMAL if proven else Status.FEASIBLE), min(bound, best)


def _build(problem: Problem, scale: float) -> tuple[Any, list[Any]]:
    """A linear model: a variable for each product, held by the side that its sign pushes to."""
    from pyscipopt import Model, quicksum

    model = Model("secateur")
    model.hideOutput()
    z = [model.addVar(vtype="B", name=f"z{k}") for k in range(problem.n)]
    terms = [scale * float(bias) * v for bias, v in zip(problem.linear, z, strict=True)]
    for row, col, bias in zip(*problem.quadratic, strict=True):
        if bias == 0:
            continue
        product = model.addVar(vtype="C", lb=0.0, ub=1.0)
        if bias > 0:
            model.addCons(product >= z[row] + z[col] - 1)
        else:
            model.addCons(product <= z[row])
            model.addCons(product <= z[col])
        terms.append(scale * float(bias) * product)
    model.setObjective(quicksum(terms) + scale * float(problem.offset), "minimize")
    if problem.count is not None:
        model.addCons(quicksum(z) == problem.count)
    for limit in problem.limits:
        if len(limit.members):
            ones = quicksum(z[k] for k in limit.members)
            model.addCons(ones <= limit.most)
            model.addCons(ones >= limit.least)
    return model, z


def _offer(model: Any, problem: Problem, z: list[Any], row: NDArray[np.int8]) -> None:
    """Give SCIP a start; it completes the products itself."""
    solution = model.createPartialSol()
    for variable, bit in zip(z, row, strict=True):
        model.setSolVal(solution, variable, float(bit))
    model.addSol(solution)


def _set_parameters(model: Any, options: SCIPOptions) -> None:
    model.setParam("limits/gap", options.gap)
    if options.time_limit is not None:
        model.setParam("limits/time", options.time_limit)
    if options.node_limit is not None:
        model.setParam("limits/totalnodes", options.node_limit)
    if options.seed is not None:
        model.setParam("randomization/randomseedshift", options.seed)


def _power_of_two(problem: Problem) -> float:
    """A factor that brings the biases near 1000: SCIP's tolerances are absolute."""
    largest = max(
        float(np.abs(problem.linear).max(initial=0.0)),
        float(np.abs(problem.quadratic[2]).max(initial=0.0)),
    )
    return 1.0 if largest == 0.0 else float(2.0 ** (10 - math.frexp(largest)[1]))


def _version() -> str:
    try:
        return version("pyscipopt")
    except PackageNotFoundError:
        return ""
