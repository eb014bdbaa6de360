"""What compensation is worth on digits: half of the channels gone, no training after it."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from secateur.network import Call, find_channels
from secateur.network.cut import cut
from secateur.surgery import compensate
from tests.surgery.residual import Grouped


@cache
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    images = torch.as_tensor(x, dtype=torch.float32).reshape(-1, 1, 8, 8) / 16
    return images[order], torch.as_tensor(y)[order]


def trained(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 12)
    for _ in range(12):  # to the end: a network half trained is a matter of luck
        for part in torch.randperm(len(x), generator=generator).split(32):
            loss = F.cross_entropy(network(x[part]), y[part])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        schedule.step()
    return network.eval()


@cache
def network_with(groups: int) -> nn.Module:
    x, y = digits()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return trained(Grouped(groups, 32), x[:1000], y[:1000])


@pytest.mark.parametrize(
    ("groups", "norm_over", "lost"),
    [(4, "all", 0.03), (4, "kept", 0.05), (32, "all", 0.03), (1, "kept", 0.03)],
)
def test_a_network_with_group_norm_holds(groups, norm_over, lost):
    x, y = digits()
    network = copy.deepcopy(network_with(groups))
    channels = find_channels(network, x[:2], norm_over=norm_over)
    calls = [Call((part,)) for part in x[:400].split(100)]

    def accuracy(net: nn.Module) -> float:
        with torch.no_grad():
            return float((net(x[1000:]).argmax(1) == y[1000:]).float().mean())

    dense, plain, slim = accuracy(network), [], []
    for seed in range(3):  # one mask is a matter of luck, and training of the number of threads
        generator = np.random.default_rng(seed)
        keep = np.ones(len(channels), dtype=bool)
        for group in channels.groups:
            gone = generator.choice(group.size, group.size // 2, replace=False)
            keep[group.start + gone] = False
        plain.append(accuracy(cut(network, channels, keep)))
        slim.append(accuracy(cut(compensate(network, channels, keep, calls), channels, keep)))
    assert dense > 0.9
    assert np.mean(slim) > np.mean(plain) + 0.2
    assert np.mean(slim) > dense - lost
