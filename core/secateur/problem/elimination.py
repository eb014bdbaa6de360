"""The least of a sum over pairs of few-valued variables, by eliminating one after the other.

What is left of the neighbours of an eliminated variable is a table over their values (Bertelè and
Brioschi, Nonserial Dynamic Programming, 1972). Going back, every variable learns what the others
cost at least for each of its own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pair = tuple[int, int]


def order_of(many: int, pairs: Sequence[Pair]) -> tuple[list[int], int]:
    """An order in which to eliminate, fewest neighbours first, and the most neighbours met.

    Arguments:
        many: the number of variables.
        pairs: which of them have a table together.
    """
    near: list[set[int]] = [set() for _ in range(many)]
    for one, other in pairs:
        near[one].add(other)
        near[other].add(one)
    left, order, widest = set(range(many)), [], 0
    while left:
        chosen = min(left, key=lambda i: (len(near[i]), i))
        widest = max(widest, len(near[chosen]))
        for one in near[chosen]:
            near[one] |= near[chosen]
            near[one] -= {one, chosen}
        left.remove(chosen)
        order.append(chosen)
    return order, widest


class Elimination:
    """One elimination.

    Arguments:
        alone: what each value of each variable costs by itself, shape ``(values,)`` each; finite.
        pairs: tables of two variables, the smaller number first, shape ``(values, values)``.
        order: of the variables.

    Attributes:
        value: the least sum.
        choice: the values that attain it, one a variable.
    """

    def __init__(
        self, alone: Sequence[Floats], pairs: Mapping[Pair, Floats], order: Sequence[int]
    ) -> None:
        self.alone = alone
        self._order = list(order)
        rank = {variable: place for place, variable in enumerate(self._order)}
        self._buckets: list[list[tuple[tuple[int, ...], Floats]]] = [[] for _ in alone]
        for (one, other), table in pairs.items():
            first = one if rank[one] < rank[other] else other
            self._buckets[first].append(((one, other), table))
        self._scopes: dict[int, tuple[int, ...]] = {}
        self._tables: dict[int, Floats] = {}
        self._parents: dict[int, int | None] = {}
        self._messages: dict[int, Floats] = {}
        self.value = 0.0
        for variable in self._order:
            beside = {v for scope, _ in self._buckets[variable] for v in scope} - {variable}
            scope = (variable, *sorted(beside, key=rank.__getitem__))
            table = np.zeros([len(alone[v]) for v in scope])
            for inner, values in [((variable,), alone[variable]), *self._buckets[variable]]:
                table = table + _aligned(values, inner, scope)
            self._scopes[variable], self._tables[variable] = scope, table
            message = table.min(axis=0)
            self._messages[variable] = message
            self._parents[variable] = scope[1] if len(scope) > 1 else None
            if len(scope) > 1:
                self._buckets[scope[1]].append((scope[1:], message))
            else:
                self.value += float(message)
        self.choice = np.zeros(len(alone), dtype=np.intp)
        for variable in reversed(self._order):
            at = tuple(self.choice[v] for v in self._scopes[variable][1:])
            self.choice[variable] = int(np.argmin(self._tables[variable][(slice(None), *at)]))

    def others(self) -> list[Floats]:
        """For every value of a variable, the least of all but its own cost, shape ``(values,)``."""
        beyond: dict[int, Floats] = {}
        out: list[Floats] = [np.empty(0)] * len(self.alone)
        roots = {v: float(self._messages[v]) for v, p in self._parents.items() if p is None}
        top = {v: self._root(v) for v in self._order}
        for variable in reversed(self._order):
            scope, parent = self._scopes[variable], self._parents[variable]
            if parent is None:
                beyond[variable] = np.zeros(())
            else:
                above = self._scopes[parent]
                table = self._tables[parent] + beyond[parent][None]
                table = table - _aligned(self._messages[variable], scope[1:], above)
                gone = tuple(axis for axis, v in enumerate(above) if v not in scope)
                # both scopes are in the order of elimination
                beyond[variable] = table.min(axis=gone) if gone else table
            whole = self._tables[variable] + beyond[variable][None]
            best = whole.reshape(len(self.alone[variable]), -1).min(axis=1)
            elsewhere = sum(value for root, value in roots.items() if root != top[variable])
            out[variable] = best - self.alone[variable] + elsewhere
        return out

    def _root(self, variable: int) -> int:
        while (parent := self._parents[variable]) is not None:
            variable = parent
        return variable


def _aligned(values: Floats, scope: Sequence[int], into: Sequence[int]) -> Floats:
    """A table with its axes in the order of a larger scope, the missing ones of length one."""
    places = [into.index(v) for v in scope]
    turned = np.transpose(values, np.argsort(places))
    return np.asarray(np.expand_dims(turned, [i for i, v in enumerate(into) if v not in scope]))
