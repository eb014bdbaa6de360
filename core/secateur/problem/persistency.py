"""Variables whose value in some optimum is certain.

First-order persistency, repeated: if a variable costs something whatever the others do, zero is
never worse; if it saves whatever they do, one is. Hammer, Hansen and Simeone, "Roof duality,
complementation and persistency in quadratic 0-1 optimization", Mathematical Programming 28, 121
(1984); Boros and Hammer, "Pseudo-Boolean optimization", Discrete Applied Mathematics 123, 155
(2002).

Under a wanted count K the argument is an exchange: if one variable costs at most what another does
whatever the rest do, there is an optimum in which it is one whenever the other is. So a variable
that is cheaper than at least n - K others is one, and one that is dearer than at least K is zero.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.problem.model import Bits, Problem

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def persistent(problem: Problem) -> tuple[Bits, Flags]:
    """The values, shape ``(n,)``, and which of them are certain, shape ``(n,)``.

    With other demands than a count nothing is certain but what a demand itself fixes. Comparisons
    allow for the rounding of the sums: what is only nearly certain is not.
    """
    values = np.zeros(problem.n, dtype=np.int8)
    known = np.zeros(problem.n, dtype=bool)
    if problem.n == 0 or problem.kinds - {"count"}:
        return values, known
    while not known.all():
        low, high = _range(problem, values, known)
        free = ~known
        if problem.count is None:
            zero, one = free & (low >= 0), free & (high <= 0) & (low < 0)
        else:
            wanted = problem.count - int(values.sum(dtype=np.int64))
            zero, one = _exchange(low, high, free, wanted)
        if not (zero | one).any():
            break
        values[one] = 1
        known |= zero | one
    return values, known


def _range(problem: Problem, values: Bits, known: Flags) -> tuple[Floats, Floats]:
    """The least and the most that each variable can cost, the known ones as they are."""
    row, col, bias = problem.quadratic
    low, high = problem.linear.copy(), problem.linear.copy()
    size = np.abs(problem.linear)
    for one, other in ((row, col), (col, row)):
        fixed, on = known[other], values[other] == 1
        certain = np.where(fixed & on, bias, 0.0)
        open_ = np.where(fixed, 0.0, bias)
        low += np.bincount(one, certain + np.minimum(open_, 0.0), minlength=problem.n)
        high += np.bincount(one, certain + np.maximum(open_, 0.0), minlength=problem.n)
        size += np.bincount(one, np.abs(bias), minlength=problem.n)
    degree = np.bincount(row, minlength=problem.n) + np.bincount(col, minlength=problem.n)
    # a sum of so many terms is off by no more than this; without couplings it is exact
    off = np.finfo(float).eps * size * np.where(degree > 0, degree + 4, 0)
    return low - off, high + off


def _exchange(low: Floats, high: Floats, free: Flags, wanted: int) -> tuple[Flags, Flags]:
    """Which free variables must be zero and one, when ``wanted`` of the free ones are one."""
    where = np.flatnonzero(free)
    lows, highs = low[where], high[where]
    many = len(where)
    # i comes before j if high_i < low_j, or they are equal and i < j: so no two precede each other
    by_low = np.lexsort((where, lows))
    by_high = np.lexsort((where, highs))
    after = np.array(
        [many - _place(lows[by_low], where[by_low], highs[i], where[i]) for i in range(many)]
    )
    before = np.array(
        [_place_left(highs[by_high], where[by_high], lows[i], where[i]) for i in range(many)]
    )
    zero, one = np.zeros(len(low), dtype=bool), np.zeros(len(low), dtype=bool)
    one[where[after + 1 > many - wanted]] = True
    zero[where[before + 1 > wanted]] = True
    return zero & ~one, one


def _place(sorted_values: Floats, labels: NDArray[np.intp], value: float, label: int) -> int:
    """How many (value, label) pairs are not above the given one."""
    first = int(np.searchsorted(sorted_values, value, side="left"))
    last = int(np.searchsorted(sorted_values, value, side="right"))
    return first + int((labels[first:last] <= label).sum())


def _place_left(sorted_values: Floats, labels: NDArray[np.intp], value: float, label: int) -> int:
    """How many (value, label) pairs are below the given one."""
    first = int(np.searchsorted(sorted_values, value, side="left"))
    last = int(np.searchsorted(sorted_values, value, side="right"))
    return first + int((labels[first:last] < label).sum())
