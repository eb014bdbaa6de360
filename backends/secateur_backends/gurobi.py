"""Gurobi: exact mixed-integer quadratic programming, with every demand as a constraint.

The count is a linear equation beside the objective, never a penalty inside it: so a problem of 200
variables is proven in a second, where the penalty form of 30 variables is not proven in a minute.
Variables whose values are certain are left out, and dense couplings are handed over in convex form.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

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
from secateur.backends.incumbents import Told
from secateur.errors import BackendFailed, BackendUnavailable
from secateur.limits import MOST_ROUNDS, ROUNDS_WHY
from secateur.problem import Problem
from secateur.problem.reduction import Core, reduce
from secateur.solving.control import Control
from secateur.solving.exact_form import CONVEXIFY, certain, exact_form, warm_start
from secateur_backends.gurobi_licence import (
    FREE_ALTERNATIVES,
    LicenceOptions,
    availability,
    find_licence,
    licence_parameters,
    secrets_of,
    too_large,
    translate,
)
from secateur_backends.gurobi_model import build, integers

CITATION = """
@misc{gurobi,
  author = {{Gurobi Optimization, LLC}},
  title  = {{Gurobi Optimizer Reference Manual}},
  year   = {2026},
  url    = {https://www.gurobi.com}
}
"""

RESOLUTION = 1e-9
"""Gurobi's tolerances (1e-6) beside a largest bias of 1000."""
MOVES_SHARE = 0.15
"""Of a time limit is given to the start, and as much to the convex form."""


@dataclass(frozen=True)
class GurobiOptions(LicenceOptions):
    """Options of Gurobi."""

    time_limit: float | None = option(
        None, "stop after this and keep the best found", least=0, unit="s"
    )
    gap: float = option(
        0.0, "stop at this relative gap between energy and bound; 0 proves", least=0, most=1
    )
    threads: int = option(0, "threads; 0 leaves it to Gurobi", least=0, most=1024)
    seed: int | None = option(
        None, "varies the search, not what is proven", least=0, most=2 * 10**9
    )
    node_limit: int | None = option(
        None, "stop after so many nodes", least=0, most=MOST_ROUNDS, why=ROUNDS_WHY
    )
    convexify: str = option(
        "auto", "hand over the convex form; auto: where couplings are dense", choices=CONVEXIFY
    )


class Gurobi(Backend):
    """Proves optimality; every kind of constraint, and the start, are taken natively."""

    name: ClassVar[str] = "gurobi"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=None,  # depends on the licence: ask `applicability`
        native=frozenset({"count", "limit", "multiple", "linear", "quadratic", "budget"}),
        exact=True,
        takes_seed=True,
        takes_time_limit=True,
        takes_start=True,
    )
    Options: ClassVar[type[BackendOptions]] = GurobiOptions
    citation: ClassVar[str] = CITATION

    @classmethod
    def availability(cls) -> Availability:
        """Installed, and which licence would be used; takes none and contacts nothing."""
        return availability(_version())

    def applicability(
        self, problem: Problem, options: BackendOptions | None = None
    ) -> Applicability:
        """Limited only where the size-limited licence is the one that would be used."""
        given = options if isinstance(options, LicenceOptions) else None
        try:
            licence = find_licence(given)
        except BackendUnavailable as error:
            return Applicability(False, reason=error.message, remedy=error.remedy)
        if licence.kind == "size-limited":
            reason = too_large(problem.n + integers(problem), _is_quadratic(problem))
            if reason is not None:
                return Applicability(False, reason=reason, remedy=FREE_ALTERNATIVES)
        return Applicability(True, memory_bytes=32 * len(problem.quadratic[2]) + 2**27)

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Minimise; ``OPTIMAL`` only where bound and energy meet."""
        assert isinstance(options, GurobiOptions)
        clock = Control(options.time_limit)
        core = reduce(problem)
        if core.problem.n == 0:
            return certain(core, options, clock.elapsed(), {"gurobipy": _version() or ""})
        starts = warm_start(core.problem, clock.part(MOVES_SHARE))
        form = exact_form(
            core.problem,
            convexify=options.convexify,
            known=starts[0] if starts else None,
            control=clock.part(MOVES_SHARE),
        )
        with _model(problem, options) as (gurobi, model):
            variables = build(gurobi, model, core.problem, form)
            _set_parameters(model, options)
            if options.time_limit is not None:
                model.Params.TimeLimit = clock.left()
            model.NumStart = len(starts)
            for number, row in enumerate(starts):
                model.Params.StartNumber = number
                variables.Start = row.astype(np.float64)
            better = [(clock.elapsed(), row) for row in starts]

            def look(model: Any, where: int) -> None:
                if where == gurobi.GRB.Callback.MIPSOL:
                    row = np.rint(model.cbGetSolution(variables)).astype(np.int8)
                    better.append((clock.elapsed(), row))

            model.optimize(look)
            # Gurobi takes Ctrl-C away from Python, and only says afterwards that it came
            if model.Status == gurobi.GRB.INTERRUPTED:
                raise KeyboardInterrupt
            found = [np.rint(variables.X).astype(np.int8)] if model.SolCount else []
            bound = float(model.ObjBound) / form.factor
            return _solution(
                core,
                options,
                _best(core.problem, [*found, *starts]),
                bound if abs(bound) < 1e99 and math.isfinite(bound) else None,
                slack=form.slack,
                status=model.Status,
                constants=gurobi.GRB,
                raw={
                    "status": int(model.Status),
                    "nodes": float(model.NodeCount),
                    "work": float(model.Work),
                    "solutions": int(model.SolCount),
                    "licence_expires": int(model.LicenseExpiration),
                    "fixed": core.fixed,
                    "convexified": form.convex,
                },
                timings=Timings(total=clock.elapsed(), solve=float(model.Runtime)),
                incumbents=core.way(better),
            )


def _version() -> str | None:
    try:
        return version("gurobipy")
    except PackageNotFoundError:
        return None


def _is_quadratic(problem: Problem) -> bool:
    return len(problem.quadratic[2]) > 0 or "quadratic" in problem.kinds


@contextmanager
def _model(problem: Problem, options: GurobiOptions) -> Iterator[tuple[Any, Any]]:
    """gurobipy and a silent, empty model; both ends are let go of whatever happens."""
    try:
        import gurobipy
    except ImportError as error:
        raise BackendUnavailable(
            f"backend 'gurobi' needs gurobipy: {error}",
            backend="gurobi",
            remedy="pip install 'secateur[gurobi]'",
        ) from error
    parameters = licence_parameters(options)
    env = model = None
    try:
        env = gurobipy.Env(empty=True)
        env.setParam("OutputFlag", 0)  # before it starts, or the licence is announced
        for parameter, value in parameters.items():
            env.setParam(parameter, value)
        env.start()
        model = gurobipy.Model(env=env)
        yield gurobipy, model
    except gurobipy.GurobiError as error:
        # "from None": the original message may hold what `translate` takes out
        raise translate(error, problem.n, _is_quadratic(problem), secrets_of(parameters)) from None
    finally:
        if model is not None:
            model.dispose()
        if env is not None:
            env.dispose()


def _set_parameters(model: Any, options: GurobiOptions) -> None:
    # Gurobi calls a gap of 1e-4 optimal unless told otherwise
    model.Params.MIPGap = options.gap
    model.Params.MIPGapAbs = 0.0
    model.Params.IntFeasTol = 1e-9
    model.Params.FeasibilityTol = 1e-9
    model.Params.Threads = options.threads
    if options.node_limit is not None:
        model.Params.NodeLimit = options.node_limit
    if options.seed is not None:
        model.Params.Seed = options.seed


def _solution(
    core: Core,
    options: GurobiOptions,
    bits: NDArray[np.int8] | None,
    bound: float | None,
    *,
    slack: float,
    status: int,
    constants: Any,
    raw: dict[str, Any],
    timings: Timings,
    incumbents: Told,
) -> Solution:
    stopped = {
        constants.TIME_LIMIT: Stopped.TIME_LIMIT,
        constants.NODE_LIMIT: Stopped.NODE_LIMIT,
        constants.MEM_LIMIT: Stopped.MEMORY_LIMIT,
    }.get(status, Stopped.COMPLETED)
    if bits is not None:
        rows, held = bits[None], Status.FEASIBLE
        if bound is not None:
            # with a gap allowed Gurobi says "optimal" for what is only near
            bound, reason = core.judge(rows, bound, relative=RESOLUTION)
            if stopped is Stopped.COMPLETED and reason is None:
                held = Status.OPTIMAL
            elif stopped is Stopped.COMPLETED:
                raw = {**raw, "reason": reason}
    else:
        rows = np.zeros((0, core.problem.n), dtype=np.int8)
        no_solution = status in (constants.INFEASIBLE, constants.INF_OR_UNBD)
        if not no_solution and stopped is Stopped.COMPLETED:
            raise BackendFailed(
                f"backend 'gurobi' ended with Gurobi's status {status} and no solution",
                backend="gurobi",
                remedy="look at the biases: do they differ by many orders of magnitude?",
            )
        held = Status.INFEASIBLE if no_solution else Status.NONE
    whole = core.expand(rows)
    if bound is not None:
        bound = core.below(bound, slack)
        if len(whole):
            bound = min(bound, float(core.whole.energies(whole)[0]))
    return Solution.from_bits(
        core.whole,
        whole,
        options,
        timings.total,
        status=held,
        stopped=stopped,
        timings=timings,
        bound=bound,
        versions={"gurobipy": _version() or ""},
        raw=raw,
        incumbents=incumbents,
    )


def _best(problem: Problem, rows: list[NDArray[np.int8]]) -> NDArray[np.int8] | None:
    """The best of what was found and, as Gurobi may not have had time to look, of the starts."""
    rows = [row for row in rows if problem.feasible(row)[0]]
    if not rows:
        return None
    return np.asarray(min(rows, key=lambda row: float(problem.energies(row)[0])), dtype=np.int8)
