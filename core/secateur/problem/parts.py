"""A problem taken apart: blocks that no coupling joins, and how their counts add up.

The QUBO of a network falls apart by layers. A ``Block`` is a component of its graph together with
what must be decided in it; a ``Junction`` says which numbers of ones its children may have
together, and the root of the junctions is the problem.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
        couplings: symmetric with a zero diagonal, dense, shape ``(w, w)``; None where nothing in
            the block is coupled.
        allowed: which numbers of ones the whole block may have, shape ``(w + 1,)``.
        counts: demands on some of its variables.
        sums: linear and quadratic demands on its variables.
    """

    positions: Positions
    linear: Floats
    couplings: Floats | None
    allowed: NDArray[np.bool_]
    counts: tuple[InnerCount, ...] = ()
    sums: tuple[InnerSum, ...] = ()

    @property
    def size(self) -> int:
        """The number of its variables, w."""
        return len(self.linear)


@dataclass(frozen=True, eq=False)
class Junction:
    """Children whose ones are counted together.

    Arguments:
        children: numbers of blocks, or further junctions.
        allowed: which numbers of ones they may have together, shape ``(variables below + 1,)``.
    """

    children: tuple[int | Junction, ...]
    allowed: NDArray[np.bool_]
