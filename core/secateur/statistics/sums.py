"""Sums over samples and probes, so that what is held does not grow with them."""

from __future__ import annotations

import torch
from torch import Tensor

from secateur.network import Channels
from secateur.statistics.data import Matrix

ROWS = 512
"""So many Fisher rows are multiplied at once; fewer take as long as many."""


class GradientSums:
    """Streams ``|g|``, ``g`` and ``g²`` over samples.

    Arguments:
        n: the number of channels.
    """

    def __init__(self, n: int) -> None:
        self.samples = 0
        self.loss = 0.0
        self._sums = torch.zeros(3, n, dtype=torch.float64)

    def add(self, losses: Tensor, gradients: Tensor) -> None:
        """Count some samples, shapes ``(batch,)`` and ``(batch, n)``."""
        g = gradients.double()
        self._sums += torch.stack([g.abs().sum(dim=0), g.sum(dim=0), g.square().sum(dim=0)])
        self.loss += float(losses.double().sum())
        self.samples += len(g)

    def means(self) -> tuple[Matrix, Matrix, Matrix]:
        """The means of ``|g|``, ``g`` and ``g²``, shape ``(n,)``."""
        taylor, gradient, square = (self._sums / self.samples).numpy()
        return taylor, gradient, square


class FisherSums:
    """Streams ``row'row`` within every group, over the even and over the odd samples.

    Arguments:
        channels: give the groups.
        across_groups: over all channels, too: n × n numbers.
    """

    def __init__(self, channels: Channels, *, across_groups: bool = False) -> None:
        self.rows = [0, 0]
        self.slices = [group.slice for group in channels.groups]
        self._sums = [
            torch.zeros(2, group.size, group.size, dtype=torch.float64) for group in channels.groups
        ]
        n = len(channels) if across_groups else 0
        self._across = torch.zeros(n, n, dtype=torch.float64) if across_groups else None
        self._waiting: tuple[list[Tensor], list[Tensor]] = ([], [])
        self._seen = 0

    def add(self, rows: Tensor) -> None:
        """Count the rows of the next samples, shape ``(probes, batch, n)``."""
        for parity in (0, 1):
            own = rows[:, (parity - self._seen) % 2 :: 2].flatten(0, 1)
            self._waiting[parity].append(own)
            self.rows[parity] += len(own)
            if sum(map(len, self._waiting[parity])) >= ROWS:
                self._multiply(parity)
        self._seen += rows.shape[1]

    def finish(self) -> tuple[tuple[Matrix, ...], Matrix | None]:
        """The sums of every group, shape ``(2, size, size)``, and those over all channels."""
        for parity in (0, 1):
            self._multiply(parity)
        across = None if self._across is None else self._across.numpy()
        return tuple(sums.numpy() for sums in self._sums), across

    def _multiply(self, parity: int) -> None:
        if not self._waiting[parity]:
            return
        rows = torch.cat(self._waiting[parity])
        self._waiting[parity].clear()
        for place, sums in zip(self.slices, self._sums, strict=True):
            own = rows[:, place].double()
            sums[parity].addmm_(own.T, own)
        if self._across is not None:
            whole = rows.double()
            self._across.addmm_(whole.T, whole)
