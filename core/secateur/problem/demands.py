"""Constraints over positions: what every check, move and proof works with."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secateur.errors import ConstraintError
from secateur.problem.budgeted import Budgeted, compile_budget
from secateur.problem.budgets import Budget
from secateur.problem.constraints import Cardinality, Constraint, Linear, Quadratic
from secateur.problem.frozen import frozen

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]

ROUNDING = 1e-9
"""A sum may pass its bound by this share of its terms: 0.1 + 0.2 <= 0.3 is kept."""


@dataclass(frozen=True, eq=False)
class Counted:
    """A cardinality.

    Arguments:
        constraint: as it was given.
        members: positions, ascending, shape ``(m,)``.
        allowed: which numbers of ones are, shape ``(m + 1,)``.
        everything: it is about all variables.
    """

    constraint: Cardinality
    members: Positions
    allowed: NDArray[np.bool_]
    everything: bool

    @property
    def name(self) -> str:
        """Of the constraint."""
        return self.constraint.name

    @property
    def kind(self) -> str:
        """That of the constraint; all variables named one by one are a count too."""
        if self.everything and self.constraint.lower == self.constraint.upper:
            return "count"
        return self.constraint.kind

    @property
    def least(self) -> int:
        """The smallest number of ones that is allowed."""
        return int(np.flatnonzero(self.allowed)[0])

    @property
    def most(self) -> int:
        """The largest number of ones that is allowed."""
        return int(np.flatnonzero(self.allowed)[-1])

    @property
    def step(self) -> int:
        """Between two numbers that are allowed."""
        return self.constraint.step

    def ones(self, rows: NDArray[np.generic]) -> NDArray[np.int64]:
        """How many members are one in each row."""
        chosen = rows if self.everything else rows[:, self.members]
        return np.asarray(chosen.sum(axis=1, dtype=np.int64))

    def kept(self, rows: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Whether each row keeps it."""
        return np.asarray(self.allowed[self.ones(rows)])

    def complaint(self, row: NDArray[np.generic]) -> str:
        """What is wrong with a row that does not keep it."""
        found = int(self.ones(np.atleast_2d(row))[0])
        right = np.flatnonzero(self.allowed)
        wanted = str(right[0]) if len(right) == 1 else f"{right[0]} to {right[-1]}"
        if self.constraint.numbers is not None:
            wanted = ", ".join(map(str, right[:6])) + (", …" if len(right) > 6 else "")
        steps = f" in steps of {self.constraint.step}" if self.constraint.step > 1 else ""
        return f"{found} ones in {self.name!r}, where {wanted}{steps} are allowed"

    def data(self) -> dict[str, Any]:
        """As JSON-safe data over positions."""
        numbers = self.constraint.numbers
        return {
            "type": "cardinality",
            "name": self.name,
            "variables": None if self.everything else self.members.tolist(),
            "lower": self.constraint.lower,
            "upper": self.constraint.upper,
            "step": self.constraint.step,
            **({} if numbers is None else {"numbers": list(numbers)}),
        }


@dataclass(frozen=True, eq=False)
class Summed:
    """A linear or quadratic demand: ``lower <= offset + a·z + Σ b z z <= upper``.

    Arguments:
        constraint: as it was given.
        members: positions that it names, ascending, shape ``(m,)``.
        linear: coefficients of ``members``, shape ``(m,)``.
        pairs: ``(row, column, coefficient)`` of its products, over positions; empty if linear.
        offset: of the form.
        lower: widened by the rounding of its terms.
        upper: likewise.
    """

    constraint: Linear | Quadratic
    members: Positions
    linear: Floats
    pairs: tuple[Positions, Positions, Floats]
    offset: float
    lower: float
    upper: float

    @property
    def name(self) -> str:
        """Of the constraint."""
        return self.constraint.name

    @property
    def kind(self) -> str:
        """ "linear" or "quadratic"."""
        return self.constraint.kind

    @cached_property
    def unit(self) -> float:
        """The largest of its coefficients: a unit in which to say how far a value is off."""
        terms = np.concatenate([self.linear, self.pairs[2]])
        return float(np.abs(terms).max(initial=0.0)) or 1.0

    @cached_property
    def range(self) -> tuple[float, float]:
        """The least and the largest value that its terms could give, one by one."""
        terms = np.concatenate([self.linear, self.pairs[2]])
        return (
            self.offset + float(np.minimum(terms, 0).sum()),
            self.offset + float(np.maximum(terms, 0).sum()),
        )

    def values(self, rows: NDArray[np.generic]) -> Floats:
        """The form's value for each row."""
        z = rows.astype(np.float64)
        row, col, bias = self.pairs
        total = self.offset + z[:, self.members] @ self.linear
        if len(bias):
            total = total + (z[:, row] * z[:, col]) @ bias
        return np.asarray(total)

    def kept(self, rows: NDArray[np.generic]) -> NDArray[np.bool_]:
        """Whether each row keeps it."""
        values = self.values(rows)
        return np.asarray((values >= self.lower) & (values <= self.upper))

    def complaint(self, row: NDArray[np.generic]) -> str:
        """What is wrong with a row that does not keep it."""
        value = float(self.values(np.atleast_2d(row))[0])
        low, high = self.constraint.lower, self.constraint.upper
        return f"{self.name!r} is {value:.9g}, where {low:.9g} to {high:.9g} is allowed"

    def data(self) -> dict[str, Any]:
        """As JSON-safe data over positions; the bounds are those that are kept."""

        def number(value: float) -> float | None:
            return float(value) if np.isfinite(value) else None

        linear = [[int(i), float(a)] for i, a in zip(self.members, self.linear, strict=True) if a]
        bounds = {"lower": number(self.lower), "upper": number(self.upper)}
        if isinstance(self.constraint, Linear):
            return {"type": "linear", "name": self.name, "coefficients": linear, **bounds}
        pairs = [[int(i), int(j), float(b)] for i, j, b in zip(*self.pairs, strict=True)]
        return {
            "type": "quadratic",
            "name": self.name,
            "linear": linear,
            "quadratic": pairs,
            "offset": self.offset,
            **bounds,
        }


Demand = Counted | Summed | Budgeted


def check_kind(constraint: Any) -> None:
    """It is of one of the four kinds; a class of one's own would be understood by nobody.

    Raises:
        ConstraintError: it is something else.
    """
    if not isinstance(constraint, (Cardinality, Linear, Quadratic, Budget)):
        raise ConstraintError(
            f"a constraint is a {type(constraint).__name__}",
            remedy="use secateur.problem: count, at_most, at_least, tied, keep, linear, …",
        )


def compile_demand(constraint: Constraint, index: Mapping[Hashable, int], n: int) -> Demand:
    """A constraint over positions.

    Raises:
        ConstraintError: no choice could keep it.
    """
    if isinstance(constraint, Cardinality):
        return _counted(constraint, index, n)
    if isinstance(constraint, Budget):
        return compile_budget(constraint, index, n)
    assert isinstance(constraint, (Linear, Quadratic))
    labels = constraint.labels()
    members = np.array(sorted(index[label] for label in labels), dtype=np.intp)
    terms = constraint.coefficients if isinstance(constraint, Linear) else constraint.linear
    by_position = {index[label]: float(value) for label, value in terms.items()}
    linear = np.array([by_position.get(int(i), 0.0) for i in members])
    pairs: list[tuple[int, int, float]] = []
    offset = 0.0
    if isinstance(constraint, Quadratic):
        offset = constraint.offset
        for (first, second), value in constraint.quadratic.items():
            i, j = sorted((index[first], index[second]))
            pairs.append((i, j, float(value)))
    row = np.array([p[0] for p in pairs], dtype=np.intp)
    col = np.array([p[1] for p in pairs], dtype=np.intp)
    bias = np.array([p[2] for p in pairs], dtype=np.float64)
    room = ROUNDING * (abs(offset) + float(np.abs(linear).sum() + np.abs(bias).sum()))
    made = Summed(
        constraint,
        frozen(members),
        frozen(linear),
        (frozen(row), frozen(col), frozen(bias)),
        offset,
        constraint.lower - room,
        constraint.upper + room,
    )
    low, high = made.range
    if low > made.upper or high < made.lower:
        raise ConstraintError(
            f"the constraint {constraint.name!r} wants {constraint.lower:.9g} to "
            f"{constraint.upper:.9g}, and its terms give {low:.9g} to {high:.9g}",
            remedy="relax its bounds",
        )
    return made


def _counted(constraint: Cardinality, index: Mapping[Hashable, int], n: int) -> Counted:
    everything = constraint.variables is None
    members = (
        np.arange(n, dtype=np.intp)
        if constraint.variables is None
        else np.array(sorted(index[label] for label in constraint.variables), dtype=np.intp)
    )
    allowed = constraint.allowed(len(members))
    if not allowed.any():
        if constraint.kind == "count":
            raise ConstraintError(
                f"{constraint.lower} ones are wanted of {n} variables", remedy=f"ask for 0 to {n}"
            )
        raise ConstraintError(
            f"the constraint {constraint.name!r} wants {constraint.lower} or more ones of "
            f"{len(members)} variables",
            remedy=f"ask for at most {len(members)}",
        )
    everything = everything or len(members) == n
    return Counted(constraint, frozen(members), frozen(allowed), everything)
