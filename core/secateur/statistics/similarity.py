"""How alike the channels of a group are, from the streamed moments of their activations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secateur.errors import OptionError
from secateur.network import Channels, Placed, Read

if TYPE_CHECKING:
    from secateur.statistics.collect import ChannelStatistics

Matrix = NDArray[np.float64]
Measure = Literal["cosine", "correlation"]


class ActivationMoments:
    """Streams ``a a'`` and ``a`` over samples and positions, where the channels are read.

    A group that is read in several places counts each place alike.
    """

    def __init__(self, channels: Channels) -> None:
        self.channels = channels
        self._moments: dict[tuple[int, int], _Moments] = {}
        self._rows: dict[int, list[tuple[int, Tensor]]] = {}

    def add(self, place: Read | Placed, activation: Tensor) -> None:
        """Count the activation at one place where channels are read."""
        key = id(place)
        if key not in self._rows:
            self._rows[key] = list(_rows_of(place, self.channels))
        flat = activation.detach().movedim(place.dim, 0).reshape(activation.shape[place.dim], -1)
        for number, rows in self._rows[key]:
            moments = self._moments.setdefault((number, key), _Moments(len(rows)))
            moments.add(flat[rows.reshape(-1).to(flat.device)].reshape(len(rows), -1))

    def finish(self) -> tuple[tuple[Matrix, ...], tuple[Matrix, ...]]:
        """Mean ``a a'`` and mean ``a`` of every group."""
        grams, means = [], []
        for number, group in enumerate(self.channels.groups):
            own = [m for (k, _), m in self._moments.items() if k == number]
            places = max(len(own), 1)
            gram, mean = np.zeros((group.size, group.size)), np.zeros(group.size)
            for moments in own:
                gram += (moments.gram / moments.positions).numpy() / places
                mean += (moments.sum / moments.positions).numpy() / places
            grams.append(gram)
            means.append(mean)
        return tuple(grams), tuple(means)


class _Moments:
    """Of one group at one place."""

    def __init__(self, size: int) -> None:
        self.gram = torch.zeros(size, size, dtype=torch.float64)
        self.sum = torch.zeros(size, dtype=torch.float64)
        self.positions = 0

    def add(self, flat: Tensor) -> None:
        self.gram += (flat @ flat.T).double().cpu()
        self.sum += flat.sum(dim=1, dtype=torch.float64).cpu()
        self.positions += flat.shape[1]


def _rows_of(place: Read | Placed, channels: Channels) -> Iterator[tuple[int, Tensor]]:
    """The groups at a place: the positions of each channel, shape ``(size, times)``."""
    for number, group in enumerate(channels.groups):
        own = place.channel - group.start
        inside = np.flatnonzero((own >= 0) & (own < group.size))
        if not len(inside):
            continue
        counts = np.bincount(own[inside], minlength=group.size)
        if counts.min() == counts.max():
            order = inside[np.argsort(own[inside], kind="stable")]
            yield number, torch.as_tensor(order.reshape(group.size, -1))


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
