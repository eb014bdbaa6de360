"""Exact arithmetic: floats as integers, positive semidefinite matrices, sums of curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

WIDEST = 4096
"""Rows of a matrix: the sum of this many products of 20-bit numbers is exact in a float64."""
MOST_ELIMINATED = 128
"""Rows of a matrix that is eliminated without fractions: 128 take ten seconds."""
_LIMB = 20
_ROUNDINGS = (44, 40, 36, 30)


def integers(values: Iterable[Any], spare: int = 0) -> tuple[list[int], int]:
    """Numbers over powers of two, as integers times ``2**-scale``, each a multiple of 2**spare."""
    ratios = [x.as_integer_ratio() for x in values]
    scale = max((below.bit_length() - 1 for _, below in ratios), default=0) + spare
    return [above << (scale - below.bit_length() + 1) for above, below in ratios], scale


def semidefinite(rows: Sequence[Sequence[int]]) -> bool | None:
    """Whether a symmetric integer matrix is positive semidefinite; None where that is not found.

    A row with a zero on the diagonal must be zero. The others are decided by the first of:
    diagonal dominance; a factor L, guessed in floats and rounded to integers, for which what is
    left, Q - LL', is dominated by its diagonal; elimination without fractions.
    """
    if any(row[i] < 0 or (row[i] == 0 and any(row)) for i, row in enumerate(rows)):
        return False
    kept = [i for i, row in enumerate(rows) if row[i] > 0]
    if all(2 * rows[i][i] >= sum(map(abs, rows[i])) for i in kept):
        return True
    rows = [[rows[i][j] for j in kept] for i in kept]
    if len(rows) <= WIDEST and _has_factor(rows):
        return True
    return _eliminate(rows) if len(rows) <= MOST_ELIMINATED else None


def _has_factor(rows: Sequence[Sequence[int]]) -> bool:
    """True only if Q - LL' is found to be diagonally dominant for some L."""
    # half the length of the diagonal is taken from both sides, which keeps the sign and brings
    # every diagonal to 1/4 … 1; then each entry is rounded down, by less than 2**-bits
    bits = 6 * _LIMB
    half = [(row[i].bit_length() + 1) // 2 for i, row in enumerate(rows)]
    scaled = [
        [x << bits >> (a + b) for x, b in zip(row, half, strict=True)]
        for row, a in zip(rows, half, strict=True)
    ]
    if any(abs(x) > 1 << bits for row in scaled for x in row):
        return False
    guess = np.array([[x / (1 << bits) for x in row] for row in scaled])
    for rounding in _ROUNDINGS:  # the guess is exact only up to what is taken from the diagonal
        try:
            factor = np.linalg.cholesky(guess - np.diag(np.diag(guess)) * 2.0**-rounding)
        except np.linalg.LinAlgError:
            continue
        if _leaves_dominance(scaled, np.rint(factor * 2.0 ** (bits // 2)).astype(np.int64)):
            return True
    return False


def _leaves_dominance(scaled: list[list[int]], factor: NDArray[np.int64]) -> bool:
    """Whether in Q - LL' every diagonal is at least the rest of its row and all rounding."""
    mask = (1 << _LIMB) - 1
    limbs = [(x).astype(np.float64) for x in (factor & mask, factor >> _LIMB & mask)]
    limbs.append((factor >> 2 * _LIMB).astype(np.float64))
    if np.abs(limbs[2]).max() > 1 << _LIMB:
        return False

    def product(a: int, b: int) -> NDArray[np.int64]:
        # whole numbers below 2**53 in float64: exact in any order of adding
        both = (limbs[a] @ limbs[b].T).astype(np.int64)
        return both if a == b else both + both.T

    parts = [product(0, 0), product(0, 1), product(0, 2) + product(1, 1)]
    parts += [product(1, 2), product(2, 2)]
    for i, row in enumerate(scaled):
        powers = (part[i].tolist() for part in parts)
        rest = [
            x - (a + (b << 20) + (c << 40) + (d << 60) + (e << 80))
            for x, a, b, c, d, e in zip(row, *powers, strict=True)
        ]
        if 2 * rest[i] < sum(map(abs, rest)) + len(rest):
            return False
    return True


def _eliminate(rows: Sequence[Sequence[int]]) -> bool:
    """Bareiss' elimination of the upper triangle; every division is exact."""
    upper = [list(row[i:]) for i, row in enumerate(rows)]
    previous = 1
    while upper:
        head, pivot = upper[0], upper[0][0]
        if pivot < 0 or (pivot == 0 and any(head)):
            return False
        if pivot == 0:
            upper = upper[1:]
            continue
        upper = [
            [(pivot * x - head[i] * y) // previous for x, y in zip(row, head[i:], strict=True)]
            for i, row in enumerate(upper[1:], start=1)
        ]
        previous = pivot
    return True


def min_plus(curves: Sequence[NDArray[Any]], top: int) -> NDArray[Any]:
    """The least sum for every total of the counts; ``top`` stands for all from ``top`` up."""
    level = list(curves)
    while len(level) > 1:  # neighbours first: the work is that of all pairs of variables
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [_pair(a, b, top) for a, b in pairs] + level[len(level) & ~1 :]
    return level[0] if level else np.zeros(1, np.int64)


def _pair(a: NDArray[Any], b: NDArray[Any], top: int) -> NDArray[Any]:
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    total = np.full(len(long) + len(short) - 1, top, dtype=long.dtype)
    for k in np.flatnonzero(short < top):
        part = total[k : k + len(long)]
        np.minimum(part, long + short[k], out=part)  # top stays: both are at most top
    return total
