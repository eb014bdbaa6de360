"""The moments of the activations, streamed over samples and positions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from secateur.network import Channels, Placed, Read
from secateur.statistics.data import Matrix

PART = 2**21
"""Numbers of an activation that are looked at at once: 8 MiB in single precision."""


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
        moved = activation.detach().movedim(place.dim, 0)
        for flat in _parts(moved):
            for number, rows in self._rows[key]:
                moments = self._moments.setdefault((number, key), _Moments(len(rows)))
                moments.add(_taken(flat, rows))

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
        if flat.element_size() < 4:  # a sum of products in 16 bits would have three digits
            flat = flat.float()
        self.gram += (flat @ flat.T).cpu()
        self.sum += flat.sum(dim=1, dtype=torch.float64).cpu()
        self.positions += flat.shape[1]


def _parts(moved: Tensor) -> Iterator[Tensor]:
    """Its first dimension against all others, in matrices of at most ``PART`` numbers.

    A whole activation is neither copied nor converted, which could take as much as the pass.
    """
    dim = next((d for d in range(1, moved.ndim) if moved.shape[d] > 1), 0)
    if moved.numel() <= PART or dim == 0:
        yield moved.reshape(len(moved), -1)
        return
    step = max(1, PART * moved.shape[dim] // moved.numel())
    for part in moved.split(step, dim):
        yield from _parts(part)


def _taken(flat: Tensor, rows: Tensor) -> Tensor:
    """The rows of each channel, one behind another: shape ``(size, times · positions)``."""
    first, last = int(rows[0, 0]), int(rows[-1, -1])
    if last - first + 1 == rows.numel() and bool((rows.reshape(-1).diff() == 1).all()):
        return flat[first : last + 1].reshape(len(rows), -1)
    return flat[rows.reshape(-1).to(flat.device)].reshape(len(rows), -1)


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
