"""What was measured of every channel, held for as many objectives as are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secateur.errors import OptionError
from secateur.network import Channels

Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """What was measured, with n channels in the order of ``channels.labels``.

    A Fisher row is ``v'J`` of one probe of one sample, scaled so that the mean of ``row'row``
    estimates the Gauss–Newton matrix of the mean loss. Only sums over rows are held: their size
    depends neither on the samples nor on the probes. The arrays are read-only.

    Arguments:
        channels: the channels measured.
        samples: how many samples were seen.
        probes: Fisher probes a sample; with 0 there is nothing of the Fisher matrix.
        loss: the mean loss of the dense network.
        seed: of the probes.
        data: fingerprint of the samples that were seen, as ``fingerprint_data`` gives it.
        taylor: ``mean_s |∂L_s/∂m_i|`` (Molchanov et al. 2019, gate form), shape ``(n,)``.
        gradient: the signed mean ``∂L/∂m_i``, shape ``(n,)``.
        empirical_fisher: ``mean_s (∂L_s/∂m_i)²``, shape ``(n,)``; see Kunstner et al. 2019 for its
            limits.
        fisher: for every group the sums of ``row'row`` over the even and over the odd samples,
            shape ``(2, size, size)``; empty without probes.
        rows: the number of rows of the even and of the odd samples.
        gram: for every group, the mean over positions of ``a a'``, shape ``(size, size)``.
        mean: for every group, the mean activation, shape ``(size,)``.
        l1: L1 norm of each filter's weights, shape ``(n,)``.
        fisher_across: the sum of ``row'row`` over all channels, shape ``(n, n)``, if it was asked
            for.
    """

    channels: Channels
    samples: int
    probes: int
    loss: float
    seed: int
    data: str
    taylor: Matrix
    gradient: Matrix
    empirical_fisher: Matrix
    fisher: tuple[Matrix, ...]
    rows: tuple[int, int]
    gram: tuple[Matrix, ...]
    mean: tuple[Matrix, ...]
    l1: Matrix
    fisher_across: Matrix | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).copy().items():
            if isinstance(value, np.ndarray):
                object.__setattr__(self, name, _read_only(value))
            elif name in ("fisher", "gram", "mean"):
                object.__setattr__(self, name, tuple(_read_only(array) for array in value))

    @cached_property
    def fisher_diagonal(self) -> Matrix:
        """The diagonal of the true Fisher (Gauss–Newton) matrix, shape ``(n,)``.

        Raises:
            OptionError: measured without probes.
        """
        total = self.fisher_total
        sums = [both.diagonal(axis1=1, axis2=2).sum(axis=0) for both in self.fisher]
        return _read_only(np.concatenate(sums) / total)

    @property
    def fisher_total(self) -> int:
        """The number of Fisher rows.

        Raises:
            OptionError: there are none.
        """
        if self.probes == 0:
            raise OptionError(
                "the statistics were measured with probes=0 and have no Fisher matrix",
                remedy="measure with probes=20",
            )
        return sum(self.rows)

    @cached_property
    def energy(self) -> Matrix:
        """Mean square activation ``E[a_i²]`` of every channel, shape ``(n,)``."""
        return _read_only(np.concatenate([np.diag(gram) for gram in self.gram]))


def _read_only(array: Matrix) -> Matrix:
    view = array.view()
    view.flags.writeable = False
    return view
