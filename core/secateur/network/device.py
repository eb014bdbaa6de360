"""Where a network is, and in which precision."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from secateur.network.call import Call


def device_of(network: nn.Module) -> torch.device:
    """Where a network's parameters are; the CPU if it has none."""
    return next((p.device for p in network.parameters()), torch.device("cpu"))


def floats_of(network: nn.Module) -> Tensor:
    """A tensor of the precision and place that the network calculates in."""
    return next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))


def other_type(network: nn.Module, call: Call) -> str:
    """What to do about inputs of another type than the weights; "" where that is not the fault.

    Arguments:
        network: that fails on them.
        call: what it was given.
    """
    own = {one.dtype for one in network.parameters() if one.is_floating_point()}
    given = {one.dtype for one in call.tensors}
    embeds = any(isinstance(one, (nn.Embedding, nn.EmbeddingBag)) for one in network.modules())
    if len(own) != 1 or len(given) != 1 or own == given or embeds:
        return ""
    weights, inputs = own.pop(), given.pop()
    said = f"the weights are {weights} and the inputs {inputs}".replace("torch.", "")
    how = "give x.float()" if weights is torch.float32 else "network.float(), or convert the inputs"
    return f"{said}: {how}"
