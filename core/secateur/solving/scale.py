"""What a proof asks of all blocks together: their scale, a first guess, the bound of a split."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from secateur.problem.junction import Junction
from secateur.problem.minplus import Split, best_split, rest
from secateur.problem.parts import Block, Floats
from secateur.problem.shares import Shares
from secateur.solving.thin import is_thin


def power(blocks: Sequence[Block]) -> float:
    """A power of two that makes the largest number about 1, and the smallest no subnormal."""
    largest, smallest = 0.0, math.inf
    for block in blocks:
        pairs: Any = block.couplings
        for array in (block.linear, pairs.data if is_thin(block) else pairs):
            if array is None or not array.size:
                continue
            size = np.abs(array)
            largest = max(largest, float(size.max()))
            smallest = min(smallest, float(size.min(initial=np.inf, where=size > 0)))
    if largest == 0.0:
        return 1.0
    exponent = -round(math.log2(largest))
    exponent = max(exponent, -960 - math.floor(math.log2(smallest)))
    return float(2.0 ** max(-1000, min(1000, exponent)))


def guessed(block: Block) -> Floats:
    """About the curve of a block: its terms sorted, its couplings at their mean."""
    ones = np.arange(block.size + 1)
    sums = np.concatenate([[0.0], np.cumsum(np.sort(block.linear))])
    if block.couplings is not None:
        mean = block.couplings.sum() / max(1, block.size * (block.size - 1))
        sums = sums + 0.5 * mean * ones * (ones - 1)
    return np.where(block.allowed, sums, np.inf)


def bounded(root: Junction | Shares, lower: Sequence[Floats]) -> tuple[Split, list[Floats]]:
    """The least sum of lower curves, or below it, and what all other blocks cost at least."""
    if isinstance(root, Shares):
        return root.below(lower)
    return best_split(root, lower), rest(root, lower)
