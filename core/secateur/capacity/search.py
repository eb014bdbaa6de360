"""Exactly K ones from any backend."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from secateur.backends import Backend, Problem, Solution, Status, Stopped
from secateur.backends.registry import load_backend
from secateur.backends.verify import run
from secateur.capacity.exchange import greedy, swap_descent, to_count
from secateur.capacity.lagrangian import Search, offset_search, sample_bits
from secateur.capacity.selection import Selection, make_selection
from secateur.errors import BackendFailed, SecateurError
from secateur.progress import track

CONTROL = "greedy"
"""The name of the control that needs no backend: greedy with updated marginals, then swaps."""


def solve_exactly(
    problem: Problem,
    backend: str | type[Backend] | Backend = "annealing",
    *,
    options: Mapping[str, Any] | None = None,
    seed: int | None = 0,
    time_limit: float | None = None,
    most_calls: int = 16,
) -> Selection:
    """The lowest energy found with exactly ``problem.ones`` ones, within the limits.

    A backend that takes the cardinality (and the limits, if there are any) as constraints is called
    once; any other under the offset search. Whatever comes back is verified, and the energy is
    recomputed.

    Arguments:
        problem: with ``ones``.
        backend: a name, a backend, or "greedy" (the control, which calls none).
        options: of the backend.
        seed: given to the backend if it takes one.
        time_limit: in seconds, for each call, if the backend takes one.
        most_calls: of the backend, in the offset search.

    Raises:
        SecateurError: ``problem.ones`` is None.
        BackendError: the backend cannot be used, failed, or returned something untrue.
    """
    if problem.ones is None:
        raise SecateurError("the problem has no count", remedy="set Problem.ones")
    started = time.monotonic()
    if backend == CONTROL:
        return make_selection(
            problem,
            greedy(problem),
            bound=_linear_bound(problem),
            stopped=Stopped.COMPLETED,
            backend=CONTROL,
            calls=0,
            seconds=time.monotonic() - started,
            seed=None,
            provenance={"method": "greedy and swaps"},
        )
    solver = load_backend(backend)() if isinstance(backend, str) else backend
    solver = solver() if isinstance(solver, type) else solver

    def solve(asked: Problem) -> Solution:
        solution = run(
            solver,
            asked,
            options,
            seed=seed if solver.capabilities.takes_seed else None,
            time_limit=time_limit,
        )
        step.advance(note=f"call {step.done + 1}")
        if solution.stopped is Stopped.INTERRUPTED:
            raise KeyboardInterrupt
        if len(solution.samples) == 0:
            raise BackendFailed(
                f"backend {solver.name!r} found no solution ({solution.status}, stopped: "
                f"{solution.stopped})",
                backend=solver.name,
                remedy="give it more time, or choose another backend",
            )
        return solution

    with track(f"solving with {solver.name}") as step:
        if solver.capabilities.native_cardinality:
            search = _native(problem, solve, solver)
            method = "native cardinality"
        else:
            search = offset_search(problem, solve, most_calls=most_calls)
            method = "offset search"
        calls = step.done
    last = search.last
    assert last is not None
    return make_selection(
        problem,
        search.best,
        bound=search.bound,
        stopped=search.stopped or last.stopped,
        backend=solver.name,
        calls=calls,
        seconds=time.monotonic() - started,
        seed=last.seed,
        provenance={
            "method": method,
            "offsets": search.offsets,
            "energy_before_swaps": search.before_swaps,
            "versions": dict(last.versions),
            "options": dict(last.options),
            "job_id": last.job_id,
        },
    )


def _native(problem: Problem, solve: Any, solver: Backend) -> Search:
    """One call with the count as a constraint; limits the backend cannot take are repaired."""
    takes_all = solver.capabilities.native_limits or not problem.limits
    solution: Solution = solve(problem if takes_all else replace(problem, limits=()))
    rows = sample_bits(problem, solution)
    search = Search(best=rows[0], last=solution)
    if solution.bound is not None:
        search.bound = solution.bound
    proven = solution.status is Status.OPTIMAL
    for row in rows:
        repaired = to_count(problem, row)
        # nothing is better than a proven answer that needed no repair
        polished = (
            repaired
            if proven and np.array_equal(repaired, row)
            else swap_descent(problem, repaired)
        )
        energy = float(problem.energies(polished)[0])
        if energy < search.energy:
            search.best, search.energy = polished, energy
            search.before_swaps = float(problem.energies(repaired)[0])
    return search


def _linear_bound(problem: Problem) -> float | None:
    """The control proves what it finds only where there are no couplings."""
    if len(problem.quadratic[2]):
        return None
    return float(problem.energies(greedy(problem))[0])
