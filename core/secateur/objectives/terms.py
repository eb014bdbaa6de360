"""The terms of a QUBO over channel labels, from arrays: as a BQM, or straight as a problem."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secateur.errors import OptionError
from secateur.lazy import dimod
from secateur.problem import Constraint, Problem

if TYPE_CHECKING:
    from secateur.network import Channels

Matrix = NDArray[np.float64]
Positions = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Terms:
    """``E(z) = linear·z + Σ_{i<j} couplings_ij z_i z_j`` with ``E(0) = 0``.

    Arguments:
        channels: give the labels and their order.
        linear: shape ``(n,)``.
        couplings: none; one symmetric ``(n, n)`` matrix; or one ``(size, size)`` a group, for
            couplings inside the groups only. The diagonals are not read; zeros make no coupling.
    """

    channels: Channels
    linear: Matrix
    couplings: Sequence[Matrix] = ()

    def bqm(self) -> dimod.BinaryQuadraticModel:
        """The terms as a BQM.

        Raises:
            OptionError: a bias is NaN or infinite, or an array has another shape.
        """
        return dimod.BinaryQuadraticModel.from_numpy_vectors(
            self._linear(),
            self._quadratic(),
            0.0,
            dimod.BINARY,
            variable_order=list(self.channels.labels),
        )

    def problem(self, constraints: Iterable[Constraint] = ()) -> Problem:
        """The terms as a problem; no BQM is made on the way, which takes several times the memory.

        Raises:
            OptionError: a bias is NaN or infinite, or an array has another shape.
        """
        return Problem.from_arrays(
            self.channels.labels, self._linear(), self._quadratic(), 0.0, constraints
        )

    def _linear(self) -> Matrix:
        linear = np.asarray(self.linear, dtype=np.float64)
        if linear.shape != (len(self.channels),):
            raise OptionError(
                f"the linear terms have the shape {linear.shape}",
                remedy=f"give one number for each of the {len(self.channels)} channels",
            )
        return linear

    def _quadratic(self) -> tuple[Positions, Positions, Matrix]:
        couplings = [np.asarray(block, dtype=np.float64) for block in self.couplings]
        n, sizes = len(self.channels), [group.size for group in self.channels.groups]
        shapes = [block.shape for block in couplings]
        if shapes == [(n, n)]:
            starts = [0]
        elif shapes == [(size, size) for size in sizes]:
            starts = [group.start for group in self.channels.groups]
        elif not shapes:
            starts = []
        else:
            raise OptionError(
                f"the couplings have the shapes {shapes}",
                remedy=f"give one matrix ({n}, {n}), or one for each group, of the sizes {sizes}",
            )
        pairs = [_pairs(block, start) for block, start in zip(couplings, starts, strict=True)] or [
            (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0))
        ]
        row, col, bias = (np.concatenate(part) for part in zip(*pairs, strict=True))
        if not (np.isfinite(self.linear).all() and np.isfinite(bias).all()):
            raise OptionError(
                "the QUBO has a bias that is NaN or infinite",
                remedy="look at the weights of its terms and at the statistics",
            )
        return row, col, bias


def make_qubo(
    channels: Channels, linear: Matrix, couplings: Sequence[Matrix] = ()
) -> dimod.BinaryQuadraticModel:
    """``E(z) = linear·z + Σ_{i<j} couplings_ij z_i z_j`` with ``E(0) = 0``.

    Arguments:
        channels: give the labels and their order.
        linear: shape ``(n,)``.
        couplings: none; one symmetric ``(n, n)`` matrix; or one ``(size, size)`` a group, for
            couplings inside the groups only. The diagonals are not read; zeros make no coupling.
    """
    return Terms(channels, linear, couplings).bqm()


def mean_one(score: Matrix) -> Matrix:
    """A score divided by its mean, if that is positive."""
    mean = float(score.mean())
    return score / mean if mean > 0 else score


def _pairs(block: Matrix, start: int) -> tuple[Positions, Positions, Matrix]:
    size = len(block)
    upper = np.tri(size, dtype=bool).T & (block != 0)
    np.fill_diagonal(upper, False)
    row, col = (index.astype(np.int32) for index in np.nonzero(upper))
    return row + np.int32(start), col + np.int32(start), block[upper]
