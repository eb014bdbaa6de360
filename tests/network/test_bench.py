"""One copy, cut again and again, is what a fresh cut would be each time."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from secateur.errors import NetworkError
from secateur.network import find_channels
from secateur.network.bench import Bench
from secateur.network.cut import cut


class Skip(nn.Module):
    """With a sum, a norm, a fixed list of widths and a weight of two names."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.two = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU())
        self.last = nn.Conv2d(8, 4, 1)
        self.same = self.one[0]
        self.seen: list[int] = []

    def forward(self, x):
        x = self.one(x)
        return self.last(x + self.two(x))


@pytest.mark.parametrize("tied", [True, False])
def test_every_cut_is_the_fresh_one_whatever_came_before(tied):
    torch.manual_seed(1)
    network = Skip().eval()
    x = torch.randn(2, 3, 6, 6)
    channels = find_channels(network, x, tied=tied)
    state = copy.deepcopy(network.state_dict())
    bench, rng = Bench(network, channels), np.random.default_rng(0)
    for _ in range(8):
        keep = rng.random(len(channels)) > 0.4
        for group in channels.groups:
            keep[group.start] = True
        fresh, again = cut(network, channels, keep), bench.cut(keep)
        with torch.no_grad():
            assert torch.equal(again(x), fresh(x))
        assert str(again) == str(fresh)
        assert list(again.state_dict()) == list(fresh.state_dict())
        assert [type(m) for m in again.modules()] == [type(m) for m in fresh.modules()]
        assert bench.cut(keep.copy()) is again
    whole = bench.cut(np.ones(len(channels), dtype=bool))
    assert str(whole) == str(network)
    assert all(torch.equal(value, state[name]) for name, value in whole.state_dict().items())
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_a_bad_mask_is_refused_and_the_next_one_is_served():
    network = Skip().eval()
    x = torch.randn(2, 3, 6, 6)
    channels = find_channels(network, x)
    bench = Bench(network, channels)
    with pytest.raises(NetworkError, match="truth value"):
        bench.cut(np.ones(3, dtype=bool))
    with pytest.raises(NetworkError, match="would be empty"):
        bench.cut(np.zeros(len(channels), dtype=bool))
    with torch.no_grad():
        assert torch.equal(bench.cut(np.ones(len(channels), dtype=bool))(x), network(x))


def test_what_a_forward_leaves_behind_is_not_kept_for_the_next_mask():
    class Counting(Skip):
        def forward(self, x):
            self.calls = getattr(self, "calls", 0) + 1
            return super().forward(x)

    network = Counting().eval()
    x = torch.randn(1, 3, 6, 6)
    channels = find_channels(copy.deepcopy(network), x)
    bench = Bench(network, channels)
    every = np.ones(len(channels), dtype=bool)
    one = bench.cut(every)
    one(x)
    some = every.copy()
    some[-1] = False
    assert not hasattr(bench.cut(some), "calls")
