"""Variables that all demands see alike, and which moves between them the demands allow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secateur.problem.budgeted import Budgeted
from secateur.problem.demands import Counted
from secateur.problem.junction import Junction
from secateur.problem.minplus import best_split
from secateur.problem.model import Problem
from secateur.problem.nesting import Top, gathered, nest
from secateur.problem.shares import Shares

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]
Flags = NDArray[np.bool_]


class Cells:
    """Classes of variables with the same memberships in every cardinality and budget.

    Arguments:
        problem: its cardinalities and budgets are looked at, its sums are not.

    Attributes:
        of: the cell of every variable, shape ``(n,)``.
        sizes: variables of each cell, shape ``(cells,)``.
        demands: the cardinalities, the count among them.
        inside: whether a cell belongs to a demand, shape ``(cells, demands)``.
        budgets: with the group of each cell, -1 for none.
        root: how the cells' counts add up; None where the sets cut through one another.
        shares: the same with the budgets.
    """

    def __init__(self, problem: Problem) -> None:
        self.demands = [d for d in problem.demands if isinstance(d, Counted)]
        labels = np.zeros(problem.n, dtype=np.intp)
        fresh = 1
        for demand in self.demands:
            known, inverse = np.unique(labels[demand.members], return_inverse=True)
            labels[demand.members] = fresh + inverse
            fresh += len(known)
        for budget in problem.budgets:
            _, labels = np.unique(labels * (len(budget.sizes) + 1) + budget.of, return_inverse=True)
        _, first, self.of = np.unique(labels, return_index=True, return_inverse=True)
        many = len(first)
        self.sizes = np.bincount(self.of, minlength=many)
        self.inside = np.zeros((many, len(self.demands)), dtype=bool)
        for number, demand in enumerate(self.demands):
            self.inside[np.unique(self.of[demand.members]), number] = True
        self._largest = max((len(d.members) for d in self.demands), default=0)
        # one column more on each side, so that one flip beyond the end is simply not allowed
        self._table = np.zeros((len(self.demands), self._largest + 3), dtype=bool)
        for number, demand in enumerate(self.demands):
            self._table[number, 1 : len(demand.allowed) + 1] = demand.allowed
        self.problem = problem
        self.budgets = [(budget, budget.of[first]) for budget in problem.budgets]
        self.root = self._nested(problem.n)
        self.shares: Junction | Shares | None = self.root
        if self.root is not None and self.budgets:
            try:
                self.shares = Shares(
                    self.root, self.sizes.tolist(), problem.budgets, first.tolist()
                )
            except ValueError:  # another demand cuts through a group with widths in steps
                self.shares = None

    def _nested(self, n: int) -> Junction | None:
        sets = [
            (number, demand, np.flatnonzero(self.inside[:, number]))
            for number, demand in enumerate(self.demands)
            if len(demand.members)
        ]
        for budget, of in self.budgets:
            for group in range(len(budget.sizes)):
                some = gathered(np.flatnonzero(budget.of == group))
                sets.append((-1, some, np.flatnonzero(of == group)))
        tops, misfits = nest(self.sizes, sets)
        if misfits:
            return None

        def junction(top: Top) -> Junction:
            allowed = np.ones(top.size + 1, dtype=bool)
            for demand in top.demands:
                allowed &= demand.allowed
            children = tuple(
                junction(c) if c.children or c.demands else c.items[0] for c in top.children
            )
            return Junction(children or tuple(top.items[:1]), allowed)

        outer = list({id(top): top for top in tops}.values())
        whole = Top(list(range(len(self.sizes))), n)
        whole.children = outer
        return junction(whole)

    def counts(self, bits: NDArray[np.generic]) -> NDArray[np.int64]:
        """How many ones each cell has, shape ``(cells,)``."""
        inside = np.bincount(self.of, weights=bits, minlength=len(self.sizes))
        return np.rint(inside).astype(np.int64)

    def ones(self, bits: NDArray[np.generic]) -> NDArray[np.int64]:
        """How many ones each demand sees, shape ``(demands,)``."""
        return self.seen(self.counts(bits))

    def seen(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same from the ones of the cells."""
        return np.asarray(counts @ self.inside.astype(np.int64))

    def flips(self, counts: NDArray[np.int64]) -> tuple[Flags, Flags]:
        """In which cells a zero may become one, and a one zero, shape ``(cells,)`` each."""
        ones = self.seen(counts)
        rows = np.arange(len(ones))
        up, down = self._table[rows, ones + 2], self._table[rows, ones]
        free = ~self.inside
        more = np.asarray((free | up).all(axis=1))
        less = np.asarray((free | down).all(axis=1))
        for budget, of in self.budgets:  # a further one never costs anything
            cost, back, _ = budget.flips(self._staying(budget, of, counts))
            fits = np.append(cost + back <= budget.upper, True)
            less &= fits[of]
        return more, less

    @staticmethod
    def _staying(budget: Budgeted, of: Positions, counts: NDArray[np.int64]) -> Positions:
        """How many of each group of a budget are zero."""
        used = np.bincount(of[of >= 0], counts[of >= 0], len(budget.sizes))
        return np.asarray(budget.sizes - np.rint(used).astype(np.intp))

    def swaps(self, counts: NDArray[np.int64]) -> Flags:
        """Whether a one of cell a may leave for a zero of cell b, shape ``(cells, cells)``."""
        ones = self.seen(counts)
        rows = np.arange(len(ones))
        up, down = self._table[rows, ones + 2], self._table[rows, ones]
        # a demand sees the swap only if it holds one of the two cells and not the other
        stuck_up = self.inside & ~up
        stuck_down = self.inside & ~down
        outside = (~self.inside).astype(np.float32)
        blocked = outside @ stuck_up.T.astype(np.float32)
        blocked += stuck_down.astype(np.float32) @ outside.T
        allowed = np.asarray(blocked == 0)
        for budget, of in self.budgets:
            staying = self._staying(budget, of, counts)
            cost, back, away = budget.flips(staying)
            many = len(budget.sizes)
            after = np.full((many + 1, many + 1), cost)  # the last: of no group
            after[:many, :many] = budget.swaps(staying)
            after[:many, many] += back
            after[many, :many] += away
            allowed &= after[np.ix_(of, of)] <= budget.upper
        return allowed

    def _pairs(self, order: Positions) -> Floats:
        """The couplings among the first 1, 2, … of some variables, where one dense block has them.

        Flipped together, all ones or all zeros, two variables cost their coupling besides.
        """
        parts = self.problem.parts
        if len(order):
            block = parts.blocks[int(parts.owner[order[0]])]
            if (
                isinstance(block.couplings, np.ndarray)
                and (parts.owner[order] == parts.owner[order[0]]).all()
            ):
                local = np.searchsorted(block.positions, order)
                inner = block.couplings[np.ix_(local, local)]
                return np.asarray(np.cumsum(np.tril(inner, -1).sum(axis=1)))
        return np.zeros(len(order))

    def targets(
        self, bits: NDArray[np.int8], field: Floats, *, thorough: bool = False
    ) -> NDArray[np.intp] | None:
        """The numbers of ones of the cells that keep every demand by few and cheap flips.

        A flip costs what it changes, and twice what the dearest of all changes: two that gain are
        taken for one that loses. Under budgets it costs what it changes alone.

        Arguments:
            bits: shape ``(n,)``.
            field: what each variable costs, shape ``(n,)``.
            thorough: look longer for the cheapest way to keep budgets.

        Returns:
            shape ``(cells,)``; None if no numbers keep them all, or the sets are not nested.
        """
        if self.shares is None:
            return None
        order = np.lexsort((field, self.of))
        ends = np.concatenate([[0], np.cumsum(self.sizes)])
        price = 2.0 * float(np.abs(field).max(initial=0.0)) + 1e-300
        if self.budgets:  # a budget can be kept in many ways: by what is cheap, not by what is near
            price = 0.0
        curves = []
        for cell in range(len(self.sizes)):
            here = order[ends[cell] : ends[cell + 1]]
            on = bits[here] == 1
            adding = np.cumsum(field[here[~on]] + price)
            leaving = np.cumsum(price - field[here[on]][::-1])
            if self.budgets:
                adding += self._pairs(here[~on])
                leaving += self._pairs(here[on][::-1])
            curves.append(np.concatenate([leaving[::-1], [0.0], adding]))
        if isinstance(self.shares, Shares):
            split = self.shares.best(curves, quick=not thorough)
        else:
            split = best_split(self.shares, curves)
        return split.counts if np.isfinite(split.value) else None
