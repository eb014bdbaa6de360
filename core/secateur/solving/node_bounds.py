"""Lower bounds for every number of ones at once, from one convex relaxation of a partial choice.

With Q = J + diag(d) positive semidefinite and q = h - d/2 a block's energy on 0/1 vectors is the
convex f(z) = q·z + ½ z'Qz. At any point y with gradient g = Qy + q

    f(z) >= f(y) - g·y + g·z,

so for k ones the sum of the smallest gradients is a bound: one gradient, all k. Good points come
from ADMM over the box of a partial choice, with one matrix inverse for all of them.

Rounding: a point is rounded to float32 before its bound is computed, every gradient is lowered by
its own rounding error (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, §3.1), and
so the bounds are below the exact ones, however small those are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Block, Floats
from secateur.solving.demands import Bits
from secateur.solving.exactly_summed import sharpened
from secateur.solving.sdp import scaled

Singles = NDArray[np.float32]
UNIT = 2.0**-53
_PENALTY = 1.0
"""ADMM's, for a unit diagonal: 0.3 to 3 differ by less than a quarter in time."""
_RELAXED = 1.6
_NEGLIGIBLE = 1e-12
"""Couplings that are negative by so little of the largest leave Gilmore-Lawler worth its time."""
_KEPT = 512
"""Absolute couplings of a wider block are made when needed: a matrix less to hold."""
_NEAR = 3
"""Gilmore-Lawler costs a sort for each number of ones: only this near to the wanted one."""


@dataclass(eq=False)
class Slopes:
    """Linearisations of the convex form, certainly below it.

    Attributes:
        base: of each, shape ``(B,)``.
        gradient: lowered by its rounding error, shape ``(B, w)``.
        margin: about what rounding took off, shape ``(B,)``.
    """

    base: Floats
    gradient: Floats
    margin: Floats


@dataclass(eq=False)
class Sorted:
    """Bounds by linearisation and what fixing needs of them.

    Attributes:
        lower: for each k, infinity where no completion has k ones, shape ``(B, w + 1)``.
        steps: the free gradients, ascending, between minus and plus infinity, ``(B, w + 2)``.
        more: how many free variables are to be one for k, clipped, shape ``(B, w + 1)``.
        possible: k can be reached and is allowed, shape ``(B, w + 1)``.
    """

    lower: Floats
    steps: Floats
    more: NDArray[np.intp]
    possible: NDArray[np.bool_]


class NodeBounds:
    """Bounds at partial choices of one block.

    Arguments:
        block: its largest number about 1.
        diagonal: d for which ``J + diag(d)`` is positive semidefinite, positive; shape ``(w,)``.
            Not used where the block has no couplings.
        slack: subtracted from every bound.
    """

    def __init__(self, block: Block, diagonal: Floats | None, slack: float = 0.0) -> None:
        self.block = block
        self.size = block.size
        self.slack = slack
        self.linear = block.linear
        self.couplings = block.couplings
        self.unit = 2 * (self.size + 8) * UNIT
        self.abs_linear = np.abs(block.linear)
        # energies of integers, and of what is like them, are not rounded
        self.energy_unit = 0.0 if sums_exactly(block) else self.unit
        self.lawler = False
        if block.couplings is None or diagonal is None:
            self.diagonal = np.zeros(self.size)
            self.offset = block.linear
            self.abs_offset = self.abs_linear
            return
        self.diagonal = diagonal
        self.positive = bool(block.couplings.min(initial=0.0) >= 0)
        self._abs: Floats | None = block.couplings if self.positive else None
        if self._abs is None and self.size <= _KEPT:
            self._abs = np.abs(block.couplings)
        self.offset = block.linear - diagonal / 2
        self.abs_offset = self.abs_linear + diagonal / 2
        # a variable that nothing couples has no curvature, and takes its scale from the others
        curved = diagonal > 0
        usual = float(np.median(diagonal[curved])) if curved.any() else 1.0
        self.root = np.sqrt(np.where(curved, diagonal, usual))
        self.inverse_root = 1 / self.root
        matrix = scaled(block.couplings, self.inverse_root)
        matrix[np.diag_indices(self.size)] = _PENALTY + curved
        solver = np.linalg.inv(matrix)
        # the projection on the wanted number of ones is part of the matrix
        normal = solver @ self.inverse_root
        correction = normal / (self.inverse_root @ normal)
        solver = _RELAXED * (solver - np.outer(normal, correction))
        # the relaxation proves nothing: single precision will do
        self.solver = (_PENALTY * solver).astype(np.float32)
        self.pull = (-(self.offset * self.inverse_root) @ solver).astype(np.float32)
        self.correction = (_RELAXED * correction).astype(np.float32)
        self.height = self.root.astype(np.float32)
        smallest = float(block.couplings.min(initial=0.0))
        largest = float(block.couplings.max(initial=0.0))
        self.lawler = smallest >= -_NEGLIGIBLE * max(largest, -smallest)
        if self.lawler:
            others = block.couplings + np.diag(np.full(self.size, np.inf))
            others = np.sort(others, axis=1)[:, :-1]
            # half the sum of the m - 1 smallest couplings of each variable, m = 0 .. w
            self.half = np.zeros((self.size + 1, self.size))
            self.half[2:] = 0.5 * np.cumsum(others, axis=1).T
            self.half -= 2 * self.unit * np.abs(self.half)
            self.least_half = np.minimum(self.half.min(axis=1, initial=0.0), 0.0)

    @property
    def abs_couplings(self) -> Floats:
        """|J|, shape ``(w, w)``."""
        return np.abs(self._pairs()) if self._abs is None else self._abs

    def relax(
        self,
        choices: Bits,
        wanted: NDArray[np.intp],
        state: tuple[Singles, Singles],
        iterations: int,
    ) -> tuple[Singles, Singles]:
        """ADMM on the convex form over the box of each partial choice, with ``wanted`` ones.

        Arguments:
            choices: shape ``(B, w)``.
            wanted: numbers of ones, shape ``(B,)``.
            state: values and scaled multipliers to start from, each ``(B, w)``, scaled by √d.
            iterations: each is one matrix product for all.

        Returns:
            the state; its first part divided by √d is a point in the box.
        """
        nothing = np.float32(0.0)
        low = np.where(choices == 1, self.height, nothing)
        high = np.where(choices == 0, nothing, self.height)
        values, dual = (part.astype(np.float32) for part in state)
        constant = np.outer(wanted.astype(np.float32), self.correction) + self.pull
        step = np.empty_like(values)
        for _ in range(iterations):
            np.matmul(values - dual, self.solver, out=step)
            step += constant
            step += dual
            step -= np.float32(_RELAXED - 1) * values
            values = np.minimum(np.maximum(step, low), high)
            np.subtract(step, values, out=dual)
        return values, dual

    def slopes(self, points: Floats) -> Slopes:
        """Linearisations at points that float32 holds exactly, shape ``(B, w)``."""
        if self.couplings is None:
            lowered = self.linear - self.unit * self.abs_linear
            return Slopes(
                np.full(len(points), -self.slack),
                np.broadcast_to(lowered, points.shape),
                np.full(len(points), self.slack),
            )
        weight = np.abs(points)
        gradient: Floats = points @ self.couplings
        signed = not self.positive or bool(points.min(initial=0.0) < 0)
        size = weight @ self.abs_couplings if signed else gradient.copy()
        gradient += points * self.diagonal
        gradient += self.offset
        size += weight * self.diagonal
        size += self.abs_offset
        margin = self.unit * (size * weight).sum(1) + self.slack
        base = 0.5 * ((self.offset - gradient) * points).sum(1) - margin
        return Slopes(base, gradient - self.unit * size, margin)

    def sort(self, slopes: Slopes, choices: Bits) -> Sorted:
        """Bounds for every k at partial choices."""
        one, free = choices == 1, choices < 0
        count, size = len(choices), self.size
        base = slopes.base + (slopes.gradient * one).sum(1)
        steps = np.full((count, size + 2), np.inf)
        steps[:, 0] = -np.inf
        steps[:, 1:-1] = np.where(free, slopes.gradient, np.inf)
        steps[:, 1:-1].sort(axis=1)
        sums = np.zeros((count, size + 1))
        sums[:, 1:] = steps[:, 1:-1]
        sums[np.isinf(sums)] = 0.0
        np.cumsum(sums, axis=1, out=sums)
        more = np.arange(size + 1) - one.sum(1)[:, None]
        possible = (more >= 0) & (more <= free.sum(1)[:, None]) & self.block.allowed
        np.clip(more, 0, size, out=more)
        lower = base[:, None] + np.take_along_axis(sums, more, axis=1)
        return Sorted(np.where(possible, lower, np.inf), steps, more, possible)

    def gilmore_lawler(
        self, choices: Bits, near: int, possible: NDArray[np.bool_], lower: Floats
    ) -> None:
        """Raise bounds by the smallest couplings of each variable, where none is negative.

        Source: Gilmore (1962), Lawler (1963), for the quadratic assignment problem.
        """
        one, free = choices == 1, choices < 0
        ones = one.sum(1)
        chosen = one.astype(float)
        energy = self.exact(chosen, self.energies(chosen))
        field = chosen @ self._pairs()
        size = field.copy() if self.positive else chosen @ self.abs_couplings
        field += self.linear
        field -= self.unit * (size + self.abs_linear)
        for k in range(max(0, near - _NEAR), min(self.size, near + _NEAR) + 1):
            rows = np.flatnonzero(possible[:, k])
            if not len(rows):
                continue
            more = k - ones[rows]
            terms = np.where(free[rows], field[rows] + self.half[more], np.inf)
            terms.sort(axis=1)
            terms[np.arange(self.size) >= more[:, None]] = 0.0
            lower[rows, k] = np.maximum(lower[rows, k], energy[rows] + terms.sum(1))
        # at every other k with the same for all variables, which is little
        field = np.where(free, field, np.inf)
        field.sort(axis=1)
        field[np.isinf(field)] = 0.0
        sums = np.zeros((len(choices), self.size + 1))
        np.cumsum(field, axis=1, out=sums[:, 1:])
        more = np.clip(np.arange(self.size + 1) - ones[:, None], 0, self.size)
        whole = energy[:, None] + np.take_along_axis(sums, more, axis=1)
        if not self.positive:
            whole += more * self.least_half[more]
        np.copyto(lower, np.maximum(lower, whole), where=possible)

    def _pairs(self) -> Floats:
        assert self.couplings is not None
        return self.couplings

    def energies(self, bits: Floats) -> Floats:
        """Of complete choices, shape ``(B, w)``, to rounding."""
        energy = bits @ self.linear
        if self.couplings is not None:
            energy += 0.5 * ((bits @ self.couplings) * bits).sum(1)
        return energy

    def exact(self, bits: Floats, energy: Floats) -> Floats:
        """Energies of complete choices less their rounding error and the slack."""
        if self.energy_unit == 0.0:
            return energy - self.slack
        size = bits @ self.abs_linear
        if self.couplings is not None:
            size += 0.5 * ((bits @ self.abs_couplings) * bits).sum(1)
        lower = energy - self.energy_unit * size
        rows, below = sharpened(self.linear, self.couplings, bits, energy, size)
        lower[rows] = below
        return lower - self.slack

    def fix(self, choices: Bits, bounds: Sorted, slopes: Slopes, slack: Floats) -> Bits:
        """Fix a free variable where the other value can help no count that is still alive.

        Arguments:
            choices: shape ``(B, w)``.
            bounds: by these slopes alone.
            slopes: of the same points.
            slack: what the bounds lack to the target at each k, minus infinity where k is not
                alive; shape ``(B, w + 1)``.
        """
        alive = slack > -np.inf
        free = choices < 0
        with np.errstate(invalid="ignore"):
            last = np.take_along_axis(bounds.steps, bounds.more, axis=1) + slack
            after = np.minimum(bounds.more + 1, self.size + 1)
            first = np.take_along_axis(bounds.steps, after, axis=1) - slack
        top = np.where(alive, last, -np.inf).max(1)[:, None]
        bottom = np.where(alive, first, np.inf).min(1)[:, None]
        gradient = slopes.gradient
        choices = choices.copy()
        choices[free & (gradient >= top)] = 0
        choices[free & (gradient <= bottom) & (gradient < top)] = 1
        return choices


def sums_exactly(block: Block) -> bool:
    """Every energy of the block is a sum that floating point adds up without rounding.

    All terms are multiples of one power of two, and few enough of it for 53 bits together.
    """
    return add_exactly([x for x in (block.linear, block.couplings) if x is not None])


def add_exactly(arrays: Sequence[Floats]) -> bool:
    """Floating point adds these numbers, and half of them, in any order without rounding."""
    total = sum(float(np.abs(x).sum()) for x in arrays)
    if not total or not np.isfinite(total):
        return not total
    grid = 2.0 ** (51 - math.ceil(math.log2(total)))
    return all(bool((np.rint(x * grid) == x * grid).all()) for x in arrays)
