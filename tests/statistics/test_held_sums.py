"""Moments, likeness and sums, each against the plain way to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from secateur.errors import OptionError
from secateur.network import Call, GatedNetwork, find_channels
from secateur.statistics import collect_statistics, reliability
from secateur.statistics import moments as module
from secateur.statistics.fisher import _Moments
from secateur.statistics.magnitude import l1_norms
from secateur.statistics.moments import _parts, _taken
from secateur.statistics.rows import _gates, _separable
from secateur.statistics.similarity import _normalised
from secateur.statistics.sums import GradientSums
from secateur.tasks import Task
from tests.nets import Chain, mse, regression, seeded

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("parts", [[5, 1, 0, 9], [15], [1] * 15, [0, 2, 13]])
def test_the_correlation_of_parts_is_that_of_the_whole(parts):
    first, second = RNG.normal(size=15) + 3.0, RNG.normal(size=15) - 40.0
    found, start = _Moments(), 0
    for size in parts:
        found.add(first[start : start + size], second[start : start + size])
        start += size
    assert found.count == 15
    np.testing.assert_allclose(found.mean, [first.mean(), second.mean()], rtol=1e-12)
    np.testing.assert_allclose(found.moment / 15, np.cov(first, second, bias=True), rtol=1e-10)
    assert found.correlation == pytest.approx(np.corrcoef(first, second)[0, 1], rel=1e-10)


@pytest.mark.parametrize("which", [0, 1])
def test_what_is_constant_correlates_with_nothing(which):
    both = [np.ones(4), np.arange(4.0)]
    found = _Moments()
    found.add(both[which], both[1 - which])
    assert found.correlation == 0.0
    assert _Moments().correlation == 0.0


def test_gradients_are_summed_in_double_precision():
    sums = GradientSums(2)
    sums.add(torch.tensor([1.0, 2.0]), torch.tensor([[1.0, -2.0], [-3.0, 4.0]]))
    sums.add(torch.tensor([6.0]), torch.tensor([[5.0, 1.0]]))
    assert (sums.samples, sums.loss) == (3, 9.0)
    taylor, gradient, square = sums.means()
    np.testing.assert_allclose(taylor, [3.0, 7 / 3], rtol=1e-15)
    np.testing.assert_allclose(gradient, [1.0, 1.0], rtol=1e-15)
    np.testing.assert_allclose(square, [35 / 3, 7.0], rtol=1e-15)


def test_likeness_is_the_cosine_and_zero_for_the_dead():
    matrix = np.array([[4.0, -3.0, 0.0], [-3.0, 9.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(
        _normalised(matrix), [[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]], rtol=1e-15
    )
    # rounding alone: a channel that is nothing beside the others is like no other
    almost = np.diag([1.0, 1e-26]) + 1e-13 * (1 - np.eye(2))
    assert not _normalised(almost).any()
    assert not _normalised(np.zeros((2, 2))).any()
    assert _normalised(np.full((2, 2), -1e-9)).tolist() == [[0, 0], [0, 0]]  # below nothing
    scaled = 1e-20 * np.array([[1.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(_normalised(scaled), [[0, 0.5], [0.5, 0]], rtol=1e-12)


@pytest.mark.parametrize("part", [1, 5, 12, 24, 120])
@pytest.mark.parametrize("shape", [(3, 2, 4, 5), (3, 1, 40), (6, 20), (120,), (3, 1, 1, 7)])
def test_parts_are_small_and_make_the_whole(monkeypatch, shape, part):
    monkeypatch.setattr(module, "PART", part)
    moved = torch.arange(float(np.prod(shape))).reshape(shape)
    parts = list(_parts(moved))
    whole = moved.reshape(len(moved), -1)
    torch.testing.assert_close(torch.cat(parts, dim=1).sort(dim=1).values, whole.sort(dim=1).values)
    for one in parts:
        assert one.shape[0] == len(moved)
        assert one.numel() <= max(part, len(moved)) or one.shape[1] == 1
    if moved.numel() <= part:
        assert len(parts) == 1


@pytest.mark.parametrize(
    "rows", [[[0], [1], [2]], [[2], [3]], [[0, 1], [2, 3]], [[0, 2], [1, 3]], [[3], [1]],
             [[0], [2]], [[1], [0], [2]], [[4, 0]]],
)  # fmt: skip
def test_the_rows_of_channels_are_taken_in_their_order(rows):
    flat = torch.arange(10.0).reshape(5, 2)
    found = _taken(flat, torch.tensor(rows))
    wanted = [[x for k in own for x in flat[k].tolist()] for own in rows]
    assert found.tolist() == wanted


@pytest.mark.parametrize("first", [0, 2])
def test_rows_that_stand_together_are_not_copied(first):
    flat = torch.arange(10.0).reshape(5, 2)
    found = _taken(flat, torch.tensor([[first], [first + 1], [first + 2]]))
    assert found.data_ptr() == flat[first].data_ptr()


class Bare(nn.Module):
    def forward(self, x):
        return x


def test_gates_are_ones_in_the_precision_of_the_weights():
    for network, dtype in (
        (nn.Linear(2, 2).double(), torch.float64),
        (nn.Linear(2, 2).bfloat16(), torch.bfloat16),
        (Bare(), torch.float32),
    ):
        gates = _gates(network, 3, 4)
        assert gates.dtype == dtype
        assert gates.requires_grad
        assert torch.equal(gates, torch.ones(3, 4, dtype=dtype))


class Mixing(nn.Module):
    """What one sample gives depends on the others of its batch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

    def forward(self, x):
        x = torch.relu(self.first(x))
        return self.second(x - x.mean(0, keepdim=True) + x.square())


@pytest.mark.parametrize("mixing", [False, True])
def test_whether_samples_can_be_told_apart_is_measured(mixing):
    network = seeded(Mixing) if mixing else seeded(Chain)
    shape = (2, 3) if mixing else (2, 2, 5, 5)
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    targets = torch.zeros(2, 2) if mixing else inputs
    task = Task([(inputs, targets)], mse)
    gated = GatedNetwork(network, find_channels(network, Call((inputs,))))
    (batch,) = task.batches("calibration")
    assert _separable(gated, task, batch) is not mixing


def test_so_many_batches_are_measured_and_no_more():
    network, task = seeded(Chain), regression(samples=9, batch=3)
    channels = find_channels(network, task.calibration[0][0])
    for batches, samples in ((1, 3), (2, 6), (None, 9), (7, 9)):
        found = collect_statistics(network, task, channels, probes=0, batches=batches)
        assert found.samples == samples
        with torch.no_grad():
            losses = [mse(network(x), y) for x, y in task.calibration]
        assert found.loss == pytest.approx(float(torch.cat(losses)[:samples].double().mean()))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"probes": -1}, "probes is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"batches": 0}, "batches is 0"),
        ({"across_groups": True, "probes": 0}, "no Fisher matrix"),
    ],
)
def test_options_out_of_range_are_told(options, said):
    network, task = seeded(Chain), regression()
    channels = find_channels(network, task.calibration[0][0])
    with pytest.raises(OptionError, match=said):
        collect_statistics(network, task, channels, **options)


def test_one_probe_is_enough_and_one_sample_has_no_halves():
    network, task = seeded(Chain), regression(samples=1, batch=1)
    channels = find_channels(network, task.calibration[0][0])
    found = collect_statistics(network, task, channels, probes=1)
    assert found.rows == (1, 0)
    assert found.fisher_total == 1
    assert reliability(found) == 0.0
    diagonal = np.concatenate([np.diag(both[0]) for both in found.fisher])
    np.testing.assert_array_equal(found.fisher_diagonal, diagonal)
    np.testing.assert_array_equal(found.energy, np.concatenate([np.diag(g) for g in found.gram]))


def test_the_weights_of_neurons_count_and_their_biases_do_not():
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    channels = find_channels(network, Call((torch.ones(2, 3),)))
    wanted = [float(sum(abs(w) for w in row)) for row in network[0].weight.detach().double()]
    np.testing.assert_allclose(l1_norms(network, channels), wanted, rtol=1e-12)
