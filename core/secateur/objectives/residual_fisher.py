"""Residual couplings with the Fisher's signs: whether two losses add up or cancel each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from secateur.objectives.base import Objective
from secateur.objectives.residual import Residual, determinants, precision_of, weights
from secateur.objectives.terms import Matrix, Terms
from secateur.options import option

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class ResidualFisher(Objective):
    """Loss after compensation, with the Fisher's signed off-diagonals inside layers.

    Terms as ``residual``'s, and to every coupling ``-w M_ij P_ij/det`` is added: with
    ``M_ij = H_ij / E[a_i a_j]``, within ``±2 √(m_i m_j)``, that is what the residuals of two
    channels, whose covariance is ``-P_ij/det``, do to the loss together. So a pair costs
    ``½ Σ M_ab R_ab``, R the covariance of its residuals; never less than nothing.

    ``w`` is the measured split-half reliability of H's off-diagonals unless given; 0 is
    ``residual``. H is taken for the product of what reads the channels and of their activations,
    as Martens and Grosse 2015 do. Our own objective.
    """

    name: ClassVar[str] = "residual+fisher"
    needs_probes: ClassVar[bool] = True
    citation: ClassVar[str] = """
@inproceedings{martens2015kfac,
  author    = {Martens, James and Grosse, Roger},
  title     = {Optimizing Neural Networks with {Kronecker}-factored Approximate Curvature},
  booktitle = {International Conference on Machine Learning}, year = {2015}
}
"""

    weight: float | None = option(
        None, "w, of the off-diagonals; none: their measured reliability", least=0, most=1
    )
    ridge: float = option(1e-4, "ε in units of the group's mean variance", above=0)

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """The terms of ``Residual``, and what the residuals of a pair do together.

        Raises:
            OptionError: the statistics have no Fisher probes.
        """
        from secateur.statistics import covariance, fisher_blocks, reliability

        weight = reliability(statistics) if self.weight is None else self.weight
        alone = Residual(ridge=self.ridge).terms(statistics)
        own = weights(statistics)
        blocks: list[Matrix] = []
        groups = statistics.channels.groups
        for group, matrix, gram, fisher, block in zip(
            groups,
            covariance(statistics),
            statistics.gram,
            fisher_blocks(statistics),
            alone.couplings,
            strict=True,
        ):
            precision = precision_of(matrix, self.ridge)
            if precision is not None and weight > 0:
                together = _together(fisher, gram, own[group.slice])
                block = block - weight * together * precision / determinants(precision)
                np.fill_diagonal(block, 0.0)
            blocks.append(block)
        return Terms(statistics.channels, alone.linear, blocks)


def _together(fisher: Matrix, gram: Matrix, own: Matrix) -> Matrix:
    """``M_ij``: what reads two channels, without their activations."""
    bound = 2.0 * np.sqrt(np.outer(own, own))
    moved = gram != 0
    quotient = np.where(moved, fisher / np.where(moved, gram, 1.0), 0.0)
    return np.clip(quotient, -bound, bound)
