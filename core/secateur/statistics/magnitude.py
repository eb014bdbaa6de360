"""Weight magnitudes: the baseline that looks at no data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from secateur.network import Channels


def l1_norms(network: nn.Module, channels: Channels) -> NDArray[np.float64]:
    """``Σ|w|`` of the weights that make every channel (Li et al. 2017), shape ``(n,)``."""
    parameters = dict(network.named_parameters(remove_duplicate=False))
    sums: dict[tuple[str, int], NDArray[np.float64]] = {}
    norms = np.zeros(len(channels))
    for number, makers in enumerate(channels.makers):
        for name, dim, index in makers:
            if name not in parameters or parameters[name].ndim < 2:
                continue  # biases make a channel, too, but no filter
            if (name, dim) not in sums:
                absolute = parameters[name].detach().double().abs().movedim(dim, 0).flatten(1)
                sums[name, dim] = absolute.sum(dim=1).cpu().numpy()
            norms[number] += sums[name, dim][index]
    return norms
