"""A QUBO over channel labels, from arrays."""

from __future__ import annotations

from collections.abc import Sequence

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.errors import OptionError
from secateur.network import Channels

Matrix = NDArray[np.float64]


def make_qubo(
    channels: Channels, linear: Matrix, couplings: Sequence[Matrix] = ()
) -> dimod.BinaryQuadraticModel:
    """``E(z) = linear·z + Σ_{i<j} couplings_ij z_i z_j`` with ``E(0) = 0``.

    Arguments:
        channels: give the labels and their order.
        linear: shape ``(n,)``.
        couplings: none; one symmetric ``(n, n)`` matrix; or one ``(size, size)`` a group, for
            couplings inside the groups only. The diagonals are not read; zeros make no coupling.
    """
    if len(couplings) == 1 and couplings[0].shape == (len(channels),) * 2:
        pairs = [_pairs(couplings[0], 0)]
    else:
        pairs = [
            _pairs(block, group.start)
            for block, group in zip(couplings, channels.groups if couplings else (), strict=True)
        ]
    row = np.concatenate([p[0] for p in pairs]) if pairs else np.zeros(0, dtype=np.intp)
    col = np.concatenate([p[1] for p in pairs]) if pairs else np.zeros(0, dtype=np.intp)
    bias = np.concatenate([p[2] for p in pairs]) if pairs else np.zeros(0)
    if not (np.isfinite(linear).all() and np.isfinite(bias).all()):
        raise OptionError(
            "the QUBO has a bias that is NaN or infinite",
            remedy="look at the weights of its terms and at the statistics",
        )
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear, (row, col, bias), 0.0, dimod.BINARY, variable_order=list(channels.labels)
    )


def _pairs(block: Matrix, start: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Matrix]:
    row, col = np.triu_indices(len(block), 1)
    bias = block[row, col]
    some = bias != 0
    return row[some] + start, col[some] + start, bias[some]
