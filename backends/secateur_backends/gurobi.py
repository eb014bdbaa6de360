"""Gurobi: exact mixed-integer quadratic programming, with the count and limits as constraints.

The count is a linear equation beside the objective, never a penalty inside it: so a problem of 200
variables is proven in a second, where the penalty form of 30 variables is not proven in a minute.
"""

from __future__ import annotations

import math
import time
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
from secateur.errors import BackendFailed, BackendUnavailable
from secateur.lazy import dimod
from secateur.problem import Problem
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

CITATION = """
@misc{gurobi,
  author = {{Gurobi Optimization, LLC}},
  title  = {{Gurobi Optimizer Reference Manual}},
  year   = {2026},
  url    = {https://www.gurobi.com}
}
"""

CLOSED = 1e-9
"""Bound and energy nearer than this, relative to the energy, are a proof."""


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
    node_limit: int | None = option(None, "stop after so many nodes", least=0)


class Gurobi(Backend):
    """Proves optimality; the count, limits and start are taken natively."""

    name: ClassVar[str] = "gurobi"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_variables=None,  # depends on the licence: ask `applicability`
        native=frozenset({"count", "limit"}),
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
            reason = too_large(problem.n, _is_quadratic(problem))
            if reason is not None:
                return Applicability(False, reason=reason, remedy=FREE_ALTERNATIVES)
        return Applicability(True, memory_bytes=32 * len(problem.quadratic[2]) + 2**27)

    def solve(self, problem: Problem, options: BackendOptions) -> Solution:
        """Minimise; ``OPTIMAL`` only where bound and energy meet."""
        assert isinstance(options, GurobiOptions)
        started = time.monotonic()
        with _model(problem, options) as (gurobi, model):
            scale = _power_of_two(problem)
            variables = _build(gurobi, model, problem, scale)
            _set_parameters(model, options)
            if problem.start is not None and len(problem.start):
                model.NumStart = len(problem.start)
                for number, row in enumerate(problem.start):
                    model.Params.StartNumber = number
                    variables.Start = row.astype(np.float64)
            model.optimize()
            # Gurobi takes Ctrl-C away from Python, and only says afterwards that it came
            if model.Status == gurobi.GRB.INTERRUPTED:
                raise KeyboardInterrupt
            found = [np.rint(variables.X).astype(np.int8)] if model.SolCount else []
            bound = float(model.ObjBound) / scale if problem.n else float(problem.offset)
            return _solution(
                problem,
                options,
                _best(problem, found),
                bound if abs(bound) < 1e99 and math.isfinite(bound) else None,
                status=model.Status,
                constants=gurobi.GRB,
                raw={
                    "status": int(model.Status),
                    "nodes": float(model.NodeCount),
                    "work": float(model.Work),
                    "solutions": int(model.SolCount),
                    "licence_expires": int(model.LicenseExpiration),
                },
                timings=Timings(total=time.monotonic() - started, solve=float(model.Runtime)),
            )


def _version() -> str | None:
    try:
        return version("gurobipy")
    except PackageNotFoundError:
        return None


def _is_quadratic(problem: Problem) -> bool:
    return bool(np.any(problem.quadratic[2]))


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


def _power_of_two(problem: Problem) -> float:
    """A factor that brings very small or large biases near 1000.

    Gurobi's tolerances are absolute (1e-6), and energies in units of loss can be as small. A power
    of two changes no digit of a bias.
    """
    largest = max(
        float(np.abs(problem.linear).max(initial=0.0)),
        float(np.abs(problem.quadratic[2]).max(initial=0.0)),
    )
    if largest == 0.0 or 1.0 <= largest <= 1e5:
        return 1.0
    return float(2.0 ** (10 - math.frexp(largest)[1]))


def _build(gurobi: Any, model: Any, problem: Problem, scale: float) -> Any:
    """The variables, the objective, the count and the limits."""
    from scipy.sparse import coo_array

    z = model.addMVar(problem.n, vtype=gurobi.GRB.BINARY)
    row, col, bias = (np.array(values) for values in problem.quadratic)
    linear: NDArray[np.float64] = scale * problem.linear
    offset = scale * float(problem.offset)
    if _is_quadratic(problem):
        couplings = coo_array((scale * bias, (row, col)), shape=(problem.n, problem.n))
        model.setMObjective(couplings, linear, offset, z, z, z, gurobi.GRB.MINIMIZE)
    elif problem.n:
        model.setMObjective(None, linear, offset, None, None, z, gurobi.GRB.MINIMIZE)
    if problem.count is not None:
        model.addConstr(z.sum() == problem.count, name="count")
    for number, limit in enumerate(problem.limits):
        if len(limit.members):
            ones = z[limit.members].sum()
            model.addConstr(ones <= limit.most, name=f"limit{number}")
            model.addConstr(ones >= limit.least, name=f"least{number}")
    return z


def _set_parameters(model: Any, options: GurobiOptions) -> None:
    # Gurobi calls a gap of 1e-4 optimal unless told otherwise
    model.Params.MIPGap = options.gap
    model.Params.MIPGapAbs = 0.0
    model.Params.IntFeasTol = 1e-9
    model.Params.Threads = options.threads
    if options.time_limit is not None:
        model.Params.TimeLimit = options.time_limit
    if options.node_limit is not None:
        model.Params.NodeLimit = options.node_limit
    if options.seed is not None:
        model.Params.Seed = options.seed


def _solution(
    problem: Problem,
    options: GurobiOptions,
    bits: NDArray[np.int8] | None,
    bound: float | None,
    *,
    status: int,
    constants: Any,
    raw: dict[str, Any],
    timings: Timings,
) -> Solution:
    stopped = {
        constants.TIME_LIMIT: Stopped.TIME_LIMIT,
        constants.NODE_LIMIT: Stopped.NODE_LIMIT,
        constants.MEM_LIMIT: Stopped.MEMORY_LIMIT,
    }.get(status, Stopped.COMPLETED)
    if bits is not None:
        energy = float(problem.energies(bits)[0])
        bound = None if bound is None else min(bound, energy)
        # with a gap allowed Gurobi says "optimal" for what is only near
        proven = bound is not None and energy - bound <= CLOSED * max(1e-300, _size(problem))
        held = Status.OPTIMAL if proven and stopped is Stopped.COMPLETED else Status.FEASIBLE
        rows = bits[None, :]
    else:
        rows = np.zeros((0, problem.n), dtype=np.int8)
        no_solution = status in (constants.INFEASIBLE, constants.INF_OR_UNBD)
        if not no_solution and stopped is Stopped.COMPLETED:
            raise BackendFailed(
                f"backend 'gurobi' ended with Gurobi's status {status} and no solution",
                backend="gurobi",
                remedy="look at the biases: do they differ by many orders of magnitude?",
            )
        held = Status.INFEASIBLE if no_solution else Status.NONE
    samples = dimod.SampleSet.from_samples(
        (rows, list(problem.variables)), vartype=dimod.BINARY, energy=problem.energies(rows)
    )
    return Solution(
        samples=samples,
        status=held,
        stopped=stopped,
        timings=timings,
        bound=bound,
        versions={"gurobipy": _version() or ""},
        options=options.public(),
        seed=options.seed,
        raw=raw,
    )


def _best(problem: Problem, found: list[NDArray[np.int8]]) -> NDArray[np.int8] | None:
    """The best of what was found and, as Gurobi may not have had time to look, of the start."""
    rows = [*found, *(problem.start if problem.start is not None else ())]
    rows = [row for row in rows if problem.feasible(row)[0]]
    if not rows:
        return None
    return np.asarray(min(rows, key=lambda row: float(problem.energies(row)[0])), dtype=np.int8)


def _size(problem: Problem) -> float:
    """The size of the numbers that an energy is summed from."""
    return float(
        np.abs(problem.linear).sum()
        + np.abs(problem.quadratic[2]).sum()
        + abs(float(problem.offset))
    )
