"""A part of a problem as a problem of its own, the rest held fixed."""

from __future__ import annotations

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.backends.problem import Bits, Limit, Problem


def subproblem(problem: Problem, bits: Bits, positions: NDArray[np.intp]) -> Problem:
    """The problem over some variables, with the others as in ``bits``.

    Its energies are those of the whole problem. Its count and limits are what the fixed variables
    leave of the whole ones, so a feasible answer put back is feasible.

    Arguments:
        problem: the whole.
        bits: keep the whole problem's count and limits, shape ``(n,)``.
        positions: of the free variables, each once.
    """
    chosen = set(positions.tolist())
    rest = np.array(bits, dtype=np.float64)
    rest[positions] = 0
    linear = problem.linear[positions] + problem.couplings[positions] @ rest
    block = np.triu(problem.couplings[np.ix_(positions, positions)], 1)
    row, col = np.nonzero(block)
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear,
        (row, col, block[row, col]),
        float(problem.energies(rest)[0]),
        dimod.BINARY,
        variable_order=[problem.variables[i] for i in positions],
    )
    limits = []
    for limit in problem.limits:
        members = problem.positions(limit.variables)
        inside = tuple(problem.variables[i] for i in members if int(i) in chosen)
        if inside:
            used = int(rest[members].sum())
            limits.append(Limit(limit.name, inside, limit.at_most - used))
    part = np.asarray(bits)[positions].astype(np.int8)
    return Problem(
        bqm,
        ones=None if problem.ones is None else int(part.sum(dtype=np.int64)),
        limits=tuple(limits),
        start=part[None],
    )


def persistent(problem: Problem) -> tuple[Bits, NDArray[np.bool_]]:
    """Variables whose value in some optimum is certain: the values, and which are certain.

    First-order persistency, repeated: if a variable costs something whatever the others do, zero is
    never worse; if it saves whatever they do, one is. Hammer, Hansen and Simeone, "Roof duality,
    complementation and persistency in quadratic 0-1 optimization", Mathematical Programming 28, 121
    (1984); Boros and Hammer, "Pseudo-Boolean optimization", Discrete Applied Mathematics 123, 155
    (2002).

    With a wanted count nothing is certain: a variable that costs something may have to be one all
    the same. With limits, one is certain only where there is no limit.
    """
    values = np.zeros(problem.n, dtype=np.int8)
    known = np.zeros(problem.n, dtype=bool)
    if problem.ones is not None:
        return values, known
    limited = np.zeros(problem.n, dtype=bool)
    for limit in problem.limits:
        limited[problem.positions(limit.variables)] = True
    couplings = problem.couplings
    while not known.all():
        # fixed ones are part of the linear cost, fixed zeros are gone
        linear = problem.linear + couplings[:, known] @ values[known]
        free = couplings[:, ~known]
        zero = ~known & (linear + np.minimum(free, 0).sum(axis=1) >= 0)
        one = ~known & ~zero & ~limited & (linear + np.maximum(free, 0).sum(axis=1) <= 0)
        if not (zero | one).any():
            break
        values[one] = 1
        known |= zero | one
    return values, known
