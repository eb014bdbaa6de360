"""Local search that keeps a problem's count and limits: repair, best flips, best swaps.

``secateur.capacity.exchange`` does the same for a fixed count and lies above this layer; here a
problem may also be without a count, and the search is randomised to give several good vectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.backends.problem import Bits, Problem

Floats = NDArray[np.float64]
_TINY = 1e-10


class Descent:
    """Moves on one problem.

    Arguments:
        problem: its ``ones`` and ``limits`` are kept by every result.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._owner = np.full(problem.n, len(problem.limits), dtype=np.intp)
        for number, limit in enumerate(problem.limits):
            self._owner[problem.positions(limit.variables)] = number
        # variables without a limit share one that never binds
        self._most = np.array([limit.at_most for limit in problem.limits] + [problem.n], np.int64)
        biggest = max(
            np.abs(problem.linear).max(initial=0.0), np.abs(problem.quadratic[2]).max(initial=0.0)
        )
        self.tolerance = _TINY * max(float(biggest), 1e-300)

    def field(self, bits: Bits) -> Floats:
        """What each variable costs if it becomes one, given the others."""
        return self.problem.linear + self.problem.couplings @ bits.astype(np.float64)

    def _has_room(self, bits: Bits) -> NDArray[np.bool_]:
        return (self._left(bits) > 0)[self._owner]

    def _left(self, bits: Bits) -> NDArray[np.int64]:
        used = np.bincount(self._owner, weights=bits, minlength=len(self._most))
        return self._most - used.astype(np.int64)

    def repair(self, bits: Bits, linear: Floats | None = None) -> Bits:
        """``bits`` with the count and within the limits, by the cheapest flip each time.

        Arguments:
            bits: any vector, shape ``(n,)``.
            linear: used instead of the problem's linear biases, to randomise.
        """
        z = np.array(bits, dtype=np.int8)
        couplings = self.problem.couplings
        field = (self.problem.linear if linear is None else linear) + couplings @ z.astype(float)

        def flip(cost: Floats, allowed: NDArray[np.bool_]) -> None:
            nonlocal field
            i = int(np.argmin(np.where(allowed, cost, np.inf)))
            field = field + (1 - 2 * int(z[i])) * couplings[i]
            z[i] = 1 - z[i]

        while (over := (self._left(z) < 0)[self._owner] & (z == 1)).any():
            flip(-field, over)
        if self.problem.ones is None:
            return z
        for _ in range(int(z.sum(dtype=np.int64)), self.problem.ones, -1):
            flip(-field, z == 1)
        for _ in range(int(z.sum(dtype=np.int64)), self.problem.ones):
            flip(field, (z == 0) & self._has_room(z))
        return z

    def descend(self, bits: Bits) -> Bits:
        """``bits``, which keep count and limits, improved until no flip and no swap helps."""
        z = np.array(bits, dtype=np.int8)
        field = self.field(z)
        for _ in range(50 * self.problem.n):
            flip = self._best_flip(z, field) if self.problem.ones is None else ()
            move = flip or self._best_swap(z, field)
            if not move:
                break
            for i in move:
                field = field + (1 - 2 * int(z[i])) * self.problem.couplings[i]
                z[i] = 1 - z[i]
        return z

    def _best_flip(self, z: Bits, field: Floats) -> tuple[int, ...]:
        change = np.where(z == 1, -field, field)
        change = np.where((z == 0) & ~self._has_room(z), np.inf, change)
        i = int(np.argmin(change)) if len(change) else -1
        return (i,) if i >= 0 and change[i] < -self.tolerance else ()

    def _best_swap(self, z: Bits, field: Floats) -> tuple[int, ...]:
        leaving, entering = np.flatnonzero(z == 1), np.flatnonzero(z == 0)
        if len(leaving) == 0 or len(entering) == 0:
            return ()
        change = (
            field[entering][None, :]
            - field[leaving][:, None]
            - self.problem.couplings[np.ix_(leaving, entering)]
        )
        full = ~self._has_room(z)[entering]
        elsewhere = self._owner[leaving][:, None] != self._owner[entering][None, :]
        change[full[None, :] & elsewhere] = np.inf
        a, b = np.unravel_index(int(np.argmin(change)), change.shape)
        return (int(leaving[a]), int(entering[b])) if change[a, b] < -self.tolerance else ()

    def incumbent(self, random: np.random.Generator | None = None) -> Bits:
        """A good vector: greedy, then descent.

        Arguments:
            random: blurs what greedy sees, so that repeated calls differ; None: plain greedy.
        """
        problem = self.problem
        linear = problem.linear
        z = np.zeros(problem.n, dtype=np.int8)
        if random is not None:
            spread = float(np.std(self.field(self.repair(z)))) if problem.n else 0.0
            linear = linear + random.normal(0.0, 0.5 * spread, size=problem.n)
            if problem.ones is None:  # without a count greedy would not leave zero
                z = self.repair(random.integers(0, 2, size=problem.n).astype(np.int8))
        return self.descend(self.repair(z, linear))

    def kick(self, bits: Bits, random: np.random.Generator) -> Bits:
        """``bits`` with some variables flipped, repaired and descended from again."""
        z = np.array(bits, dtype=np.int8)
        share = random.uniform(0.03, 0.2)
        flipped = random.random(self.problem.n) < share
        z[flipped] = 1 - z[flipped]
        return self.descend(self.repair(z))
