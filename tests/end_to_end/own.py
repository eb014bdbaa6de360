"""A stranger's network and task, as the command line finds them: ``own:build`` and ``own:task``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import secateur


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.fc = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.fc(torch.relu(x + self.block(x)).mean((2, 3)))


def build() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Classifier()


class Deep(nn.Module):
    """A residual whose sum is tied, and two layers that are not."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.inner = nn.Sequential(nn.Conv2d(8, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU())
        self.outer = nn.Conv2d(6, 8, 3, padding=1)
        self.fc = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.fc(torch.relu(x + self.outer(self.inner(x))).mean((2, 3)))


def deep() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Deep()


def batches(seed: int) -> list[tuple[Tensor, Tensor]]:
    """Stripes across, stripes down, or noise."""
    generator = torch.Generator().manual_seed(seed)
    data = []
    for _ in range(3):
        labels = torch.randint(0, 3, (8,), generator=generator)
        noise = torch.randn(8, 1, 8, 8, generator=generator)
        wave = torch.arange(8).remainder(2).float() * 2 - 1
        noise[labels == 0] += wave
        noise[labels == 1] += wave[:, None]
        data.append((noise, labels))
    return data


def task() -> secateur.Task:
    return secateur.Task(
        batches(0),
        loss=nn.functional.cross_entropy,
        metric=lambda outputs, labels: (outputs.argmax(1) == labels).float(),
        selection=batches(1),
        test=batches(2),
        metric_name="accuracy",
        likelihood="categorical",
        name="stripes",
    )


def broken() -> nn.Module:
    raise RuntimeError("no such weights")


def no_convolutions() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))


def nan_metric() -> secateur.Task:
    return secateur.Task(
        batches(0),
        loss=nn.functional.cross_entropy,
        metric=lambda outputs, labels: outputs[:, 0] * float("nan"),
        likelihood="categorical",
    )


def nan_data() -> secateur.Task:
    inputs, labels = batches(0)[0]
    return secateur.Task(
        [(inputs * float("nan"), labels)],
        loss=nn.functional.cross_entropy,
        likelihood="categorical",
    )


def wrong_shape() -> secateur.Task:
    return secateur.Task(
        [(torch.ones(4, 5, 8, 8), torch.zeros(4, dtype=torch.long))],
        loss=nn.functional.cross_entropy,
        likelihood="categorical",
    )
