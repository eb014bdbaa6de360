"""How the ones of a problem are shared among its parts, budgets included.

Junctions alone are min-plus (``minplus``). A budget sees groups of variables; where every group is
a union of whole parts, the parts of a group make a curve of the group, and ``counting`` chooses
the number of ones of every group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secateur.problem.boxes import settle
from secateur.problem.budgeted import Budgeted
from secateur.problem.counting import Counting, NodeBudget, Side
from secateur.problem.dual import Dual
from secateur.problem.junction import Junction
from secateur.problem.minplus import Split, rest, split_at, total_curve

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Node:
    """Parts that all budgets see alike.

    Arguments:
        parts: their numbers.
        junction: over them, numbered from 0.
        size: the number of their variables.
    """

    parts: tuple[int, ...]
    junction: Junction
    size: int


class Shares:
    """Junctions and budgets over the parts of a problem.

    Arguments:
        root: of the junctions; every part is below it exactly once.
        sizes: variables of each part.
        budgets: over positions.
        first: a variable of each part; all of a part are in the same group of every budget.

    Raises:
        ValueError: a budget with widths in steps has a group that junctions cut.
    """

    def __init__(
        self,
        root: Junction,
        sizes: Sequence[int],
        budgets: Sequence[Budgeted],
        first: Sequence[int],
    ) -> None:
        self.root = root
        self.sizes = tuple(int(size) for size in sizes)
        self._keys = [tuple(int(b.of[i]) for b in budgets) for i in first]
        self.nodes: list[Node] = []
        self._sides: list[Side] = []
        self._walk(root)
        self.counting = Counting(
            [node.size for node in self.nodes],
            [self._budget(number, budget) for number, budget in enumerate(budgets)],
            self._sides,
        )
        self._dual = Dual(self.counting)

    # -- what it is made of --------------------------------------------------------------------

    def _below(self, child: int | Junction) -> list[int]:
        if isinstance(child, int):
            return [child]
        return [part for below in child.children for part in self._below(below)]

    def _walk(self, junction: Junction) -> list[int]:
        """Make the nodes below a junction; returns their numbers."""
        below = self._below(junction)
        if len({self._keys[part] for part in below}) <= 1:
            return [self._node(junction, below)] if below else []
        alike: dict[tuple[int, ...], list[int | Junction]] = {}
        numbers: list[int] = []
        for child in junction.children:
            parts = self._below(child)
            keys = {self._keys[part] for part in parts}
            if len(keys) == 1:
                alike.setdefault(keys.pop(), []).append(child)
            elif parts:
                assert isinstance(child, Junction)
                numbers += self._walk(child)
        for children in alike.values():
            if len(children) == 1 and isinstance(children[0], Junction):
                joined = children[0]
            else:
                size = sum(self.sizes[p] for child in children for p in self._below(child))
                joined = Junction(tuple(children), np.ones(size + 1, dtype=bool))
            numbers.append(self._node(joined, self._below(joined)))
        if not junction.allowed.all():
            self._sides.append(Side(np.array(numbers, dtype=np.intp), junction.allowed))
        return numbers

    def _node(self, junction: Junction, below: list[int]) -> int:
        place = {part: i for i, part in enumerate(below)}

        def renumbered(junction: Junction) -> Junction:
            children = tuple(
                place[c] if isinstance(c, int) else renumbered(c) for c in junction.children
            )
            return Junction(children, junction.allowed, junction.names)

        size = sum(self.sizes[part] for part in below)
        self.nodes.append(Node(tuple(below), renumbered(junction), size))
        return len(self.nodes) - 1

    def _budget(self, number: int, budget: Budgeted) -> NodeBudget:
        """A budget in the widths of the nodes: w = a + P·v."""
        many = len(self.nodes)
        spread = np.zeros((len(budget.sizes), many))
        groups = [self._keys[node.parts[0]][number] for node in self.nodes]
        for place, group in enumerate(groups):
            if group >= 0:
                spread[group, place] = 1.0
        base = np.zeros(len(budget.sizes))
        tables: list[Floats] = []
        for node, group in zip(self.nodes, groups, strict=True):
            staying = np.arange(node.size, -1, -1)
            if group < 0:
                tables.append(np.zeros(node.size + 1))
            elif node.size == budget.sizes[group]:
                tables.append(budget.tables[group][staying])
            else:
                line = budget.constraint.straight(group)
                if line is None:
                    raise ValueError(f"the group {group} of {budget.name!r} is cut")
                base[group] = line[0]
                tables.append(np.asarray(line[1] * staying, dtype=np.float64))
        slope = budget.linear + 2 * (budget.products @ base)
        return NodeBudget(
            budget.fixed + float(budget.linear @ base + base @ budget.products @ base),
            slope @ spread,
            spread.T @ budget.products @ spread,
            tuple(tables),
            budget.upper,
        )

    # -- what it is asked ----------------------------------------------------------------------

    def curves(self, curves: Sequence[Floats]) -> list[Floats]:
        """Of the nodes, from those of the parts."""
        made = []
        for node in self.nodes:
            below = [curves[part] for part in node.parts]
            if len(below) == 1 and isinstance(node.junction.children[0], int):
                made.append(np.where(node.junction.allowed, below[0], np.inf))
            else:
                made.append(total_curve(node.junction, below))
        return made

    def spread(self, curves: Sequence[Floats], counts: Counts) -> Counts:
        """The counts of the parts, from those of the nodes."""
        out = np.zeros(len(self.sizes), dtype=np.intp)
        for node, count in zip(self.nodes, counts.tolist(), strict=True):
            below = [curves[part] for part in node.parts]
            out[list(node.parts)] = split_at(node.junction, below, count)
        return out

    def best(self, curves: Sequence[Floats], *, quick: bool = False) -> Split:
        """The best share that was found; what ``minplus.best_split`` is without budgets."""
        of_nodes = self.curves(curves)
        value, counts = self.counting.least(of_nodes, quick=quick)
        if not math.isfinite(value):
            return Split(math.inf, np.zeros(len(self.sizes), dtype=np.intp))
        return Split(value, self.spread(curves, counts))

    def below(self, curves: Sequence[Floats]) -> tuple[Split, list[Floats]]:
        """A bound on every share, and for each part what the others cost at least.

        Arguments:
            curves: lower curves of the parts.

        Returns:
            a split whose value is certainly not above that of any share that keeps everything, and
            whose counts are where to look next; as ``minplus.rest``, bounds on all other parts.
        """
        made = self._dual.below(self.curves(curves))
        others: list[Floats] = [np.empty(0)] * len(self.sizes)
        for node, beyond in zip(self.nodes, made.others, strict=True):
            below = [curves[part] for part in node.parts]
            for part, values in zip(node.parts, rest(node.junction, below, beyond), strict=True):
                others[part] = values
        if not math.isfinite(made.value):
            return Split(made.value, np.zeros(len(self.sizes), dtype=np.intp)), others
        return Split(made.value, self.spread(curves, made.counts)), others

    def settled(self, curves: Sequence[Floats], late: Callable[[], bool]) -> tuple[Split, float]:
        """The best share, and a bound on all: equal where the search over boxes ends.

        Arguments:
            curves: of the parts.
            late: True ends the search.
        """
        of_nodes = self.curves(curves)
        known = self.counting.least(of_nodes)
        made = settle(self.counting, self._dual, of_nodes, known, late=late)
        if not math.isfinite(made.value):
            return Split(math.inf, np.zeros(len(self.sizes), dtype=np.intp)), made.bound
        return Split(made.value, self.spread(curves, made.counts)), made.bound

    def possible(self, curves: Sequence[Floats]) -> bool:
        """False: certainly no share keeps everything."""
        return self.counting.possible(self.curves(curves))
