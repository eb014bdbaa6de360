"""Training further: an ordinary loop, reproducible, that leaves everything else as it was."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from secateur.errors import DataError, MetricError, NetworkError, OptionError
from secateur.surgery.finetune import tune, warm_cosine
from secateur.tasks import Task
from tests.nets import Residual, classification, mse, regression, seeded


class Noisy(nn.Module):
    """Dropout, and a batch norm whose batches may hold one value a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.norm, self.out = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.dropout(self.norm(self.fc(x)).relu(), 0.3, self.training))


def loader(samples: int = 12, batch: int = 4) -> DataLoader:
    """Shuffled by PyTorch's own generator."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(samples, 4, generator=generator)
    return DataLoader(TensorDataset(x, x[:, :2] * 2), batch_size=batch, shuffle=True)


def task() -> Task:
    return Task([next(iter(loader()))], mse)


def state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, other[name]) for name, value in one.items())


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


def test_it_is_the_ordinary_loop():
    """Two epochs by hand give the very same weights."""
    given, data = seeded(Residual), classification(12, 4)
    tuned = tune(given, data, data.calibration, optimiser=sgd, epochs=2)

    own = seeded(Residual).train()
    optimiser = sgd(own.parameters())
    losses = []
    for _ in range(2):
        values = []
        for inputs, labels in data.calibration:
            optimiser.zero_grad()
            value = F.cross_entropy(own(inputs), labels)
            value.backward()
            optimiser.step()
            values.append(value.item())
        losses.append(np.mean(values))
    assert same(tuned.network.state_dict(), own.state_dict())
    assert tuned.losses == pytest.approx(losses)
    assert tuned.losses[1] < tuned.losses[0]
    assert tuned.steps == 6
    assert not tuned.network.training
    assert all(p.grad is None for p in tuned.network.parameters())


def test_it_is_reproducible_and_touches_nothing():
    network = seeded(Noisy)
    before, own = state(network), task()
    runs = []
    for seed in (0, 0, 1):
        torch.rand(3), random.random(), np.random.rand()  # wherever the program's generators are
        states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
        runs.append(tune(network, own, loader(), epochs=2, seed=seed).network.state_dict())
        assert torch.equal(torch.get_rng_state(), states[0])
        assert random.getstate() == states[1]
        assert np.random.get_state()[1].tolist() == states[2]
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])
    assert same(before, network.state_dict())
    assert not network.training
    assert all(p.grad is None for p in network.parameters())


def test_it_learns_under_no_grad():
    def adam(parameters):
        return torch.optim.Adam(parameters, lr=0.01)

    with torch.no_grad():
        tuned = tune(seeded(Noisy), task(), loader(), optimiser=adam, epochs=60)
    assert np.mean(tuned.losses[-10:]) < 0.7 * np.mean(tuned.losses[:10])
    with torch.inference_mode():
        again = tune(seeded(Noisy), task(), loader(), optimiser=adam, epochs=60)
    assert same(tuned.network.state_dict(), again.network.state_dict())


def test_a_last_batch_of_one_sample_uses_the_running_statistics():
    alone = [(torch.ones(1, 4), torch.ones(1, 2))]
    network = seeded(Noisy)
    tuned = tune(network, task(), alone)
    assert torch.equal(tuned.network.norm.running_mean, network.norm.running_mean)
    assert not torch.equal(tuned.network.fc.weight, network.fc.weight)
    five = [*loader(8), *alone]
    after = tune(network, task(), five).network
    assert torch.equal(after.norm.num_batches_tracked, torch.tensor(2))
    assert not torch.equal(after.norm.running_mean, network.norm.running_mean)


def test_the_schedule_takes_every_step():
    rates = []

    def schedule(optimiser, steps):
        assert steps == 6
        found = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda k: 1 - k / steps)
        rates.append(found)
        return found

    tune(seeded(Noisy), task(), loader(), optimiser=sgd, epochs=2, schedule=schedule)
    assert rates[0].get_last_lr() == [0.0]


def test_an_optimiser_that_looks_again_and_a_loss_of_ones_own():
    def square(outputs, targets):
        return (outputs - targets).square().sum()

    def lbfgs(parameters):
        return torch.optim.LBFGS(parameters, max_iter=20, line_search_fn="strong_wolfe")

    network = nn.Linear(4, 2)
    (batch,) = loader(12, 12)
    tuned = tune(network, task(), [batch], optimiser=lbfgs, loss=square, epochs=3)
    assert tuned.losses[0] == pytest.approx(square(network(batch[0]), batch[1]).item())
    assert square(tuned.network(batch[0]), batch[1]) < 1e-6
    assert tuned.steps == 3


def test_what_does_not_require_a_gradient_stays():
    network = seeded(Noisy)
    network.fc.requires_grad_(False)
    tuned = tune(network, task(), loader(), optimiser=sgd).network
    assert torch.equal(tuned.fc.weight, network.fc.weight)
    assert not tuned.fc.weight.requires_grad
    assert not torch.equal(tuned.out.weight, network.out.weight)
    with pytest.raises(NetworkError, match="none requires a gradient"):
        tune(network.requires_grad_(False), task(), loader())


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"epochs": 0}, OptionError, "epochs is 0"),
        ({"epochs": True}, OptionError, "epochs is True"),
        ({"epochs": 1.5}, OptionError, "epochs is 1.5"),
        ({"optimiser": lambda p: list(p)}, OptionError, "the optimiser is a list"),
        ({"optimiser": "adam"}, OptionError, "the optimiser is a str"),
        ({"optimiser": sgd([torch.zeros(1)])}, OptionError, "not those of the copy that is tra"),
        ({"schedule": lambda o, n: None}, OptionError, "the schedule is a NoneType"),
        ({"schedule": "cosine"}, OptionError, "the schedule is a str"),
        ({"loss": lambda o, t: 3.0}, MetricError, "the training loss is a float"),
        ({"loss": lambda o, t: o}, MetricError, r"loss is a Tensor \(4, 2\)"),
        ({"loss": lambda o, t: t.sum()}, MetricError, "does not depend on the network"),
        ({"loss": lambda o, t: o.sum() / 0}, MetricError, "inf in step 0 of epoch 0"),
        ({"data": []}, DataError, "no batches"),
        ({"data": [3]}, DataError, "batch 0 of the training data is a int"),
        ({"data": iter(loader()), "epochs": 2}, DataError, "iterated only once"),
        (
            {"data": iter([next(iter(loader()))]), "schedule": lambda o, n: None},
            DataError,
            "have no length",
        ),
    ],
)
def test_what_cannot_be_trained_is_told(options, error, said):
    data = options.pop("data", loader())
    with pytest.raises(error, match=said):
        tune(seeded(Noisy), task(), data, **options)


def test_a_rate_that_blows_up_is_told():
    data = regression(6, 3)

    def wild(parameters):
        return torch.optim.SGD(parameters, lr=1e30)

    with pytest.raises((MetricError, NetworkError), match=r"nan|inf|NaN"):
        tune(nn.Conv2d(2, 2, 3, padding=1), data, data.calibration, optimiser=wild, epochs=9)


def test_settled_keeps_the_running_statistics():
    """And the losses are those of the network as it will be used."""
    network, data = seeded(Noisy), [(torch.randn(4, 4), torch.randn(4, 2))] * 3
    before = state(network)
    tuned = tune(network, task(), data, optimiser=sgd, settled=True)
    after = tuned.network.state_dict()
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert torch.equal(after[f"norm.{name}"], before[f"norm.{name}"])
    assert not torch.equal(after["norm.weight"], before["norm.weight"])
    moved = tune(network, task(), data, optimiser=sgd).network.state_dict()
    assert not torch.equal(moved["norm.running_mean"], before["norm.running_mean"])


def test_the_rate_of_warm_cosine():
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.5)
    schedule, rates = warm_cosine(optimiser, 100), []
    for _ in range(100):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    highest = rates.index(max(rates))
    assert 8 <= highest <= 10
    assert rates[0] == pytest.approx(0.025, rel=1e-3)
    assert 0.45 < rates[highest] <= 0.5
    assert rates[50] == pytest.approx(0.25, rel=0.05)
    assert 0 < rates[-1] < 1e-4
    assert np.all(np.diff(rates[:9]) > 0)
    assert np.all(np.diff(rates[10:]) < 0)
