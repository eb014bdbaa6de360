"""Where a network is, and in which precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def device_of(network: nn.Module) -> torch.device:
    """Where a network's parameters are; the CPU if it has none."""
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def floats_of(network: nn.Module) -> Tensor:
    """A tensor of the precision and place that the network calculates in."""
    return next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))
