"""Objectives without couplings, whose optimum is the K smallest scores; and the one without any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from secateur.objectives.base import Objective
from secateur.objectives.terms import Terms, mean_one

if TYPE_CHECKING:
    from secateur.statistics import ChannelStatistics


@dataclass(frozen=True)
class Taylor(Objective):
    """``E(z) = Σ T_i z_i``: no couplings, so the K smallest scores are its optimum."""

    name: ClassVar[str] = "taylor"
    citation: ClassVar[str] = """
@inproceedings{molchanov2019importance,
  author    = {Molchanov, Pavlo and Mallya, Arun and Tyree, Stephen and Frosio, Iuri
               and Kautz, Jan},
  title     = {Importance Estimation for Neural Network Pruning},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition}, year = {2019}
}
"""

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """The Taylor scores."""
        return Terms(statistics.channels, statistics.taylor)


@dataclass(frozen=True)
class L1(Objective):
    """``E(z) = Σ |w|_i z_i`` with mean 1: the baseline of the literature, which sees no data."""

    name: ClassVar[str] = "l1"
    citation: ClassVar[str] = """
@inproceedings{li2017pruning,
  author    = {Li, Hao and Kadav, Asim and Durdanovic, Igor and Samet, Hanan and Graf, Hans Peter},
  title     = {Pruning Filters for Efficient ConvNets},
  booktitle = {International Conference on Learning Representations}, year = {2017}
}
"""

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """The L1 norms of the filters' weights, divided by their mean."""
        return Terms(statistics.channels, mean_one(statistics.l1))


@dataclass(frozen=True)
class Random(Objective):
    """The control: no QUBO, all biases are 0, and channels are drawn in random order."""

    name: ClassVar[str] = "random"

    def terms(self, statistics: ChannelStatistics) -> Terms:
        """Zeros; the selection is drawn, not solved for."""
        return Terms(statistics.channels, np.zeros(len(statistics.channels)))
