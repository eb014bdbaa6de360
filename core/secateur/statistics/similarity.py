"""How alike the channels of a group are, from the streamed moments of their activations."""

from __future__ import annotations

from typing import Literal

import numpy as np

from secateur.errors import OptionError
from secateur.statistics.data import ChannelStatistics, Matrix

Measure = Literal["cosine", "correlation"]


def covariance(statistics: ChannelStatistics) -> tuple[Matrix, ...]:
    """The centred Gram matrix of every group.

    Arguments:
        statistics: measured; a group of width w gives shape ``(w, w)``.
    """
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
