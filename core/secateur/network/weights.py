"""Weights that can be trusted."""

from __future__ import annotations

import torch
from torch import nn

from secateur.errors import NetworkError


def check_weights(network: nn.Module) -> None:
    """Refuse a network whose weights cannot be trusted.

    Raises:
        NetworkError: a parameter or buffer has NaN or infinite values.
    """
    for name, tensor in network.named_parameters():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            raise NetworkError(
                f"{name} has {count} values that are NaN or infinite (of {tensor.numel()})",
                remedy="load a checkpoint from before the training diverged",
            )
