"""Moves of the numbers of ones of one part or two, and what they do to budgets and energy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from secateur.problem.counting import Counting, NodeBudget

Floats = NDArray[np.float64]
Counts = NDArray[np.intp]

_MOVES = 400
"""So many moves of one part are paired with each other."""


class Search(Protocol):
    """What moves are looked at of: a counting problem, its curves, and their finite counts."""

    counting: Counting
    curves: Sequence[Floats]
    choices: Sequence[Counts]
    budgets: list[NodeBudget]
    ranges: list[float]


class CountMoves:
    """Every move of one part, and every two of them together, from one row of counts.

    Attributes:
        part: that each move changes; -1: none, the last one.
        to: its count afterwards.
        gains: the change of energy of each two, shape ``(A, A)``; infinity for one part twice.
        broken: how far the row is from keeping everything, each in its own unit.
        breaks: the same after each two.
        size: of the numbers that energies come from.
    """

    def __init__(self, search: Search, row: Counts) -> None:
        counting, curves = search.counting, search.curves
        self.part, self.to = self._moves(search, row)
        many = len(self.part)
        alone = np.zeros(many)
        for part, curve in enumerate(curves):
            mine = self.part == part
            alone[mine] = curve[self.to[mine]] - curve[row[part]]
        self.size = max((abs(float(c[k])) for c, k in zip(curves, row, strict=True)), default=1.0)
        self.gains = alone[:, None] + alone[None, :]
        same = (self.part[:, None] == self.part[None, :]) & (self.part >= 0)[:, None]
        self.gains[same] = np.inf
        self.broken = 0.0
        self.breaks = np.zeros((many, many))
        moved = self.part[:-1]
        for budget, scale in zip(search.budgets, search.ranges, strict=True):
            v = budget.widths(row[None])[0]
            change = np.zeros(many)
            for part, table in enumerate(budget.tables):
                mine = self.part == part
                change[mine] = table[self.to[mine]] - v[part]
            slope = budget.linear + 2 * (budget.products @ v)
            square = np.diagonal(budget.products)
            cost = np.zeros(many)
            cost[:-1] = change[:-1] * (slope[moved] + square[moved] * change[:-1])
            now = float(budget.cost(row[None])[0])
            after = now + cost[:, None] + cost[None, :]
            cross = budget.products[np.ix_(moved, moved)] * change[:-1, None] * change[None, :-1]
            after[:-1, :-1] += 2 * cross
            self.broken += max(now - budget.upper, 0.0) / scale
            self.breaks += np.maximum(after - budget.upper, 0.0) / scale
        for side, inside in zip(counting.sides, counting.inside, strict=True):
            away = _distances(side.allowed)
            step = np.zeros(many, dtype=np.intp)
            step[:-1] = (self.to[:-1] - row[moved]) * inside[moved]
            now_ = int(row @ inside)
            self.broken += float(away[now_])
            reached = np.clip(now_ + step[:, None] + step[None, :], 0, len(away) - 1)
            self.breaks += away[reached]

    @staticmethod
    def _moves(search: Search, row: Counts) -> tuple[Counts, Counts]:
        each = max(4, _MOVES // max(len(row), 1))
        parts: list[int] = []
        to: list[int] = []
        for part, some in enumerate(search.choices):
            here = int(np.searchsorted(some, row[part]))
            if len(some) <= each:
                near = np.delete(some, here)
            else:
                steps = 2 ** np.arange(max(1, min(each // 2, int(math.log2(len(some))))))
                places = here + np.concatenate([-steps, steps])
                near = some[places[(places >= 0) & (places < len(some))]]
            parts += [part] * len(near)
            to += near.tolist()
        return np.array([*parts, -1], dtype=np.intp), np.array([*to, 0], dtype=np.intp)


def _distances(allowed: NDArray[np.bool_]) -> Floats:
    """From each number to the nearest that is allowed, as a share of all numbers."""
    numbers = np.flatnonzero(allowed)
    away = np.abs(np.arange(len(allowed))[:, None] - numbers).min(axis=1)
    return np.asarray(away / max(len(allowed) - 1, 1), dtype=np.float64)
