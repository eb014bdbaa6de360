"""A block's tree: does every leaf have the bound that the block's curve claims?

The energy of a block is ``h·z + ½ z'Jz = q·z + ½ z'Qz`` on 0/1 points, with ``Q = J + diag(d)`` and
``q = h - d/2``. Where Q is positive semidefinite, any point y gives ``c + g·z`` below it, with
``g = Qy + q`` and ``c = -½ y'Qy``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, compress
from operator import add, mul, sub
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from secateur.certify.exact import WIDEST, integers, semidefinite
from secateur.certify.problem import Form
from secateur.certify.reading import (
    array,
    fail,
    fields,
    items,
    pairs_of,
    positions,
    text,
    truth,
    whole,
)


class _State:
    """What is fixed: of each variable 0, 1 or -1 (free), and the energies of both extremes.

    ``field`` is h + J·(ones), ``field_all`` is h + J·(all but zeros).
    """

    def __init__(self, h: list[int], rows: Sequence[Sequence[int]] | None) -> None:
        self.rows = rows
        self.value = [-1] * len(h)
        self.ones, self.free = 0, len(h)
        sums = [sum(row) for row in rows] if rows else []
        self.field = h
        self.field_all = list(map(add, h, sums)) if rows else h
        self.energy, self.energy_all = 0, sum(h) + sum(sums) // 2

    def fixed(self, pairs: Iterable[tuple[int, int]]) -> _State:
        """The state with more fixed."""
        new = object.__new__(_State)
        new.__dict__.update(self.__dict__)
        new.value = self.value.copy()
        for i, value in pairs:
            new.value[i] = value
            new.free -= 1
            if value:
                new.ones += 1
                new.energy += new.field[i]
                if self.rows:
                    new.field = list(map(add, new.field, self.rows[i]))
            else:
                new.energy_all -= new.field_all[i]
                if self.rows:
                    new.field_all = list(map(sub, new.field_all, self.rows[i]))
        return new


class _Frame(NamedTuple):
    """A node on the path: its points, whether Gilmore-Lawler holds in it, and its entry."""

    points: list[int]
    gl: bool
    entry: _State
    parent: _Frame | None
    met: dict[int, bool]


class _Demand:
    """A demand as a block sees it: its own variables, and the range of all the others."""

    def __init__(self, form: Form, index: Mapping[int, int]) -> None:
        self.admits = form.admits
        self.linear, self.pairs = list[tuple[int, int]](), list[tuple[int, int, int]]()
        self.low = self.high = 0
        outer = []
        for i, c in form.linear.items():
            if i in index:
                self.linear.append((index[i], c))
            else:
                outer.append(c)
        for (i, j), c in form.pairs.items():
            if i in index or j in index:
                self.pairs.append((index.get(i, -1), index.get(j, -1), c))
            else:
                outer.append(c)
        self.low, self.high = sum(c for c in outer if c < 0), sum(c for c in outer if c > 0)

    def impossible(self, value: list[int]) -> bool:
        """Whether no completion keeps it, each term taken by itself."""
        free = [c for i, c in self.linear if value[i] < 0]
        sure = sum(c for i, c in self.linear if value[i] == 1)
        for i, j, c in self.pairs:
            a, b = (value[x] if x >= 0 else -1 for x in (i, j))
            if a == b == 1:
                sure += c
            elif a and b:
                free.append(c)
        low = self.low + sure + sum(c for c in free if c < 0)
        return not self.admits(low, self.high + sure + sum(c for c in free if c > 0))


class Block:
    """A part of the problem that no coupling leaves, with its tree and its claimed curve.

    Arguments:
        data: of the certificate.
        where: "block 3".
        members: its variables in the problem.
        h: linear biases, in the order of the members.
        couplings: ``(i, j, bias)`` with i and j numbers of members.
        allowed: numbers of ones, by the demands on the whole block.
        forms: all demands of the problem, by name.
    """

    def __init__(
        self,
        data: Mapping[str, Any],
        where: str,
        members: list[int],
        h: list[Any],
        couplings: tuple[list[int], list[int], list[Any]],
        allowed: list[int],
        forms: Mapping[str, Form],
    ) -> None:
        self.where, self.width = where, len(members)
        self.lower, self.allowed = data["lower"], allowed
        at = {position: i for i, position in enumerate(members)}
        touching = (f for f in forms.values() if any(i in at for i in _names(f)))
        self.demands = {f.name: _Demand(f, at) for f in touching}
        d = [0.0] * self.width
        if data["diagonal"] is not None:
            given = array(data["diagonal"], f"{where}, diagonal", "<f8", self.width)
            if len(given) != 1:
                fail(f"{where}, diagonal", f"{len(given)} diagonals")
            d = given[0].tolist()
        claimed = [x for x in self.lower if x is not None]
        # a spare bit: half of a coupling or of the diagonal is an integer as well
        i, j, bias = couplings
        flat, _ = integers([*h, *d, *bias, *claimed], spare=1)
        w = self.width
        self.h, self.d, bias = flat[:w], flat[w : 2 * w], flat[2 * w : 2 * w + len(bias)]
        self.q = [x - y // 2 for x, y in zip(self.h, self.d, strict=True)]
        rest = iter(flat[2 * w + len(bias) :])
        # infinity: no choice of so many ones exists
        self.need: list[Any] = [math.inf if x is None else next(rest) for x in self.lower]
        self.rows: list[list[int]] | None = None
        if bias:
            if w > WIDEST:
                fail(where, f"{w} coupled variables; at most {WIDEST} are checked")
            self.rows = [[0] * w for _ in range(w)]
            for a, b, x in zip(i, j, bias, strict=True):
                self.rows[a][b] = self.rows[b][a] = x
        points = np.zeros((1, w))
        if data["points"] is not None:
            points = array(data["points"], f"{where}, points", "<f4", w)
        self.points, self.shift = points, _denominator(points)
        self.need_fine = [x if x is math.inf else x << self.shift for x in self.need]
        self.point = lru_cache(maxsize=512)(self._point)
        self.nodes = items(data["nodes"], f"{where}, nodes")
        self._half: list[list[int]] | None = None
        self._convex = False

    def check(self, advance: Callable[[], None]) -> None:
        """Walk the tree; every leaf and side leaf must have the bound that the curve claims.

        Raises:
            CertificateError: one has not, or the nodes are no tree.
        """
        seen: set[int] = set()
        todo: list[tuple[int, _State, _Frame | None, list[int]]]
        todo = [(0, _State(self.h, self.rows), None, self.allowed)]
        while todo:
            number_, entry, parent, pending = todo.pop()
            where = f"{self.where}, node {number_}"
            if number_ in seen or number_ >= len(self.nodes):
                fail(where, "it is reached twice" if number_ in seen else "it is missing")
            seen.add(number_)
            node = fields(self.nodes[number_], where, "points gl fixed branch children infeasible")
            used = positions(node["points"], f"{where}, points", len(self.points))
            if used and not self._convex:
                self._check_convex()
            frame = _Frame(used, truth(node["gl"], f"{where}, gl"), entry, parent, {})
            fixed = pairs_of(node["fixed"], f"{where}, fixed", self.width)
            for i, value in fixed:
                self._check_free(entry, i, f"{where}, fixed")
                whole(value, f"{where}, fixed", 0, 2)
            pending = self._unmet(entry, used, pending)
            for i, value in fixed:
                side = f"{where}, its side leaf with variable {i} at {1 - value}"
                state = entry.fixed([(i, 1 - value)])
                self._check_leaf(state, frame, pending, side, self.demands)
            state = entry.fixed(fixed)
            if node["branch"] is None:
                if node["children"] is not None:
                    fail(where, "children and no branch")
                if node["infeasible"] is None:
                    self._check_leaf(state, frame, pending, where, {})
                else:
                    name = text(node["infeasible"], f"{where}, infeasible")
                    if name not in self.demands or not self.demands[name].impossible(state.value):
                        fail(where, f"the demand {name!r:.80} can be kept")
            else:
                i = whole(node["branch"], f"{where}, branch", 0, self.width)
                self._check_free(state, i, f"{where}, branch")
                if node["infeasible"] is not None:
                    fail(where, "a reason for a leaf, and a branch")
                if fixed:
                    pending = self._unmet(state, used, pending)
                for value, child in enumerate(items(node["children"], f"{where}, children", 2)):
                    whole(child, f"{where}, children", 1, len(self.nodes))
                    todo.append((child, state.fixed([(i, value)]), frame, pending))
            advance()
        for number_ in range(len(self.nodes)):
            if number_ not in seen:
                fail(f"{self.where}, node {number_}", "no branch leads to it")

    def _check_free(self, state: _State, i: int, where: str) -> None:
        if state.value[i] >= 0:
            fail(where, f"variable {i} is fixed already")

    def _check_convex(self) -> None:
        """Points bound the energy only where Q is positive semidefinite."""
        if self.rows is None:
            convex: bool | None = min(self.d) >= 0
        else:
            full = ([*row[:i], self.d[i], *row[i + 1 :]] for i, row in enumerate(self.rows))
            convex = semidefinite(list(full))
        if not convex:
            short = "is not found to be positive semidefinite, being too wide to be eliminated"
            fail(
                f"{self.where}, diagonal",
                f"Q {short if convex is None else 'is not positive semidefinite'}",
            )
        self._convex = True

    def _point(self, index: int) -> tuple[int, list[int]]:
        """c, rounded down, and g at a point, as integers of the fine scale."""
        y = [int(x) for x in np.ldexp(self.points[index], self.shift)]
        image = list(map(mul, self.d, y))
        if self.rows is not None:
            nonzero = [x for x in y if x]
            sums = [sum(map(mul, compress(row, y), nonzero)) for row in self.rows]
            image = list(map(add, image, sums))
        g = [x + (q << self.shift) for x, q in zip(image, self.q, strict=True)]
        # what c is compared with is an integer of this scale: rounding down changes no comparison
        return -sum(map(mul, y, image)) >> (self.shift + 1), g

    def _unmet(self, state: _State, points: Iterable[int], pending: list[int]) -> list[int]:
        """The numbers of ones that are possible here and that no point bounds as is claimed."""
        first, need = state.ones, self.need_fine
        pending = [k for k in pending if first <= k <= first + state.free]
        for index in points:
            if not pending:
                break
            c, g = self.point(index)
            c += sum(x for x, value in zip(g, state.value, strict=True) if value == 1)
            least = sorted([x for x, value in zip(g, state.value, strict=True) if value < 0])
            bound = list(accumulate(least, initial=c))
            pending = [k for k in pending if bound[k - first] < need[k]]
        return pending

    def _check_leaf(
        self,
        state: _State,
        frame: _Frame,
        pending: list[int],
        where: str,
        demands: Mapping[str, _Demand],
    ) -> None:
        left = self._unbounded(state, frame, pending)
        if left and not any(demand.impossible(state.value) for demand in demands.values()):
            k = left[0]
            claim = "none exists" if self.lower[k] is None else f"none is below {self.lower[k]}"
            fail(f"{where}, k = {k}", f"the curve claims that {claim}, and no bound here says so")

    def _unbounded(self, state: _State, frame: _Frame, pending: list[int]) -> list[int]:
        """The numbers of ones at which no bound of a leaf and its path is as high as is claimed."""
        pending = self._unmet(state, frame.points, pending)
        ends = {state.ones: state.energy, state.ones + state.free: state.energy_all}
        pending = [k for k in pending if k not in ends or ends[k] < self.need[k]]
        above: _Frame | None = frame
        while pending and above:
            pending = [k for k in pending if not self._met_above(above, k)]
            above = above.parent
        if frame.gl and pending:
            pending = [k for k in pending if self._gilmore_lawler(state, k) < self.need[k]]
        above = frame.parent
        while pending and above:
            pending = self._unmet(state, above.points, pending)
            above = above.parent
        return pending

    def _met_above(self, frame: _Frame, k: int) -> bool:
        """Whether Gilmore-Lawler on entry to a node is as high as is claimed; found once."""
        if frame.gl and k not in frame.met:
            entry = frame.entry
            possible = entry.ones <= k <= entry.ones + entry.free
            frame.met[k] = possible and self._gilmore_lawler(entry, k) >= self.need[k]
        return frame.gl and frame.met[k]

    def _gilmore_lawler(self, state: _State, k: int) -> int:
        """The fields of the k - (ones fixed) variables that are least with half their couplings."""
        m = k - state.ones
        if m == 0:
            return state.energy
        costs = [x for x, value in zip(state.field, state.value, strict=True) if value < 0]
        if self.rows is not None:
            half = (
                row for row, value in zip(self._halves(), state.value, strict=True) if value < 0
            )
            costs = [x + row[m - 1] for x, row in zip(costs, half, strict=True)]
        return state.energy + sum(sorted(costs)[:m])

    def _halves(self) -> list[list[int]]:
        """Of each row, half the sum of its 0, 1, … least couplings to others."""
        if self._half is None:
            self._half = [
                [x // 2 for x in accumulate(sorted(row[:i] + row[i + 1 :]), initial=0)]
                for i, row in enumerate(self.rows or [])
            ]
        return self._half


def _names(form: Form) -> Iterable[int]:
    yield from form.linear
    for pair in form.pairs:
        yield from pair


def _denominator(points: NDArray[np.float64]) -> int:
    """The power of two that makes integers of float32 numbers."""
    mantissa, exponent = np.frexp(points[points != 0.0])
    whole_ = np.ldexp(mantissa, 24).astype(np.int64)
    lowest = np.log2((whole_ & -whole_).astype(np.float64)).astype(np.int64)
    return int(max(0, (24 - exponent - lowest).max(initial=0)))
