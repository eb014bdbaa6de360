"""Streamed sums against every row written out, whatever the data are cut into."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from secateur.network import find_channels
from secateur.statistics import (
    collect_statistics,
    covariance,
    fisher_blocks,
    fisher_matrix,
    reliability,
    similarity,
)
from secateur.statistics.moments import ActivationMoments
from secateur.statistics.sums import FisherSums
from secateur.tasks import Task
from tests.nets import Chain, Residual, classification, mse, regression, seeded
from tests.statistics.reference import all_rows


def uneven(task: Task, sizes: list[int]) -> Task:
    """The same samples in batches of other sizes."""
    inputs, targets = (torch.cat(parts) for parts in zip(*task.calibration, strict=True))
    assert sum(sizes) == len(inputs)
    data = list(zip(inputs.split(sizes), targets.split(sizes), strict=True))
    return Task(data, task.loss, likelihood=task.likelihood)


@pytest.mark.parametrize("sizes", [[3, 3, 3, 3, 3], [1] * 15, [5, 1, 1, 2, 6], [15]])
@pytest.mark.parametrize("network", [Chain, Residual])
def test_every_number_is_that_of_all_rows(network, sizes, monkeypatch):
    monkeypatch.setattr("secateur.statistics.sums.ROWS", 7)
    monkeypatch.setattr("secateur.statistics.moments.PART", 50)
    task = (regression if network is Chain else classification)(samples=15)
    network, task = seeded(network), uneven(task, sizes)
    channels = find_channels(network, task.calibration[0][0])
    found = collect_statistics(network, task, channels, probes=4, seed=5, across_groups=True)
    rows = all_rows(network, task, channels, probes=4, seed=5)
    assert found.samples == len(rows.gradients) == 15
    assert found.rows == (32, 28)
    assert found.loss == pytest.approx(rows.losses.mean(), rel=1e-12)
    close = {"rtol": 1e-10, "atol": 1e-14}
    np.testing.assert_allclose(found.taylor, np.abs(rows.gradients).mean(0), **close)
    np.testing.assert_allclose(found.gradient, rows.gradients.mean(0), **close)
    np.testing.assert_allclose(found.empirical_fisher, np.square(rows.gradients).mean(0), **close)
    np.testing.assert_allclose(found.fisher_diagonal, np.square(rows.fisher).mean(0), **close)
    np.testing.assert_allclose(fisher_matrix(found, across_groups=True), rows.matrix, **close)
    for group, block in zip(channels.groups, fisher_blocks(found), strict=True):
        np.testing.assert_allclose(block, rows.matrix[group.slice, group.slice], **close)
    for group, both in zip(channels.groups, found.fisher, strict=True):
        for parity in (0, 1):
            half = rows.half(parity)[group.slice, group.slice]
            np.testing.assert_allclose(both[parity] / found.rows[parity], half, **close)
    assert reliability(found) == pytest.approx(rows.reliability(channels), rel=1e-9)


@pytest.mark.parametrize("part", [1, 10, 2**21])
def test_the_moments_do_not_depend_on_what_is_looked_at_at_once(part, monkeypatch):
    monkeypatch.setattr("secateur.statistics.moments.PART", part)
    network, task = seeded(Chain).double(), regression(dtype=torch.float64)
    channels = find_channels(network, task.calibration[0][0])
    found = collect_statistics(network, task, channels, probes=0)
    inputs = torch.cat([x for x, _ in task.calibration])
    with torch.no_grad():
        first = network.act(network.norm(network.first(inputs)))
        second = torch.relu(network.second(first))
    for number, activation in enumerate((first, second)):
        flat = activation.movedim(1, 0).flatten(1).numpy()
        np.testing.assert_allclose(found.gram[number], flat @ flat.T / flat.shape[1], 1e-12)
        np.testing.assert_allclose(found.mean[number], flat.mean(1), 1e-12)
        np.testing.assert_allclose(
            covariance(found)[number], np.cov(flat, bias=True), rtol=1e-9, atol=1e-12
        )
        wanted = np.corrcoef(flat)
        np.fill_diagonal(wanted, 0.0)
        np.testing.assert_allclose(
            similarity(found, "correlation")[number], np.abs(wanted), rtol=1e-9
        )


class Flattened(nn.Module):
    """A channel is read as several columns: one behind another, or far apart."""

    def __init__(self, last: bool) -> None:
        super().__init__()
        self.last = last
        self.conv = nn.Conv2d(2, 4, 3)
        self.fc = nn.Linear(36, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.conv(x))
        return self.fc((y.movedim(1, -1) if self.last else y).flatten(1))


@pytest.mark.parametrize("part", [1, 2**21])
@pytest.mark.parametrize("last", [False, True])
def test_a_channel_of_several_columns(last, part, monkeypatch):
    monkeypatch.setattr("secateur.statistics.moments.PART", part)
    network, task = seeded(Flattened, last).double(), classification()
    data = [(x.double(), y) for x, y in task.calibration]
    task = Task(data, lambda o, t: F.cross_entropy(o, t, reduction="none"))
    channels = find_channels(network, data[0][0])
    found = collect_statistics(network, task, channels, probes=0)
    with torch.no_grad():
        flat = torch.relu(network.conv(torch.cat([x for x, _ in data]))).movedim(1, 0).flatten(1)
    (gram,) = found.gram
    np.testing.assert_allclose(gram, (flat @ flat.T / flat.shape[1]).numpy(), rtol=1e-12)


def test_sums_in_sixteen_bits_keep_their_digits():
    network = seeded(Chain)
    channels = find_channels(network, torch.randn(1, 2, 5, 5))
    read = channels.reads[0]
    activation = torch.rand(2, 4, 40, 40).to(torch.bfloat16)
    moments = ActivationMoments(channels)
    moments.add(read, activation)
    flat = activation.double().movedim(1, 0).flatten(1)
    gram, _ = moments.finish()
    np.testing.assert_allclose(gram[0], (flat @ flat.T / flat.shape[1]).numpy(), rtol=1e-5)


class Largest(TorchDispatchMode):
    """The largest tensor, in bytes, that is made and is no view."""

    def __init__(self, *known: Tensor) -> None:
        super().__init__()
        self.known = {tensor.untyped_storage().data_ptr() for tensor in known}
        self.bytes = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() not in self.known:
                self.bytes = max(self.bytes, tensor.untyped_storage().nbytes())
        return out


@pytest.mark.parametrize("shape", [(16, 4, 64, 64), (1, 4, 512, 512)])
def test_no_copy_of_a_whole_activation_is_made(shape, monkeypatch):
    monkeypatch.setattr("secateur.statistics.moments.PART", 2**14)
    channels = find_channels(seeded(Chain), torch.randn(1, 2, 5, 5))
    activation = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    moments = ActivationMoments(channels)
    with Largest(activation) as largest:
        moments.add(channels.reads[0], activation)
    assert 0 < largest.bytes <= 8 * 2**14
    flat = activation.double().movedim(1, 0).flatten(1)
    gram, _ = moments.finish()
    np.testing.assert_allclose(gram[0], (flat @ flat.T / flat.shape[1]).numpy(), atol=1e-6)


def test_what_is_held_does_not_grow_with_samples_and_probes():
    """By construction: all that statistics hold, counted."""
    network = seeded(Chain)
    sizes = set()
    for samples, probes in ((6, 2), (60, 9)):
        task = regression(samples=samples)
        channels = find_channels(network, task.calibration[0][0])
        found = collect_statistics(network, task, channels, probes=probes)
        arrays = [
            array
            for value in vars(found).values()
            for array in (value if isinstance(value, tuple) else (value,))
            if isinstance(array, np.ndarray)
        ]
        assert max(array.size for array in arrays) == 2 * 5**2, "no n × n matrix"
        sizes.add(sum(array.size for array in arrays))
    assert len(sizes) == 1


def test_rows_that_wait_are_bounded():
    channels = find_channels(seeded(Chain), torch.randn(1, 2, 5, 5))
    sums = FisherSums(channels)
    for _ in range(300):
        sums.add(torch.ones(7, 1, len(channels)))
        assert sum(len(rows) for half in sums._waiting for rows in half) < 2 * 512
    blocks, across = sums.finish()
    assert across is None
    assert sums.rows == [1050, 1050]
    assert all((both == 1050).all() for both in blocks)


def test_one_sample_alone_has_no_two_halves():
    network = seeded(Chain)
    task = Task([(torch.randn(1, 2, 5, 5), torch.randn(1, 2, 5, 5))], mse)
    channels = find_channels(network, task.calibration[0][0])
    found = collect_statistics(network, task, channels, probes=3)
    assert found.rows == (3, 0)
    assert reliability(found) == 0.0
    rows = all_rows(network, task, channels, probes=3)
    np.testing.assert_allclose(found.fisher_diagonal, np.square(rows.fisher).mean(0), rtol=1e-10)
