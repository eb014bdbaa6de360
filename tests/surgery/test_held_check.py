"""A cut network that gives something else than the masked one is found out, whatever it gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from secateur.errors import NetworkError
from secateur.network import Call, GatedNetwork, find_channels
from secateur.network.cut import cut
from secateur.network.trial import tolerance
from secateur.surgery.check import _named, check_cut
from tests.nets import Chain, Residual, seeded

X = torch.randn(3, 2, 6, 6, generator=torch.Generator().manual_seed(0))


class Gives(nn.Module):
    """A network whose outputs are put into something."""

    def __init__(self, inner: nn.Module, into) -> None:
        super().__init__()
        self.inner, self.into = inner, into

    def forward(self, x):
        return self.into(self.inner(x))


def checked(into, other=None):
    network = Gives(seeded(Residual), into)
    channels = find_channels(network, X)
    keep = np.ones(len(channels), dtype=bool)
    keep[[0, 5]] = False
    slim = cut(network, channels, keep)
    slim.into = other or into
    return check_cut(network, channels, keep, slim, Call((X,)))


def test_the_cut_is_the_mask():
    assert checked(lambda y: {"a": y, "b": (y, 2 * y)}) < 1e-5


@pytest.mark.parametrize(
    ("other", "name"),
    [
        (lambda y: {"a": y, "b": (y, 2.1 * y)}, r"the output\['b'\]\[1\]"),
        (lambda y: {"a": y + 1, "b": (y, 2 * y)}, r"the output\['a'\]"),
        (lambda y: {"a": y, "b": (y, 2 * y), "c": y}, r"the output\['c'\]"),
        (lambda y: {"a": y, "b": (y,)}, r"the output\['b'\]\[1\]"),
        (lambda y: {"b": (y, 2 * y)}, r"the output\['a'\]"),
        (lambda y: None, r"the output\['a'\]"),
        (lambda y: {"a": y[:2], "b": (y, 2 * y)}, r"the output\['a'\]"),
        (lambda y: {"a": y * torch.nan, "b": (y, 2 * y)}, r"the output\['a'\]"),
    ],
)
def test_what_differs_is_named_also_where_it_is_missing(other, name):
    with pytest.raises(NetworkError, match=f"differs from the masked one in {name} by"):
        checked(lambda y: {"a": y, "b": (y, 2 * y)}, other)


def test_the_largest_difference_is_told_and_may_be_as_large_as_rounding():
    network = seeded(Chain)
    channels = find_channels(network, X)
    keep = np.ones(len(channels), dtype=bool)
    most = tolerance(GatedNetwork(network, channels))

    def gap(part: float) -> float:
        slim = Gives(seeded(Chain), lambda y: y + part * most * y.abs().max())
        return check_cut(network, channels, keep, slim, Call((X,)))

    assert gap(0.5) == pytest.approx(0.5 * most, rel=0.3)
    with pytest.raises(NetworkError):
        gap(2.0)


def test_every_tensor_has_the_way_to_it():
    one = torch.ones(1)
    found = _named({"k": [one, (one,)], "n": 3, "o": SimpleNamespace(a=one), "m": nn.Linear(1, 1)})
    assert [name for name, _ in found] == [
        "the output['k'][0]", "the output['k'][1][0]", "the output['o'].a",
    ]  # fmt: skip
    assert _named(one)[0][0] == "the output"
