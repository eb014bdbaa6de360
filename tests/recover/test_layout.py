"""Channels last is taken where it is the same function, and never shows outside."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from secateur.network.call import as_call
from secateur.recover import Distil, recover
from secateur.recover import work as at_work
from secateur.recover.layout import fits_last, to_last
from secateur.recover.work import Work
from secateur.tasks import Task
from tests.nets import seeded


class Viewing(nn.Module):
    """Refuses the strides of channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(2, 6, 3, padding=1), nn.Linear(6 * 16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).relu().view(len(x), -1))


def plain(*layers: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 6, 3, padding=1), *layers, nn.Flatten(), nn.LazyLinear(2))


KINDS = {
    "viewing": Viewing,
    "normalised": lambda: plain(nn.BatchNorm2d(6), nn.ReLU()),
    "depthwise": lambda: plain(nn.Conv2d(6, 6, 3, groups=6), nn.GELU()),
    "transposed": lambda: plain(nn.ConvTranspose2d(6, 4, 2, stride=2), nn.ReLU()),
    "rows": lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 2)),
}


def made(kind: str) -> nn.Module:
    network = seeded(KINDS[kind])
    network(torch.zeros(2, 2, 4, 4))
    return network.eval()


def images(count: int, seed: int) -> Tensor:
    return torch.randn(count, 2, 4, 4, generator=torch.Generator().manual_seed(seed))


def task(dense: nn.Module, batch: int) -> Task:
    def pairs(seed: int) -> list:
        with torch.no_grad():
            return [(x, dense(x)) for x in images(8, seed).split(batch)]

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return (outputs - targets).square().mean(1)

    return Task(calibration=pairs(1), selection=pairs(1), loss=loss)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("batch", [1, 4])
def test_every_kind_trains_as_in_its_own_layout(monkeypatch, kind, batch):
    dense = made(kind)
    other = made(kind)
    for parameter in other.parameters():
        parameter.data.mul_(0.5)
    next(other.parameters()).requires_grad_(kind == "depthwise")
    data = task(dense, batch)
    done = recover(other, dense, data, Distil(steps=20, looks=2, learning_rate=1e-3))
    monkeypatch.setattr(at_work, "fits_last", lambda network, calls: False)
    same = recover(other, dense, data, Distil(steps=20, looks=2, learning_rate=1e-3))
    assert done.kept
    assert done.value == pytest.approx(same.value, rel=1e-3)
    given = dict(other.named_parameters())
    for name, parameter in done.network.named_parameters():
        assert parameter.stride() == given[name].stride()
        assert parameter.requires_grad == given[name].requires_grad
        torch.testing.assert_close(
            parameter, same.network.get_parameter(name), rtol=0.01, atol=1e-4
        )


def test_it_is_taken_where_it_can_be():
    calls = [as_call(images(4, 0))]
    assert fits_last(made("normalised"), calls)
    assert fits_last(made("depthwise"), calls)
    assert not fits_last(made("viewing"), calls)
    assert not fits_last(made("rows"), calls)


class Wrong(torch.autograd.Function):
    """A kernel with a wrong derivative in channels last."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.factor = 1.0 if x.is_contiguous() else 2.0
        return x.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return ctx.factor * gradient


class Mistaken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(Wrong.apply(self.first(x)))


def test_a_kernel_whose_derivative_is_wrong_is_found():
    network = seeded(Mistaken).eval()
    assert not fits_last(network, [as_call(images(4, 0))])


class Picky(nn.Module):
    """Refuses the strides for larger images only."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Conv2d(2, 6, 3, padding=1), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.body(x)
        if x.shape[2] > 4:
            x = x.view(len(x), -1).view(x.shape)
        return self.head(x.mean((2, 3)))


def test_other_shapes_of_the_selection_split_put_it_back():
    network = seeded(Picky).eval()
    task = Task(
        calibration=[(images(4, 0), torch.zeros(4, 2))],
        selection=[(torch.ones(4, 2, 6, 6), torch.zeros(4, 2))],
        loss=lambda outputs, targets: (outputs - targets).square().mean(1),
    )
    assert fits_last(network, [as_call(images(4, 0))])
    work = Work(to_last(seeded(Picky).eval()), network, task)
    assert all(p.is_contiguous() for p in work.network.parameters())
    assert work.look() is False
