"""Batch norm re-estimated: the statistics of a network whose channels are gone."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import nn

from secateur.network import Call


def reestimate_batch_norm(network: nn.Module, calls: Iterable[Call]) -> nn.Module | None:
    """A copy whose batch-norm means and variances are those of its own activations.

    The average over the batches (without labels); momenta and modes come back after.

    Arguments:
        network: cut already; not changed.
        calls: batches of inputs.

    Returns:
        the copy, or None for a network without batch norm.
    """
    copied = copy.deepcopy(network)
    norms = [
        m
        for m in copied.modules()
        if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None
    ]
    if not norms:
        return None
    modes = [(module, module.training) for module in copied.modules()]
    momenta = [norm.momentum for norm in norms]
    copied.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average over batches
        norm.train()
    with torch.no_grad():
        for call in calls:
            copied(*call.args, **call.kwargs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for module, training in modes:
        module.training = training
    return copied
