"""Weight magnitudes: the baseline that looks at no data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from secateur.network import Channels


def l1_norms(network: nn.Module, channels: Channels) -> NDArray[np.float64]:
    """``Σ|w|`` of every channel's filters (Li et al. 2017), shape ``(n,)``."""
    norms = np.zeros(len(channels))
    for group in channels.groups:
        for member in group.members:
            convolution = network.get_submodule(member.path)
            weight = convolution.weight
            assert not isinstance(weight, nn.Module)
            absolute = weight.detach().double().abs().reshape(group.size, -1)
            norms[group.slice] += absolute.sum(dim=1).cpu().numpy()
    return norms
