"""Batch norm re-estimated: the statistics of a network whose channels are gone."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.network import Channels, GatedNetwork
from secateur.network.graph import evaluation_mode
from secateur.network.masks import gates_of
from secateur.tasks import Task


def reestimate_batch_norm(
    network: nn.Module, channels: Channels, keep: NDArray[np.bool_], task: Task
) -> nn.Module:
    """A copy whose batch-norm means and variances are those of the masked network.

    Measured on the calibration inputs, without labels: the average over the batches. A network
    without batch norm comes back as a plain copy.

    Arguments:
        network: dense or compensated; not changed.
        channels: from ``find_channels``.
        keep: true for every channel that stays, shape ``(n,)``.
        task: gives the calibration inputs.
    """
    copied = copy.deepcopy(network)
    norms = [
        m
        for m in copied.modules()
        if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None
    ]
    if not norms:
        return copied
    gated = GatedNetwork(copied, channels)
    gated.gates = gates_of(keep, copied)
    momenta = [norm.momentum for norm in norms]
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    with evaluation_mode(copied), torch.no_grad():
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain average over batches
            norm.train()
        for inputs, _ in task.batches("calibration", device):
            gated.graph(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copied
