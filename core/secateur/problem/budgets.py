"""A budget: what stays may cost at most so much, where the cost depends on how many stay.

The parameters and the multiply-accumulates of a network are bilinear in the widths of its layers,
and all channels of a group cost the same. So the cost is told by the *numbers* that stay: two
coupled layers of 512 channels are one coefficient here, and 262 144 in a ``Quadratic``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secateur.errors import ConstraintError
from secateur.problem.constraints import Constraint, Quadratic

Label = Hashable
Table = tuple[float, ...]

MOST_PAIRS = 1_000_000
"""A budget with more products of variables is not written out as a ``Quadratic``."""


@dataclass(frozen=True)
class Budget(Constraint):
    """``fixed + Σ linear[g]·w[g] + Σ pairs[g, h]·w[g]·w[h] <= upper``.

    ``w[g]`` is the width of group g: the number of its variables that are *zero* (that stay), or
    what ``widths`` says for that number, as where hardware works in steps of 16. No coefficient is
    negative: taking more away never costs more.

    Arguments:
        name: of the constraint.
        groups: the labels of each group; no label is in two.
        linear: cost of a width of one, for each group; zeros unless given.
        pairs: cost of a product of two widths, by numbers of groups; ``(g, g)`` is a square.
        fixed: what it costs however little stays.
        upper: the budget, in the unit of the cost.
        widths: for some groups, by number, the width with 0, 1, … of its variables staying; never
            falling.

    Raises:
        ConstraintError: a label twice, an empty group, a number that is negative or not finite, a
            falling width, a group that does not exist.
    """

    groups: tuple[tuple[Label, ...], ...] = ()
    linear: tuple[float, ...] = ()
    pairs: Mapping[tuple[int, int], float] = field(default_factory=dict)
    fixed: float = 0.0
    upper: float = math.inf
    widths: Mapping[int, Table] = field(default_factory=dict)

    def __post_init__(self) -> None:
        groups = tuple(tuple(group) for group in self.groups)
        self._settle("groups", groups)
        labels = [label for group in groups for label in group]
        if len(set(labels)) < len(labels) or not all(groups):
            raise ConstraintError(
                f"the budget {self.name!r} has a group that is empty, or a label in two places",
                remedy="name each variable once",
            )
        linear = tuple(self._cost(value, "linear") for value in self.linear)
        if len(linear or groups) != len(groups):
            raise ConstraintError(
                f"the budget {self.name!r} has {len(groups)} groups and {len(linear)} linear costs",
                remedy="give one cost a group",
            )
        self._settle("linear", linear or (0.0,) * len(groups))
        self._settle("fixed", self._cost(self.fixed, "fixed"))
        upper = self._cost(self.upper, "upper", finite=False)
        if math.isinf(upper):
            raise ConstraintError(f"the budget {self.name!r} has no bound", remedy="give upper=")
        self._settle("upper", upper)
        pairs: dict[tuple[int, int], float] = {}
        for (one, other), value in self.pairs.items():
            key = (self._group(one), self._group(other))
            key = (min(key), max(key))
            pairs[key] = pairs.get(key, 0.0) + self._cost(value, f"pairs[{one}, {other}]")
        self._settle("pairs", pairs)
        tables = {self._group(g): self._table(g, table) for g, table in self.widths.items()}
        self._settle("widths", tables)

    def _settle(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _cost(self, value: Any, what: str, *, finite: bool = True) -> float:
        good = isinstance(value, (int, float)) and not isinstance(value, bool)
        good = good or type(value).__module__ == "numpy"
        if not good or not float(value) >= 0.0 or (finite and math.isinf(value)):
            raise ConstraintError(
                f"the budget {self.name!r} has {what} = {value!r}",
                remedy="give a finite number that is not negative; another form is a quadratic",
            )
        return float(value)

    def _group(self, number: Any) -> int:
        if not isinstance(number, int) or not 0 <= number < len(self.groups):
            raise ConstraintError(
                f"the budget {self.name!r} names the group {number!r}",
                remedy=f"groups are numbered from 0 to {len(self.groups) - 1}",
            )
        return number

    def _table(self, group: int, table: Sequence[float]) -> Table:
        made = tuple(self._cost(value, f"widths[{group}]") for value in table)
        size = len(self.groups[group])
        if len(made) != size + 1 or any(b < a for a, b in itertools.pairwise(made)):
            raise ConstraintError(
                f"the budget {self.name!r} has {len(made)} widths for group {group}, or falls",
                remedy=f"give widths that never fall, for 0 to {size} variables that stay",
            )
        return made

    def __hash__(self) -> int:
        pairs, widths = frozenset(self.pairs.items()), frozenset(self.widths.items())
        return hash((self.name, self.groups, self.linear, pairs, self.fixed, self.upper, widths))

    @property
    def kind(self) -> str:
        """ "budget"; "staircase" where a width goes in steps."""
        even = all(self.straight(number) is not None for number in self.widths)
        return "budget" if even else "staircase"

    def labels(self) -> tuple[Label, ...]:
        """The variables that it names."""
        return tuple(label for group in self.groups for label in group)

    def straight(self, group: int) -> tuple[float, float] | None:
        """a and b where the width of a group is a + b·(the number that stays); None: in steps."""
        table = self.widths.get(group)
        if table is None:
            return 0.0, 1.0
        first, slope = table[0], (table[-1] - table[0]) / max(len(table) - 1, 1)
        even = all(value == first + slope * number for number, value in enumerate(table))
        return (first, slope) if even else None

    def written_out(self) -> Quadratic:
        """The same as a form in the variables; what solvers without budgets understand.

        Raises:
            ConstraintError: a width that goes in steps, which no quadratic form can say; or more
                than a million products.
        """
        lines = [self.straight(number) for number in range(len(self.groups))]
        sizes = [len(group) for group in self.groups]
        if None in lines:
            raise ConstraintError(
                f"the budget {self.name!r} has widths in steps, which no quadratic form can say",
                remedy="use a solver that takes budgets, or the widths themselves",
            )
        many = sum(sizes[g] * sizes[h] for g, h in self.pairs)
        if many > MOST_PAIRS:
            raise ConstraintError(
                f"the budget {self.name!r} has {many} products of variables",
                remedy=f"use a solver that takes budgets; at most {MOST_PAIRS} are written out",
            )
        # w = top - b·(ones), with the width top of the whole group
        slope = [line[1] for line in lines if line is not None]
        top = [line[0] + line[1] * n for line, n in zip(lines, sizes, strict=True) if line]
        each = [-cost * b for cost, b in zip(self.linear, slope, strict=True)]
        offset = self.fixed + sum(c * w for c, w in zip(self.linear, top, strict=True))
        products: dict[tuple[Label, Label], float] = {}
        for (g, h), cost in self.pairs.items():
            offset += cost * top[g] * top[h]
            each[g] -= cost * slope[g] * top[h]
            each[h] -= cost * slope[h] * top[g]
            value = cost * slope[g] * slope[h]
            if g != h:
                for one in self.groups[g]:
                    products.update({(one, other): value for other in self.groups[h]})
                continue
            each[g] += value  # z·z = z
            for i, one in enumerate(self.groups[g]):
                products.update({(one, other): 2 * value for other in self.groups[g][i + 1 :]})
        ones = {
            label: value
            for group, value in zip(self.groups, each, strict=True)
            for label in group
            if value
        }
        return Quadratic(self.name, ones, products, offset, upper=self.upper)


def budget(
    groups: Iterable[Iterable[Label]],
    upper: float,
    *,
    linear: Iterable[float] = (),
    pairs: Mapping[tuple[int, int], float] | None = None,
    fixed: float = 0.0,
    widths: Mapping[int, Sequence[float]] | None = None,
    name: str = "budget",
) -> Budget:
    """What stays costs at most ``upper``; see ``Budget``.

    Arguments:
        groups: of labels, whose zeros are what stays: their number is a width.
        upper: that the costs may have.
        linear: cost of a unit of width, by group.
        pairs: cost of a product of two widths, by the groups' numbers.
        fixed: cost of what always stays.
        widths: by group: the width for 0, 1, … variables that stay, where it is another one.
        name: of the constraint.

    Raises:
        ConstraintError: as ``Budget``.
    """
    tables = {number: tuple(table) for number, table in (widths or {}).items()}
    made = tuple(tuple(group) for group in groups)
    return Budget(name, made, tuple(linear), dict(pairs or {}), fixed, upper, tables)
