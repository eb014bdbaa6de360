"""Shares of a count among blocks: min-plus over a tree of junctions.

Two curves a(i), b(j) of independent parts make the curve of both, c(t) = min over i + j = t of
a(i) + b(j). A plan of such merges, made once for a tree of junctions, gives the least sum, the
numbers of ones that attain it, and what the rest costs when one block has exactly k ones (the same
merges run backwards, as in inside-outside). Curves hold finite numbers and infinity, which stands
for "impossible".
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from secateur.problem.junction import Junction
from secateur.problem.slopes import convex, merge_slopes

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

_CHUNK = 1 << 17  # sums held at once, so that they stay in a core's cache
_LARGE = 1 << 22  # pairs of counts from which on it pays to ask whether two curves are convex
_FEW = 4  # totals for which a loop over them beats a window over all


@dataclass(frozen=True, eq=False)
class Split:
    """The best share of the ones.

    Attributes:
        value: the least sum of the curves; infinity where no choice of counts is allowed.
        counts: ones of each block, shape ``(blocks,)``; zeros where there is none. Of equal sums
            the one with the smaller count in the part that was merged first.
    """

    value: float
    counts: Counts


class Sharing(Protocol):
    """Junctions with budgets over them (``shares.Shares``)."""

    root: Junction

    def best(self, curves: Sequence[Floats]) -> Split:
        """The best share that was found."""
        ...


def best_split(root: Junction | Sharing, curves: Sequence[Floats]) -> Split:
    """The least sum over all choices of one count per block that every junction allows.

    Arguments:
        root: of the tree; every block is below it exactly once. With budgets over it, the best
            share that was found.
        curves: of each block, shape ``(w + 1,)``; infinity where impossible, never minus infinity.
    """
    if not isinstance(root, Junction):
        return root.best(curves)
    plan = _plan_of(root, curves)
    tables = plan.inside(curves)
    top = tables[plan.top]
    total = int(np.argmin(top))
    counts = np.zeros(len(curves), np.intp)
    if np.isfinite(top[total]):
        counts[:] = plan.trace(tables, total)[: len(curves)]
    return Split(float(top[total]), counts)


def split_at(root: Junction, curves: Sequence[Floats], total: int) -> Counts:
    """The ones of each block in the best share of exactly ``total``, shape ``(blocks,)``.

    Arguments:
        root: of the tree; every block is below it exactly once.
        curves: of each block, shape ``(w + 1,)``.
        total: at which ``total_curve`` is finite.
    """
    plan = _plan_of(root, curves)
    return plan.trace(plan.inside(curves), total)[: len(curves)]


def total_curve(root: Junction, curves: Sequence[Floats]) -> Floats:
    """The least sum for every total, shape ``(variables + 1,)``; infinity where none is allowed.

    Arguments:
        root: of the tree; every block is below it exactly once.
        curves: of each block, shape ``(w + 1,)``.
    """
    plan = _plan_of(root, curves)
    return _padded(plan.inside(curves)[plan.top], len(root.allowed))


def rest(root: Junction, curves: Sequence[Floats], beyond: Floats | None = None) -> list[Floats]:
    """What everything else costs at least when a block has exactly k ones.

    Arguments:
        root: of the tree; every block is below it exactly once.
        curves: of each block, shape ``(w + 1,)``.
        beyond: what lies outside the tree costs at each total, shape ``(variables + 1,)``; nothing
            unless given.

    Returns:
        For each block shape ``(w + 1,)``: its own curve is not in it; infinity where no choice of
        the other counts is allowed.
    """
    plan = _plan_of(root, curves)
    outside = plan.outside(plan.inside(curves), beyond)
    return [
        _padded(values, len(curve))
        for values, curve in zip(outside[: len(curves)], curves, strict=True)
    ]


# -- one merge -------------------------------------------------------------------------------------


def _merge(first: Floats, second: Floats, rows: NDArray[np.intp], top: int) -> Floats:
    """Merge P pairs of tables, ``(P, a)`` and ``(P, b)``, at the totals ``rows`` only.

    Returns shape ``(P, top + 1)``, infinity at other totals.
    """
    if first.shape[1] > second.shape[1]:
        first, second = second, first
    pairs, few = first.shape
    out = np.full((pairs, top + 1), np.inf)
    if not len(rows):
        return out
    if pairs == 1 and few * len(rows) >= _LARGE and convex(first[0]) and convex(second[0]):
        merged = merge_slopes(first[0], second[0], top)
        out[0, rows] = merged[rows]
        return out
    gap = np.full((pairs, few - 1), np.inf)
    windows = sliding_window_view(np.concatenate([gap, second, gap], axis=1), few, axis=1)
    turned = first[:, None, ::-1]
    if few * len(rows) <= _CHUNK:
        part = max(1, _CHUNK // max(few * len(rows), 1))
        whole = len(rows) == rows[-1] - rows[0] + 1
        at = slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows
        for start in range(0, pairs, part):
            some = slice(start, start + part)
            out[some, at] = (windows[some, at] + turned[some]).min(axis=2)
        return out
    for pair in range(pairs):
        step = max(32, _CHUNK // few)
        for start in range(0, len(rows), step):
            near = rows[start : start + step]
            # counts of the first table that pair with a count of the second at one of these totals
            least = max(0, int(near[0]) - second.shape[1] + 1)
            most = min(few - 1, int(near[-1]))
            inner = slice(few - 1 - most, few - least)
            fit = max(1, _CHUNK // (most - least + 1))
            for block in range(0, len(near), fit):
                totals = near[block : block + fit]
                sums = windows[pair, totals, inner] + turned[pair, :, inner]
                out[pair, totals] = sums.min(axis=1)
    return out


def _back(out: Floats, other: Floats, size: int) -> Floats:
    """What the rest costs for one child of a merge: ``min over i of other(i) + out(j + i)``.

    Arguments:
        out: of the merged table, shape ``(P, t)``.
        other: the other child's table, shape ``(P, b)``.
        size: the length of this child's table.
    """
    pairs, totals = out.shape
    result = np.full((pairs, size), np.inf)
    finite = np.flatnonzero(np.isfinite(out).any(axis=0))
    if len(finite) <= _FEW:
        for total in finite.tolist():
            low = max(0, total - other.shape[1] + 1)
            high = min(size - 1, total)
            if low <= high:
                part = result[:, low : high + 1]
                turned = other[:, total - high : total - low + 1][:, ::-1]
                np.minimum(part, turned + out[:, total, None], out=part)
        return result
    if pairs == 1 and size * other.shape[1] >= _LARGE and convex(out[0]) and convex(other[0]):
        # the convolution of ``out`` with the other curve read from its end
        width = other.shape[1]
        merged = merge_slopes(out[0], other[0, ::-1], width - 1 + size - 1)
        found = merged[width - 1 : width - 1 + size]
        result[0, : len(found)] = found
        return result
    # slide the longer over the shorter: windows over ``out``, or over the other table turned round
    length = other.shape[1]
    padded = np.full((pairs, size + length - 1), np.inf)
    padded[:, : min(totals, size + length - 1)] = out[:, : size + length - 1]
    windows = sliding_window_view(padded, length, axis=1)
    if size * length <= _CHUNK:
        together = max(1, _CHUNK // (size * length))
        for start in range(0, pairs, together):
            some = slice(start, start + together)
            result[some] = (windows[some] + other[some, None, :]).min(axis=2)
        return result
    for pair in range(pairs):
        if length <= size:
            step = max(1, _CHUNK // length)
            for start in range(0, size, step):
                few = slice(start, start + step)
                result[pair, few] = (windows[pair, few] + other[pair]).min(axis=1)
        else:
            shifted = sliding_window_view(padded[pair], size)
            step = max(1, _CHUNK // size)
            for start in range(0, length, step):
                few = slice(start, start + step)
                sums = shifted[few] + other[pair, few, None]
                np.minimum(result[pair], sums.min(axis=0), out=result[pair])
    return result


# -- the plan of all merges ------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Merge:
    """Pairs of tables of equal lengths that are merged at once."""

    first: Counts
    second: Counts
    into: Counts
    rows: Counts
    top: int


@dataclass(frozen=True, eq=False)
class _Mask:
    """A table of which a junction allows only some totals; it may be the only child."""

    source: int
    into: int
    allowed: NDArray[np.bool_]


class _Plan:
    """All merges of a tree of junctions, children before parents."""

    def __init__(self, root: Junction, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self.steps: list[_Merge | _Mask] = []
        self.lengths: list[int] = [0] * len(sizes)
        self._unseen = set(range(len(sizes)))
        self.top = self._join(root, len(root.allowed) - 1)
        if self._unseen:
            raise ValueError(f"no junction has the blocks {sorted(self._unseen)[:5]}")
        del self._unseen

    def _new(self, length: int) -> int:
        self.lengths.append(length)
        return len(self.lengths) - 1

    def _join(self, junction: Junction, most: int) -> int:
        """Plan a junction whose table may end at ``most``; the number of its table."""
        allowed = np.flatnonzero(junction.allowed)
        most = max(0, min(most, int(allowed[-1]) if len(allowed) else 0))
        nodes: list[int] = []
        below = 0
        for child in junction.children:
            if isinstance(child, Junction):
                nodes.append(self._join(child, most))
                below += len(child.allowed) - 1
            else:
                self._unseen.remove(child)
                self.lengths[child] = min(self.sizes[child], most) + 1
                nodes.append(child)
                below += self.sizes[child]
        if below != len(junction.allowed) - 1:
            raise ValueError(f"a junction over {below} variables has {junction.allowed.shape}")
        if not nodes:
            nodes.append(self._new(-1))
        while len(nodes) > 1:
            # stable: of equal lengths the earlier child stays the first
            nodes.sort(key=self.lengths.__getitem__)
            nodes = self._level(nodes, most, junction.allowed)
        kept = junction.allowed[: max(self.lengths[nodes[0]], 1)]
        if kept.all():
            return nodes[0]
        into = self._new(len(kept))
        self.steps.append(_Mask(nodes[0], into, kept))
        return into

    def _level(self, nodes: list[int], most: int, allowed: NDArray[np.bool_]) -> list[int]:
        """Merge neighbours, those of equal lengths together."""
        groups: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for first, second in zip(nodes[::2], nodes[1::2], strict=False):
            key = self.lengths[first], self.lengths[second]
            groups.setdefault(key, []).append((first, second))
        left = nodes[len(nodes) // 2 * 2 :]
        for (one, two), pairs in groups.items():
            top = min(most, one + two - 2)
            # the last merge of a junction is needed at the totals that it allows only
            rows = np.flatnonzero(allowed[: top + 1]) if len(nodes) == 2 else np.arange(top + 1)
            into = np.array([self._new(top + 1) for _ in pairs], np.intp)
            chosen = np.array(pairs, np.intp)
            self.steps.append(_Merge(chosen[:, 0], chosen[:, 1], into, rows, top))
            left.extend(into.tolist())
        return left

    def inside(self, curves: Sequence[Floats]) -> list[Floats]:
        """The table of every part."""
        tables: list[Floats] = [
            np.asarray(curve, np.float64)[:length]
            for curve, length in zip(curves, self.lengths, strict=False)
        ]
        tables.extend(np.zeros(1) for _ in range(len(self.lengths) - len(tables)))
        for step in self.steps:
            if isinstance(step, _Mask):
                tables[step.into] = np.where(step.allowed, tables[step.source], np.inf)
                continue
            merged = _merge(
                _rows(tables, step.first), _rows(tables, step.second), step.rows, step.top
            )
            for node, table in zip(step.into.tolist(), merged, strict=True):
                tables[node] = table
        return tables

    def outside(self, tables: list[Floats], beyond: Floats | None) -> list[Floats]:
        """What everything outside a part costs, for each number of ones within it."""
        outside: list[Floats] = [np.empty(0)] * len(tables)
        length = len(tables[self.top])
        outside[self.top] = np.zeros(length) if beyond is None else beyond[:length]
        for step in reversed(self.steps):
            if isinstance(step, _Mask):
                outside[step.source] = np.where(step.allowed, outside[step.into], np.inf)
                continue
            out = _rows(outside, step.into)
            if len(step.rows) <= step.top:
                unwanted = np.ones(step.top + 1, np.bool_)
                unwanted[step.rows] = False
                out = np.where(unwanted, np.inf, out)
            first, second = _rows(tables, step.first), _rows(tables, step.second)
            for nodes, other, size in (
                (step.first, second, first.shape[1]),
                (step.second, first, second.shape[1]),
            ):
                for node, values in zip(nodes.tolist(), _back(out, other, size), strict=True):
                    outside[node] = values
        return outside

    def trace(self, tables: list[Floats], total: int) -> Counts:
        """The number of ones of every part, from that of the whole."""
        counts = np.zeros(len(tables), np.intp)
        counts[self.top] = total
        for step in reversed(self.steps):
            if isinstance(step, _Mask):
                counts[step.source] = counts[step.into]
                continue
            first, second = _rows(tables, step.first), _rows(tables, step.second)
            totals = counts[step.into]
            ones = np.arange(first.shape[1])
            others = totals[:, None] - ones
            possible = (others >= 0) & (others < second.shape[1])
            there = np.take_along_axis(second, np.clip(others, 0, second.shape[1] - 1), axis=1)
            counts[step.first] = np.argmin(np.where(possible, first + there, np.inf), axis=1)
            counts[step.second] = totals - counts[step.first]
        return counts


_plans: weakref.WeakKeyDictionary[Junction, _Plan] = weakref.WeakKeyDictionary()


def _plan_of(root: Junction, curves: Sequence[Floats]) -> _Plan:
    """The plan of this tree, made at the first call."""
    sizes = tuple(len(curve) - 1 for curve in curves)
    plan = _plans.get(root)
    if plan is None or plan.sizes != sizes:
        plan = _plans[root] = _Plan(root, sizes)
    return plan


def _rows(tables: list[Floats], nodes: Counts) -> Floats:
    if len(nodes) == 1:
        return tables[int(nodes[0])][None, :]
    return np.stack([tables[node] for node in nodes.tolist()])


def _padded(values: Floats, length: int) -> Floats:
    out = np.full(length, np.inf)
    out[: len(values)] = values
    return out
