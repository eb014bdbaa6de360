"""Fisher couplings: the second-order expansion of the loss in the gates (our own objective)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from secateur.objectives.base import Objective
from secateur.objectives.terms import Matrix, Terms
from secateur.options import option

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class Fisher(Objective):
    """``E(z) = ½ z'Hz``, in units of loss, with H the true Fisher (Gauss–Newton) matrix.

    A trained network is at a minimum of its loss, so the first-order term ``-ḡ'z`` is left out as
    LeCun et al. 1990 do; measured on few photographs it says where those differ from the ones for
    training, and a solver exploits it (``benchmarks/claims.py --plain-colours``). ``gradient=1``
    puts it in.

    The off-diagonals are multiplied by their measured split-half reliability: where they are
    estimation noise (a plain chain network), the diagonal is left.
    """

    name: ClassVar[str] = "fisher"
    needs_probes: ClassVar[bool] = True
    citation: ClassVar[str] = """
@inproceedings{lecun1990optimal,
  author    = {LeCun, Yann and Denker, John S. and Solla, Sara A.},
  title     = {Optimal Brain Damage},
  booktitle = {Advances in Neural Information Processing Systems 2}, year = {1990}
}
"""

    gradient: float = option(0.0, "weight of the first-order term -ḡ'z")
    shrinkage: float | None = option(
        None, "factor of the off-diagonals; none: their measured reliability", least=0, most=1
    )
    across_groups: bool = option(False, "keep the couplings between layers too")

    @property
    def needs_across_groups(self) -> bool:
        """As the option says."""
        return self.across_groups

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """``-gradient·ḡ + ½ diag(H)``, and H inside the groups times ``shrinkage``.

        Raises:
            OptionError: the statistics have no Fisher probes.
        """
        from secateur.statistics import fisher_blocks, fisher_matrix, reliability

        shrinkage = reliability(statistics) if self.shrinkage is None else self.shrinkage
        couplings: list[Matrix]
        if self.across_groups:
            couplings = [shrinkage * fisher_matrix(statistics, across_groups=True)]
        else:
            couplings = [shrinkage * block for block in fisher_blocks(statistics)]
        linear = -self.gradient * statistics.gradient + 0.5 * statistics.fisher_diagonal
        return Terms(statistics.channels, linear, couplings)
