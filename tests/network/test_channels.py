"""Which channels are found, which are not and why."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.errors import DataError, NetworkError, OptionError
from secateur.network import GatedNetwork, find_channels
from tests.nets import Chain, Residual, seeded

X = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0))


def test_every_filter_but_the_head_is_a_channel():
    channels = find_channels(seeded(Chain), X)
    assert [(g.path, g.size, g.start) for g in channels.groups] == [
        ("first", 4, 0),
        ("second", 5, 4),
    ]
    assert channels.skipped == (("head", "its filters are outputs of the network"),)
    assert channels.labels[:2] == ("first:0", "first:1")
    assert channels.labels[4] == "second:0"
    assert len(channels) == 9
    assert channels.most == 7


def test_the_site_is_behind_normalisation_and_non_linearity_but_before_a_shared_sum():
    channels = find_channels(seeded(Residual), X)
    sites = {g.path: g.members[0].site for g in channels.groups}
    assert sites == {"stem": "relu", "inner": "relu_1", "out": "out"}


def test_ignored_covers_what_is_below_and_must_exist():
    channels = find_channels(seeded(Residual), X, ignored=["inner"])
    assert [g.path for g in channels.groups] == ["stem", "out"]
    with pytest.raises(NetworkError, match="'iner' is no module") as caught:
        find_channels(seeded(Residual), X, ignored=["iner"])
    assert "'inner'" in str(caught.value)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.mid = nn.Conv2d(2, 4, 1)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.mid(self.conv(self.conv(x))))


def test_a_module_called_twice_is_skipped_with_its_reason():
    channels = find_channels(Shared(), X)
    assert ("conv", "called 2 times with the same weights") in channels.skipped
    assert [g.path for g in channels.groups] == ["mid"]


class Grouped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 1)
        self.multiplied = nn.Conv2d(4, 8, 1, groups=4)
        self.grouped = nn.Conv2d(8, 4, 1, groups=2)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.one = nn.Conv2d(4, 1, 1)
        self.head = nn.Conv2d(1, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.one(self.depthwise(self.grouped(self.multiplied(self.stem(x))))))


def test_grouped_and_single_filter_convolutions_are_skipped():
    channels = find_channels(Grouped(), X)
    skipped = dict(channels.skipped)
    assert [g.path for g in channels.groups] == ["stem", "depthwise"]
    assert skipped["grouped"] == "a grouped convolution (2 groups)"
    assert skipped["multiplied"] == "a grouped convolution (4 groups)"
    assert skipped["one"] == "has one filter only"


def test_a_network_without_convolutions_says_so():
    with pytest.raises(NetworkError, match="it has no Conv2d module"):
        find_channels(nn.Sequential(nn.Flatten(), nn.Linear(72, 3)), X)
    with pytest.raises(NetworkError, match="outputs of the network"):
        find_channels(nn.Sequential(nn.Conv2d(2, 3, 1)), X)


def test_nan_weights_are_refused_with_their_name_and_number():
    network = seeded(Chain)
    with torch.no_grad():
        network.second.weight[0, 0, 0, :2] = float("nan")
    with pytest.raises(NetworkError, match=r"second.weight has 2 values"):
        find_channels(network, X)


def test_a_wrong_input_names_its_shape():
    with pytest.raises(DataError, match=r"shape \(2, 3, 6, 6\)"):
        find_channels(seeded(Chain), torch.randn(2, 3, 6, 6))


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) if x.sum() > 0 else x


def test_control_flow_on_data_is_an_error_with_a_remedy():
    with pytest.raises(NetworkError, match="cannot be traced") as caught:
        find_channels(Branching(), X)
    assert "torch.fx.wrap" in str(caught.value)


def test_an_unknown_coupling_is_an_error():
    with pytest.raises(OptionError, match="coupling is 'layer'"):
        find_channels(seeded(Chain), X, coupling="layer")  # type: ignore[arg-type]


def test_a_mask_zeroes_exactly_the_activations_behind_the_sites():
    network = seeded(Residual)
    gated = GatedNetwork(network, find_channels(network, X))
    keep = np.ones(12, dtype=bool)
    keep[[1, 6, 11]] = False
    with torch.no_grad():
        stem = torch.relu(network.stem(X))
        stem[:, 1] = 0
        inner = torch.relu(network.norm(network.inner(stem)))
        inner[:, 2] = 0
        out = network.out(inner)
        out[:, 3] = 0
        by_hand = network.fc(torch.relu(stem + out).mean((2, 3)))
        with gated.masked(keep):
            torch.testing.assert_close(gated(X), by_hand, rtol=0, atol=1e-6)
        torch.testing.assert_close(gated(X), network(X), rtol=0, atol=0)


def test_the_gated_network_leaves_modes_alone_on_errors_too():
    network = seeded(Residual).train()
    network.norm.eval()
    gated = GatedNetwork(network, find_channels(network, X))
    before = [(name, m.training) for name, m in network.named_modules()]
    gated(X)
    with pytest.raises(DataError):
        gated(torch.randn(1, 5, 6, 6))
    assert [(name, m.training) for name, m in network.named_modules()] == before
