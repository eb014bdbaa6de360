"""The integers that torch's modules hold, after a cut and where a network writes them down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.network import Call, GatedNetwork, find_channels
from secateur.surgery import cut


class Between(nn.Module):
    """One module between two that make and read channels."""

    def __init__(self, module: nn.Module, dims: int = 1) -> None:
        super().__init__()
        conv = {0: nn.Linear, 1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims]
        more = () if dims == 0 else (1,)
        self.first, self.last = conv(2, 6, *more), conv(6, 3, *more)
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.module(self.first(x)))


MODULES = {
    "batch norm": (nn.BatchNorm1d(6), {"num_features": 4}),
    "batch norm without scale": (nn.BatchNorm1d(6, affine=False), {"num_features": 4}),
    "batch norm of the batch": (
        nn.BatchNorm1d(6, affine=False, track_running_stats=False),
        {"num_features": 4},
    ),
    "instance norm": (nn.InstanceNorm1d(6), {"num_features": 4}),
    "instance norm with all": (
        nn.InstanceNorm1d(6, affine=True, track_running_stats=True),
        {"num_features": 4},
    ),
    "group norm of each": (nn.GroupNorm(6, 6), {"num_groups": 4, "num_channels": 4}),
    "group norm of each, no scale": (
        nn.GroupNorm(6, 6, affine=False),
        {"num_groups": 4, "num_channels": 4},
    ),
    "prelu": (nn.PReLU(6), {"num_parameters": 4}),
    "depthwise": (
        nn.Conv1d(6, 6, 3, groups=6),
        {"groups": 4, "in_channels": 4, "out_channels": 4},
    ),
    "depthwise, transposed": (
        nn.ConvTranspose1d(6, 6, 3, groups=6),
        {"groups": 4, "in_channels": 4, "out_channels": 4},
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_attributes_say_what_is_there(name):
    module, sizes = MODULES[name]
    network = Between(module).double().eval()
    x = torch.randn(3, 2, 8, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x)
    keep = np.array([True, False, True, True, False, True])
    (group,) = (g for g in channels.groups if g.path == "first")
    assert group.size == 6
    slim = cut(network, channels, keep)
    assert {key: getattr(slim.module, key) for key in sizes} == sizes
    assert (slim.first.out_channels, slim.last.in_channels) == (4, 4)
    assert network.first.out_channels == 6
    masked = GatedNetwork(network, channels).masked(Call((x,)), keep)
    with torch.no_grad():
        torch.testing.assert_close(slim(x), masked, rtol=1e-10, atol=1e-12)
    assert repr(slim.module) == repr(type(slim.module)(**arguments(slim.module)))


def arguments(module: nn.Module) -> dict[str, object]:
    """What the module would be built with, from its attributes."""
    names = type(module).__init__.__code__.co_varnames[
        1 : type(module).__init__.__code__.co_argcount
    ]
    renamed = {"init": 0.25, "device": None, "dtype": None}
    found = {}
    for name in names:
        value = getattr(module, name, renamed.get(name))
        if name == "bias" and not isinstance(value, bool):
            value = value is not None
        if name not in ("init", "device", "dtype"):
            found[name] = value
    return found


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
@pytest.mark.parametrize("layers", [1, 2])
def test_recurrent_layers(kind, layers):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 5)
            self.rnn = kind(5, 6, layers, batch_first=True, bidirectional=True)
            self.last = nn.Linear(12, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.rnn(self.first(x))[0])

    network = Net().double().eval()
    x = torch.randn(2, 4, 2, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x)
    assert sorted(group.size for group in channels.groups) == [5, 6]
    keep = np.ones(11, dtype=bool)
    for group in channels.groups:
        keep[group.start : group.start + 2] = False
    slim = cut(network, channels, keep)
    assert (slim.rnn.input_size, slim.rnn.hidden_size, slim.last.in_features) == (3, 4, 8)
    masked = GatedNetwork(network, channels).masked(Call((x,)), keep)
    with torch.no_grad():
        torch.testing.assert_close(slim(x), masked, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
def test_layer_norms_over_what_is_kept(norm):
    network = Between(norm(6), 0).double()
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x, norm_over="kept")
    keep = np.array([True, False, True, True, False, True])
    slim = cut(network, channels, keep)
    assert slim.module.normalized_shape == (4,)
    with torch.no_grad():
        by_hand = norm(4).double()(network.first(x)[:, keep])
        by_hand = by_hand @ network.last.weight[:, keep].T + network.last.bias
        torch.testing.assert_close(slim(x), by_hand, rtol=1e-10, atol=1e-12)
    masked = GatedNetwork(network, channels).masked(Call((x,)), keep)
    torch.testing.assert_close(masked, by_hand, rtol=1e-10, atol=1e-12)
