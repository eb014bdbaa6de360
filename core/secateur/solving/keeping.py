"""Which choices of a block's variables keep every demand within it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Block, InnerSum

Floats = NDArray[np.float64]
Bits = NDArray[np.int8]


def kept(block: Block, bits: Bits) -> NDArray[np.bool_]:
    """Which of R choices keep every demand of a block, exactly.

    Arguments:
        block: of w variables.
        bits: zeros and ones, shape ``(R, w)``.

    Returns:
        Shape ``(R,)``. Sums within rounding of a limit are decided in rational arithmetic.
    """
    good = np.asarray(block.allowed, np.bool_)[bits.sum(axis=1, dtype=np.intp)]
    for count in block.counts:
        good = good & count.allowed[bits[:, count.members].sum(axis=1, dtype=np.intp)]
    for demand in block.sums:
        if not good.any():
            break
        values, size = _values(demand, bits)
        room = 1e-12 * size
        sure = (values >= demand.lower + room) & (values <= demand.upper - room)
        broken = (values < demand.lower - room) | (values > demand.upper + room)
        for row in np.flatnonzero(good & ~sure & ~broken).tolist():
            sure[row] = _within(demand, bits[row])
        good = good & sure
    return good


def sum_values(demand: InnerSum, bits: Bits) -> Floats:
    """The form of a demand at R choices, shape ``(R,)``."""
    return _values(demand, bits)[0]


def _values(demand: InnerSum, bits: Bits) -> tuple[Floats, float]:
    ones = bits.astype(np.float64)
    values = demand.constant + ones @ demand.linear
    size = abs(demand.constant) + float(np.abs(demand.linear).sum())
    if demand.couplings is not None:
        values = values + 0.5 * ((ones @ demand.couplings) * ones).sum(axis=1)
        size += 0.5 * float(np.abs(demand.couplings).sum())
    return values, size


def _within(demand: InnerSum, bits: Bits) -> bool:
    """One choice, in rational arithmetic: floats stand for exactly their values."""
    ones = np.flatnonzero(bits)
    total = Fraction(demand.constant) + sum(Fraction(x) for x in demand.linear[ones].tolist())
    if demand.couplings is not None:
        inner = demand.couplings[np.ix_(ones, ones)]
        total += sum(Fraction(x) for x in inner[np.triu_indices(len(ones), 1)].tolist() if x)
    return bool(demand.lower <= total <= demand.upper)
