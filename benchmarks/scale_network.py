"""A ResNet-50 of our own with random weights, and data of its size.

The architecture is that of He et al. 2016 (arXiv:1512.03385) with the stride in the 3 × 3
convolution: 53 convolutions with 26 560 filters at full width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from secateur.tasks import Task

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Inner width, blocks, stride."""


class Bottleneck(nn.Module):
    def __init__(self, given: int, inner: int, stride: int) -> None:
        super().__init__()
        outer = 4 * inner
        self.conv1 = nn.Conv2d(given, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, outer, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outer)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or given != outer:
            self.shortcut = nn.Sequential(
                nn.Conv2d(given, outer, 1, stride, bias=False), nn.BatchNorm2d(outer)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + self.shortcut(x))


class ResNet50(nn.Module):
    def __init__(self, divisor: int = 1, classes: int = 1000) -> None:
        super().__init__()
        width = 64 // divisor
        self.stem = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, 1)
        stages, given = [], width
        for inner, blocks, stride in STAGES:
            inner //= divisor
            made = [Bottleneck(given, inner, stride)]
            given = 4 * inner
            made += [Bottleneck(given, inner, 1) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*made))
        self.stages = nn.Sequential(*stages)
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(given, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(self.pool(self.relu(self.bn(self.stem(x)))))
        return self.fc(self.mean(x).flatten(1))


def make_network(divisor: int = 1, *, seed: int = 0) -> nn.Module:
    """Random weights (He's) and batch-norm statistics of its own, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ResNet50(divisor)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.3, 0.7)
                nn.init.normal_(module.bias, 0.0, 0.1)
    return network.eval()


def make_task(images: int, pixels: int, batch: int, *, seed: int = 1) -> Task:
    """Noise with a class each; batch normalisation is settled by ``settle``."""
    generator = torch.Generator().manual_seed(seed)
    data = [
        (
            torch.randn(min(batch, images - start), 3, pixels, pixels, generator=generator),
            torch.randint(0, 1000, (min(batch, images - start),), generator=generator),
        )
        for start in range(0, images, batch)
    ]

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return nn.functional.cross_entropy(outputs, targets, reduction="none")

    return Task(data, loss, likelihood="categorical", name="noise")


def settle(network: nn.Module, task: Task) -> None:
    """Batch-norm statistics of one batch: activations have the size of a trained network's."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(next(iter(task.calibration))[0])
    network.eval()
