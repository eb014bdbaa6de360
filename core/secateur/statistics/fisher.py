"""The true Fisher matrix of the gates, estimated from random probes at the output."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from secateur.errors import OptionError
from secateur.statistics.data import ChannelStatistics


def fisher_matrix(
    statistics: ChannelStatistics, *, across_groups: bool = False
) -> NDArray[np.float64]:
    """The Gauss–Newton matrix of the mean loss, shape ``(n, n)``, positive semidefinite.

    Arguments:
        statistics: with at least one probe.
        across_groups: keep the entries between channels of different groups.

    Raises:
        OptionError: measured without probes, or without the entries asked for.
    """
    total = statistics.fisher_total
    if across_groups:
        if statistics.fisher_across is None:
            raise OptionError(
                "the statistics hold the Fisher matrix within groups only, and the entries across "
                "groups are asked for",
                remedy="measure with across_groups=True, or leave across_groups out",
            )
        return np.asarray(statistics.fisher_across / total)
    matrix = np.zeros((len(statistics.channels),) * 2)
    for group, block in zip(statistics.channels.groups, fisher_blocks(statistics), strict=True):
        matrix[group.slice, group.slice] = block
    return matrix


def fisher_blocks(statistics: ChannelStatistics) -> Iterator[NDArray[np.float64]]:
    """The Gauss–Newton matrix within each group, shape ``(size, size)``, one after another.

    Arguments:
        statistics: with at least one probe.

    Raises:
        OptionError: measured without probes.
    """
    total = statistics.fisher_total
    for even, odd in statistics.fisher:
        block = even + odd
        block /= total
        yield block


def reliability(statistics: ChannelStatistics) -> float:
    """How far the couplings inside the groups can be trusted, from 0 (noise) to 1.

    Two halves of the samples give two estimates of every coupling; their correlation ``r`` is
    stepped up to the whole sample by Spearman–Brown, ``2r / (1 + r)``; a negative one counts as 0.

    Arguments:
        statistics: measured with probes.

    Raises:
        OptionError: measured without probes.
    """
    statistics.fisher_total  # noqa: B018 (refuses statistics without probes)
    if 0 in statistics.rows:
        return 0.0
    moments = _Moments()
    for halves in statistics.fisher:
        upper = np.tri(halves.shape[1], k=-1, dtype=bool).T
        even, odd = (half[upper] / rows for half, rows in zip(halves, statistics.rows, strict=True))
        moments.add(odd, even)
    correlation = max(0.0, moments.correlation)
    return 2 * correlation / (1 + correlation)


class _Moments:
    """The correlation of two long series of which only a part is held at a time.

    Means and centred moments of parts are joined as in Chan, Golub and LeVeque, "Updating formulae
    and a pairwise algorithm for computing sample variances" (1979).
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean = np.zeros(2)
        self.moment = np.zeros((2, 2))

    def add(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        """Count another part of both."""
        if not len(first):
            return
        part = np.stack([first, second])
        mean = part.mean(axis=1)
        part -= mean[:, None]
        total = self.count + len(first)
        step = mean - self.mean
        self.moment += part @ part.T + np.outer(step, step) * (self.count * len(first) / total)
        self.mean += step * (len(first) / total)
        self.count = total

    @property
    def correlation(self) -> float:
        """Pearson's; 0 where one of the two is constant."""
        variances = np.diag(self.moment)
        if (variances <= 0).any():
            return 0.0
        return float(self.moment[0, 1] / np.sqrt(variances[0]) / np.sqrt(variances[1]))
