"""What channels cost: parameters and multiply–accumulates, as products of shares that are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Term:
    """``number × Π kept/len`` over its factors.

    Arguments:
        number: the cost of the dense network.
        factors: for each dimension that can shrink, the channel at every position, or -1.
        kind: "conv9", "depthwise", "linear", "matmul", "elementwise", or a parameter's name.
        op: number of the operation, or -1.
    """

    number: float
    factors: tuple[Index, ...] = ()
    kind: str = ""
    op: int = -1

    def count(self, z: NDArray[np.generic]) -> float:
        """The cost that is left; ``z`` of shape ``(n,)``, 1 where pruned."""
        left = self.number
        gone = np.append(np.asarray(z) != 0, False)
        for factor in self.factors:
            left *= 1.0 - float(gone[factor].mean())
        return left


@dataclass(frozen=True, eq=False)
class Costs:
    """All costs of a network for one sample.

    Arguments:
        parameters: a term for every parameter.
        macs: a term for every contraction.
        elements: a term for every other operation, in elements that it writes.
    """

    parameters: tuple[Term, ...]
    macs: tuple[Term, ...]
    elements: tuple[Term, ...] = ()

    def count(self, z: NDArray[np.generic]) -> dict[str, int]:
        """Parameters and multiply–accumulates that are left."""
        return {
            "params": round(sum(term.count(z) for term in self.parameters)),
            "macs": round(sum(term.count(z) for term in self.macs)),
        }
