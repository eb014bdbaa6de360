"""Filters that go by themselves: what stands behind a producer, copied, saved, exported."""

from __future__ import annotations

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from secateur.network import Call, GatedNetwork, find_channels
from secateur.network.place import Place
from secateur.surgery import cut
from secateur.zoo import HalfUNet
from tests.nets import Residual, seeded

X = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def slim() -> nn.Module:
    network = seeded(Residual)
    channels = find_channels(network, X, tied=False)
    keep = np.ones(12, dtype=bool)
    keep[[1, 2, 5, 9]] = False
    return cut(network, channels, keep)


def test_it_is_the_user_s_module_with_zeros_in_between(slim):
    assert type(slim) is Residual
    assert isinstance(slim.stem, Place)
    assert isinstance(slim.stem, nn.Conv2d)
    assert type(slim.stem).__name__ == "Conv2d"
    assert type(slim.inner) is nn.Conv2d
    # filter 1 has left both; of channel 2 only out has a part
    assert (slim.stem.out_channels, slim.out.out_channels) == (2, 3)
    assert slim.stem.place_at.tolist() == [0, 2]
    assert type(slim.out) is nn.Conv2d  # its three filters are the three of the sum
    with torch.no_grad():
        out = slim.stem(X)
        own = nn.functional.conv2d(X, slim.stem.weight, slim.stem.bias, padding=1)
    torch.testing.assert_close(out[:, [0, 2]], own)
    assert not out[:, 1].any()
    assert "2 put in place of 3" in repr(slim.stem)


def test_positions_are_no_part_of_the_state(slim):
    assert slim.state_dict().keys() == seeded(Residual).state_dict().keys()
    assert {n for n, _ in slim.named_parameters()} == {
        n for n, _ in seeded(Residual).named_parameters()
    }


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "torch.save"])
def test_copies_are_the_same(slim, way):
    if way == "deepcopy":
        other = copy.deepcopy(slim)
    elif way == "pickle":
        other = pickle.loads(pickle.dumps(slim))
    else:
        file = io.BytesIO()
        torch.save(slim, file)
        file.seek(0)
        other = torch.load(file, weights_only=False)
    with torch.no_grad():
        assert torch.equal(other(X), slim(X))
        other.stem.weight.mul_(2.0)
        assert not torch.equal(other(X), slim(X))
    assert type(other.stem) is type(slim.stem)
    other.load_state_dict(slim.state_dict())
    with torch.no_grad():
        assert torch.equal(other(X), slim(X))


def test_it_is_exported(slim):
    program = torch.export.export(slim.eval(), (X,))
    with torch.no_grad():
        torch.testing.assert_close(program.module()(X), slim(X))


def test_it_is_trained_and_moved(slim):
    slim.double()
    assert slim(X.double()).dtype is torch.float64
    assert slim.stem.place_at.dtype is torch.int64
    slim.float().train()
    loss = slim(X).square().mean()
    loss.backward()
    assert slim.stem.weight.grad.abs().sum() > 0
    assert slim.stem.weight.grad.shape == slim.stem.weight.shape


@pytest.mark.parametrize("tied", [True, False])
def test_the_rest_of_a_cut_network_is_pruned_again_and_its_sums_stand(slim, tied):
    channels = find_channels(slim, X, tied=tied)
    assert [(group.path, group.size) for group in channels.groups] == [("inner", 3)]
    assert "index_copy" in dict(channels.stands)["stem"]
    keep = np.array([True, False, True])
    masked = GatedNetwork(slim, channels).masked(Call((X,)), keep)
    with torch.no_grad():
        torch.testing.assert_close(cut(slim, channels, keep)(X), masked, rtol=1e-5, atol=1e-6)


def test_a_sum_that_loses_nothing_by_itself_needs_no_help():
    network = seeded(HalfUNet, 4, 2, 1, True, 2)
    x = torch.randn(1, 2, 8, 8)
    channels = find_channels(network, x, tied=False)
    keep = np.ones(len(channels), dtype=bool)
    for group in channels.groups:
        if group.path.endswith(".1.0") and group.path.startswith("encoder"):
            keep[group.start + 3] = False
    small = cut(network, channels, keep)
    assert not any(isinstance(module, Place) for module in small.modules())
    assert small.get_submodule("encoder.1.1.0").out_channels == 3


class Steps(nn.Module):
    """As many operations as there are steps, and then a sum of two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Linear(3, 6), nn.Linear(3, 6), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        state = x[:, 0]
        for step in x.unbind(1):
            state = 0.5 * state + step
        return self.head(torch.relu(self.one(state) + self.two(state * state)))


def test_sums_are_prepared_in_a_run_of_another_length_too():
    network, generator = seeded(Steps).double(), torch.Generator().manual_seed(0)
    short, long = (torch.randn(2, n, 3, generator=generator).double() for n in (2, 5))
    channels = find_channels(network, short, tied=False)
    assert {placed.path for placed in channels.placed} == {"one", "two"}
    assert len(channels) == 12
    keep = np.ones(12, dtype=bool)
    keep[[0, 1, 2, 6, 9]] = False  # channel 0 of the sum has no part left, three have one
    slim = cut(network, channels, keep)
    gated = GatedNetwork(network, channels)
    for x in (short, long):
        with torch.no_grad():
            torch.testing.assert_close(slim(x), gated.masked(Call((x,)), keep))
    only = np.arange(12) != 7
    with torch.no_grad():
        state = long[:, 0]
        for step in long.unbind(1):
            state = 0.5 * state + step
        gone = torch.as_tensor(np.arange(6) != 1)
        parts = [network.one(state), network.two(state * state)]
        second = channels.groups[1].path == "two"
        parts[second] = parts[second] * gone
        by_hand = network.head(torch.relu(parts[0] + parts[1]))
    torch.testing.assert_close(gated.masked(Call((long,)), only), by_hand)
