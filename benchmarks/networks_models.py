"""Five small networks of free width for digits of 32 × 32: the idioms, not the sizes, are real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEP = 16
"""Widths are multiples of it: kernels work in blocks of 16 channels."""
CLASSES = 10

Scale = Callable[[int], int]


def dense(width: int) -> int:
    return width


def narrower(share: float) -> Scale:
    """Every width times ``share``, as the nearest multiple of the step; below it they stay."""

    def scale(width: int) -> int:
        return width if width < STEP else max(STEP, STEP * round(width * share / STEP))

    return scale


def block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list:
    """Convolution and batch norm."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


class Residual(nn.Module):
    """Two convolutions beside a skip (He et al. 2016, figure 2)."""

    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *block(inputs, hidden, 3, stride), nn.ReLU(), *block(hidden, outputs)
        )
        self.skip = nn.Sequential(*block(inputs, outputs, 1, stride)) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + (x if self.skip is None else self.skip(x)))


class ResNet(nn.Module):
    """ResNet-14, widths 64, 128, 256."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.stem = nn.Sequential(*block(1, scale(64), 3, 2), nn.ReLU())
        layers, before = [], scale(64)
        for stage, width in enumerate((64, 128, 256)):
            for number in range(2):
                stride = 2 if stage and not number else 1
                layers.append(Residual(before, scale(width), scale(width), stride))
                before = scale(width)
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(before, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)).mean((2, 3)))


class Inverted(nn.Module):
    """Wide, depthwise, narrow (Sandler et al. 2018, figure 3)."""

    def __init__(self, inputs: int, hidden: int, outputs: int, stride: int, widen: bool) -> None:
        super().__init__()
        first = [*block(inputs, hidden, 1), nn.ReLU6()] if widen else []
        depthwise = [*block(hidden, hidden, 3, stride, hidden), nn.ReLU6()]
        self.body = nn.Sequential(*first, *depthwise, *block(hidden, outputs, 1))
        self.skips = False

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.skips else self.body(x)


class MobileNetV2(nn.Module):
    """The table of Sandler et al. 2018 up to the stage of 160, at stride 16."""

    TABLE = ((1, 16, 1, 1), (6, 24, 2, 1), (6, 32, 3, 2), (6, 64, 3, 2), (6, 96, 2, 1))
    LAST = (6, 160, 2, 2)

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.stem = nn.Sequential(*block(1, scale(32), 3, 2), nn.ReLU6())
        layers, before = [], 32
        for widening, width, repeats, first in (*self.TABLE, self.LAST):
            for number in range(repeats):
                stride = 1 if number else first
                hidden = before * widening
                made = Inverted(scale(before), scale(hidden), scale(width), stride, widening > 1)
                made.skips = number > 0
                layers.append(made)
                before = width
        self.body = nn.Sequential(*layers)
        self.last = nn.Sequential(*block(scale(before), scale(640), 1), nn.ReLU6())
        self.head = nn.Linear(scale(640), CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.last(self.body(self.stem(x))).mean((2, 3)))


class VGG(nn.Module):
    """VGG-11 (Simonyan and Zisserman 2015, column A), one stage less, flattened into its head."""

    TABLE = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0)

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        layers, before = [], 1
        for width in self.TABLE:
            if not width:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [*block(before, scale(width)), nn.ReLU()]
            before = scale(width)
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(before * 4, scale(256)), nn.ReLU(), nn.Linear(scale(256), CLASSES)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


class Attention(nn.Module):
    """Self-attention with its own projection of queries, keys and values."""

    def __init__(self, width: int, heads: int, each: int) -> None:
        super().__init__()
        self.heads, self.each = heads, each
        self.qkv = nn.Linear(width, 3 * heads * each)
        self.out = nn.Linear(heads * each, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, _ = x.shape
        made = self.qkv(x).reshape(batch, tokens, 3, self.heads, self.each)
        query, key, value = made.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))


class Encoder(nn.Module):
    """Attention and a layer of two, each normed before (Dosovitskiy et al. 2021)."""

    def __init__(self, width: int, heads: int, each: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, each)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Width 128, 4 heads of 32, 4 layers, 64 tokens; their mean is read.

    Two convolutions make the tokens: with a thousand digits plain patches learn nothing
    (Xiao et al. 2021, "Early convolutions help transformers see better").
    """

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        width, heads = scale(128), max(1, round(scale(128) / 32))
        self.stem = nn.Sequential(
            *block(1, scale(64), 3, 2), nn.ReLU(), *block(scale(64), width, 3, 2)
        )
        self.position = nn.Parameter(torch.randn(1, 64, width) * 0.02)
        self.body = nn.Sequential(*(Encoder(width, heads, 32, scale(512)) for _ in range(4)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.norm(self.body(x)).mean(1))


class Conv1d(nn.Module):
    """The image read line by line, as one signal of 1024 samples."""

    TABLE = ((64, 15, 4), (64, 7, 1), (128, 7, 2), (128, 7, 1), (256, 7, 2), (256, 7, 1))

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        layers, before = [], 1
        for width, kernel, stride in self.TABLE:
            convolution = nn.Conv1d(before, scale(width), kernel, stride, kernel // 2, bias=False)
            layers += [convolution, nn.BatchNorm1d(scale(width)), nn.ReLU()]
            before = scale(width)
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(before, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x).mean(2))


@dataclass(frozen=True)
class Kind:
    """A network and how it is trained."""

    build: Callable[[Scale], nn.Module]
    epochs: int
    rate: float
    signal: bool = False
    """The input is one signal, not an image."""
    aims: tuple[float, float] = (0.9, 0.8)
    """Least speed-up per factor of MACs in onnxruntime, up to factor 2 and up to factor 4."""


KINDS = {
    "ResNet": Kind(ResNet, 8, 3e-3),
    "MobileNetV2": Kind(MobileNetV2, 12, 4e-3),
    "VGG": Kind(VGG, 8, 2e-3),
    "ViT": Kind(ViT, 16, 1e-3, aims=(0.85, 0.7)),
    "Conv1d": Kind(Conv1d, 14, 4e-3, signal=True),
}
