"""A budget over positions."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import ConstraintError
from secateur.problem.budgets import Budget
from secateur.problem.frozen import frozen

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

ROUNDING = 2.0**-49
"""A cost may pass its budget by this share of the whole: rounding, and less than one of 10¹⁴."""


@dataclass(frozen=True, eq=False)
class Budgeted:
    """``fixed + linear·w + w'·products·w <= upper`` for the widths w of the groups.

    Arguments:
        constraint: as it was given.
        members: positions that it names, ascending, shape ``(m,)``.
        of: the group of every variable, -1 for none, shape ``(n,)``.
        sizes: variables of each group, shape ``(g,)``.
        linear: shape ``(g,)``.
        products: symmetric, squares on the diagonal, shape ``(g, g)``.
        tables: of each group, the width for 0, 1, … variables that stay.
        fixed: of the cost.
        upper: widened by the rounding of its terms.
    """

    constraint: Budget
    members: Positions
    of: Positions
    sizes: Positions
    linear: Floats
    products: Floats
    tables: tuple[Floats, ...]
    fixed: float
    upper: float

    @property
    def name(self) -> str:
        """Of the constraint."""
        return self.constraint.name

    @property
    def kind(self) -> str:
        """ "budget" or "staircase"."""
        return self.constraint.kind

    @cached_property
    def _sorted(self) -> tuple[Positions, Positions]:
        """The members group by group, and where each group begins."""
        order = np.argsort(self.of[self.members], kind="stable")
        starts = np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.intp)
        return self.members[order], starts

    def staying(self, rows: NDArray[np.generic]) -> Positions:
        """How many variables of each group are zero, shape ``(rows, g)``."""
        order, starts = self._sorted
        if not len(order):
            return np.zeros((len(rows), 0), dtype=np.intp)
        ones = np.add.reduceat(rows[:, order], starts, axis=1, dtype=np.intp)
        return np.asarray(self.sizes - ones)

    def widths(self, staying: Positions) -> Floats:
        """The widths of the groups, shape ``(rows, g)``."""
        out = np.empty(staying.shape)
        for group, table in enumerate(self.tables):
            out[:, group] = table[staying[:, group]]
        return out

    def cost(self, widths: Floats) -> Floats:
        """Of rows of widths, shape ``(rows,)``."""
        pairs = ((widths @ self.products) * widths).sum(axis=1)
        return np.asarray(self.fixed + widths @ self.linear + pairs)

    def values(self, rows: NDArray[np.generic]) -> Floats:
        """The cost for each row."""
        return self.cost(self.widths(self.staying(rows)))

    def kept(self, rows: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Whether each row keeps it."""
        return np.asarray(self.values(rows) <= self.upper)

    def flips(self, staying: Positions) -> tuple[float, Floats, Floats]:
        """The cost, and what it would change by with one more staying in a group, and one less.

        Arguments:
            staying: of each group, shape ``(g,)``.

        Returns:
            the cost; shape ``(g,)`` each, zero where no such flip exists.
        """
        now = self.widths(staying[None])[0]
        slope = self.linear + 2.0 * (self.products @ now)
        square = np.diagonal(self.products)
        more, less = self._changes(staying, now)
        return (
            float(self.cost(now[None])[0]),
            more * (slope + square * more),
            less * (slope + square * less),
        )

    def swaps(self, staying: Positions) -> Floats:
        """The cost if one more stays in group a and one less in group b, shape ``(g, g)``."""
        now = self.widths(staying[None])[0]
        cost, one_more, one_less = self.flips(staying)
        more, less = self._changes(staying, now)
        after = cost + one_more[:, None] + one_less[None, :]
        after += 2.0 * self.products * more[:, None] * less[None, :]
        np.fill_diagonal(after, cost)
        return np.asarray(after)

    def _changes(self, staying: Positions, now: Floats) -> tuple[Floats, Floats]:
        """How much wider and narrower each group would be."""
        more = self.widths(np.minimum(staying + 1, self.sizes)[None])[0] - now
        less = self.widths(np.maximum(staying - 1, 0)[None])[0] - now
        return more, less

    @cached_property
    def unit(self) -> float:
        """The largest cost of one variable: a unit in which to say how far a cost is over."""
        _, _, less = self.flips(self.sizes)
        return float(np.abs(less).max(initial=0.0)) or 1.0

    def complaint(self, row: NDArray[np.generic]) -> str:
        """What is wrong with a row that does not keep it."""
        value = float(self.values(np.atleast_2d(row))[0])
        upper = self.constraint.upper
        return f"{self.name!r} costs {value:.12g}, where at most {upper:.12g} is allowed"

    def data(self) -> dict[str, Any]:
        """As JSON-safe data over positions; the bound is the one that is kept."""
        groups = [np.flatnonzero(self.of == group).tolist() for group in range(len(self.sizes))]
        row, col = np.nonzero(np.triu(self.products))
        factor = np.where(row == col, 1.0, 2.0)
        values = factor * self.products[row, col]
        return {
            "type": "budget",
            "name": self.name,
            "groups": groups,
            "linear": self.linear.tolist(),
            "pairs": [[int(g), int(h), float(v)] for g, h, v in zip(row, col, values, strict=True)],
            "fixed": self.fixed,
            "upper": self.upper,
            "widths": [table.tolist() for table in self.tables],
        }


def compile_budget(constraint: Budget, index: Mapping[Hashable, int], n: int) -> Budgeted:
    """A budget over positions.

    Raises:
        ConstraintError: no choice could keep it.
    """
    many = len(constraint.groups)
    of = np.full(n, -1, dtype=np.intp)
    for number, group in enumerate(constraint.groups):
        of[[index[label] for label in group]] = number
    products = np.zeros((many, many))
    for (one, other), value in constraint.pairs.items():
        products[one, other] += value / 2
        products[other, one] += value / 2
    sizes = np.array([len(group) for group in constraint.groups], dtype=np.intp)
    tables = tuple(
        frozen(np.array(constraint.widths.get(g, np.arange(size + 1)), dtype=np.float64))
        for g, size in enumerate(sizes)
    )
    made = Budgeted(
        constraint,
        frozen(np.flatnonzero(of >= 0).astype(np.intp)),
        frozen(of),
        frozen(sizes),
        frozen(np.array(constraint.linear)),
        frozen(products),
        tables,
        constraint.fixed,
        constraint.upper,
    )
    least, most = (
        float(made.cost(made.widths(staying[None]))[0]) for staying in (0 * sizes, sizes)
    )
    object.__setattr__(made, "upper", constraint.upper + ROUNDING * most)
    if least > made.upper:
        raise ConstraintError(
            f"the budget {constraint.name!r} is {constraint.upper:.12g}, and {least:.12g} stays "
            "however much is taken away",
            remedy="give it more",
        )
    return made
