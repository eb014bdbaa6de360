"""Pieces that many networks of the zoo are made of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv(i: int, o: int, k: int = 3, stride: int = 1, **options: object) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(i, o, k, stride, k // 2, **options)  # type: ignore[arg-type]


def conv_bn(
    i: int,
    o: int,
    k: int = 3,
    stride: int = 1,
    act: Callable[[], nn.Module] = nn.ReLU,
    groups: int = 1,
) -> nn.Sequential:
    """Convolution, batch norm, activation."""
    return nn.Sequential(conv(i, o, k, stride, groups=groups, bias=False), nn.BatchNorm2d(o), act())


def classifier(channels: int, classes: int = 4) -> nn.Sequential:
    """Global mean and a linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


class SqueezeExcite(nn.Module):
    """Scale every channel by what a small network makes of all their means."""

    def __init__(
        self, channels: int, inner: int = 4, gate: Callable[[Tensor], Tensor] = torch.sigmoid
    ) -> None:
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        scale = F.relu(self.reduce(x.mean((2, 3), keepdim=True)))
        return x * self.gate(self.expand(scale))


class Between(nn.Module):
    """A convolution, something, a convolution, a classifier.

    Arguments:
        middle: a module, or a function of a tensor.
        wide: channels that go in.
        out: channels that come out.
    """

    def __init__(
        self, middle: nn.Module | Callable[[Tensor], Tensor], wide: int = 8, out: int | None = None
    ) -> None:
        super().__init__()
        self.before = conv_bn(3, wide, act=nn.SiLU)
        self.middle = middle
        self.after = conv(out or wide, 6)
        self.head = classifier(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.after(self.middle(self.before(x)))))


class BetweenLines(nn.Module):
    """A linear layer, something, a linear layer; for (…, features)."""

    def __init__(
        self,
        middle: nn.Module | Callable[[Tensor], Tensor],
        wide: int = 8,
        out: int | None = None,
        features: int = 6,
    ) -> None:
        super().__init__()
        self.before, self.middle = nn.Linear(features, wide), middle
        self.after = nn.Linear(out or wide, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.middle(F.silu(self.before(x))))
