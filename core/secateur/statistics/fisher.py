"""The true Fisher matrix of the gates, estimated from random probes at the output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secateur.errors import OptionError

if TYPE_CHECKING:
    from secateur.statistics.collect import ChannelStatistics


def fisher_matrix(
    statistics: ChannelStatistics, *, across_groups: bool = False
) -> NDArray[np.float64]:
    """The Gauss–Newton matrix of the mean loss, shape ``(n, n)``, positive semidefinite.

    Arguments:
        statistics: with at least one probe.
        across_groups: keep the entries between channels of different groups.
    """
    rows = _rows(statistics)
    if across_groups:
        return np.asarray(rows.T @ rows / len(rows))
    matrix = np.zeros((rows.shape[1],) * 2)
    for group, block in zip(statistics.channels.groups, fisher_blocks(statistics), strict=True):
        matrix[group.slice, group.slice] = block
    return matrix


def fisher_blocks(statistics: ChannelStatistics) -> Iterator[NDArray[np.float64]]:
    """The Gauss–Newton matrix within each group, shape ``(size, size)``, one after another.

    Arguments:
        statistics: with at least one probe.
    """
    rows = _rows(statistics)
    for group in statistics.channels.groups:
        some = rows[:, group.slice]
        block = some.T @ some
        block /= len(rows)
        yield block


def reliability(statistics: ChannelStatistics) -> float:
    """How far the couplings inside the groups can be trusted, from 0 (noise) to 1.

    Two halves of the samples give two estimates of every coupling; their correlation ``r`` is
    stepped up to the whole sample by Spearman–Brown, ``2r / (1 + r)``; a negative one counts as 0.
    """
    rows = _rows(statistics)
    odd = statistics.fisher_samples % 2 == 1
    if not odd.any() or odd.all():
        return 0.0
    moments = _Moments()
    halves = [np.flatnonzero(half) for half in (odd, ~odd)]
    for group in statistics.channels.groups:
        upper = np.tri(group.size, k=-1, dtype=bool).T
        estimates = []
        for half in halves:
            some = rows[half, group.slice]
            estimates.append((some.T @ some)[upper] / len(half))
        moments.add(*estimates)
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


def _rows(statistics: ChannelStatistics) -> NDArray[np.float64]:
    if len(statistics.fisher_rows) == 0:
        raise OptionError(
            "the statistics were measured with probes=0 and have no Fisher rows",
            remedy="measure with probes=20",
        )
    return statistics.fisher_rows
