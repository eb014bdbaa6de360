"""Moves that keep every demand: repair, greedy, descent, written once. See ``state`` for one move.

The field (what each variable costs if it becomes one) is updated with every move and never
rebuilt; the best swap of a block is looked for again only when the block was touched. Nothing here
is ``n × n``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from secateur.problem.cells import Cells
from secateur.problem.model import Bits, Problem
from secateur.problem.state import State

Floats = NDArray[np.float64]

_TINY = 1e-12


class Moves:
    """Moves on one problem.

    Arguments:
        problem: its constraints are kept by every result.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.parts = problem.parts
        self.cells = Cells(problem)
        biggest = max(
            float(np.abs(problem.linear).max(initial=0.0)),
            float(np.abs(problem.quadratic[2]).max(initial=0.0)),
        )
        self.tolerance = _TINY * biggest
        """A change smaller than this is rounding: it is relative to the problem's own numbers."""

    def state(self, bits: NDArray[np.generic]) -> State:
        """A vector under change, with its field."""
        return State(self, np.array(bits, dtype=np.int8))

    def repair(
        self,
        bits: NDArray[np.generic],
        *,
        linear: Floats | None = None,
        thorough: bool = False,
    ) -> Bits | None:
        """``bits`` with every demand kept, by few and cheap flips; None if no way was found.

        Arguments:
            bits: any vector, shape ``(n,)``.
            linear: used instead of the problem's linear biases, to randomise.
            thorough: look longer for the cheapest way to keep budgets.
        """
        state = self.state(bits)
        if linear is not None:
            state.field = state.field + (linear - self.problem.linear)
        if self.problem.budgets and self.problem.feasible(state.bits)[0]:
            return state.bits  # the targets are by what is cheap: it would not stay where it is
        targets = self.cells.targets(state.bits, state.field, thorough=thorough)
        if targets is not None:
            state.steer(targets)
        if self.problem.feasible(state.bits)[0]:
            return state.bits
        from secateur.problem.closing import close

        return close(self.problem, state.bits, self.problem.field(state.bits))

    def greedy(self, *, linear: Floats | None = None) -> Bits | None:
        """From nothing chosen, the cheapest one with updated fields each time, until all is kept.

        Ties go to the first variable. Without couplings the result is optimal.

        Arguments:
            linear: used instead of the problem's linear biases, to randomise.
        """
        zeros = np.zeros(self.problem.n, dtype=np.int8)
        wanted = self.problem.count
        if wanted is None or self.problem.sums or self.problem.budgets:
            return self.repair(zeros, linear=linear, thorough=True)
        state = self.state(zeros)
        if linear is not None:
            state.field = state.field + (linear - self.problem.linear)
        state.fill(wanted)
        if self.problem.feasible(state.bits)[0]:
            return state.bits
        return self.repair(state.bits, linear=linear)

    def descend(
        self,
        bits: NDArray[np.generic],
        *,
        most: int | None = None,
        late: Callable[[], bool] = lambda: False,
    ) -> Bits:
        """``bits``, which keep every demand, improved by best moves until no flip or swap helps.

        Arguments:
            bits: feasible, shape ``(n,)``.
            most: moves at most; 50·n unless given.
            late: asked before each move; True ends the descent.
        """
        state = self.state(bits)
        for _ in range(50 * self.problem.n if most is None else most):
            if late() or not state.improve():
                break
        return state.bits

    def incumbent(self, random: np.random.Generator | None = None) -> Bits | None:
        """A good vector: greedy, then descent; None if no feasible one was found.

        Arguments:
            random: blurs what greedy sees, so that repeated calls differ; None: plain greedy.
        """
        linear = None
        start: Bits | None
        if random is None:
            start = self.greedy()
        else:
            plain = self.repair(np.zeros(self.problem.n, dtype=np.int8))
            field = self.problem.linear if plain is None else self.problem.field(plain)
            spread = float(np.std(field)) if self.problem.n else 0.0
            linear = self.problem.linear + random.normal(0.0, 0.5 * spread, size=self.problem.n)
            if self.problem.count is None:  # without a count greedy would not leave zero
                start = self.repair(random.integers(0, 2, size=self.problem.n), linear=linear)
            else:
                start = self.greedy(linear=linear)
        return None if start is None else self.descend(start)

    def kick(self, bits: Bits, random: np.random.Generator) -> Bits | None:
        """``bits`` with some variables flipped, repaired and descended from again."""
        z = np.array(bits, dtype=np.int8)
        flipped = random.random(self.problem.n) < random.uniform(0.03, 0.2)
        z[flipped] = 1 - z[flipped]
        repaired = self.repair(z)
        return None if repaired is None else self.descend(repaired)
