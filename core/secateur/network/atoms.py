"""What tensors are made of: an atom for every position of every dimension.

An *atom* is one index of one dimension of one parameter or buffer, or something that a sum made.
A tensor's description maps a dimension to one atom for each of its positions; ``FIXED`` stands
where nothing can go (the network's input), ``ANY`` where a size was made in forward and follows
whatever it meets. Atoms that must leave together are joined (union-find); atoms that must stay
are pinned, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Ids = NDArray[np.int64]

FIXED, ANY = 0, -1


@dataclass(eq=False)
class Made:
    """What a tensor is made of.

    Arguments:
        at: the atoms along each dimension that has some.
        free: dimensions of any size, or True for all of them.
        summed: dimensions whose channels are those of a sum.
        exits: modules whose output this was, on the way from where its channels were made; with
            the description that it had there. The last is the nearest.
    """

    at: dict[int, Ids] = field(default_factory=dict)
    free: frozenset[int] | bool = frozenset()
    summed: frozenset[int] = frozenset()
    exits: tuple[tuple[str, Made], ...] = ()

    def loose(self, dim: int) -> bool:
        """The dimension has no atoms and may have any size."""
        free = self.free if isinstance(self.free, bool) else dim in self.free
        return free and dim not in self.at

    def row(self, dim: int, size: int) -> Ids:
        """The atoms of a dimension, whether it has some or not."""
        if dim in self.at:
            return self.at[dim]
        return np.full(size, ANY if self.loose(dim) else FIXED, dtype=np.int64)


NOTHING = Made()


class Union:
    """Disjoint sets of atoms, for many at once."""

    def __init__(self) -> None:
        self.parent = np.zeros(1, dtype=np.int64)
        self.used = 1

    def fresh(self, count: int) -> Ids:
        """So many new atoms."""
        start, self.used = self.used, self.used + count
        if self.used > len(self.parent):
            more = np.arange(len(self.parent), max(self.used, 2 * len(self.parent)))
            self.parent = np.concatenate([self.parent, more])
        return np.arange(start, self.used)

    def roots(self, ids: Ids) -> Ids:
        """The least atom of the set of each; what is no atom stays itself."""
        ids = np.asarray(ids)
        atoms = np.maximum(ids, 0)
        found = self.parent[atoms]
        while True:
            further = self.parent[found]
            if np.array_equal(further, found):
                break
            found = further
        self.parent[atoms] = found
        return np.where(ids > 0, found, ids)

    def join(self, one: Ids, two: Ids) -> None:
        """Put each pair into one set; both hold atoms only."""
        one, two = np.asarray(one).ravel(), np.asarray(two).ravel()
        while True:
            a, b = self.roots(one), self.roots(two)
            differ = a != b
            if not differ.any():
                return
            high, low = np.maximum(a, b)[differ], np.minimum(a, b)[differ]
            np.minimum.at(self.parent, high, low)


class Atoms:
    """The atoms of a network and all that is said of them; what rules write to.

    Attributes:
        where: the module path that runs now, for reasons.
    """

    def __init__(self) -> None:
        self.union = Union()
        self.pins: dict[int, str] = {}
        self.where = ""
        self._known: dict[int, tuple[Tensor, Made]] = {}
        self._lasting: dict[int, tuple[Tensor, Made]] = {}

    # what tensors are made of

    def give(self, tensor: Tensor, made: Made) -> None:
        """Say what a tensor is made of."""
        self._known[id(tensor)] = (tensor, made)

    def of(self, tensor: Tensor) -> Made:
        """What a tensor is made of."""
        known = self._known.get(id(tensor))
        return known[1] if known is not None and known[0] is tensor else NOTHING

    def row(self, tensor: Tensor, dim: int) -> Ids:
        """The atoms along one of its dimensions."""
        return self.of(tensor).row(dim, tensor.shape[dim])

    def keep_parameters(self) -> None:
        """What is known now outlasts a run."""
        self._lasting = dict(self._known)

    def forget(self) -> None:
        """A run is over: its activations are not needed any more."""
        self._known = dict(self._lasting)

    def is_parameter(self, tensor: Tensor) -> bool:
        """A parameter or buffer itself, no activation."""
        return id(tensor) in self._lasting

    # ties and pins

    def tie(self, one: Ids, two: Ids, why: str) -> None:
        """These leave together, position by position; with something fixed they stay."""
        one, two = np.broadcast_arrays(np.asarray(one), np.asarray(two))
        one, two = one.ravel(), two.ravel()
        both = (one > 0) & (two > 0)
        if both.any():
            self.union.join(one[both], two[both])
        fixed = ((one == FIXED) & (two > 0)) | ((two == FIXED) & (one > 0))
        if fixed.any():
            self.pin(np.maximum(one, two)[fixed], f"{why} with a tensor of fixed size")

    def tie_all(self, rows: Ids, why: str) -> None:
        """All positions of the first axis are one: row 0 is tied to every other."""
        if len(rows) > 1:
            self.tie(np.broadcast_to(rows[:1], rows[1:].shape), rows[1:], why)

    def pin(self, ids: Ids | Iterable[int], why: str) -> None:
        """These stay; the first reason counts."""
        reason = f"{why} (in {self.where})" if self.where else why
        for atom in np.unique(np.asarray(ids)).tolist():
            if atom > 0:
                self.pins.setdefault(atom, reason)

    def roots(self, ids: Ids) -> Ids:
        """The set of each atom."""
        return self.union.roots(ids)
