"""Better answers with their times: what a backend tells of its way, and the check of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secateur.backends.reads import are_bits
from secateur.limits import as_number
from secateur.problem.model import Problem

if TYPE_CHECKING:
    from secateur.backends.base import Solution

Told = tuple[tuple[float, NDArray[np.int8]], ...]
LATE = 1e-3
"""Seconds by which the clock of a solver may be ahead of ours."""


def improving_rows(problem: Problem, times: Iterable[float], rows: NDArray[np.generic]) -> Told:
    """The rows that are better than all before them, as ``Solution.incumbents``.

    Arguments:
        problem: that was solved.
        times: seconds since ``solve`` was called, when each row was had, ascending.
        rows: shape ``(rows, n)``; as many as there are times are looked at.
    """
    times = list(times)
    bits = np.asarray(rows[: len(times)], dtype=np.int8)
    energies = problem.energies(bits) if len(bits) else np.zeros(0)
    best, told = np.inf, []
    for seconds, row, energy in zip(times, bits, energies.tolist(), strict=False):
        if energy < best:
            best = energy
            told.append((seconds, row.copy()))
    return tuple(told)


def checked_incumbents(
    problem: Problem, solution: Solution, lie: Callable[[str], Exception]
) -> Told:
    """What a backend tells of its way, if it can have been.

    Arguments:
        problem: as the backend was handed it.
        solution: what it returned.
        lie: makes the error.

    Raises:
        BackendMisbehaved: times that fall, or are beyond the call; what are no bits of the
            problem's variables; a demand that is not kept.
    """
    before, told = 0.0, []
    for place, pair in enumerate(solution.incumbents):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise lie(f"returned the incumbent {place}, which is no pair of seconds and bits")
        seconds, row = as_number(pair[0]), np.asarray(pair[1])
        if seconds is None or not before <= seconds <= solution.timings.total + LATE:
            raise lie(
                f"returned an incumbent at {pair[0]!r} s, after one at {before:g} s, in a call of "
                f"{solution.timings.total:g} s"
            )
        if row.shape != (problem.n,) or not are_bits(row):
            raise lie(f"returned the incumbent {place}, which is not {problem.n} bits")
        if not problem.feasible(row)[0]:
            raise lie(f"returned the incumbent {place} with {problem.broken(row)[0]}")
        before = seconds
        told.append((seconds, row.astype(np.int8)))
    return tuple(told)
