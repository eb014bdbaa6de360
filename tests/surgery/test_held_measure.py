"""Multiply–accumulates and parameters, counted by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from secateur.network import Call
from secateur.surgery import count_macs, count_parameters


class Attends(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class First(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


@pytest.mark.parametrize(
    ("network", "shape", "macs"),
    [
        (nn.Linear(3, 7), (3,), 3 * 7),
        (nn.Linear(3, 7), (5, 3), 5 * 3 * 7),
        (nn.Conv2d(4, 6, 3, groups=2, padding=1), (4, 5, 5), 25 * 6 * 2 * 9),
        (Attends(), (5, 8), 5 * 8 * 24 + 2 * 5 * 5 * 8 + 5 * 8 * 8),
        (First(nn.LSTM(3, 4, batch_first=True)), (5, 3), 5 * 4 * 4 * (3 + 4)),
        (First(nn.GRU(3, 4, batch_first=True)), (5, 3), 5 * 3 * 4 * (3 + 4)),
    ],
)
@pytest.mark.parametrize("samples", [1, 4])
def test_one_sample_is_counted_whatever_the_batch(network, shape, macs, samples):
    assert count_macs(network.eval(), Call((torch.ones(samples, *shape),))) == macs


def test_a_shared_parameter_counts_once():
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    assert count_parameters(network) == 24
    network[1].weight = network[0].weight
    assert count_parameters(network) == 15
