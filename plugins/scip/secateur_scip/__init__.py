"""The backend scip: exact, free, and without a size limit."""

from __future__ import annotations

import math
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
from secateur.problem.reduction import Core, reduce
from secateur.solving.control import Control
from secateur.solving.exact_form import (
    CONVEXIFY,
    DENSE,
    WIDEST,
    Form,
    certain,
    density,
    exact_form,
    warm_start,
)

MOST_COUPLINGS = 200_000
"""Variables for products beyond this take gigabytes before the search begins."""
LARGEST_SEED = 2**31 - 1
RESOLUTION = 1e-7
"""SCIP's tolerances, which hold for every product, relative to the largest bias."""
MOVES_SHARE = 0.15
"""Of a time limit is given to the start, and as much to the convex form."""
LINEAR_UP_TO = 45
"""Blocks of fewer variables are proven sooner in the linear form: measured."""


@dataclass(frozen=True)
class SCIPOptions(BackendOptions):
    """Options of SCIP."""

    time_limit: float | None = option(
        None, "stop after this and keep the best found", least=0, unit="s"
    )
    gap: float = option(0.0, "stop at this relative gap; 0 proves", least=0, most=1)
    node_limit: int | None = option(
        None, "stop after so many nodes", least=1, most=2**62, why="SCIP counts so far"
    )
    seed: int | None = option(
        None, "varies the search, not what is proven", least=0, most=LARGEST_SEED
    )
    convexify: str = option(
        "auto",
        "yes: the convex form by tangents; no: a variable for each product; auto: by size and "
        "density",
        choices=CONVEXIFY,
    )


class SCIP(Backend):
    """Proves optimality; every kind of constraint, and the start, are taken natively."""

    name = "scip"
    capabilities = Capabilities(
        native=frozenset({"count", "limit", "multiple", "linear", "quadratic"}),
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
        """Limited by the memory that a variable for each coupling takes, where it is needed."""
        given = options if isinstance(options, SCIPOptions) else SCIPOptions()
        if "quadratic" not in problem.kinds and _convexify(problem, given) == "yes":
            return Applicability(True, memory_bytes=60 * problem.n**2 + 2**26)
        couplings = len(problem.quadratic[2]) + sum(len(d.pairs[2]) for d in problem.sums)
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
        from secateur_scip.model import build
        from secateur_scip.watching import watch

        assert isinstance(options, SCIPOptions)
        clock = Control(options.time_limit)
        core = reduce(problem)
        if core.problem.n == 0:
            return certain(core, options, clock.elapsed(), {"pyscipopt": _version()})
        starts = warm_start(core.problem, clock.part(MOVES_SHARE))
        form = exact_form(
            core.problem,
            convexify=_convexify(core.problem, options),
            known=starts[0] if starts else None,
            control=clock.part(MOVES_SHARE),
        )
        made = build(core.problem, form)
        model = made.model
        _set_parameters(model, options)
        if options.time_limit is not None:
            model.setParam("limits/time", clock.left())
        for row in starts:
            made.offer(row)
        better = [(clock.elapsed(), row) for row in starts]
        watch(made, clock, better)
        model.optimizeNogil()
        status = model.getStatus()
        if status == "userinterrupt":  # SCIP takes Ctrl-C away from Python
            raise KeyboardInterrupt
        rows = [
            np.array([round(model.getSolVal(found, v)) for v in made.z], dtype=np.int8)
            for found in model.getSols()[:1]
        ]
        # its tangents may have overrated what it had on its way
        rows += [row for _, row in better[len(starts) :]]
        bits = np.array([*rows, *starts], dtype=np.int8).reshape(-1, core.problem.n)
        bits = bits[core.problem.feasible(bits)]
        stopped = {
            "timelimit": Stopped.TIME_LIMIT,
            "nodelimit": Stopped.NODE_LIMIT,
            "totalnodelimit": Stopped.NODE_LIMIT,
            "memlimit": Stopped.MEMORY_LIMIT,
        }.get(status, Stopped.COMPLETED)
        raw = {
            "status": status,
            "nodes": int(model.getNTotalNodes()),
            "fixed": core.fixed,
            "convexified": form.convex,
        }
        held, bound, reason = _held(core, bits, model, form, stopped)
        if reason is not None:
            raw["reason"] = reason
        return Solution.from_bits(
            problem,
            core.expand(bits),
            options,
            clock.elapsed(),
            status=held,
            stopped=stopped,
            bound=bound,
            timings=Timings(total=clock.elapsed(), solve=float(model.getSolvingTime())),
            versions={"pyscipopt": _version(), "scip": f"{model.version():g}"},
            raw=raw,
            incumbents=core.way(better),
        )


def _convexify(problem: Problem, options: SCIPOptions) -> str:
    """ "yes" or "no": up to some variables SCIP's own linear form is the quicker one."""
    widest = max(
        (block.size for block in problem.parts.blocks if block.couplings is not None), default=0
    )
    if widest > WIDEST:
        return "no"
    if options.convexify != "auto":
        return options.convexify
    return "yes" if widest >= LINEAR_UP_TO and density(problem) >= DENSE else "no"


def _held(
    core: Core, bits: NDArray[np.int8], model: Any, form: Form, stopped: Stopped
) -> tuple[Status, float | None, str | None]:
    """What the rows and SCIP's bound prove, and why not more."""
    bound: float | None = float(model.getDualbound()) / form.factor
    if not math.isfinite(bound) or abs(bound) * form.factor >= 1e19:
        bound = None
    if not len(bits):
        infeasible = model.getStatus() == "infeasible"
        below = None if bound is None else core.below(bound, form.slack)
        return (Status.INFEASIBLE if infeasible else Status.NONE), below, None
    if bound is None:
        return Status.FEASIBLE, None, None
    bound, reason = core.judge(bits, bound, relative=RESOLUTION)
    if stopped is not Stopped.COMPLETED:
        held, reason = Status.FEASIBLE, None
    else:
        held = Status.OPTIMAL if reason is None else Status.FEASIBLE
    whole = float(core.whole.energies(core.expand(bits)).min())
    return held, min(core.below(bound, form.slack), whole), reason


def _set_parameters(model: Any, options: SCIPOptions) -> None:
    model.setParam("limits/gap", options.gap)
    if options.node_limit is not None:
        model.setParam("limits/totalnodes", options.node_limit)
    if options.seed is not None:
        model.setParam("randomization/randomseedshift", options.seed)


def _version() -> str:
    try:
        return version("pyscipopt")
    except PackageNotFoundError:
        return ""
