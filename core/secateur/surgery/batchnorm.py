"""Batch norm re-estimated: the statistics of a network whose channels are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import nn

from secateur.network import Call
from secateur.network.door import copied


def reestimate_batch_norm(network: nn.Module, calls: Iterable[Call]) -> nn.Module | None:
    """A copy whose batch-norm means and variances are those of its own activations.

    The average over the samples (without labels); momenta and modes come back after. A batch of one
    sample has no variance where a channel is one number: it is left out if there are larger ones.

    Arguments:
        network: cut already; not changed.
        calls: batches of inputs.

    Returns:
        the copy, or None for a network without batch norm.
    """
    twin = copied(network)
    norms = [
        m
        for m in twin.modules()
        if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.running_mean is not None
    ]
    if not norms:
        return None
    modes = [(module, module.training) for module in twin.modules()]
    momenta = [norm.momentum for norm in norms]
    twin.eval()
    seen = 0
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
    with torch.no_grad():
        for call in _worth_counting(calls):
            seen += call.size
            for norm in norms:
                norm.momentum = call.size / seen
            twin(*call.args, **call.kwargs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    for module, training in modes:
        module.training = training
    return twin


def _worth_counting(calls: Iterable[Call]) -> Iterator[Call]:
    alone: list[Call] = []
    larger = False
    for call in calls:
        if call.size > 1:
            larger = True
            yield call
        elif not larger:
            alone.append(call)
    if not larger:
        yield from alone
