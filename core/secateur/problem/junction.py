"""A tree of counts: blocks whose ones are counted together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Junction:
    """Children whose ones are counted together.

    Arguments:
        children: numbers of blocks, or further junctions.
        allowed: which numbers of ones they may have together, shape ``(variables below + 1,)``.
        names: of the constraints that ``allowed`` comes from.
    """

    children: tuple[int | Junction, ...]
    allowed: NDArray[np.bool_]
    names: tuple[str, ...] = ()
