"""A budget of a real network is kept by the network that is cut for it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import secateur
from secateur.budgets import budget_constraints
from secateur.network import as_call, find_channels
from secateur.network.cut import cut
from secateur.problem import Problem


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.first = nn.Conv2d(16, 24, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(24)
        self.second = nn.Conv2d(24, 16, 1)
        self.head = nn.Linear(16 * 4, 5)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = x + self.second(torch.relu(self.norm(self.first(x))))
        return self.head(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))


def counted(network: nn.Module, x: torch.Tensor) -> dict[str, float]:
    """By PyTorch's own counters."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(x)
    macs = counter.get_total_flops() / 2 / len(x)
    return {"macs": macs, "params": float(sum(p.numel() for p in network.parameters()))}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("asked", [{"macs": 0.5}, {"params": "60%"}, {"macs": 0.6, "params": 900}])
def test_the_slim_network_is_within_its_budget(asked, tied):
    torch.manual_seed(0)
    network = Residual().eval()
    x = torch.randn(2, 3, 8, 8)
    channels = find_channels(network, as_call(x), tied=tied)
    demands = budget_constraints(channels, channels.costs, asked)
    cost = np.random.default_rng(0).lognormal(size=len(channels))
    nothing = np.zeros(0)
    problem = Problem.from_arrays(channels.labels, cost, (nothing, nothing, nothing), 0, demands)
    found = secateur.solve(problem, time_limit=10)
    slim = counted(cut(network, channels, found.bits == 0), x)
    dense = counted(network, x)
    for kind, amount in asked.items():
        share = {0.5: 0.5, "60%": 0.6, 0.6: 0.6, 900: 900 / dense["params"]}[amount]
        assert slim[kind] <= share * dense[kind]
        if tied and len(asked) == 1:  # what is left over is less than a channel of the stream
            assert slim[kind] >= 0.9 * share * dense[kind]
    if tied:
        assert slim == pytest.approx(channels.cost(found.bits))
