"""Batch norm re-estimated, against the moments of all samples at once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from secateur.network import Call
from secateur.surgery.batchnorm import _worth_counting, reestimate_batch_norm
from tests.nets import Residual, seeded

X = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))


def normed() -> nn.Module:
    network = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3), nn.Dropout(0.5)).train()
    network[1].eval()
    return network


def calls(*sizes: int) -> list[Call]:
    return [Call((part,)) for part in X[: sum(sizes)].split(list(sizes))]


@pytest.mark.parametrize("sizes", [(12,), (4, 4, 4), (2, 7, 3)])
def test_the_moments_are_the_means_over_samples_of_those_of_the_batches(sizes):
    network = normed()
    found = reestimate_batch_norm(network, calls(*sizes))
    parts = X.split(list(sizes))
    weights = torch.tensor(sizes) / 12
    mean = sum(w * part.mean(0) for w, part in zip(weights, parts, strict=True))
    variance = sum(w * part.var(0) for w, part in zip(weights, parts, strict=True))
    torch.testing.assert_close(found[0].running_mean, mean)
    torch.testing.assert_close(found[0].running_var, variance)


def test_momenta_and_modes_come_back_and_the_network_is_not_changed():
    network = normed()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = reestimate_batch_norm(network, calls(6, 6))
    assert found is not network
    assert found[0].momentum == network[0].momentum == 0.3
    assert [m.training for m in found.modules()] == [m.training for m in network.modules()]
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_network_without_running_statistics_has_nothing_to_estimate():
    assert reestimate_batch_norm(nn.Sequential(nn.Linear(3, 3)), calls(6)) is None
    bare = nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False))
    assert reestimate_batch_norm(bare, calls(6)) is None


@pytest.mark.parametrize(
    ("sizes", "counted"),
    [((1, 4, 1, 2), [4, 2]), ((1, 1), [1, 1]), ((2, 2), [2, 2]), ((4, 1), [4]), ((1, 2), [2])],
)
def test_a_sample_by_itself_counts_where_there_are_no_others(sizes, counted):
    assert [call.size for call in _worth_counting(calls(*sizes))] == counted


def test_images_of_one_sample_have_a_variance():
    network = seeded(Residual)
    x = torch.randn(1, 2, 5, 5, generator=torch.Generator().manual_seed(1))
    found = reestimate_batch_norm(network, [Call((x,))])
    with torch.no_grad():
        inside = network.inner(torch.relu(network.stem(x)))
    torch.testing.assert_close(found.norm.running_mean, inside.mean((0, 2, 3)))
    torch.testing.assert_close(found.norm.running_var, inside.var((0, 2, 3)))
