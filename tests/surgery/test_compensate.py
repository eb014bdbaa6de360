"""Compensation and batch norm against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.errors import DataError, OptionError
from secateur.network import GatedNetwork, find_channels
from secateur.surgery import compensate, reestimate_batch_norm, slim
from secateur.tasks import Task
from tests.nets import Chain, Residual, classification, mse, regression, seeded


class Two(nn.Module):
    """One prunable convolution, read by a strided, padded one without a bias."""

    def __init__(self, mode: str = "zeros") -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 3, 3, stride=2, padding=(1, 2), bias=False, padding_mode=mode)
        self.head = nn.Conv2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))))


def example(task: Task) -> Tensor:
    return next(iter(task.calibration))[0]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "circular"])
def test_the_fit_is_ridge_regression_by_lstsq(mode):
    network, task = seeded(Two, mode).double(), regression(12, 4, 8, dtype=torch.float64)
    channels = find_channels(network, example(task))
    keep = np.ones(9, dtype=bool)
    keep[[0, 3]] = False
    fitted = compensate(network, channels, keep, task, ridge=0.05)
    inputs = torch.cat([x for x, _ in task.calibration])
    with torch.no_grad():
        dense = torch.relu(network.first(inputs))
        wanted = network.second(dense)
        masked = dense * torch.as_tensor(keep[:6]).reshape(1, 6, 1, 1)
        # every patch by hand: the convolution of one-hot inputs gives its columns
        columns = []
        for c in range(6):
            for i in range(3):
                for j in range(3):
                    probe = nn.Conv2d(6, 1, 3, 2, (1, 2), bias=False, padding_mode=mode).double()
                    probe.weight.data.zero_()
                    probe.weight.data[0, c, i, j] = 1.0
                    columns.append(probe(masked).flatten())
        design = torch.stack(columns, 1).numpy()
    target = wanted.movedim(1, -1).reshape(-1, 3).numpy()
    alive = np.square(design).sum(0) > 0
    weight = 0.05 * np.square(design).sum(0)[alive].mean()
    old = network.second.weight.detach().reshape(3, -1).numpy()
    stacked = np.vstack(
        [
            np.hstack([design, np.ones((len(design), 1))]),
            np.hstack([np.sqrt(weight) * np.eye(54), np.zeros((54, 1))]),
        ]
    )
    for row in range(3):
        right = np.concatenate([target[:, row], np.sqrt(weight) * old[row]])
        solution = np.linalg.lstsq(stacked, right, rcond=None)[0]
        new = fitted.second.weight[row].detach().flatten().numpy()
        np.testing.assert_allclose(new, solution[:-1], rtol=1e-5, atol=1e-7)
        assert fitted.second.bias[row].item() == pytest.approx(solution[-1], abs=1e-6)


def test_a_duplicate_channel_costs_nothing():
    network = seeded(Two).double()
    with torch.no_grad():
        network.first.weight[4] = 0.5 * network.first.weight[1]
        network.first.bias[4] = 0.5 * network.first.bias[1]
    task = regression(12, 4, 8, dtype=torch.float64)
    channels = find_channels(network, example(task))
    keep = np.ones(9, dtype=bool)
    keep[4] = False
    fitted = compensate(network, channels, keep, task, ridge=1e-9)
    x = torch.randn(2, 2, 8, 8, dtype=torch.float64)
    small = slim(fitted, channels, keep, x)
    with torch.no_grad():
        torch.testing.assert_close(small(x), network(x), rtol=0, atol=1e-6)
        gated = GatedNetwork(network, channels)
        with gated.masked(keep):
            assert (gated(x) - network(x)).abs().max() > 1e-2


@pytest.mark.parametrize(
    ("network", "task"),
    [(seeded(Chain, 8), regression(24, 8, 8)), (seeded(Residual, 8), classification(24, 8))],
)
def test_compensation_brings_the_outputs_nearer_and_leaves_no_trace(network, task):
    network.train()
    channels = find_channels(network, example(task))
    keep = np.random.default_rng(0).random(len(channels)) > 0.4
    before = {k: v.clone() for k, v in network.state_dict().items()}
    rng = torch.get_rng_state()
    fitted = compensate(network, channels, keep, task)
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert torch.equal(torch.get_rng_state(), rng)
    inputs = torch.cat([x for x, _ in task.calibration])
    dense = GatedNetwork(network, channels)(inputs)

    def distance(net: nn.Module) -> float:
        gated = GatedNetwork(net, channels)
        with torch.no_grad(), gated.masked(keep):
            return float((gated(inputs) - dense).square().mean())

    assert distance(fitted) < 0.6 * distance(network)


def test_nothing_pruned_changes_nothing():
    network, task = seeded(Chain), regression()
    channels = find_channels(network, example(task))
    fitted = compensate(network, channels, np.ones(len(channels), dtype=bool), task)
    assert all(torch.equal(v, network.state_dict()[k]) for k, v in fitted.state_dict().items())


def test_it_needs_no_labels():
    network, task = seeded(Chain), regression()
    channels = find_channels(network, example(task))
    keep = np.array([1, 0, 1, 1, 0, 1, 1, 1, 1], dtype=bool)
    one = compensate(network, channels, keep, task)
    other = compensate(
        network, channels, keep, Task([(x, torch.zeros_like(y)) for x, y in task.calibration], mse)
    )
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def test_bad_input_is_named():
    network, task = seeded(Chain), regression()
    channels = find_channels(network, example(task))
    keep = np.array([1, 0, 1, 1, 0, 1, 1, 1, 1], dtype=bool)
    with pytest.raises(OptionError, match="ridge is 0"):
        compensate(network, channels, keep, task, ridge=0.0)
    wrong = Task([(torch.ones(1, 5, 4, 4), torch.ones(1, 5, 4, 4))], mse)
    with pytest.raises(DataError, match=r"\(1, 5, 4, 4\)"):
        compensate(network, channels, keep, wrong)


def test_batch_norm_is_re_estimated_on_the_masked_network():
    network, task = seeded(Residual, 4).train(), classification(24, 8)
    channels = find_channels(network, example(task))
    keep = np.ones(len(channels), dtype=bool)
    keep[[0, 2]] = False
    new = reestimate_batch_norm(network, channels, keep, task)
    with torch.no_grad():
        means, variances = [], []
        for x, _ in task.calibration:
            stem = F.relu(network.stem(x))
            stem[:, [0, 2]] = 0
            y = network.inner(stem).movedim(1, 0).flatten(1)
            means.append(y.mean(1))
            variances.append(y.var(1))
    torch.testing.assert_close(new.norm.running_mean, torch.stack(means).mean(0), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        new.norm.running_var, torch.stack(variances).mean(0), atol=1e-5, rtol=1e-4
    )
    assert new.norm.momentum == network.norm.momentum
    assert not torch.equal(new.norm.running_mean, network.norm.running_mean)
    assert all(module.training for module in new.modules())
