"""Budgets through the main job: what stays is counted again, by somebody else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import secateur
from secateur.errors import AmountError, ConstraintError, OptionError
from secateur.methods.wanted import Wanted
from secateur.network import as_call
from secateur.surgery import count_macs, count_parameters


class Sums(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.inner = nn.Sequential(nn.Conv2d(16, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU())
        self.outer = nn.Conv2d(48, 16, 3, padding=1)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head((x + self.outer(self.inner(x))).mean((2, 3)))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Sums().eval()


@pytest.fixture(scope="module")
def task():
    generator = torch.Generator().manual_seed(1)
    data = [
        (
            torch.randn(8, 1, 8, 8, generator=generator),
            torch.randint(0, 3, (8,), generator=generator),
        )
        for _ in range(2)
    ]
    return secateur.Task(data, loss=F.cross_entropy, likelihood="categorical")


def prune(network, task, **options):
    return secateur.prune(network, task, probes=2, compensated=False, **options)


@pytest.mark.parametrize("share", [0.7, "35%"])
@pytest.mark.parametrize("backend", ["auto", "greedy", "annealing"])
def test_macs_are_what_torch_counts_and_keep_the_budget(network, task, share, backend):
    result = prune(network, task, budget={"macs": share}, backend=backend, objective="taylor")
    call = as_call(torch.zeros(1, 1, 8, 8))
    dense, small = count_macs(network, call), count_macs(result.network, call)
    most = dense * (0.7 if share == 0.7 else 0.35)
    assert small <= most
    assert result.rows[0].macs == dense
    assert result.rows[-1].macs == small
    # a channel that goes for nothing would be a channel too many
    assert small >= 0.8 * most


def test_an_absolute_number_of_parameters(network, task):
    result = prune(network, task, budget={"params": 6_000})
    assert 5_000 < count_parameters(result.network) <= 6_000
    assert result.to_json()["settings"]["budget"] == {"params": 6_000}


def test_an_amount_and_a_budget_hold_together(network, task):
    result = prune(network, task, amount=20, budget={"macs": 0.6})
    assert result.selection.count == 20
    assert result.rows[-1].macs <= 0.6 * result.rows[0].macs


def test_widths_are_kept(network, task):
    result = prune(
        network,
        task,
        budget={"macs": 0.6},
        multiple=8,
        minimum={"stem": 16},
        maximum={"inner.*": 40},
    )
    assert result.network.stem.out_channels == 16
    assert result.network.inner[0].out_channels <= 40
    assert result.network.inner[0].out_channels % 8 == 0


def test_the_reads_of_a_budget_are_reproducible(network, task):
    first, second = (prune(network, task, budget={"macs": 0.5}, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.selection.bits, second.selection.bits)


def test_a_random_selection_keeps_a_budget(network, task):
    result = prune(network, task, budget={"macs": 0.5}, objective="random")
    assert result.rows[-1].macs <= 0.5 * result.rows[0].macs


def test_a_time_is_planned_for_and_measured(network, task, monkeypatch):
    monkeypatch.setattr("secateur.pruning.planning.FITTING", 1.0)
    monkeypatch.setattr("secateur.pruning.planning.MEASURING", 0.5)
    result = prune(network, task, budget={"time": 0.9})
    told = result.selection.provenance["time"]
    assert told["runtime"] == "eager"
    assert told["predicted"] <= 0.9 * 1.0001
    assert 1 <= len(told["tries"]) <= 2
    assert all(measured > 0 for _, measured in told["tries"])
    widths = [int((result.selection.bits[g.slice] == 0).sum()) for g in result.channels.groups]
    assert all(width % 16 == 0 for width in widths)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({}, AmountError, "neither an amount nor a budget"),
        ({"budget": {"mac": 0.5}}, ConstraintError, "mac"),
        ({"budget": {"macs": 1.5}}, AmountError, "1.5"),
        ({"budget": {"macs": 0.5}, "tied": False}, OptionError, "tied=False"),
        ({"amount": 4, "multiple": "lots"}, AmountError, "lots"),
        ({"amount": 4, "minimum": {"stm": 3}}, ConstraintError, "stm"),
    ],
)
def test_what_cannot_be_kept_is_told_before_anything_is_measured(
    network, task, monkeypatch, options, error, text
):
    monkeypatch.setattr("secateur.measured.measured.collect_statistics", pytest.fail)
    with pytest.raises(error, match=text):
        prune(network, task, **options)


def test_the_step_of_a_device_can_be_asked_for(network, task, monkeypatch):
    monkeypatch.setattr("secateur.pruning.planning.device_step", lambda: 8)
    result = prune(network, task, budget={"macs": 0.5}, multiple="device")
    widths = [int((result.selection.bits[g.slice] == 0).sum()) for g in result.channels.groups]
    assert all(width % 8 == 0 for width in widths)
    assert Wanted(budget={"time": 0.5}).width_step == 16
    assert Wanted(budget={"macs": 0.5}).width_step is None


class Shared(nn.Module):
    """One layer that is called twice."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.twice = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        return self.head(torch.relu(self.twice(torch.relu(self.twice(x)))).mean((2, 3)))


def test_what_is_not_refitted_is_told(task):
    torch.manual_seed(0)
    result = secateur.prune(Shared(), task, amount=2, objective="taylor", probes=0)
    (note,) = [note for note in result.notes if note.startswith("not re-fitted: twice")]
    assert note in str(result)
    assert note in result.to_json()["notes"]
    plain = secateur.prune(Sums(), task, amount=2, objective="taylor", probes=0)
    assert plain.notes == ()


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("inne", "did you mean 'inner.0'?"),
        ("inner", "did you mean 'inner.0'? All of them are 'inner.*'"),
        ("zzz", "those that have some are stem, inner.0"),
    ],
)
def test_a_layer_that_has_no_channels_is_answered_with_those_that_have(network, task, key, remedy):
    with pytest.raises(ConstraintError, match=f"names the layer '{key}'") as caught:
        prune(network, task, amount=4, minimum={key: 3})
    assert caught.value.remedy == remedy
