"""Cuts that follow each other: labels and masks of the dense network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from secateur.errors import FileError, NetworkError
from secateur.network import Channels, find_channels
from secateur.network.cut import cut
from secateur.network.labels import Lineage, composed, with_dense_labels
from tests.nets import Chain, Residual, seeded

X = torch.randn(2, 2, 8, 8, generator=torch.Generator().manual_seed(0))


class Flat(nn.Module):
    """A channel has many columns behind flatten; two are joined by a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(2, 5, 1)
        self.fc, self.out = nn.Linear(11 * 64, 7), nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.cat([self.a(x), self.b(x)], 1).relu()
        return self.out(self.fc(y.flatten(1)).relu())


def random_keep(channels: Channels, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    keep = rng.random(len(channels)) > 0.4
    for group in channels.groups:
        if not keep[group.slice].any():
            keep[group.start + rng.integers(group.size)] = True
    return keep


def same(one: nn.Module, other: nn.Module) -> None:
    state = other.state_dict()
    assert one.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize("build", [Chain, Residual, Flat])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_two_cuts_are_one(build, seed):
    network = seeded(build, 8) if build is not Flat else seeded(build)
    channels = find_channels(network, X)
    first = random_keep(channels, seed)
    small = cut(network, channels, first)
    again = find_channels(small, X)
    second = random_keep(again, seed + 1)
    smaller = cut(small, again, second)

    keep = composed(channels, first, again, second)
    same(smaller, cut(network, channels, keep))

    # every position is a copy of the dense one that the lineage says
    lineage = Lineage.of(channels, first).then(Lineage.of(again, second))
    dense = network.state_dict()
    for name, value in smaller.state_dict().items():
        wanted = dense[name]
        for dim, index in lineage.at.get(name, {}).items():
            wanted = wanted.index_select(dim, torch.as_tensor(index))
        assert torch.equal(value, wanted)

    # labels are those of the dense network, of channels that are still there
    named = with_dense_labels(again, Lineage.of(channels, first))
    left = {label for label, stays in zip(channels.labels, first, strict=True) if stays}
    assert set(named.labels) <= left
    assert len(set(named.labels)) == len(again)
    gone = {label for label, stays in zip(named.labels, second, strict=True) if not stays}
    assert {
        label for label, stays in zip(channels.labels, keep, strict=True) if not stays
    } == gone | (set(channels.labels) - left)


def test_labels_by_hand():
    network = seeded(Chain, 4)
    channels = find_channels(network, X)
    assert [group.path for group in channels.groups] == ["first", "second"]
    keep = np.array([False, True, False, True, True, False, True, True, False])
    again = find_channels(cut(network, channels, keep), X)
    assert again.labels == ("first:0", "first:1", "second:0", "second:1", "second:2")
    named = with_dense_labels(again, Lineage.of(channels, keep))
    assert named.labels == ("first:1", "first:3", "second:0", "second:2", "second:3")
    assert named.keep_by_layer(np.ones(5, dtype=bool)) == {"first": [1, 3], "second": [0, 2, 3]}
    third = composed(channels, keep, again, np.array([True, False, True, False, True]))
    assert np.flatnonzero(third).tolist() == [1, 4, 7]


def test_a_lineage_is_written_and_read():
    network = seeded(Chain, 4)
    channels = find_channels(network, X)
    lineage = Lineage.of(channels, random_keep(channels, 3))
    again = Lineage.from_json(lineage.to_json())
    assert again.to_json() == lineage.to_json()
    assert lineage.to_json()
    assert Lineage.of(channels, np.ones(len(channels), dtype=bool)).to_json() == {}
    for bad in ([], {"w": []}, {"w": {"0": [2, 1]}}, {"w": {"0": [-1]}}, {"w": {"0": []}}):
        with pytest.raises(FileError, match="lineage"):
            Lineage.from_json(bad)


def test_cuts_of_different_networks_do_not_compose():
    network = seeded(Chain, 4)
    channels = find_channels(network, X)
    keep = np.arange(len(channels)) % 2 == 0
    one = Lineage.of(channels, keep)
    with pytest.raises(NetworkError, match="has 2 positions after the first cut"):
        one.then(Lineage({"first.weight": {0: np.array([0, 3])}}))
    # the dense network's channels of "first" only: the second cut takes others
    some = find_channels(network, X, ignored=("first",))
    with pytest.raises(NetworkError, match="first:1 of the smaller network was no channel"):
        composed(some, np.ones(len(some), dtype=bool), channels, np.arange(len(channels)) != 1)


def test_labels_of_layers_without_biases():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Linear(2, 4, bias=False), nn.ReLU(), nn.Linear(4, 3, bias=False), nn.Linear(3, 2)
    )
    x = torch.randn(2, 2)
    channels = find_channels(network, x)
    keep = np.array([False, True, False, True, True, False, True])
    again = find_channels(cut(network, channels, keep), x)
    named = with_dense_labels(again, Lineage.of(channels, keep))
    assert named.labels == ("0:1", "0:3", "2:0", "2:2")
    assert Lineage.of(channels, keep).dense(("2.weight", 1, 1)) == ("2.weight", 1, 3)
    assert Lineage.of(channels, keep).dense(("3.weight", 0, 1)) == ("3.weight", 0, 1)


def test_what_is_no_lineage_is_refused_where_it_is_wrong():
    good = {"w": {"1": [0, 2]}}
    assert Lineage.from_json(good).to_json() == good
    for bad in ([[0, 1]], [1, 1], [3, 2], [-1, 0], []):
        with pytest.raises(FileError, match="the lineage of dimension 1 of w is no ascending list"):
            Lineage.from_json({"w": {"1": bad}})
    # the last position that there is
    one = Lineage({"w": {0: np.array([1, 4])}})
    both = one.then(Lineage({"w": {0: np.array([1]), 1: np.array([0, 5])}}))
    assert both.to_json() == {"w": {"0": [4], "1": [0, 5]}}
    with pytest.raises(NetworkError, match=r"dimension 0 of w has 2 positions .* position 2"):
        one.then(Lineage({"w": {0: np.array([2])}}))


class Backwards(nn.Module):
    """What reads the maps is registered before what makes them."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(5 * 4, 3)
        self.conv = nn.Conv2d(2, 5, 7)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(x).relu().flatten(1))


def test_a_number_is_of_what_makes_a_channel_and_not_of_what_reads_it():
    network = seeded(Backwards)
    channels = find_channels(network, X)
    assert channels.labels == tuple(f"conv:{k}" for k in range(5))
    keep = np.array([False, False, True, False, True])
    again = find_channels(cut(network, channels, keep), X)
    named = with_dense_labels(again, Lineage.of(channels, keep))
    assert named.labels == ("conv:2", "conv:4")
