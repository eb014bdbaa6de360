"""From atoms to channels: names, groups, what stands, and the sums' own channels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.network import Call, GatedNetwork, find, find_channels
from secateur.surgery import cut
from tests.networks import all_cases

CASES = {case.name: case for case in all_cases()}
NAMES = [
    "densenet", "resnet, option A", "yolo c2f", "shufflenet v2", "llama", "vit, packed qkv",
    "lstm", "mobilenet v3", "grouped conv", "channels in reverse", "halves added", "res2net",
    "sum of two maps, one for each half", "a sum with its halves exchanged",
    "encoder of two layers, norm first",
]  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_channels_are_a_partition_with_names_of_their_own(name, tied):
    case = CASES[name]
    network = case.build()
    channels = find_channels(network, case.inputs(), tied=tied)
    assert len(set(channels.labels)) == len(channels.labels) == len(channels)
    assert len({group.name for group in channels.groups}) == len(channels.groups)
    slots = [slot for own in channels.slots for slot in own]
    assert len(set(slots)) == len(slots)
    state = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    for k, own in enumerate(channels.slots):
        for parameter, dim, index in own:
            assert index < state[parameter].shape[dim]
            assert channels.index[parameter][dim][index] == k
    assert all(
        set(makers) <= set(own) for makers, own in zip(channels.makers, channels.slots, strict=True)
    )
    start = 0
    for number, group in enumerate(channels.groups):
        assert group.start == start
        start += group.size
        assert group.size > 1
        assert (channels.group_index[group.slice] == number).all()
        for k in range(group.start, group.start + group.size):
            members = tuple(dict.fromkeys((n, d) for n, d, _ in channels.slots[k]))
            assert members == group.members
    pruned = {path for group in channels.groups for path in group.tied}
    assert not pruned & {path for path, _ in channels.stands}
    assert all(reason for _, reason in channels.stands)


class Halves(nn.Module):
    """Half of a layer's filters meet another layer's; the other half go on alone."""

    def __init__(self) -> None:
        super().__init__()
        self.both, self.other, self.head = nn.Linear(3, 8), nn.Linear(3, 4), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.both(x).chunk(2, 1)
        return self.head(torch.cat([torch.relu(one) + self.other(x), two.tanh()], 1))


def test_channels_of_a_layer_that_differ_in_what_is_tied_are_groups_of_their_own():
    network, x = Halves(), torch.randn(2, 3)
    channels = find_channels(network, x)
    for group in channels.groups:
        assert group.path == "both" or group.path.startswith("both")
    assert len({group.name for group in channels.groups}) == len(channels.groups)
    rng = np.random.default_rng(0)
    keep = rng.random(len(channels)) > 0.4
    for group in channels.groups:
        keep[group.start] = True
    masked = GatedNetwork(network, channels).masked(Call((x,)), keep)
    with torch.no_grad():
        torch.testing.assert_close(cut(network, channels, keep)(x), masked)
    by_layer = channels.keep_by_layer(keep)
    assert sum(len(kept) for kept in by_layer.values()) == keep.sum()
    assert all(kept == sorted(kept) for kept in by_layer.values())


class Direct(nn.Module):
    """Parameters of the network itself, in both of whose dimensions channels are made."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.randn(4, 5))
        self.two = nn.Parameter(torch.randn(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x @ self.one) @ self.two


def test_a_parameter_without_a_module_gives_its_own_name():
    channels = find_channels(Direct(), torch.randn(3, 4))
    assert channels.labels == tuple(f"one:{k}" for k in range(5))
    assert dict(channels.stands) == {"two": "is an output of the network"}


def test_a_sum_whose_other_part_stays_keeps_its_width():
    """``tied=False`` with an ignored branch: filters of the other go by themselves."""

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(3, 5), nn.Linear(3, 5)
            self.head = nn.Linear(5, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.one(x) + self.two(x))

    network, x = Sum(), torch.randn(4, 3)
    channels = find_channels(network, x, tied=False, ignored=["two"])
    assert [(group.path, group.size) for group in channels.groups] == [("one", 5)]
    assert channels.streams == ()
    assert dict(channels.stands)["two"] == "ignored, as asked"
    keep = np.array([True, False, True, False, False])
    slim = cut(network, channels, keep)
    assert (slim.one.out_features, slim.two.out_features, slim.head.in_features) == (2, 5, 5)
    with torch.no_grad():
        wide = network.one(x) * torch.as_tensor(keep)
        torch.testing.assert_close(slim(x), network.head(wide + network.two(x)))


class Folded(nn.Module):
    def __init__(self, width: int, steps: int = 1) -> None:
        super().__init__()
        self.stem, self.head = nn.Linear(2, 12), nn.Linear(12, 2)
        self.heads, self.parts, self.steps = 3, 4, steps
        self.ballast = nn.Parameter(torch.zeros(width))  # counted, and not run

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x).view(len(x), self.heads, self.parts)
        for _ in range(self.steps):
            y = y.tanh()
        return self.head(y.flatten(1))


@pytest.mark.parametrize(
    ("width", "steps", "tries"), [(8, 1, 6), (31_000_000, 1, 1), (8, 8000, 1), (8_000_000, 1, 3)]
)
def test_how_many_ways_are_tried_depends_on_the_network_and_not_on_the_clock(
    width, steps, tries, monkeypatch
):
    call = Call((torch.randn(1, 2),))
    search = find._Search(Folded(width, steps), call, [], (), True, "all", 0)
    search.ties = find.find_ties(Folded(8, steps), call)  # the same ones, without the ballast
    assert search.ties.folds
    monkeypatch.setattr(find, "CHOICES", 6)
    assert search._choices() == tries
