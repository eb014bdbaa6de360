"""An upper curve: for every number of ones the best known choice in a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Curve:
    """What a block is known to cost with exactly k ones.

    Arguments:
        energy: of the block's own terms, shape ``(w + 1,)``; infinity where no choice is known or
            allowed.
        bits: a choice that has it and keeps every demand within the block, shape ``(w + 1, w)``.
    """

    energy: NDArray[np.float64]
    bits: NDArray[np.int8]
