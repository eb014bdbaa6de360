"""What smaller means: parameters and multiply–accumulates. Time is measured in ``timing``."""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from secateur.network.call import Call
from secateur.network.run import evaluation


def count_parameters(network: nn.Module) -> int:
    """The number of parameters; a shared one counts once."""
    return sum(parameter.numel() for parameter in network.parameters())


def count_macs(network: nn.Module, call: Call) -> int:
    """Multiply–accumulates of convolutions and matrix products for one sample, counted by torch."""
    counter = FlopCounterMode(display=False)
    one = call.take(slice(0, 1))
    with evaluation(network), torch.no_grad(), counter:
        network(*one.args, **one.kwargs)
    return int(counter.get_total_flops()) // 2
