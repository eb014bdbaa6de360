"""Residual couplings: a channel costs what the kept ones cannot explain (our own objective).

Once the layers that read a pruned channel are re-fitted, its linear prediction from the channels
that stay is restored for free. What is left is the residual of that prediction, which the inverse
of the activations' Gram matrix gives for one channel and, exactly, for two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from secateur.objectives.base import Objective
from secateur.objectives.terms import Matrix, Terms
from secateur.options import option

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class Residual(Objective):
    """Loss after compensation, from leave-one-out and leave-two-out residuals.

    With ``P = (C + ε)⁻¹`` of a group's covariance C and ``m_i = ½ H_ii / E[a_i²]``: linear
    ``m_i / P_ii``; coupling ``m_i (P_jj/det - 1/P_ii) + m_j (P_ii/det - 1/P_jj)`` with
    ``det = P_ii P_jj - P_ij²``. Two look-alikes are each cheap alone and dear together.
    """

    name: ClassVar[str] = "residual"
    needs_probes: ClassVar[bool] = True

    ridge: float = option(1e-4, "ε in units of the group's mean variance", above=0)

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """The residuals of one and of two channels, weighted by their curvature.

        Raises:
            OptionError: the statistics have no Fisher probes.
        """
        from secateur.statistics import covariance

        weight = weights(statistics)
        linear = np.zeros(len(weight))
        blocks = []
        for group, matrix in zip(statistics.channels.groups, covariance(statistics), strict=True):
            part, block = _residuals(matrix, weight[group.slice], self.ridge)
            linear[group.slice] = part
            blocks.append(block)
        return Terms(statistics.channels, linear, blocks)


def weights(statistics: ChannelStatistics) -> Matrix:
    """``m_i = ½ H_ii / E[a_i²]``, the loss for each unit of a channel's energy, shape ``(n,)``.

    Raises:
        OptionError: the statistics have no Fisher probes.
    """
    energy = statistics.energy
    alive = energy > 0
    curvature = 0.5 * statistics.fisher_diagonal
    return np.where(alive, curvature / np.where(alive, energy, 1.0), 0.0)


def precision_of(matrix: Matrix, ridge: float) -> Matrix | None:
    """``(C + ε)⁻¹`` of a group's covariance; None for a group of constant channels.

    The bias restores each of those.
    """
    scale = float(np.trace(matrix)) / len(matrix)
    if scale <= 0:
        return None
    inverse = np.linalg.inv(matrix + ridge * scale * np.eye(len(matrix)))
    return np.asarray(inverse, dtype=np.float64)


def determinants(precision: Matrix) -> Matrix:
    """``P_ii P_jj - P_ij²`` of every pair; ones on the diagonal."""
    diagonal = np.diag(precision)
    det = np.outer(diagonal, diagonal) - precision**2
    np.fill_diagonal(det, 1.0)
    return det


def _residuals(matrix: Matrix, weight: Matrix, ridge: float) -> tuple[Matrix, Matrix]:
    size = len(matrix)
    precision = precision_of(matrix, ridge)
    if precision is None:
        return np.zeros(size), np.zeros((size, size))
    diagonal = np.diag(precision)
    det = determinants(precision)
    # residual of i when j is gone too, less its residual when j stays
    more = diagonal[None, :] / det - 1.0 / diagonal[:, None]
    block = weight[:, None] * more + weight[None, :] * more.T
    np.fill_diagonal(block, 0.0)
    return weight / diagonal, block
