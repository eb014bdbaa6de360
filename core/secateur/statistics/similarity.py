"""How alike the channels of a group are, from the streamed moments of their activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secateur.errors import OptionError
from secateur.network import Channels, Group

if TYPE_CHECKING:
    from secateur.statistics.collect import ChannelStatistics

Matrix = NDArray[np.float64]
Measure = Literal["cosine", "correlation"]


class ActivationMoments:
    """Streams ``a a'`` and ``a`` over samples and positions, a group at a time."""

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self._gram = {
            g.path: torch.zeros(g.size, g.size, dtype=torch.float64) for g in channels.groups
        }
        self._sum = {g.path: torch.zeros(g.size, dtype=torch.float64) for g in channels.groups}
        self._positions = dict.fromkeys(self._gram, 0)

    def add(self, group: Group, activation: Tensor) -> None:
        """Count one activation of a group, shape ``(batch, size, …)``."""
        flat = activation.detach().movedim(1, 0).reshape(group.size, -1)
        self._gram[group.path] += (flat @ flat.T).double().cpu()
        self._sum[group.path] += flat.sum(dim=1, dtype=torch.float64).cpu()
        self._positions[group.path] += flat.shape[1]

    def finish(self) -> tuple[tuple[Matrix, ...], tuple[Matrix, ...]]:
        """Mean ``a a'`` and mean ``a`` of every group."""
        paths = [group.path for group in self.channels.groups]
        return (
            tuple((self._gram[p] / self._positions[p]).numpy() for p in paths),
            tuple((self._sum[p] / self._positions[p]).numpy() for p in paths),
        )


def covariance(statistics: ChannelStatistics) -> tuple[Matrix, ...]:
    """The centred Gram matrix of every group."""
    return tuple(
        gram - np.outer(mean, mean)
        for gram, mean in zip(statistics.gram, statistics.mean, strict=True)
    )


def similarity(statistics: ChannelStatistics, measure: Measure = "cosine") -> tuple[Matrix, ...]:
    """How alike the channels of each group are: symmetric, in [0, 1], zero diagonal.

    Arguments:
        statistics: from ``collect_statistics``.
        measure: "cosine" of the activation maps, or "correlation" (its absolute value). A channel
            that is always zero (or constant) is like no other.

    Raises:
        OptionError: an unknown measure.
    """
    if measure not in ("cosine", "correlation"):
        raise OptionError(
            f"the similarity measure is {measure!r}", remedy='use "cosine" or "correlation"'
        )
    matrices = statistics.gram if measure == "cosine" else covariance(statistics)
    return tuple(_normalised(matrix) for matrix in matrices)


def _normalised(matrix: Matrix) -> Matrix:
    scale = np.sqrt(np.clip(np.diag(matrix), 0.0, None))
    alive = scale > 1e-12 * max(float(scale.max(initial=0.0)), 1e-300)
    inverse = np.where(alive, 1.0 / np.where(alive, scale, 1.0), 0.0)
    alike = np.clip(np.abs(matrix * inverse[:, None] * inverse[None, :]), 0.0, 1.0)
    np.fill_diagonal(alike, 0.0)
    return alike
