"""The integers that torch's modules hold, after a cut and where a network writes them down."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.network import Call, GatedNetwork, find_channels
from secateur.operators.sizes import resize
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


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("batch", [None, 3])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_an_instance_norm_of_one_sample_counts_its_first_dimension(dims, batch, affine):
    norm = getattr(nn, f"InstanceNorm{dims}d")(6, affine=affine)
    network = Between(norm, dims).double().eval()
    shape = (2, *(4, 5, 4)[:dims]) if batch is None else (batch, 2, *(4, 5, 4)[:dims])
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x)
    assert [(group.path, group.size) for group in channels.groups] == [("first", 6)]
    keep = np.array([True, False, True, True, False, True])
    slim = cut(network, channels, keep)
    assert slim.module.num_features == 4
    with torch.no_grad():
        masked = GatedNetwork(network, channels).masked(Call((x,)), keep)
        torch.testing.assert_close(slim(x), masked, rtol=1e-10, atol=1e-12)


GROUPED = {
    "group norm of pairs": (nn.GroupNorm(3, 6), {"num_groups": 2, "num_channels": 4}),
    "group norm of pairs, no scale": (
        nn.GroupNorm(3, 6, affine=False),
        {"num_groups": 2, "num_channels": 4},
    ),
}


@pytest.mark.parametrize("name", GROUPED)
def test_whole_groups_leave_and_are_counted(name):
    module, sizes = GROUPED[name]
    network = Between(module).double().eval()
    x = torch.randn(2, 2, 8, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x)
    (group,) = channels.groups
    assert group.size == 3
    keep = np.array([True, False, True])
    slim = cut(network, channels, keep)
    assert {key: getattr(slim.module, key) for key in sizes} == sizes
    assert slim.first.out_channels == 4
    with torch.no_grad():
        masked = GatedNetwork(network, channels).masked(Call((x,)), keep)
        torch.testing.assert_close(slim(x), masked, rtol=1e-10, atol=1e-12)


def test_transposed_and_plain_convolutions_of_one_group():
    for kind in (nn.Conv1d, nn.ConvTranspose1d):
        network = Between(kind(6, 5, 3)).double().eval()
        network.last = nn.Conv1d(5, 3, 1).double()
        channels = find_channels(network, torch.randn(2, 2, 8).double())
        keep = np.ones(11, dtype=bool)
        for group in channels.groups:
            keep[group.start : group.start + (2 if group.path == "first" else 1)] = False
        slim = cut(network, channels, keep).module
        assert (slim.in_channels, slim.out_channels, slim.groups) == (4, 4, 1)


class Cells(nn.Module):
    """A loop of one's own over a cell."""

    def __init__(self, kind: type[nn.RNNCellBase]) -> None:
        super().__init__()
        self.first, self.cell, self.last = nn.Linear(2, 5), kind(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for step in self.first(x).unbind(1):
            state = self.cell(step, state)
        return self.last(state[0] if isinstance(state, tuple) else state)


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_recurrent_cells(kind):
    network = Cells(kind).double().eval()
    x = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x)
    sizes = {group.path: group.size for group in channels.groups}
    assert sizes["first"] == 5
    keep = np.ones(len(channels), dtype=bool)
    for group in channels.groups:
        keep[group.start : group.start + 2] = False
    slim = cut(network, channels, keep)
    assert slim.cell.input_size == 3 == slim.first.out_features
    assert slim.cell.hidden_size == slim.last.in_features == slim.cell.weight_hh.shape[1]
    with torch.no_grad():
        masked = GatedNetwork(network, channels).masked(Call((x,)), keep)
        torch.testing.assert_close(slim(x), masked, rtol=1e-10, atol=1e-12)


class Table(nn.Module):
    """A table of vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(7, 5), nn.Linear(5, 3)

    def forward(self, number: Tensor) -> Tensor:
        return self.last(self.table(number))


def test_a_table_of_vectors():
    network = Table()
    channels = find_channels(network, torch.tensor([0, 3, 6]))
    slim = cut(network, channels, np.array([True, False, True, True, True]))
    assert (slim.table.num_embeddings, slim.table.embedding_dim) == (7, 4)
    assert (slim.last.out_features, slim.last.in_features) == (3, 4)


@pytest.mark.parametrize("kind", [nn.Conv1d, nn.ConvTranspose1d])
def test_a_grouped_convolution_loses_groups_or_shrinks_each(kind):
    transposed = kind is nn.ConvTranspose1d
    for mask, groups in (([1, 1, 0, 0, 1, 1], 2), ([1, 0, 1, 0, 1, 0], 3)):
        kept = np.array(mask, dtype=bool)  # 6 rows in 3 groups, the first dimension of both kinds
        module = kind(6, 6, 1, groups=3)
        module.weight.data = module.weight.data[torch.as_tensor(kept)]
        resize(module, {"weight": {0: kept}})
        rows = int(kept.sum())
        assert module.groups == groups
        # the other dimension has two columns for each group, and none was cut
        other = 2 * groups
        sizes = (module.in_channels, module.out_channels)
        assert sizes == ((rows, other) if transposed else (other, rows))


def test_a_product_of_three_counts_what_it_has():
    module = nn.Bilinear(5, 4, 6)
    module.weight.data = module.weight.data[:3, :2, :1]
    resize(module, {"weight": {0: np.array([True] * 3 + [False] * 3)}})
    assert (module.out_features, module.in1_features, module.in2_features) == (3, 2, 1)


@pytest.mark.parametrize("norm", [nn.LayerNorm, nn.RMSNorm])
@pytest.mark.parametrize("shape", [(6,), (3, 6)])
def test_a_norm_without_scale_counts_from_behind(norm, shape):
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Linear(2, 6), norm(shape, elementwise_affine=False)
            self.last = nn.Linear(6, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.norm(self.first(x)))

    network = Net().double()
    x = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0)).double()
    channels = find_channels(network, x, norm_over="kept")
    keep = np.array([True, False, True, True, False, True])
    slim = cut(network, channels, keep)
    assert slim.norm.normalized_shape == (*shape[:-1], 4)
    by_hand = torch.nn.functional.linear(
        norm((*shape[:-1], 4), elementwise_affine=False).double()(network.first(x)[..., keep]),
        network.last.weight[:, keep],
        network.last.bias,
    )
    torch.testing.assert_close(slim(x), by_hand, rtol=1e-10, atol=1e-12)


def test_a_transformer_is_as_wide_as_its_decoder_norms():
    module = nn.Transformer(8, 2, 1, 1, 16, batch_first=True)
    for norm in (m for m in module.decoder.modules() if isinstance(m, nn.LayerNorm)):
        norm.weight.data = norm.weight.data[:6]
    resize(module, {})
    assert module.d_model == 6
    for bare in (nn.Identity(), nn.LayerNorm(5, elementwise_affine=False)):
        module.decoder = bare
        resize(module, {})
        assert module.d_model == 6


def test_what_has_not_changed_keeps_its_numbers():
    module = nn.Linear(5, 4)
    module.in_features = 7  # whatever a user has written there
    resize(module, {})
    assert module.in_features == 7
