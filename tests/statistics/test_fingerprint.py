"""A fingerprint changes with every number, name, shape and type, and with nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from secateur.errors import NetworkError
from secateur.network import find_channels
from secateur.statistics import collect_statistics, fingerprint_data, fingerprint_network
from secateur.statistics.fingerprint import digest_of
from secateur.statistics.preserved import preserved_rng
from secateur.tasks import Task
from tests.doors.nets import TwoInputs, two_inputs
from tests.nets import Chain, Residual, classification, mse, regression, seeded


def changed(change: Callable[[nn.Module], Any]) -> nn.Module:
    network = seeded(Chain)
    with torch.no_grad():
        change(network)
    return network


def renamed(network: nn.Module) -> None:
    network.other = network.head
    del network.head


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.first.weight.view(-1)[3].add_(1e-7),
        lambda net: net.norm.running_mean[0].add_(1e-7),
        lambda net: net.norm.num_batches_tracked.add_(1),
        lambda net: net.double(),
        lambda net: net.bfloat16(),
        lambda net: setattr(net.first, "weight", nn.Parameter(net.first.weight.flatten(1))),
        renamed,
    ],
)
def test_every_change_of_weights_is_seen(change):
    assert fingerprint_network(changed(change)) != fingerprint_network(seeded(Chain))


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.train(),
        lambda net: net.requires_grad_(False),
        lambda net: net.to(memory_format=torch.channels_last),
        lambda net: setattr(net.head, "weight", nn.Parameter(net.head.weight.clone())),
        lambda net: net(torch.ones(1, 2, 5, 5)),
    ],
)
def test_what_is_no_weight_does_not_count(change):
    assert fingerprint_network(changed(change)) == fingerprint_network(seeded(Chain))


def test_weights_of_sixteen_and_eight_bits():
    for dtype in (torch.bfloat16, torch.float16, torch.float8_e4m3fn):
        one, two = nn.Linear(3, 2), nn.Linear(3, 2)
        one.weight.data = torch.ones(2, 3).to(dtype)
        two.bias.data = one.bias.data
        two.weight.data = torch.ones(2, 3).to(dtype)
        assert fingerprint_network(one) == fingerprint_network(two)
        two.weight.data = torch.full((2, 3), 2.0).to(dtype)
        assert fingerprint_network(one) != fingerprint_network(two)


def test_weights_without_values_are_refused():
    with pytest.raises(NetworkError, match=r"bias has no values yet"):
        fingerprint_network(nn.Linear(2, 2, device="meta"))
    with pytest.raises(NetworkError, match=r"has no values yet"):
        fingerprint_network(nn.LazyLinear(2))


@dataclasses.dataclass
class Boxed:
    boxes: torch.Tensor
    note: object = dataclasses.field(default_factory=object)


ONES = torch.ones(2, 3)
VALUES: list[Any] = [
    ONES,
    ONES.double(),
    ONES.bool(),
    ONES.to(torch.bfloat16),
    ONES.to(torch.complex64),
    ONES.reshape(3, 2),
    ONES.flatten(),
    torch.zeros(2, 3),
    torch.zeros(0, 3),
    torch.zeros(3, 0),
    torch.tensor(1.0),
    ONES.numpy(),
    ONES.to_sparse(),
    torch.eye(3),
    torch.eye(3).to_sparse(),
    torch.eye(3)[[0, 2, 1]].to_sparse(),
    [ONES, ONES],
    (ONES, [ONES]),
    {"a": ONES, "b": None},
    {"a": ONES, "b": 0},
    {"a": ONES, "b": False},
    {"a": ONES, "b": 0.0},
    {"a": ONES, "b": "0"},
    {"b": ONES, "a": None},
    {"a": {"b": ONES}},
    {1, 2},
    {1, 3},
    Boxed(ONES),
    Boxed(2 * ONES),
    np.array(["a", 1], dtype=object),
    np.array(["a", 2], dtype=object),
    np.float32(1),
    "words",
    ["words"],
    "wor",
]


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_quantised_values_count_with_their_scales():
    def quantised(scale: float, zero: int) -> torch.Tensor:
        return torch.quantize_per_tensor(ONES, scale, zero, torch.qint8)

    def by_row(scale: float) -> torch.Tensor:
        scales, zeros = torch.tensor([0.1, scale]), torch.zeros(2, dtype=torch.long)
        return torch.quantize_per_channel(ONES, scales, zeros, 0, torch.qint8)

    values = [quantised(0.1, 0), quantised(0.2, 0), quantised(0.1, 1), by_row(0.1), by_row(0.2)]
    assert len({digest_of(value) for value in values}) == len(values)
    assert digest_of(quantised(0.1, 0)) == digest_of(values[0])


def test_no_two_things_have_one_fingerprint():
    assert len({digest_of(value) for value in VALUES}) == len(VALUES)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (torch.ones(4, 6)[::2, ::2], ONES),
        (torch.ones(3, 2).T, ONES),
        ({"a": 1, "b": ONES}, {"b": ONES.clone(), "a": 1}),
        (Boxed(ONES), Boxed(ONES.clone())),
        (torch.complex(ONES, ONES).conj(), torch.complex(ONES, -ONES)),
        ({"x", "y", "z"}, {"z", "y", "x"}),
        (torch.nn.Parameter(ONES), ONES),
    ],
)
def test_the_same_values_have_the_same_fingerprint(one, two):
    assert digest_of(one) == digest_of(two)


def with_batches(change: Callable[[list[Any]], Any]) -> str:
    batches = [list(batch) for batch in classification().calibration]
    change(batches)
    return fingerprint_data(Task(batches, mse))


def test_every_change_of_the_data_is_seen():
    def swap(batches):
        batches.reverse()

    def label(batches):
        batches[1][1][0] += 1

    def pixel(batches):
        batches[0][0][0, 0, 0, 0] += 1e-6

    changes = [lambda batches: None, swap, label, pixel, lambda batches: batches.pop()]
    assert len({with_batches(change) for change in changes}) == len(changes)


@pytest.mark.parametrize("batches", [None, 1])
def test_what_was_measured_knows_its_data(batches):
    network, task = seeded(Residual), classification()
    channels = find_channels(network, task.calibration[0][0])
    found = collect_statistics(network, task, channels, probes=0, batches=batches)
    assert found.data == fingerprint_data(task, torch.device("cpu"), batches)
    assert found.data != fingerprint_data(regression())
    assert (found.data == fingerprint_data(task)) == (batches is None)


def test_named_inputs_count():
    network, task = seeded(TwoInputs), Task(two_inputs(), mse)
    channels = find_channels(network, task.example())
    found = collect_statistics(network, task, channels, probes=0)
    assert found.data == fingerprint_data(task)


def test_a_loader_that_shuffles_draws_the_same_again():
    x, y = torch.randn(7, 2, 5, 5), torch.randn(7, 2, 5, 5)
    task = Task(DataLoader(TensorDataset(x, y), batch_size=3, shuffle=True), mse)
    network = seeded(Chain)
    channels = find_channels(network, x[:1])
    found = collect_statistics(network, task, channels, probes=0)
    torch.manual_seed(9)
    state = torch.get_rng_state()
    assert fingerprint_data(task) == found.data
    assert torch.equal(torch.get_rng_state(), state)
    with preserved_rng(5):
        assert fingerprint_data(task) == found.data
