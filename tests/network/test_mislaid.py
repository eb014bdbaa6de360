"""One sample's derivative through a batch norm behind which dimensions change places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from secateur.network import GatedNetwork, find_channels
from secateur.network.call import Call
from tests.nets import seeded


class Tokens(nn.Module):
    """A feature map that is read as tokens: what comes back has the strides of channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(8, 3)
        self.position, self.tokens = nn.Parameter(torch.randn(1, 16, 8)), nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.second(self.first(x).relu()))
        return (
            self.head(self.tokens(x.flatten(2).transpose(1, 2) + self.position))
            .square()
            .mean((1, 2))
        )


def test_the_derivative_of_one_sample_is_a_difference_quotient():
    network = seeded(Tokens).double()
    inputs = torch.randn(1, 1, 4, 4, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    channels = find_channels(network, inputs, norm_over="kept")
    gated = GatedNetwork(network, channels)
    gates = torch.ones(1, len(channels), dtype=torch.double, requires_grad=True)
    call = Call((inputs,))
    (found,) = torch.autograd.grad(gated(call, gates).sum(), gates)
    step = 1e-5
    with torch.no_grad():
        for index in range(len(channels)):
            moved = step * torch.eye(len(channels), dtype=torch.double)[index : index + 1]
            up, down = (gated(call, gates + sign * moved).sum() for sign in (1, -1))
            wanted = (up - down) / (2 * step)
            torch.testing.assert_close(found[0, index], wanted, rtol=1e-5, atol=1e-8)
