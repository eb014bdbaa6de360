"""Demands within a block, at many partial choices at once.

A partial choice is a row of int8: 1 and 0 where a variable is fixed, -1 where it is free. What is
said to be impossible here is impossible exactly: sums are compared with a margin for rounding, and
complete choices are summed without rounding.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Block, Floats, InnerSum

Bits = NDArray[np.int8]
_UNIT = 2.0**-53


class Demands:
    """What a block's variables must keep beside the block's own number of ones.

    Arguments:
        block: with ``allowed``, ``counts`` and ``sums``.
    """

    def __init__(self, block: Block) -> None:
        self.block = block
        self.names = [demand.name for demand in block.counts]
        self.names += [demand.name for demand in block.sums]
        self.members = np.zeros((len(block.counts), block.size))
        for row, demand in zip(self.members, block.counts, strict=True):
            row[demand.members] = 1.0
        # how many allowed numbers lie below each number
        self.below = [np.cumsum([0, *demand.allowed]) for demand in block.counts]
        self.forms = [_Form(demand) for demand in block.sums]

    def __bool__(self) -> bool:
        return bool(self.names)

    def propagate(self, choices: Bits) -> tuple[NDArray[np.intp], Bits]:
        """Which demand each partial choice can no longer keep, and what the demands force.

        Every forced value is forced by one demand and the partial choice alone.

        Arguments:
            choices: shape ``(B, w)``.

        Returns:
            the number of a demand or -1, shape ``(B,)``; and 0, 1 or -1 (free or fixed already),
            shape ``(B, w)``.
        """
        broken = np.full(len(choices), -1, dtype=np.intp)
        forced = np.full(choices.shape, -1, dtype=np.int8)
        one = (choices == 1).astype(float)
        free = choices < 0
        taken = np.rint(one @ self.members.T).astype(np.intp)
        left = np.rint(free.astype(float) @ self.members.T).astype(np.intp)
        for j, below in enumerate(self.below):
            low, high = taken[:, j], taken[:, j] + left[:, j]
            broken[below[high + 1] - below[low] == 0] = j
            members = free & (self.members[j] > 0)
            forced[members & (below[high + 1] - below[low + 1] <= 0)[:, None]] = 0
            forced[members & (below[high] - below[low] <= 0)[:, None]] = 1
        for j, form in enumerate(self.forms, len(self.below)):
            failed, no_one, no_zero = form.impossible(one, free)
            broken[failed] = j
            forced[no_one] = 0
            forced[no_zero & (forced < 0)] = 1
        return broken, forced

    def complete(self, bits: Bits) -> int:
        """The number of the first demand that a complete choice breaks, or -1; exact."""
        for j, demand in enumerate(self.block.counts):
            if not demand.allowed[int(bits[demand.members].sum())]:
                return j
        for j, form in enumerate(self.forms, len(self.below)):
            if not form.keeps(bits):
                return j
        return -1

    def keeps(self, bits: Bits) -> bool:
        """A complete choice keeps every demand, and the block's number of ones; exact."""
        return bool(self.block.allowed[int(bits.sum())]) and self.complete(bits) < 0

    def troubled(self, bits: Bits) -> NDArray[np.bool_]:
        """The variables of the demands that complete choices break, shape ``(B, w)``."""
        out = np.zeros(bits.shape, dtype=bool)
        for row, choice in zip(out, bits, strict=True):
            j = self.complete(choice)
            if 0 <= j < len(self.below):
                row |= self.members[j] > 0
            elif j >= 0:
                row |= self.forms[j - len(self.below)].used
        return out

    def swaps(
        self, bits: Bits, ones: NDArray[np.intp], zeros: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Which exchanges of a one for a zero keep every demand (sums but for rounding)."""
        good = np.ones((len(ones), len(zeros)), dtype=bool)
        for member, demand in zip(self.members, self.block.counts, strict=True):
            now = int(bits[demand.members].sum())
            allowed = np.concatenate([[False], demand.allowed, [False]])
            change = (member[zeros][None, :] - member[ones][:, None]).astype(np.intp)
            good &= allowed[now + 1 + change]
        for form in self.forms:
            good &= form.swaps(bits, ones, zeros)
        return good


class _Form:
    """A linear or quadratic demand: the extremes of its terms under partial choices."""

    def __init__(self, demand: InnerSum) -> None:
        self.demand = demand
        size = len(demand.linear)
        self.pairs = np.zeros((size, size)) if demand.couplings is None else demand.couplings
        self.used = (demand.linear != 0) | (self.pairs != 0).any(1)
        total = np.abs(demand.linear).sum() + 0.5 * np.abs(self.pairs).sum()
        self.margin = 8 * (size + 8) * _UNIT * float(total + abs(demand.constant))

    def impossible(
        self, one: Floats, free: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
        """Partial choices without a completion; variables that cannot be 1; that cannot be 0.

        The extremes are taken term by term.
        """
        demand = self.demand
        failed = np.zeros(len(one), dtype=bool)
        no_one, no_zero = np.zeros_like(free), np.zeros_like(free)
        for sign, limit in ((1.0, demand.upper), (-1.0, -demand.lower)):
            if math.isinf(limit):
                continue
            linear, pairs = sign * demand.linear, sign * self.pairs
            low, low_pairs = np.minimum(linear, 0.0), np.minimum(pairs, 0.0)
            some = one + free
            with_one, with_some = one @ (pairs - low_pairs), some @ low_pairs
            least = sign * demand.constant + one @ linear + free @ low
            least += 0.5 * ((one * with_one).sum(1) + (some * with_some).sum(1))
            over = least - limit - self.margin
            failed |= over > 0
            no_one |= free & (over[:, None] + linear - low + with_one > 0)
            no_zero |= free & (over[:, None] - low - with_some > 0)
        # complete choices are judged without rounding
        for row in np.flatnonzero(~free.any(1)):
            failed[row] = not self.keeps(one[row].astype(np.int8))
        return failed, no_one, no_zero

    def keeps(self, bits: Bits) -> bool:
        """Exact: a sum of floats that is rounded once has the right sign."""
        demand, ones = self.demand, np.flatnonzero(bits)
        terms = [demand.constant, *demand.linear[ones]]
        if demand.couplings is not None:
            inner = demand.couplings[np.ix_(ones, ones)]
            terms.extend(inner[np.triu_indices(len(ones), 1)])
        if math.isfinite(demand.upper) and math.fsum([*terms, -demand.upper]) > 0:
            return False
        return not (math.isfinite(demand.lower) and math.fsum([*terms, -demand.lower]) < 0)

    def swaps(
        self, bits: Bits, ones: NDArray[np.intp], zeros: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        demand, chosen = self.demand, bits.astype(float)
        field = demand.linear + self.pairs @ chosen
        now = demand.constant + 0.5 * float((demand.linear + field) @ chosen)
        value = now + field[zeros][None, :] - field[ones][:, None] - self.pairs[np.ix_(ones, zeros)]
        good: NDArray[np.bool_] = (value <= demand.upper + self.margin) & (
            value >= demand.lower - self.margin
        )
        return good


def descend(linear: Floats, couplings: Floats | None, bits: Bits, demands: Demands) -> Bits:
    """Swap a one for a zero while that lowers the energy and keeps the demands.

    Arguments:
        linear: h, shape ``(w,)``.
        couplings: J, shape ``(w, w)``, or None.
        bits: a choice that keeps the demands, shape ``(w,)``.
        demands: of the block.
    """
    ones, zeros = np.flatnonzero(bits == 1), np.flatnonzero(bits == 0)
    if not len(ones) or not len(zeros):
        return bits
    bits = bits.copy()
    field = linear if couplings is None else linear + couplings @ bits
    least = 1e-12 * float(np.abs(field).max())
    while True:
        change = field[zeros][None, :] - field[ones][:, None]
        if couplings is not None:
            change = change - couplings[np.ix_(ones, zeros)]
        if demands:
            change = np.where(demands.swaps(bits, ones, zeros), change, np.inf)
        i, j = divmod(int(np.argmin(change)), len(zeros))
        if change[i, j] >= -least:
            return bits
        out, into = ones[i], zeros[j]
        bits[out], bits[into] = 0, 1
        if demands and not demands.keeps(bits):
            bits[out], bits[into] = 1, 0
            return bits
        if couplings is not None:
            field = field - couplings[out] + couplings[into]
        ones[i], zeros[j] = into, out
