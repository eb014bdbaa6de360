"""The smaller network against the masked one, on the structures that networks have."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.errors import NetworkError
from secateur.network import Call, Channels, GatedNetwork, find_channels
from secateur.surgery import cut
from secateur.zoo import HalfUNet
from tests.nets import Chain, Residual, seeded


class ConcatUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect")
        self.norm = nn.BatchNorm2d(4)
        self.deep = nn.Conv2d(4, 6, 3, padding=1)
        self.up = nn.ConvTranspose2d(6, 3, 2, stride=2)
        self.mix = nn.Conv2d(7, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = F.leaky_relu(self.norm(self.down(x)))
        b = torch.relu(self.deep(F.max_pool2d(a, 2)))
        return self.head(F.gelu(self.mix(torch.cat([a, self.up(b)], dim=1))))


class Mobile(nn.Module):
    """Depthwise-separable with squeeze-and-excitation and a flattened head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.Hardswish())
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.norm = nn.BatchNorm2d(6)
        self.squeeze = nn.Conv2d(6, 3, 1)
        self.excite = nn.Conv2d(3, 6, 1)
        self.pointwise = nn.Conv2d(6, 5, 1, bias=False)
        self.act = nn.PReLU(5)
        self.fc = nn.Linear(5 * 4 * 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.norm(self.depthwise(self.stem(x))))
        gate = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return self.fc(torch.flatten(self.act(self.pointwise(x * gate)), 1))


class Dense(nn.Module):
    """Batch norm behind a concatenation, as in DenseNet: a dead channel becomes a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(7)
        self.mix = nn.Conv2d(7, 4, 3, padding=1)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.relu(self.one(x))
        x = torch.cat((a, self.two(a)), 1)
        return self.head(self.mix(torch.relu(self.norm(x))))


class PreActivation(nn.Module):
    """Pre-activation residual blocks, group norm, a module called twice, a slice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.block = nn.Conv2d(4, 4, 3, padding=1)
        self.group = nn.GroupNorm(2, 4)
        self.shared = nn.Conv2d(4, 4, 1)
        self.last = nn.Conv2d(4, 4, 3)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.block(torch.relu(self.norm(x)))
        x = self.shared(torch.relu(self.group(x))) + self.shared(x)
        y = self.last(x)[:, :, 1:, :-1] * 0.5 - 1.0
        return self.head(F.interpolate(y, size=x.shape[2:]))


class Shuffled(nn.Module):
    """Pixel shuffling between convolutions; instance norm; asymmetric padding."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.InstanceNorm2d(8)
        self.two = nn.Conv2d(2, 3, 3)
        self.three = nn.Conv2d(12, 4, 1)
        self.head = nn.Conv2d(4, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.norm(self.one(F.pixel_unshuffle(x, 2))))
        z = self.two(F.pad(F.pixel_shuffle(y, 2), (2, 0, 1, 1)))
        return F.pixel_shuffle(self.head(self.three(F.pixel_unshuffle(z, 2))), 2) + x


NETWORKS = {
    "chain": seeded(Chain),
    "residual": seeded(Residual),
    "concat": seeded(ConcatUNet),
    "mobile": seeded(Mobile),
    "dense": seeded(Dense),
    "preactivation": seeded(PreActivation),
    "shuffled": seeded(Shuffled),
    "halfunet": seeded(HalfUNet, 5, 3, 2, True, 2),
    "halfunet-no-norm": seeded(HalfUNet, 4, 2, 1, False, 2),
}
X = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def random_keep(channels: Channels, rng: np.random.Generator, rate: float) -> np.ndarray:
    keep = rng.random(len(channels)) > rate
    for group in channels.groups:
        keep[group.start + rng.integers(group.size)] = True
    return keep


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), rate=st.sampled_from([0.2, 0.5, 0.9]))
def test_slim_equals_masked(name, tied, seed, rate):
    network = NETWORKS[name].double()
    channels = cached_channels(name, tied)
    keep = random_keep(channels, np.random.default_rng(seed), rate)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    small = cut(network, channels, keep)
    gated = GatedNetwork(network, channels)
    other = torch.randn(3, 2, 8, 8, generator=torch.Generator().manual_seed(seed)).double()
    masked = gated.masked(Call((other,)), keep)
    with torch.no_grad():
        torch.testing.assert_close(small(other), masked, rtol=1e-9, atol=1e-10)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert sum(p.numel() for p in small.parameters()) == channels.cost(~keep)["params"]
    assert small.state_dict().keys() == network.state_dict().keys()
    single = cut(network.float(), channels, keep)
    with torch.no_grad():
        found = single(other.float())
    wanted = gated.masked(Call((other.float(),)), keep)
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


@functools.cache
def cached_channels(name: str, tied: bool) -> Channels:
    return find_channels(NETWORKS[name].double(), X, tied=tied)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_tied_cut_is_the_user_s_own_class_with_plain_widths(name):
    network = NETWORKS[name].double()
    channels = cached_channels(name, True)
    keep = random_keep(channels, np.random.default_rng(1), 0.5)
    small = cut(network, channels, keep)
    assert type(small) is type(network)
    assert [(p, type(m)) for p, m in small.named_modules()] == [
        (p, type(m)) for p, m in network.named_modules()
    ]
    for path, module in small.named_modules():
        if isinstance(module, nn.Conv2d):
            rows, columns = module.weight.shape[:2]
            assert module.out_channels == rows, path
            assert module.in_channels == columns * module.groups, path
        if isinstance(module, nn.BatchNorm2d):
            assert module.num_features == len(module.running_mean), path


@pytest.mark.parametrize("name", NETWORKS)
def test_a_cut_network_is_pruned_again(name):
    """Two cuts one after the other are the mask of both."""
    network = NETWORKS[name].double()
    channels = cached_channels(name, True)
    rng = np.random.default_rng(2)
    keep = random_keep(channels, rng, 0.3)
    small = cut(network, channels, keep)
    again = find_channels(small, X)
    assert len(again) <= keep.sum()
    twice = random_keep(again, rng, 0.4)
    masked = GatedNetwork(small, again).masked(Call((X,)), twice)
    with torch.no_grad():
        torch.testing.assert_close(cut(small, again, twice)(X), masked, rtol=1e-9, atol=1e-10)


def test_parameters_follow_the_formula_on_a_chain():
    network = seeded(Chain)
    channels = find_channels(network, X.float())
    keep = np.array([1, 0, 1, 0, 1, 1, 0, 0, 0], dtype=bool)
    small = cut(network, channels, keep)
    first, norm = 2 * 2 * 9, 2 * 2
    second, head = 2 * 2 * 9 + 2, 2 * 2 * 9 + 2
    assert sum(p.numel() for p in small.parameters()) == first + norm + second + head


def test_a_filter_that_feeds_a_sum_leaves_its_convolution():
    network = seeded(HalfUNet, 6, 3, 1, True, 2)
    channels = find_channels(network, X.float(), tied=False)
    keep = np.ones(len(channels), dtype=bool)
    level = next(g for g in channels.groups if g.path == "encoder.1.1.0")
    keep[level.start : level.start + 4] = False
    small = cut(network, channels, keep)
    assert small.get_submodule("encoder.1.1.0").weight.shape[0] == 2
    assert small.get_submodule("encoder.2.0.0").weight.shape[1] == 2
    assert small.get_submodule("decoder.0.0").weight.shape[1] == 6


def test_the_smaller_network_can_be_trained():
    network = seeded(Chain)
    channels = find_channels(network, X.float())
    keep = np.array([1, 0, 1, 1, 1, 1, 0, 0, 1], dtype=bool)
    small = cut(network, channels, keep).train()
    assert all(module.training for module in small.modules())
    mean = small.norm.running_mean.clone()
    optimizer = torch.optim.SGD(small.parameters(), 0.05)
    losses = []
    for _ in range(30):
        loss = (small(X.float()) - 1.0).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert not torch.equal(mean, small.norm.running_mean)


def test_an_empty_layer_or_a_wrong_length_is_refused():
    network = seeded(Chain)
    channels = find_channels(network, X.float())
    with pytest.raises(NetworkError, match="first would be empty"):
        cut(network, channels, np.array([0] * 4 + [1] * 5, dtype=bool))
    with pytest.raises(NetworkError, match=r"shape \(3,\) and there are 9"):
        cut(network, channels, np.ones(3, dtype=bool))
