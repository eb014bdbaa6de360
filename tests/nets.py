"""Small networks and tasks that the tests share."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.tasks import Task


class Chain(nn.Module):
    """Three convolutions in a row, batch norm behind the first, a residual from the input."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU()
        self.second = nn.Conv2d(width, width + 1, 3, padding=1)
        self.head = nn.Conv2d(width + 1, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.norm(self.first(x)))
        y = torch.relu(self.second(y))
        return x + self.head(y)


class Residual(nn.Module):
    """Two branches summed, and a classifier head."""

    def __init__(self, width: int = 4, classes: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, width, 3, padding=1)
        self.inner = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.out = nn.Conv2d(width, width, 3, padding=1)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        y = self.out(F.relu(self.norm(self.inner(x))))
        return self.fc(F.relu(x + y).mean((2, 3)))


def seeded(build: type[nn.Module], *args: int, seed: int = 0) -> nn.Module:
    """A network with random weights and batch-norm statistics of its own."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(*args).eval()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0.0, 0.2)
                module.running_mean.normal_(0.0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
    return network


def mse(outputs: Tensor, targets: Tensor) -> Tensor:
    return (outputs - targets).square().flatten(1).mean(1)


def regression(
    samples: int = 6,
    batch: int = 3,
    size: int = 5,
    seed: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Task:
    generator = torch.Generator().manual_seed(seed)
    data = [
        tuple(torch.randn(2, batch, 2, size, size, generator=generator, dtype=dtype))
        for _ in range(samples // batch)
    ]
    return Task(data, mse, name="regression")


def classification(samples: int = 6, batch: int = 3, classes: int = 3, seed: int = 1) -> Task:
    generator = torch.Generator().manual_seed(seed)
    data = [
        (
            torch.randn(batch, 2, 5, 5, generator=generator),
            torch.randint(0, classes, (batch,), generator=generator),
        )
        for _ in range(samples // batch)
    ]
    return Task(
        data,
        lambda o, t: F.cross_entropy(o, t, reduction="none"),
        lambda o, t: (o.argmax(1) == t).float(),
        metric_name="accuracy",
        likelihood="categorical",
    )
