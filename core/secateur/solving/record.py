"""What the bound of a block rests on: the tree, in the terms of a certificate.

A node's fixings on entry are its parent's on exit and the branch. ``fixed`` lists what it then
fixes, each because the other side is shut out by the bounds on the path, or by a demand. A leaf's
bound is the largest of those on its path.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from secateur.problem.parts import Floats
from secateur.solving.demands import Bits


@dataclass(slots=True, eq=False)
class Node:
    """One node of a block's tree.

    Attributes:
        points: rows of the record's points that bound it and all below it.
        gl: the Gilmore-Lawler bound is used too.
        fixed: pairs of a position within the block and its value.
        branch: the position on which it branches, or None.
        children: the nodes where the branch is 0 and where it is 1, or None.
        infeasible: the demand that no completion keeps, or None.
    """

    points: tuple[int, ...] = ()
    gl: bool = False
    fixed: tuple[tuple[int, int], ...] = ()
    branch: int | None = None
    children: tuple[int, int] | None = None
    infeasible: str | None = None


@dataclass(eq=False)
class Record:
    """The tree of a block; node 0 is the root.

    Attributes:
        diagonal: d, shape ``(w,)``; None: zero.
        nodes: every node after its parent.
    """

    diagonal: Floats | None
    nodes: list[Node] = field(default_factory=list)
    _points: list[NDArray[np.float32]] = field(default_factory=list)
    _count: int = 0

    @property
    def points(self) -> NDArray[np.float32] | None:
        """Points of linearisation, shape ``(P, w)``; None: one, the zero vector."""
        if self.diagonal is None:
            return None
        if not self._points:
            return np.zeros((0, len(self.diagonal)), dtype=np.float32)
        if len(self._points) > 1:
            self._points = [np.concatenate(self._points)]
        return self._points[0]

    def add_points(self, points: NDArray[np.float32]) -> list[int]:
        """Keep points, shape ``(B, w)``; returns their numbers."""
        if self.diagonal is None:
            return [0] * len(points)
        self._points.append(points)
        self._count += len(points)
        return list(range(self._count - len(points), self._count))


def fixings(before: Bits, after: Bits) -> list[tuple[tuple[int, int], ...]]:
    """What became fixed in each row, as pairs of position and value."""
    rows, columns = np.nonzero(before != after)
    values = after[rows, columns].tolist()
    ends = np.searchsorted(rows, np.arange(len(before) + 1)).tolist()
    pairs = list(zip(columns.tolist(), values, strict=True))
    return [tuple(pairs[a:b]) for a, b in itertools.pairwise(ends)]
