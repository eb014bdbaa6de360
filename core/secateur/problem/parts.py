"""A problem taken apart: blocks that no coupling joins, and how their counts add up.

The QUBO of a network falls apart by layers. A ``Block`` is a component of its graph together with
what must be decided in it; a ``Junction`` says which numbers of ones its children may have
together, and the root of the junctions is the problem.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secateur.problem.budgeted import Budgeted
from secateur.problem.demands import Counted, Demand, Summed
from secateur.problem.inner import DENSE, as_form, cut_steps, square
from secateur.problem.junction import Junction
from secateur.problem.nesting import Top, gathered, nest

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from secateur.problem.model import Problem
    from secateur.problem.shares import Shares

Floats = NDArray[np.float64]
Positions = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class InnerCount:
    """How many of some of a block's variables may be one.

    Arguments:
        members: positions within the block, shape ``(m,)``.
        allowed: which numbers of ones are allowed, shape ``(m + 1,)``.
        name: of the constraint it comes from.
    """

    members: Positions
    allowed: NDArray[np.bool_]
    name: str


@dataclass(frozen=True, eq=False)
class InnerSum:
    """``lower <= constant + linear·z + ½ z'·couplings·z <= upper`` on a block's variables.

    Arguments:
        linear: shape ``(w,)``.
        couplings: symmetric with a zero diagonal, shape ``(w, w)``; None where it is linear.
        constant: of the form.
        lower: or minus infinity.
        upper: or infinity.
        name: of the constraint it comes from.
    """

    linear: Floats
    couplings: Floats | None
    constant: float
    lower: float
    upper: float
    name: str


@dataclass(frozen=True, eq=False)
class Block:
    """Minimise ``linear·z + ½ z'·couplings·z`` over the ``w`` variables of a part.

    Arguments:
        positions: of its variables in the problem, ascending, shape ``(w,)``.
        linear: shape ``(w,)``.
        couplings: symmetric with a zero diagonal, shape ``(w, w)``; dense, or sparse where the
            block is wide and thinly coupled; None where nothing in it is coupled.
        allowed: which numbers of ones the whole block may have, shape ``(w + 1,)``.
        counts: demands on some of its variables.
        sums: linear and quadratic demands on its variables.
        names: of the constraints that ``allowed`` comes from.
    """

    positions: Positions
    linear: Floats
    couplings: Floats | csr_array | None
    allowed: NDArray[np.bool_]
    counts: tuple[InnerCount, ...] = ()
    sums: tuple[InnerSum, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of its variables, w."""
        return len(self.linear)


@dataclass(frozen=True, eq=False)
class Parts:
    """A problem taken apart.

    Arguments:
        blocks: together all variables, each once; no coupling joins two of them.
        root: how their counts add up.
        loose: demands that span blocks and fit in no junction: a search gives them a price and
            closes them by moves.
        owner: the number of the block of every variable, shape ``(n,)``.
        budgets: whose groups are unions of whole blocks.
    """

    blocks: tuple[Block, ...]
    root: Junction
    loose: tuple[Demand, ...]
    owner: Positions
    budgets: tuple[Budgeted, ...] = ()

    @cached_property
    def shares(self) -> Junction | Shares:
        """How the blocks' counts may add up: the junctions, with the budgets over them."""
        if not self.budgets:
            return self.root
        from secateur.problem.shares import Shares

        first = [int(block.positions[0]) for block in self.blocks]
        return Shares(self.root, [b.size for b in self.blocks], self.budgets, first)

    def with_linear(self, linear: Floats) -> Parts:
        """The same parts with other linear biases, shape ``(n,)``."""
        blocks = tuple(replace(b, linear=linear[b.positions]) for b in self.blocks)
        return replace(self, blocks=blocks)


MERGED = 128
"""Blocks that a demand ties together become one if it is not wider than this."""


def take_apart(problem: Problem) -> Parts:
    """The components of a problem's graph, with the demands that hold in each and between them.

    A demand within a component stays with its block. A cardinality over whole components becomes a
    junction, if all such sets are nested or disjoint. What spans components otherwise joins them,
    as long as the joined block is not wider than ``MERGED``, and is loose beyond that.
    """
    owner = _components(problem)
    loose: set[int] = set()
    while True:
        plan = _Plan(problem, owner, loose)
        if plan.settled:
            return plan.build()
        owner, loose = plan.owner, plan.loose


def _components(problem: Problem) -> Positions:
    n = problem.n
    row, col, bias = problem.quadratic
    if len(bias) == 0:
        return np.arange(n, dtype=np.intp)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, col)), shape=(n, n))
    _, owner = connected_components(graph, directed=False)
    return np.asarray(owner, dtype=np.intp)


def _fixing(demand: Demand) -> bool:
    """It fixes each of its variables, so it falls apart by itself."""
    return isinstance(demand, Counted) and (
        bool(demand.allowed[1:].sum() == 0) or bool(demand.allowed[:-1].sum() == 0)
    )


class _Plan:
    """One attempt at the parts; where a demand does not fit, components are joined first."""

    def __init__(self, problem: Problem, owner: Positions, loose: set[int]) -> None:
        self.problem = problem
        _, self.owner = np.unique(owner, return_inverse=True)
        self.loose = set(loose)
        self.sizes = np.bincount(self.owner, minlength=1) if problem.n else np.zeros(0, np.intp)
        self.settled = True
        self.inner: dict[int, list[Demand]] = {}
        self.whole: dict[int, list[Counted]] = {}
        self.at_root: list[Counted] = []
        self.budgets: list[Budgeted] = []
        self.alone: set[int] = set()  # components that are a group of a budget by themselves
        wide: list[tuple[int, Counted, Positions]] = []
        for number, demand in enumerate(problem.demands):
            if number in self.loose or len(demand.members) == 0:
                continue
            if isinstance(demand, Counted) and len(demand.members) == problem.n:
                self.at_root.append(demand)
                continue
            if isinstance(demand, Budgeted):
                wide += self._groups(number, demand)
                continue
            touched = np.unique(self.owner[demand.members])
            if len(touched) == 1 or _fixing(demand):
                self._within(demand, touched)
            elif isinstance(demand, Counted) and self.sizes[touched].sum() == len(demand.members):
                wide.append((number, demand, touched))
            else:
                self._join(number, touched)
        self.tops: list[Top] = []
        if self.settled:
            self.tops, misfits = nest(
                self.sizes, [(number, demand, touched) for number, demand, touched in wide]
            )
            for number, touched in misfits:
                self._join(number, touched)

    def _groups(self, number: int, demand: Budgeted) -> list[tuple[int, Counted, Positions]]:
        """The groups of a budget as sets of components, as far as components do not mix them."""
        groups: list[tuple[int, Counted, Positions]] = []
        components, first = np.unique(self.owner, return_index=True)
        of = np.empty(len(self.sizes), dtype=np.intp)
        of[components] = demand.of[first]
        for other in self.budgets:
            stepped = cut_steps(demand, other)
            if stepped is not None:
                self.loose.add(self.problem.demands.index(stepped))
                self.settled = False
                return groups
        if (of[self.owner] == demand.of).all():
            for group in range(len(demand.sizes)):
                inside = np.flatnonzero(of == group)
                groups.append((number, gathered(np.flatnonzero(demand.of == group)), inside))
                if len(inside) == 1:
                    self.alone.add(int(inside[0]))
            self.budgets.append(demand)
            return groups
        touched = np.unique(self.owner[demand.members])
        straight = all(demand.constraint.straight(g) for g in range(len(demand.sizes)))
        if len(touched) == 1 and straight and self.sizes[touched[0]] <= DENSE:
            self._within(demand, touched)
        elif straight:
            self._join(number, touched)
        else:
            self.loose.add(number)
            self.settled = False
        return groups

    def _within(self, demand: Demand, touched: Positions) -> None:
        one = len(touched) == 1 and isinstance(demand, Counted)
        if one and len(demand.members) == self.sizes[touched[0]]:
            assert isinstance(demand, Counted)
            self.whole.setdefault(int(touched[0]), []).append(demand)
            return
        for component in touched:
            self.inner.setdefault(int(component), []).append(demand)

    def _join(self, number: int, touched: Positions) -> None:
        if self.sizes[touched].sum() > MERGED or len(touched) == 1:
            self.loose.add(number)
        else:
            self.owner = np.where(np.isin(self.owner, touched), touched[0], self.owner)
            self.sizes = np.bincount(self.owner, minlength=len(self.sizes))
        self.settled = False

    def build(self) -> Parts:
        n = self.problem.n
        members = (
            np.split(np.argsort(self.owner, kind="stable"), np.cumsum(self.sizes)[:-1]) if n else []
        )
        roots = list({id(top): top for top in self.tops}.values())
        groups: list[Positions] = []  # the components of each block

        def junction(top: Top) -> Junction:
            children: list[int | Junction] = []
            bundle: list[int] = []
            for child in top.children:
                if child.children:
                    children.append(junction(child))
                elif child.size == 1 and self._plain(child.items[0]):
                    bundle.append(child.items[0])
                else:
                    groups.append(np.array(child.items, dtype=np.intp))
                    children.append(len(groups) - 1)
            if bundle:
                groups.append(np.array(bundle, dtype=np.intp))
                children.append(len(groups) - 1)
            allowed = np.ones(top.size + 1, dtype=bool)
            for demand in top.demands:
                allowed &= demand.allowed
            return Junction(tuple(children), allowed, tuple(d.name for d in top.demands if d.name))

        whole = Top(list(range(len(self.sizes))), n)
        whole.children, whole.demands = roots, self.at_root
        if len(roots) == 1 and roots[0].children:
            whole = roots[0]
            whole.demands = [*whole.demands, *self.at_root]
        root = junction(whole)
        positions = [np.sort(np.concatenate([members[c] for c in group])) for group in groups]
        loose = tuple(d for number, d in enumerate(self.problem.demands) if number in self.loose)
        return _cut(self.problem, positions, groups, root, loose, self)

    def _plain(self, component: int) -> bool:
        """A single variable that no demand but a fixing one is about."""
        if component in self.alone or component in self.whole:
            return False
        return all(_fixing(demand) for demand in self.inner.get(component, ()))


def _cut(
    problem: Problem,
    positions: list[Positions],
    groups: list[Positions],
    root: Junction,
    loose: tuple[Demand, ...],
    plan: _Plan,
) -> Parts:
    """The blocks themselves, from the positions of each."""
    n = problem.n
    owner = np.zeros(n, dtype=np.intp)
    local = np.zeros(n, dtype=np.intp)
    for number, members in enumerate(positions):
        owner[members] = number
        local[members] = np.arange(len(members))
    row, col, bias = problem.quadratic
    block_of = owner[row]
    if len(block_of) and (np.diff(block_of) < 0).any():
        order = np.argsort(block_of, kind="stable")
        row, col, bias, block_of = row[order], col[order], bias[order], block_of[order]
    ends = np.searchsorted(block_of, np.arange(len(positions) + 1))
    blocks = []
    for number, (members, group) in enumerate(zip(positions, groups, strict=True)):
        part = slice(ends[number], ends[number + 1])
        width = len(members)
        allowed = np.ones(width + 1, dtype=bool)
        names: list[str] = []
        inner: dict[int, Demand] = {}
        for component in group:
            for demand in plan.inner.get(int(component), ()):
                inner[id(demand)] = demand
            for whole in plan.whole.get(int(component), ()):
                allowed &= whole.allowed
                names.append(whole.name)
        counts, sums = _localised(list(inner.values()), owner == number, local, width)
        blocks.append(
            Block(
                positions=members,
                linear=problem.linear[members],
                couplings=square(width, local[row[part]], local[col[part]], bias[part]),
                allowed=allowed,
                counts=counts,
                sums=sums,
                names=tuple(names),
            )
        )
    return Parts(tuple(blocks), root, loose, owner, tuple(plan.budgets))


def _localised(
    demands: list[Demand], mine: NDArray[np.bool_], local: Positions, width: int
) -> tuple[tuple[InnerCount, ...], tuple[InnerSum, ...]]:
    """Demands over positions within a block."""
    counts: list[InnerCount] = []
    sums: list[InnerSum] = []
    for demand in demands:
        if isinstance(demand, Counted):
            here = demand.members[mine[demand.members]]
            allowed = demand.allowed
            if len(here) < len(demand.members):  # only a fixing demand is shared out
                allowed = np.zeros(len(here) + 1, dtype=bool)
                allowed[0 if demand.allowed[0] else -1] = True
            counts.append(InnerCount(local[here], allowed, demand.name))
        else:
            sums.append(_inner_sum(as_form(demand), local, width))
    return tuple(counts), tuple(sums)


def _inner_sum(demand: Summed, local: Positions, width: int) -> InnerSum:
    linear = np.zeros(width)
    linear[local[demand.members]] = demand.linear
    row, col, bias = demand.pairs
    couplings = None
    if len(bias):
        couplings = np.zeros((width, width))
        couplings[local[row], local[col]] = bias
        couplings[local[col], local[row]] = bias
    return InnerSum(linear, couplings, demand.offset, demand.lower, demand.upper, demand.name)
