"""Integers that remember where they come from, and bounds that are written in code."""

from __future__ import annotations

import operator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.errors import NetworkError
from secateur.network import Call, GatedNetwork, find_channels
from secateur.network.provenance import Named, attributes, named_integers
from secateur.network.ties import find_ties
from secateur.surgery import cut


@pytest.mark.parametrize("name", ["add", "sub", "mul", "floordiv", "mod", "pow"])
def test_arithmetic_keeps_names_and_values(name):
    function = getattr(operator, name)
    heads = Named(6, "{heads}")
    for one, two in ((heads, 4), (4, heads), (heads, Named(2, "{width}"))):
        result = function(one, two)
        assert result == function(int(one), int(two))
        assert isinstance(result, Named)
        assert "{heads}" in result.text
    assert type(heads / 4) is float
    assert function(heads, 2).text != function(2, heads).text


def test_the_user_s_integers_have_names_inside_and_are_plain_after():
    class Own(nn.Sequential):
        pass

    network = Own(nn.Linear(2, 3), nn.Unflatten(1, (1, 3)))
    network.width, network.sizes, network.flag = 7, [4, 5], True
    network.shape = torch.Size([3])
    with named_integers(network):
        assert network.width.text == "{width}"
        assert [x.text for x in network.sizes] == ["{sizes[0]}", "{sizes[1]}"]
        assert type(network.sizes) is list
        assert network.flag is True
        assert type(network[0].out_features) is int  # torch's own follow by their class
        assert network[1].unflattened_size[1].text == "{1.unflattened_size[1]}"
    assert type(network.width) is int
    assert all(type(x) is int for x in network.sizes)
    with pytest.raises(KeyError), named_integers(network):
        raise KeyError
    assert type(network.width) is int


class Split(nn.Module):
    """Features are split, viewed or cut at sizes with and without names."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(4, 12), nn.Linear(12, 3)
        self.small = nn.Linear(4, 3)
        self.one, self.parts, self.heads, self.width = 4, [4, 8], 3, 4
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        if self.way == "view":
            return self.head(y.view(len(x), self.heads, self.width).flatten(1))
        if self.way == "unflatten":
            return self.head(y.unflatten(-1, (self.heads, self.width)).flatten(1))
        if self.way == "split by a list":
            return self.small(y.split(self.parts, 1)[0]) + self.head(y)
        if self.way == "slice by a name":
            return self.small(y[:, : self.one]) + self.head(y)
        if self.way == "slice by a number":
            return self.small(y[:, :4]) + self.head(y)
        return self.small(y.split([4, 8], 1)[0]) + self.head(y)


X = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("way", ["view", "unflatten"])
def test_attributes_that_made_a_size_are_named(way):
    ties = find_ties(Split(way), Call((X,)))
    found = {(a.name, a.index): a for a in ties.attributes}
    assert set(found) >= {("heads", None), ("width", None)}
    sure = [a for a in found.values() if a.sure and len(a.ids)]
    assert sure, "the part that may shrink"
    for attribute in sure:
        assert len(attribute.ids) == getattr(Split(way), attribute.name)


@pytest.mark.parametrize(
    ("way", "pruned"),
    [
        ("view", True),
        ("unflatten", True),
        ("split by a list", True),
        ("slice by a name", True),
        ("slice by a number", False),
        ("split by numbers", False),
    ],
)
def test_sizes_with_names_follow_and_numbers_pin(way, pruned):
    network = Split(way)
    if not pruned:
        with pytest.raises(NetworkError, match="nothing can be pruned") as caught:
            find_channels(network, X)
        assert "stem: " in str(caught.value)
        return
    channels = find_channels(network, X)
    rng = np.random.default_rng(0)
    for _ in range(5):
        keep = rng.random(len(channels)) > 0.4
        for group in channels.groups:
            keep[group.start] = True
        slim = cut(network, channels, keep)
        masked = GatedNetwork(network, channels).masked(Call((X,)), keep)
        with torch.no_grad():
            torch.testing.assert_close(slim(X), masked, rtol=1e-5, atol=1e-6)
        for value in (slim.one, slim.heads, slim.width, *slim.parts):
            assert type(value) is int
    assert (network.one, network.parts, network.heads, network.width) == (4, [4, 8], 3, 4)


class Square(nn.Module):
    """As many heads as each is wide: only the place says which is which."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(4, 9), nn.Linear(9, 2)
        self.heads, self.width = 3, 3

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.stem(x).unflatten(1, (self.heads, self.width)).flatten(1))


def test_equal_sizes_are_told_apart_by_their_place():
    network = Square()
    channels = find_channels(network, X)
    assert len(channels) == 3
    slim = cut(network, channels, np.array([True, False, True]))
    assert sorted([slim.heads, slim.width]) == [2, 3]
    with torch.no_grad():
        masked = GatedNetwork(network, channels).masked(Call((X,)), np.array([True, False, True]))
        torch.testing.assert_close(slim(X), masked, rtol=1e-5, atol=1e-6)


WAYS = {
    "by position": lambda y, h, w: y.unflatten(1, (h, w)),
    "from behind": lambda y, h, w: y.unflatten(-1, (h, w)),
    "by name": lambda y, h, w: y.unflatten(dim=1, sizes=(h, w)),
    "in front": lambda y, h, w: y.T.unflatten(0, (h, w)).permute(2, 0, 1),
    "in front, from behind": lambda y, h, w: y.T.unflatten(-2, (h, w)).permute(2, 0, 1),
    "of three": lambda y, h, w: y[:, :, None].unflatten(1, (h, w)).squeeze(3),
    "of three, from behind": lambda y, h, w: y[:, :, None].unflatten(-2, (h, w)).squeeze(3),
    "view": lambda y, h, w: y.view(y.shape[0], h, w),
    "reshape, a tuple": lambda y, h, w: y.reshape((y.shape[0], h, w)),
    "reshape, the rest": lambda y, h, w: y.reshape(-1, h, w),
}


class EqualSizes(nn.Module):
    """The same number twice, in many ways."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(4, 9), nn.Linear(9, 2)
        self.heads, self.width, self.way = 3, 3, way

    def forward(self, x: Tensor) -> Tensor:
        return self.head(WAYS[self.way](self.stem(x), self.heads, self.width).flatten(1))


@pytest.mark.parametrize("way", WAYS)
def test_the_place_of_a_size_is_counted_from_either_end(way):
    network = EqualSizes(way)
    ties = find_ties(network, Call((X,)))
    sure = {
        a.name: set(ties.atoms.roots(np.array(a.ids)).tolist()) for a in ties.attributes if a.sure
    }
    # heads are in front: three in each of three; only one of the two may shrink
    channels = find_channels(network, X)
    assert len(channels) == 3
    attributes = {a.name: a.channel for a in channels.attributes}
    assert len(attributes) == 1
    assert set(attributes) <= set(sure)
    (fold,) = ties.folds
    # which of the two follows is told by the slots: heads own neighbours, widths every third
    first = [slot[2] for slot in channels.slots[0] if slot[:2] == ("stem.weight", 0)]
    assert set(attributes) == {"heads" if first == [0, 1, 2] else "width"}
    assert fold[1] == (3, 3)
    keep = np.array([True, False, True])
    slim = cut(network, channels, keep)
    with torch.no_grad():
        masked = GatedNetwork(network, channels).masked(Call((X,)), keep)
        torch.testing.assert_close(slim(X), masked, rtol=1e-5, atol=1e-6)


def test_a_size_that_was_reached_counts_whatever_else_a_number_is_used_for():
    row = np.array([3, 4, 5])
    width, sizes = Named(3, "{block.1.width}"), Named(3, "{sizes[12]}")
    seen = [(sizes * 2, None), (width * 2, row), (width, None), (width, row), (width * 2, row)]
    for order in (seen, seen[::-1]):
        found = {(a.path, a.name, a.index): a for a in attributes(order)}
        assert set(found) == {("block.1", "width", None), ("", "sizes", 12)}
        assert found["block.1", "width", None].sure
        assert found["block.1", "width", None].ids == (3, 4, 5)
        assert not found["", "sizes", 12].sure
        assert found["", "sizes", 12].ids == ()
    (one, two) = attributes([(width * sizes, row)])
    assert {one.name, two.name} == {"width", "sizes"}
    assert not one.sure
    assert not two.sure


def test_the_first_size_that_a_number_reached_counts():
    width, first, second = Named(2, "{width}"), np.array([3, 4]), np.array([8, 9])
    (found,) = attributes([(width, first), (width, second)])
    assert found.ids == (3, 4)
