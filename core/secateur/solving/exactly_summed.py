"""Energies whose terms cancel, added up without rounding.

A margin for rounding is a small share of an energy, unless its terms cancel: then it is all of it,
and an optimum of nothing would be told with a gap. Only such energies are added up here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.problem.exact_sums import CANCELLED, nearest_and_below
from secateur.problem.junction import Junction

Floats = NDArray[np.float64]

FEW_TERMS = 2000
"""So many numbers of ones, over all blocks, are split among them in rational numbers."""
WIDEST = 256
"""Choices of wider blocks have too many terms to be added up one by one."""


def sharpened(
    linear: Floats, couplings: Any, bits: NDArray[np.generic], energy: Floats, size: Floats
) -> tuple[NDArray[np.intp], Floats]:
    """Which of the choices have terms that cancel, and the largest number not above each energy.

    Arguments:
        linear: of the block, shape ``(w,)``.
        couplings: symmetric, shape ``(w, w)``; or None.
        bits: choices, shape ``(B, w)``.
        energy: of each, to rounding, shape ``(B,)``.
        size: of each, the absolute sum of its terms, shape ``(B,)``.
    """
    if len(linear) > WIDEST:
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    rows = np.flatnonzero(np.abs(energy) <= CANCELLED * size)
    return rows, all_below(linear, couplings, bits[rows])


def all_below(linear: Floats, couplings: Any, bits: NDArray[np.generic]) -> Floats:
    """The largest number not above the exact energy of each choice, shape ``(B,)``."""
    below = []
    for choice in bits:
        on = np.flatnonzero(choice)
        terms = linear[on].tolist()
        if couplings is not None:
            inner = couplings[np.ix_(on, on)]
            terms += inner[np.triu_indices(len(on), 1)].tolist()
        below.append(nearest_and_below(terms)[1])
    return np.array(below, dtype=float)


def least_below(
    root: Junction, lower: Sequence[Floats], others: Sequence[Floats], near: float
) -> float:
    """Below the least sum of lower curves, found without rounding.

    Arguments:
        root: how the numbers of ones may add up.
        lower: of each block.
        others: the least that all other blocks cost, to rounding, for each number of ones.
        near: a number of ones whose sum is above this is in no least sum.
    """

    def sums(part: int | Junction) -> dict[int, Fraction]:
        if not isinstance(part, Junction):
            curve = lower[part]
            kept = np.flatnonzero(curve + others[part] <= near)
            return {int(k): Fraction(float(curve[k])) for k in kept}
        totals = {0: Fraction(0)}
        for child in part.children:
            more = sums(child)
            merged: dict[int, Fraction] = {}
            for i, a in totals.items():
                for j, b in more.items():
                    if i + j not in merged or a + b < merged[i + j]:
                        merged[i + j] = a + b
            totals = merged
        return {k: value for k, value in totals.items() if part.allowed[k]}

    least = min(sums(root).values())
    rounded = float(least)
    return rounded if Fraction(rounded) <= least else float(np.nextafter(rounded, -math.inf))
