"""Fisher couplings: the second-order expansion of the loss in the gates (our own objective)."""

from __future__ import annotations

from secateur.errors import OptionError
from secateur.qubo.build import Matrix, Terms, objective
from secateur.statistics import (
    ChannelStatistics,
    fisher_blocks,
    fisher_matrix,
    reliability,
)


@objective
def fisher_qubo(
    statistics: ChannelStatistics,
    *,
    gradient: float = 0.0,
    shrinkage: float | None = None,
    across_groups: bool = False,
) -> Terms:
    """``E(z) = ½ z'Hz``, in units of loss, with H the true Fisher (Gauss–Newton) matrix.

    A trained network is at a minimum of its loss, so the first-order term ``-ḡ'z`` is left out as
    LeCun et al. 1990 do; measured on few photographs it says where those differ from the ones for
    training, and a solver exploits it (benchmarks/claims.py). ``gradient=1`` puts it in.

    The off-diagonals are multiplied by their measured split-half reliability: where they are
    estimation noise (a plain chain network), the diagonal is left.

    Arguments:
        statistics: with Fisher probes.
        gradient: weight of the first-order term ``-ḡ'z``.
        shrinkage: factor of the off-diagonals, from 0 to 1; the measured reliability unless given.
        across_groups: keep the couplings between layers too.

    Raises:
        OptionError: a shrinkage outside 0 to 1, or statistics without probes.
    """
    if shrinkage is None:
        shrinkage = reliability(statistics)
    if not 0.0 <= shrinkage <= 1.0:
        raise OptionError(f"shrinkage is {shrinkage}", remedy="use a factor from 0 to 1")
    linear = -gradient * statistics.gradient + 0.5 * statistics.fisher_diagonal
    couplings: list[Matrix]
    if across_groups:
        couplings = [fisher_matrix(statistics, across_groups=True)]
    else:
        couplings = list(fisher_blocks(statistics))
    for block in couplings:
        block *= shrinkage
    return Terms(statistics.channels, linear, couplings)
