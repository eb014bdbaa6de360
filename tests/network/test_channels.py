"""Which channels are found, which are not and why."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.errors import DataError, NetworkError
from secateur.network import Call, Channels, GatedNetwork, find_channels
from tests.nets import Chain, Residual, seeded

X = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0))
CALL = Call((X,))


def test_every_filter_but_the_head_is_a_channel():
    channels = find_channels(seeded(Chain), X)
    assert [(g.path, g.size, g.start) for g in channels.groups] == [
        ("first", 4, 0),
        ("second", 5, 4),
    ]
    assert channels.stands == (("head", "add with a tensor of fixed size"),)
    assert channels.labels[:2] == ("first:0", "first:1")
    assert channels.labels[4] == "second:0"
    assert len(channels) == 9
    assert channels.most == 7


def test_a_channel_is_every_slot_that_leaves_with_it():
    channels = find_channels(seeded(Chain), X)
    assert set(channels.slots[2]) == {
        ("first.weight", 0, 2),
        ("norm.weight", 0, 2),
        ("norm.bias", 0, 2),
        ("norm.running_mean", 0, 2),
        ("norm.running_var", 0, 2),
        ("second.weight", 1, 2),
    }
    assert set(channels.slots[5]) == {
        ("second.weight", 0, 1),
        ("second.bias", 0, 1),
        ("head.weight", 1, 1),
    }
    np.testing.assert_array_equal(channels.index["second.weight"][1], range(4))
    np.testing.assert_array_equal(channels.index["second.weight"][0], range(4, 9))


def test_what_is_added_up_is_one_channel_unless_it_goes_by_itself():
    network = seeded(Residual)
    tied = find_channels(network, X)
    assert [(g.path, g.size, g.tied) for g in tied.groups] == [
        ("stem", 4, ("stem", "out")),
        ("inner", 4, ("inner",)),
    ]
    assert tied.placed == ()
    alone = find_channels(network, X, tied=False)
    assert [(g.path, g.size) for g in alone.groups] == [("stem", 4), ("inner", 4), ("out", 4)]
    assert [placed.path for placed in alone.placed] == ["stem", "out"]
    # channel k of the sum leaves where both filters k have left
    np.testing.assert_array_equal(alone.streams, [[k, 8 + k] for k in range(4)])
    gone = np.zeros(12, dtype=bool)
    gone[[0, 1, 9, 10]] = True
    np.testing.assert_array_equal(alone.extended(gone)[12:], [False, True, False, False, False])


def test_channels_are_read_where_they_are_mixed():
    """Behind the norm and the non-linearity of every producer, and behind a sum."""
    channels = find_channels(seeded(Residual), X)
    reads = [(r.path, r.name, r.operand, r.dim, r.channel.tolist()) for r in channels.reads]
    assert reads == [
        ("inner", "convolution", 0, 1, [0, 1, 2, 3]),
        ("out", "convolution", 0, 1, [4, 5, 6, 7]),
        ("fc", "linear", 0, 1, [0, 1, 2, 3]),
    ]


def test_ignored_covers_what_is_below_and_must_exist():
    channels = find_channels(seeded(Residual), X, ignored=["inner"])
    assert [g.path for g in channels.groups] == ["stem"]
    assert ("inner", "ignored, as asked") in channels.stands
    # what is tied to it stays, too
    channels = find_channels(seeded(Residual), X, ignored=["out"])
    assert [g.path for g in channels.groups] == ["inner"]
    assert dict(channels.stands)["stem"] == "ignored, as asked"
    for path, near in (("iner", "'inner'"), ("stem.weihgt", "'stem.weight'")):
        with pytest.raises(NetworkError, match=f"'{path}' is no module") as caught:
            find_channels(seeded(Residual), X, ignored=[path])
        assert near in str(caught.value)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 5, 1)
        self.conv = nn.Conv2d(5, 5, 3, padding=1)
        self.head = nn.Conv2d(5, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(self.conv(self.stem(x))))


def test_a_module_called_twice_has_as_many_inputs_as_outputs():
    channels = find_channels(Shared(), X)
    assert [(g.path, g.size, g.tied) for g in channels.groups] == [("stem", 5, ("stem", "conv"))]
    assert {slot[:2] for slot in channels.slots[0]} == {
        ("stem.weight", 0),
        ("stem.bias", 0),
        ("conv.weight", 0),
        ("conv.weight", 1),
        ("conv.bias", 0),
        ("head.weight", 1),
    }


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


def test_groups_shrink_as_many_in_each_and_a_single_filter_stays():
    channels = find_channels(Grouped(), X)
    assert [(g.path, g.size, g.tied) for g in channels.groups] == [
        ("stem", 2, ("stem", "multiplied")),
        ("grouped", 2, ("grouped", "depthwise")),
    ]
    by_parameter = channels.index["multiplied.weight"][0].tolist()
    assert by_parameter == [0, 0, 1, 1, 0, 0, 1, 1]
    assert channels.index["depthwise.weight"][0].tolist() == [2, 3, 2, 3]
    assert dict(channels.stands)["one"] == "has one channel only"


def test_a_network_without_prunable_layers_says_so():
    with pytest.raises(NetworkError, match="1: is an output of the network"):
        find_channels(nn.Sequential(nn.Flatten(), nn.Linear(72, 3)), X)
    with pytest.raises(NetworkError, match="0: is an output of the network"):
        find_channels(nn.Sequential(nn.Conv2d(2, 3, 1)), X)
    with pytest.raises(NetworkError, match="no layer that makes channels"):
        find_channels(nn.Sequential(nn.Flatten(), nn.Tanh()), X)
    with pytest.raises(NetworkError, match="no tensor in what forward returns"):
        find_channels(Nothing(), X)


class Nothing(nn.Module):
    def forward(self, x: Tensor) -> str:
        return f"{x.ndim} dimensions"


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
    def __init__(self, way: str) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 1)
        self.conv = nn.Conv2d(4, 4, 1)
        self.head = nn.Conv2d(4, 2, 1)
        self.way = way

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.way == "if":
            x = self.conv(x) if x.sum() > 0 else x
        elif self.way == "item":
            x = self.conv(x) * x.mean().item()
        elif self.way == "boolean index":
            x = self.conv(x)[x[:, 0, 0, 0] > -9.0]
        elif self.way == "nonzero":
            x = self.conv(x)[torch.nonzero(x[:, 0, 0, 0] > -9.0)[:, 0]]
        elif self.way == "shape" and x.shape[2] > 3:
            x = self.conv(x)
        return self.head(x)


@pytest.mark.parametrize("way", ["if", "item", "boolean index", "nonzero"])
def test_control_flow_on_data_is_an_error_with_a_remedy(way):
    with pytest.raises(NetworkError, match="depends on the values of its input") as caught:
        find_channels(Branching(way), X)
    assert "Branching" in str(caught.value)
    assert "out of forward" in str(caught.value)


def test_control_flow_on_shapes_is_none():
    network = Branching("shape")
    channels = find_channels(network, X)
    assert [group.path for group in channels.groups] == ["stem", "conv"]
    assert len(find_channels(network, X[:, :, :3])) == 4
    # and whoever goes the other way later is told
    gated = GatedNetwork(network, channels)
    with pytest.raises(NetworkError, match="goes another way on these inputs") as caught:
        gated.masked(Call((X[:, :, :3],)), np.ones(8, dtype=bool))
    assert "out of forward" in str(caught.value)


def test_unknown_settings_are_errors():
    with pytest.raises(NetworkError, match="norm_over is 'most'"):
        find_channels(seeded(Chain), X, norm_over="most")  # type: ignore[arg-type]
    with pytest.raises(NetworkError, match="the network is a function"):
        find_channels(lambda x: x, X)  # type: ignore[arg-type]


@pytest.mark.parametrize("tied", [True, False])
def test_a_mask_is_zero_at_exactly_the_places_that_read(tied):
    network = seeded(Residual)
    channels = find_channels(network, X, tied=tied)
    gated = GatedNetwork(network, channels)
    keep = np.ones(len(channels), dtype=bool)
    keep[[1, 6, 11] if not tied else [1, 6]] = False
    with torch.no_grad():
        stem = network.stem(X)
        if tied:
            read = torch.relu(stem)
            read[:, 1] = 0
        else:
            stem[:, 1] = 0
            read = torch.relu(stem)
        inner = torch.relu(network.norm(network.inner(read)))
        inner[:, 2] = 0
        out = network.out(inner)
        if not tied:
            out[:, 3] = 0
        total = torch.relu(torch.relu(stem) + out).mean((2, 3))
        if tied:
            total[:, 1] = 0
        by_hand = network.fc(total)
    masked = gated.masked(CALL, keep)
    torch.testing.assert_close(masked, by_hand, rtol=0, atol=1e-6)
    torch.testing.assert_close(gated(CALL), network(X), rtol=0, atol=0)
    everything = np.ones(len(channels), dtype=bool)
    torch.testing.assert_close(gated.masked(CALL, everything), network(X), rtol=0, atol=0)


def test_the_gated_network_leaves_modes_alone_on_errors_too():
    network = seeded(Residual).train()
    network.norm.eval()
    gated = GatedNetwork(network, find_channels(network, X))
    before = [(name, m.training) for name, m in network.named_modules()]
    gated(CALL)
    with pytest.raises(DataError):
        gated(Call((torch.randn(1, 5, 6, 6),)))
    assert [(name, m.training) for name, m in network.named_modules()] == before


class Heads(nn.Module):
    """A head that runs in training only, and one that nothing runs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 1)
        self.mid = nn.Conv2d(6, 5, 1)
        self.head = nn.Conv2d(5, 2, 1)
        self.extra = nn.Conv2d(6, 2, 1)
        self.never = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        y = self.stem(x)
        z = self.head(self.mid(y))
        return (z, self.extra(y)) if self.training else z


def test_what_forward_does_not_reach_is_said_and_another_run_reaches_it():
    network = Heads()
    once = find_channels(network, X)
    reason = "is not reached by forward on the calibration data: it stays as it is"
    assert dict(once.stands)["extra"] == dict(once.stands)["never"] == reason
    assert "extra.weight" not in once.index
    both = find_channels(network, X, also=[(CALL, True)])
    assert both.index["extra.weight"][1].tolist() == list(range(6))
    assert dict(both.stands)["never"] == reason
    assert "extra" not in {path for path, why in both.stands if why == reason}
    # what is read is that of the run in evaluation mode
    assert [read.path for read in both.reads] == [read.path for read in once.reads]


def test_finding_channels_leaves_no_trace():
    network = seeded(Residual).train()
    network.norm.eval()
    network.fc.weight.grad = torch.ones_like(network.fc.weight)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    modes = [m.training for m in network.modules()]
    held = {path: dict(vars(m)) for path, m in network.named_modules()}
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()]
    random, numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    given = X.clone()
    for tied in (True, False):
        find_channels(network, X, tied=tied)
    with pytest.raises(NetworkError):
        find_channels(network, X, ignored=["stem", "inner", "out"])
    assert torch.equal(X, given)
    assert torch.equal(torch.get_rng_state(), random)
    assert np.array_equal(np.random.get_state()[1], numpy)
    assert [m.training for m in network.modules()] == modes
    assert {path: dict(vars(m)) for path, m in network.named_modules()} == held
    now = [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in network.modules()]
    assert now == hooks
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert torch.equal(network.fc.weight.grad, torch.ones_like(network.fc.weight))
    assert network.stem.weight.grad is None


def described(channels: Channels) -> tuple[object, ...]:
    reads = [(r.op, r.operand, r.dim, r.channel.tolist()) for r in channels.reads]
    return channels.labels, channels.slots, reads, channels.stands


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("size", [6, 9])
def test_neither_the_batch_nor_the_size_matter(batch, size):
    channels = find_channels(seeded(Residual), X)
    other = find_channels(seeded(Residual), torch.randn(batch, 2, size, size))
    assert described(channels) == described(other)


def test_groups_lie_one_behind_the_other():
    channels = find_channels(seeded(Chain, 4), torch.randn(2, 2, 6, 6))
    places = np.arange(len(channels))
    assert np.concatenate([places[group.slice] for group in channels.groups]).tolist() == [
        *range(len(channels))
    ]
    for number, group in enumerate(channels.groups):
        assert (channels.group_index[group.slice] == number).all()
        assert group.size == len(group.indices) == len(places[group.slice])
        assert channels.labels[group.slice] == tuple(f"{group.path}:{k}" for k in group.indices)
    assert channels.most == len(channels) - len(channels.groups)
