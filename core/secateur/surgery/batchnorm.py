"""Batch norm re-estimated: the statistics of a network whose channels are gone."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.network import Channels, GatedNetwork
from secateur.network.call import Call
from secateur.network.graph import evaluation_mode
from secateur.network.masks import gates_of
from secateur.tasks import Task


def reestimate_batch_norm(
    network: nn.Module, channels: Channels, keep: NDArray[np.bool_], task: Task
) -> nn.Module:
    """A copy whose batch-norm means and variances are those of the masked network.

    Measured on the calibration inputs, without labels: the average over the samples. A network
    without batch norm comes back as a plain copy. A batch of one sample has no variance where a
    channel is one number, and is left out if there are larger ones.

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
        seen = 0
        for norm in norms:
            norm.reset_running_stats()
            norm.train()
        for call, size in _calls(task, device):
            seen += size
            for norm in norms:
                norm.momentum = size / seen
            gated.graph(*call.args, **call.kwargs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return copied


def _calls(task: Task, device: torch.device) -> Iterator[tuple[Call, int]]:
    alone: list[Call] = []
    several = False
    for batch in task.batches("calibration", device):
        if batch.size > 1:
            several = True
            yield batch.call, batch.size
        elif not several:
            alone.append(batch.call)
    if not several:
        for call in alone:
            yield call, 1
