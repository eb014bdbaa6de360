"""The trial: sizes written in code, dead networks, differences of any kind; and the last check."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from secateur.errors import NetworkError
from secateur.network import Call, find_channels
from secateur.network.trial import attempt, difference, kinds, random_keep, stirred
from secateur.surgery import check_cut, cut
from tests.nets import Chain, Residual, seeded

X = torch.randn(2, 2, 6, 6, generator=torch.Generator().manual_seed(0))


class Sized(nn.Module):
    """Features are flattened by numbers: some written in code, some known by name."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.conv, self.mid = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 4, 3, padding=1)
        self.fc, self.head = nn.Linear(4 * 36, 8), nn.Linear(8, 3)
        self.way, self.features, self.width = way, 4 * 36, 4

    def forward(self, x: Tensor) -> Tensor:
        x = self.mid(torch.relu(self.conv(x)))
        if self.way == "literal":
            x = x.view(-1, 144)
        elif self.way == "attribute":
            x = x.view(-1, self.features)
        elif self.way == "expression":
            x = x.reshape(-1, self.width * 36)
        elif self.way == "shape":
            x = x.reshape(x.shape[0], x.shape[1] * x.shape[2] * x.shape[3])
        elif self.way == "assert":
            if x.shape[1] != 4:
                raise ValueError("four maps, please")
            x = x.flatten(1)
        elif self.way == "by hand":
            x = (x * (x.sum(1, keepdim=True) / x.shape[1])).flatten(1)
        elif self.way == "constant":
            x = x.flatten(1) * x.shape[1] ** 0.5
        return self.head(torch.relu(self.fc(x)))


@pytest.mark.parametrize("way", ["attribute", "expression", "shape"])
def test_sizes_that_have_a_name_follow(way):
    network = Sized(way)
    channels = find_channels(network, X)
    assert {group.path: group.size for group in channels.groups} == {"conv": 6, "mid": 4, "fc": 8}
    keep = np.ones(18, dtype=bool)
    keep[[0, 7, 8, 12]] = False
    slim = cut(network, channels, keep)
    check_cut(network, channels, keep, slim, Call((X,)))
    assert slim.fc.in_features == 2 * 36
    sizes = {"attribute": ("features", 72), "expression": ("width", 2)}
    if way in sizes:
        name, value = sizes[way]
        assert getattr(slim, name) == value
        assert type(getattr(slim, name)) is int
    assert (network.features, network.width) == (144, 4)
    assert type(network.features) is int


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("literal", "a size is written in its code: after a cut it raises RuntimeError"),
        ("assert", "it raises ValueError: four maps, please"),
        ("by hand", "after a cut its result is not that of the mask"),
        ("constant", "after a cut its result is not that of the mask"),
    ],
)
def test_sizes_written_in_code_are_pinned_and_the_rest_goes(way, reason):
    channels = find_channels(Sized(way), X)
    assert {group.path: group.size for group in channels.groups} == {"conv": 6, "fc": 8}
    assert reason in dict(channels.stands)["mid"]


@pytest.mark.parametrize("way", ["by hand", "constant"])
@pytest.mark.parametrize("seed", range(5))
def test_a_dead_network_does_not_fool_the_trial(way, seed):
    """Everything behind ``fc`` is zero, whatever the width: only other weights show it."""
    network = seeded(Sized, way, seed=seed)
    with torch.no_grad():
        network.fc.weight.zero_()
        network.fc.bias.fill_(-1.0)
    assert not torch.relu(network.fc(torch.randn(2, 144))).any()
    channels = find_channels(network, X, seed=seed)
    assert "mid" not in {group.path for group in channels.groups}
    assert "not that of the mask" in dict(channels.stands)["mid"]


def test_stirring_is_of_a_copy_and_from_a_seed():
    network = seeded(Residual)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    random = torch.get_rng_state()
    one, same, other = stirred(network, 0), stirred(network, 0), stirred(network, 1)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, same.get_parameter(name))
        assert not torch.equal(parameter, other.get_parameter(name))
        assert bool((parameter != network.get_parameter(name)).all())


def test_masks_leave_one_of_every_group_and_take_one():
    channels = find_channels(seeded(Chain), X)
    for share in (0.01, 0.5, 0.99):
        keep = random_keep(channels, list(channels.groups), share, np.random.default_rng(0))
        for group in channels.groups:
            assert 0 < keep[group.slice].sum() < group.size
    first = random_keep(channels, list(channels.groups[:1]), 0.5, np.random.default_rng(0))
    assert first[4:].all()
    assert first[:4].sum() == 2


def test_groups_that_differ_in_a_number_stand_and_fall_together():
    layers = [nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4)) for _ in range(3)]
    network = nn.Sequential(*layers, nn.Linear(4, 2))
    channels = find_channels(network, torch.randn(2, 4))
    sizes = sorted((len(kind), kind[0].size) for kind in kinds(channels))
    assert sum(number for number, _ in sizes) == len(channels.groups)
    assert (3, 6) in sizes


def test_a_difference_is_of_every_tensor_and_relative_to_its_size():
    pair = namedtuple("Pair", "one two")

    class Own:
        def __init__(self, tensor: Tensor) -> None:
            self.inside = {"deep": [tensor]}

    x = torch.tensor([1.0, -4.0])
    assert difference(x, x.clone()) == 0.0
    assert difference(x + 0.4, x) == pytest.approx(0.1, rel=1e-5)
    both = difference({"a": x + 0.4, "b": 1000 * x}, {"a": x, "b": 1000 * x})
    assert both == pytest.approx(0.1, rel=1e-5)
    assert difference(pair(x, x), pair(x, x)) == 0.0
    assert difference(Own(x), Own(x)) == 0.0
    assert difference(Own(x), Own(2 * x)) == pytest.approx(0.5, rel=1e-5)
    assert difference(x, x[:1]) == float("inf")
    assert difference((x, x), (x,)) == float("inf")
    assert difference("nothing", "nothing") == float("inf")  # comparing nothing does not pass
    assert difference(torch.tensor([1]), torch.tensor([2])) == float("inf")
    nan = torch.tensor([float("nan"), 1.0])
    assert difference(nan, nan.clone()) == 0.0
    assert difference(nan, torch.ones(2)) == float("inf")
    hidden = torch.tensor([float("-inf"), 1.0])
    assert difference(hidden, hidden.clone()) == 0.0
    assert difference(hidden, torch.ones(2)) > 1e300


class Two(nn.Module):
    """Its second output depends on the width by a constant that a switch lets through."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 6), nn.Linear(6, 2)
        self.switch = 0.0

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = torch.relu(self.first(x))
        return {"mean": self.second(y), "count": self.second(y) + self.switch * y.shape[1]}


def test_the_last_check_names_the_first_tensor_that_differs():
    network, x = seeded(Two), torch.randn(4, 3)
    call = Call((x,))
    channels = find_channels(network, call)
    keep = np.array([1, 1, 0, 1, 0, 1], dtype=bool)
    assert check_cut(network, channels, keep, cut(network, channels, keep), call) < 1e-6
    network.switch = 0.01
    with pytest.raises(NetworkError, match=r"differs from the masked one in the output\['count'\]"):
        check_cut(network, channels, keep, cut(network, channels, keep), call)
    network.switch = 0.0
    slim = cut(network, channels, keep)
    with torch.no_grad():
        slim.second.bias[1] += 0.1
    with pytest.raises(NetworkError, match=r"in the output\['mean'\]") as caught:
        check_cut(network, channels, keep, slim, call)
    assert "`ignored`" in str(caught.value)


class Reader(nn.Module):
    """Knows how many maps it reads, and has no parameter of just that size."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.maps = nn.Linear(4 * 36, 3), 4

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x.reshape(-1, self.maps * 36))


def test_a_number_of_maps_is_known_by_the_channels_of_what_reads_them():
    network = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), Reader())
    channels = find_channels(network, X)
    assert [(group.path, group.size) for group in channels.groups] == [("0", 4)]
    keep = np.array([True, False, True, True])
    slim = cut(network, channels, keep)
    check_cut(network, channels, keep, slim, Call((X,)))
    assert (slim[2].maps, slim[2].fc.in_features) == (3, 3 * 36)


class Shifted(nn.Module):
    """Its result changes by a share as soon as it is smaller."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.share = nn.Linear(3, 6), nn.Linear(6, 2), 0.0

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.first(x))
        return self.second(y) * (1.0 if y.shape[1] == 6 else 1.0 + self.share)


@pytest.mark.parametrize(
    ("dtype", "share", "passes"),
    [
        (torch.float, 1e-6, True),
        (torch.float, 1e-3, False),
        (torch.double, 1e-3, False),
        (torch.float, 0.1, False),
        (torch.bfloat16, 0.02, True),  # three digits are all that there are
        (torch.bfloat16, 0.12, False),
    ],
)
def test_how_much_of_a_difference_is_rounding(dtype, share, passes):
    network = seeded(Shifted).to(dtype)
    call = Call((torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).to(dtype),))
    channels = find_channels(network, call)
    network.share = share
    reason = attempt(network, call, channels, np.array([1, 1, 0, 1, 0, 1], dtype=bool))
    assert (reason is None) == passes
    if not passes:
        assert "not that of the mask" in str(reason)


def test_groups_that_feed_one_sum_stand_and_fall_together():
    channels = find_channels(seeded(Residual), X, tied=False)
    assert channels.streams
    sets = kinds(channels)
    names = [group.name for own in sets for group in own]
    assert sorted(names) == sorted(group.name for group in channels.groups)
    number = channels.group_index
    for parts in channels.streams:
        fed = {channels.groups[g].name for g in number[parts]}
        assert sum(bool(fed & {group.name for group in own}) for own in sets) == 1
    assert len(sets) > 1  # the others by themselves
