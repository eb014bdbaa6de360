"""Swaps of a one and a zero in a block: descents at a fixed number of ones.

The change of a swap that takes ``o`` out and ``i`` in is ``f_i - f_o - J_oi`` with the fields
``f = h + J z``. Many choices of a small block go down together; one choice of a wide block looks at
the best fields first and at all pairs that can still matter last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Block
from secateur.solving.control import Control
from secateur.solving.keeping import sum_values

Floats = NDArray[np.float64]
Bits = NDArray[np.int8]

_EPS = float(np.finfo(np.float64).eps)
_CHUNK = 1 << 18  # pairs looked at together, so that they stay in a core's cache
_BEST = 64  # fields on each side that a wide block looks at first
_FIRST = 1e290  # a swap that mends a demand comes before any that lowers the energy


def energies(block: Block, bits: Bits) -> Floats:
    """The energies of R choices, shape ``(R,)``."""
    ones = bits.astype(np.float64)
    values = ones @ block.linear
    if block.couplings is not None:
        values = values + 0.5 * ((ones @ block.couplings) * ones).sum(axis=1)
    return np.asarray(values)


def descend_all(
    block: Block, bits: Bits, control: Control, *, held: NDArray[np.intp] | None = None
) -> Bits:
    """The best swap again and again, for R choices of a small block at once.

    Where a choice breaks demands within the block, swaps that mend it come first; no swap breaks
    one that is kept.

    Arguments:
        block: with couplings.
        bits: shape ``(R, w)``.
        control: when it is late the choices are returned as they are.
        held: a variable of each choice that no swap may move, shape ``(R,)``.
    """
    couplings = _dense(block)
    bits = bits.copy()
    ones = bits.astype(np.float64)
    fields = block.linear + ones @ couplings
    size = block.size
    active = np.flatnonzero((bits.any(axis=1)) & (~bits.all(axis=1)))
    step = max(1, _CHUNK // max(size * size, 1))
    demanding = bool(block.counts or block.sums)
    for _ in range(4 * size + 16):  # rounding could make it go round in circles
        if not len(active) or control.late:
            break
        going = []
        for start in range(0, len(active), step):
            rows = active[start : start + step]
            f, z = fields[rows], bits[rows]
            entering = np.where(z == 0, f, np.inf)
            leaving = np.where(z == 1, -f, np.inf)
            if held is not None:
                local = np.arange(len(rows))
                entering[local, held[rows]] = leaving[local, held[rows]] = np.inf
            change = entering[:, None, :] - couplings
            change += leaving[:, :, None]
            if demanding:
                worse = _violation_change(block, z)
                change = np.where(worse > 1e-12, np.inf, change)
                change = np.where(worse < -1e-12, change + worse * _FIRST, change)
            flat = change.reshape(len(rows), -1)
            best = flat.argmin(axis=1)
            value = flat[np.arange(len(rows)), best]
            out, enter = np.divmod(best, size)
            local = np.arange(len(rows))
            noise = 8 * _EPS * (np.abs(f[local, enter]) + np.abs(f[local, out]))
            better = value < -noise - 8 * _EPS * np.abs(couplings[out, enter])
            rows, out, enter = rows[better], out[better], enter[better]
            bits[rows, out] = 0
            bits[rows, enter] = 1
            fields[rows] += couplings[enter] - couplings[out]
            going.append(rows)
        active = np.concatenate(going)
    return bits


def _violation_change(block: Block, bits: Bits) -> Floats:
    """How much further from the demands every swap leads, in units of each; ``(R, w, w)``."""
    size = block.size
    change = np.zeros((len(bits), size, size))
    for count in block.counts:
        inside = np.zeros(size)
        inside[count.members] = 1.0
        distance = _distance(count.allowed)
        now = bits[:, count.members].sum(axis=1, dtype=np.intp)
        here = distance[now]
        more = distance[np.minimum(now + 1, len(distance) - 1)] - here
        less = distance[np.maximum(now - 1, 0)] - here
        enters = (1.0 - inside)[:, None] * inside
        change += more[:, None, None] * enters + less[:, None, None] * enters.T
    for demand in block.sums:
        value = sum_values(demand, bits)
        gradient = np.broadcast_to(demand.linear, bits.shape)
        if demand.couplings is not None:
            gradient = gradient + bits @ demand.couplings
        after = value[:, None, None] + gradient[:, None, :] - gradient[:, :, None]
        if demand.couplings is not None:
            after = after - demand.couplings
        scale = float(np.abs(demand.linear).max(initial=0.0))
        if demand.couplings is not None:
            scale += float(np.abs(demand.couplings).max(initial=0.0))
        change += (_outside(demand.lower, demand.upper, after)) / max(scale, 1e-300)
        change -= (_outside(demand.lower, demand.upper, value) / max(scale, 1e-300))[:, None, None]
    return change


def _distance(allowed: NDArray[np.bool_]) -> Floats:
    """From each number to the nearest that is allowed."""
    numbers = np.flatnonzero(allowed)
    if not len(numbers):
        return np.zeros(len(allowed))
    return np.abs(np.arange(len(allowed))[:, None] - numbers).min(axis=1).astype(np.float64)


def _outside(lower: float, upper: float, values: Floats) -> Floats:
    return np.maximum(np.maximum(lower - values, values - upper), 0.0)


def descend_one(block: Block, bits: Bits, control: Control) -> Bits:
    """The best swap among the best fields, then among all pairs, for one choice of a wide block.

    Arguments:
        block: with couplings.
        bits: shape ``(w,)``.
        control: when it is late the choice is returned as it is.
    """
    couplings = _dense(block)
    bits = bits.copy()
    chosen = np.flatnonzero(bits)
    if not len(chosen) or len(chosen) == block.size:
        return bits
    fields = block.linear + couplings @ bits.astype(np.float64)
    highest = couplings.max(axis=1)
    for _ in range(4 * block.size + 16):
        if control.late:
            break
        ones, zeros = np.flatnonzero(bits), np.flatnonzero(bits == 0)
        pair = _best_pair(
            couplings,
            fields,
            ones[_smallest(-fields[ones], _BEST)],
            zeros[_smallest(fields[zeros], _BEST)],
        )
        if pair is None:
            # pairs outside these gain only by their coupling
            out = ones[fields[ones] + highest[ones] > fields[zeros].min()]
            enter = zeros[fields[zeros] - highest[zeros] < fields[ones].max()]
            pair = _best_pair(couplings, fields, out, enter)
        if pair is None:
            break
        out_, in_ = pair
        bits[out_], bits[in_] = 0, 1
        fields += couplings[in_] - couplings[out_]
    return bits


def _best_pair(
    couplings: Floats, fields: Floats, ones: NDArray[np.intp], zeros: NDArray[np.intp]
) -> tuple[int, int] | None:
    """The swap that gains most; None where none gains."""
    best: tuple[float, int, int] | None = None
    step = max(1, _CHUNK // max(len(zeros), 1))
    for start in range(0, len(ones) if len(zeros) else 0, step):
        some = ones[start : start + step]
        change = fields[zeros] - fields[some, None] - couplings[some[:, None], zeros]
        out, enter = divmod(int(change.argmin()), len(zeros))
        if best is None or change[out, enter] < best[0]:
            best = float(change[out, enter]), int(some[out]), int(zeros[enter])
    if best is None:
        return None
    value, out, enter = best
    noise = abs(fields[enter]) + abs(fields[out]) + abs(couplings[out, enter])
    return (out, enter) if value < -8 * _EPS * noise else None


def _smallest(values: Floats, number: int) -> NDArray[np.intp]:
    if len(values) <= number:
        return np.arange(len(values))
    return np.argpartition(values, number)[:number]


def _dense(block: Block) -> Floats:
    if block.couplings is None:
        return np.zeros((block.size, block.size))
    return block.couplings
