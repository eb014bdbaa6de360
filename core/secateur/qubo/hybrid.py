"""The reference's objective: importance in the linear term, redundancy in the quadratic one.

arXiv 2604.05856 names the ingredients (first-order Taylor, Fisher information, activation
similarity). Its weights, normalisations and forms are not known to us: those here are our own.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from secateur.errors import OptionError
from secateur.qubo.build import Matrix, Terms, objective
from secateur.statistics import ChannelStatistics, similarity


@objective
def hybrid_qubo(
    statistics: ChannelStatistics,
    *,
    taylor: float = 1.0,
    fisher: float = 1.0,
    similarity_weight: float = 0.1,
    measure: Literal["cosine", "correlation"] = "cosine",
    form: Literal["prune", "keep"] = "prune",
    fisher_kind: Literal["empirical", "true"] = "empirical",
    normalise: Literal["mean", "none"] = "mean",
) -> Terms:
    """``E(z) = Σ (α·T_i + β·F_i) z_i + γ Σ_{i<j} R_ij z_i z_j`` (z = 1: pruned).

    Arguments:
        statistics: from ``collect_statistics``.
        taylor: α, the weight of the Taylor score.
        fisher: β, the weight of the Fisher score.
        similarity_weight: γ, the weight of the similarity of two channels of a group.
        measure: "cosine" or "correlation" of the activation maps.
        form: "prune", or "keep": the same couplings between the channels that *stay*,
            ``-Σ(αT+βF)x + γΣR x x`` with x = 1 - z, which also makes a channel with many
            look-alikes cheaper. Both are expressed in z with E(0) = 0.
        fisher_kind: "empirical" (mean g²) or "true" (the Gauss–Newton diagonal).
        normalise: "mean" divides T and F by their mean over the network; "none" does not.

    Raises:
        OptionError: an unknown choice or a weight that is not finite.
    """
    _check("form", form, ("prune", "keep"))
    _check("fisher_kind", fisher_kind, ("empirical", "true"))
    _check("normalise", normalise, ("mean", "none"))
    fisher_score = (
        statistics.empirical_fisher if fisher_kind == "empirical" else statistics.fisher_diagonal
    )
    scores = [statistics.taylor, fisher_score]
    if normalise == "mean":
        scores = [_mean_one(score) for score in scores]
    linear = taylor * scores[0] + fisher * scores[1]
    alike = [similarity_weight * block for block in similarity(statistics, measure)]
    if form == "keep":
        linear = linear - np.concatenate([block.sum(axis=1) for block in alike])
    return Terms(statistics.channels, linear, alike)


@objective
def taylor_qubo(statistics: ChannelStatistics) -> Terms:
    """``E(z) = Σ T_i z_i``: no couplings, so the K smallest scores are its optimum."""
    return Terms(statistics.channels, statistics.taylor)


@objective
def l1_qubo(statistics: ChannelStatistics) -> Terms:
    """``E(z) = Σ |w|_i z_i`` with mean 1: the baseline of the literature, which sees no data."""
    return Terms(statistics.channels, _mean_one(statistics.l1))


def _mean_one(score: Matrix) -> Matrix:
    mean = float(score.mean())
    return score / mean if mean > 0 else score


def _check(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise OptionError(
            f"{name} is {value!r}", remedy="use " + " or ".join(repr(c) for c in choices)
        )
