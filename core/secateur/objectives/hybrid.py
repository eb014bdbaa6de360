"""The reference's objective: importance in the linear term, redundancy in the quadratic one.

arXiv 2604.05856 names the ingredients (first-order Taylor, Fisher information, activation
similarity). Its weights, normalisations and forms are not known to us: those here are our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from secateur.objectives.base import Objective
from secateur.objectives.terms import Terms, mean_one
from secateur.options import option

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class Hybrid(Objective):
    """``E(z) = Σ (α·T_i + β·F_i) z_i + γ Σ_{i<j} R_ij z_i z_j`` (z = 1: pruned).

    T and F are the Taylor and Fisher scores, R the similarity of two channels of a group.

    ``form="keep"`` puts the same couplings between the channels that *stay*,
    ``-Σ(αT+βF)x + γΣR x x`` with x = 1 - z, which also makes a channel with many look-alikes
    cheaper. Both are expressed in z with E(0) = 0.
    """

    name: ClassVar[str] = "hybrid"

    taylor: float = option(1.0, "α, the weight of the Taylor score")
    fisher: float = option(1.0, "β, the weight of the Fisher score")
    similarity_weight: float = option(
        0.1, "γ, the weight of the similarity of two channels of a group"
    )
    measure: Literal["cosine", "correlation"] = option("cosine", "of the activation maps")
    form: Literal["prune", "keep"] = option(
        "prune", "couplings between the channels that go, or between those that stay"
    )
    fisher_kind: Literal["empirical", "true"] = option(
        "empirical", "the mean of g², or the Gauss–Newton diagonal"
    )
    normalise: Literal["mean", "none"] = option(
        "mean", "divide T and F by their mean over the network, or not"
    )

    @property
    def needs_probes(self) -> bool:  # type: ignore[override]
        """Only the true Fisher score is measured with probes."""
        return self.fisher_kind == "true"

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """The weighted scores, and the similarities inside the groups."""
        from secateur.statistics import similarity

        true = self.fisher_kind == "true"
        fisher = statistics.fisher_diagonal if true else statistics.empirical_fisher
        scores = [statistics.taylor, fisher]
        if self.normalise == "mean":
            scores = [mean_one(score) for score in scores]
        linear = self.taylor * scores[0] + self.fisher * scores[1]
        alike = [self.similarity_weight * block for block in similarity(statistics, self.measure)]
        if self.form == "keep":
            linear = linear - np.concatenate([block.sum(axis=1) for block in alike])
        return Terms(statistics.channels, linear, alike)
