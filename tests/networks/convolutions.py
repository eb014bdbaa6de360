"""Every kind of convolution and linear layer between two others, and what is done to weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from tests.networks.parts import Between, BetweenLines, conv_bn
from tests.networks.registry import (
    images,
    network,
    sequences,
    series,
    vectors,
    volumes,
    wide_images,
)


@network("conv 1x1", images(), groups=(8, 5, 6))
def pointwise() -> nn.Module:
    return Between(nn.Conv2d(8, 5, 1), out=5)


@network("conv, stride 2", wide_images(), groups=(8, 5, 6))
def strided() -> nn.Module:
    return Between(nn.Conv2d(8, 5, 3, stride=2), out=5)


@network("conv, dilated", images(), groups=(8, 5, 6))
def dilated() -> nn.Module:
    return Between(nn.Conv2d(8, 5, 3, dilation=2, padding="same"), out=5)


@network("conv, circular padding", images(), groups=(8, 5, 6))
def circular() -> nn.Module:
    return Between(nn.Conv2d(8, 5, 3, padding=1, padding_mode="circular"), out=5)


@network("conv, reflecting", images(), groups=(8, 5, 6))
def reflecting() -> nn.Module:
    return Between(nn.Conv2d(8, 5, 3, padding=1, padding_mode="reflect"), out=5)


@network("conv, one tall and one wide", images(), groups=(8, 5, 5, 6))
def separable() -> nn.Module:
    return Between(
        nn.Sequential(nn.Conv2d(8, 5, (3, 1), bias=False), nn.ReLU(), nn.Conv2d(5, 5, (1, 3))),
        out=5,
    )


@network("depthwise", images(), groups=(8, 6))
def depthwise() -> nn.Module:
    return Between(nn.Conv2d(8, 8, 3, padding=1, groups=8))


@network("depthwise with multiplier 2", images(), groups=(8, 6))
def multiplier() -> nn.Module:
    """Each input channel makes two: they all go together."""
    return Between(nn.Conv2d(8, 16, 3, padding=1, groups=8), out=16)


@network("grouped conv", images())
def grouped() -> nn.Module:
    return Between(nn.Conv2d(8, 8, 3, padding=1, groups=2))


@network("grouped conv, wider", images())
def grouped_wider() -> nn.Module:
    return Between(nn.Conv2d(8, 12, 3, padding=1, groups=4), out=12)


@network("grouped convs in a row", images())
def grouped_twice() -> nn.Module:
    return Between(
        nn.Sequential(nn.Conv2d(8, 8, 1, groups=4), nn.ReLU(), nn.Conv2d(8, 8, 1, groups=2))
    )


@network("transposed", images(), groups=(8, 5, 6))
def transposed() -> nn.Module:
    return Between(nn.ConvTranspose2d(8, 5, 4, 2, 1), out=5)


@network("transposed, output padding", images(), groups=(8, 5, 6))
def transposed_padded() -> nn.Module:
    return Between(nn.ConvTranspose2d(8, 5, 3, 2, 1, output_padding=1, bias=False), out=5)


@network("transposed, depthwise", images(), groups=(8, 6))
def transposed_depthwise() -> nn.Module:
    return Between(nn.ConvTranspose2d(8, 8, 2, 2, groups=8))


@network("transposed, grouped", images())
def transposed_grouped() -> nn.Module:
    return Between(nn.ConvTranspose2d(8, 12, 2, 2, groups=2), out=12)


@network("conv 1d", series(), groups=(8, 6, 5))
def one_dimension() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(3, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(2),
        nn.ConvTranspose1d(8, 6, 2, 2), nn.GELU(), nn.Conv1d(6, 5, 3), nn.ReLU(),
        nn.Conv1d(5, 2, 1),
    )  # fmt: skip


@network("conv 3d", volumes(), groups=(6, 6, 5))
def three_dimensions() -> nn.Module:
    return nn.Sequential(
        nn.Conv3d(2, 6, 3, padding=1), nn.BatchNorm3d(6), nn.ReLU(), nn.MaxPool3d(2),
        nn.ConvTranspose3d(6, 6, 2, 2), nn.InstanceNorm3d(6, affine=True), nn.SiLU(),
        nn.Conv3d(6, 5, 1), nn.ReLU(), nn.Conv3d(5, 2, 1),
    )  # fmt: skip


@network("linear layers", vectors(), groups=(12, 8))
def perceptron() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 8, bias=False), nn.Tanh(),
        nn.Linear(8, 3),
    )  # fmt: skip


@network("linear layers over a sequence", sequences(), groups=(8, 12))
def positions() -> nn.Module:
    return BetweenLines(nn.Sequential(nn.Linear(8, 12), nn.ReLU()), out=12)


@network("bilinear layer", vectors(), expect="refused", why="_trilinear is an operation")
class Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 5)
        self.both, self.out = nn.Bilinear(6, 5, 4), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(F.relu(self.both(F.relu(self.one(x)), F.relu(self.two(x)))))


@network(
    "linear layer on the rows of an image", images(sizes=(8,)), groups=(8, 6),
    expect="part", why="plane|spatial|position|convolution",
)  # fmt: skip
class Rows(nn.Module):
    """A linear layer along the width: the plane has a fixed size there, channels do not."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.rows, self.b = conv_bn(3, 8), nn.Linear(8, 8), conv_bn(8, 6)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.b(self.rows(self.a(x))))


# what is done to weights


@network("weight norm", images(), groups=(8, 6))
def weight_norm() -> nn.Module:
    return nn.Sequential(
        parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), nn.ReLU(),
        parametrizations.weight_norm(nn.Conv2d(8, 6, 3)), nn.ReLU(), nn.Conv2d(6, 2, 1),
    )  # fmt: skip


@network("spectral norm", images(), groups=(8, 6))
def spectral_norm() -> nn.Module:
    return nn.Sequential(
        parametrizations.spectral_norm(nn.Conv2d(3, 8, 3)), nn.ReLU(),
        parametrizations.spectral_norm(nn.Conv2d(8, 6, 3)), nn.ReLU(), nn.Conv2d(6, 2, 1),
    )  # fmt: skip


@network("orthogonal linear layer", vectors(), groups=(8, 8))
def orthogonal() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 8), nn.ReLU(), parametrizations.orthogonal(nn.Linear(8, 8)), nn.ReLU(),
        nn.Linear(8, 2),
    )  # fmt: skip


class Standardized(nn.Conv2d):
    """Weights less their mean, divided by their deviation."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        weight = weight - weight.mean((1, 2, 3), keepdim=True)
        weight = weight / (weight.std((1, 2, 3), keepdim=True) + 1e-5)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


@network(
    "weight standardization", images(), expect="part", why="mean|statistic|std|var",
    groups=(6,), columns=False,
)  # fmt: skip
def standardization() -> nn.Module:
    """The first layer's channels are read by weights whose mean is taken over them."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), Standardized(8, 6, 3), nn.ReLU(), nn.Conv2d(6, 2, 1)
    )


@network("own modulated convolution", images(), groups=(8, 6), columns=False)
class Modulated(nn.Module):
    """StyleGAN: the weight is scaled by sample; written as scaling of what goes in and out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.style = conv_bn(3, 8), nn.Linear(3, 8)
        self.weight = nn.Parameter(torch.randn(6, 8, 3, 3) * 0.2)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        style = self.style(x.mean((2, 3)))
        weight = self.weight[None] * style[:, None, :, None, None]
        scale = torch.rsqrt(weight.square().sum((2, 3, 4)) + 1e-4)
        y = self.stem(x) * style[:, :, None, None]
        y = F.conv2d(y, self.weight, padding=1) * scale[:, :, None, None]
        return self.out(F.leaky_relu(y, 0.2))


@network("dynamic convolution", images(), expect="refused", why="softmax|merged")
class Dynamic(nn.Module):
    """Several kernels, mixed by a softmax over what the input looks like; the mixture stays."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.router = conv_bn(3, 6), nn.Linear(3, 2)
        self.kernels = nn.Parameter(torch.randn(2, 8, 6, 3, 3) * 0.2)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        share = self.router(x.mean((2, 3)))[0].softmax(-1)
        kernel = torch.einsum("k,koihw->oihw", share, self.kernels)
        return self.out(F.relu(F.conv2d(self.stem(x), kernel)))


@network("mixed depthwise convolution", images(), groups=(4,))
class MixConv(nn.Module):
    """Parts of a tensor by depthwise convolutions of several sizes, and together again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 12)
        self.parts = nn.ModuleList(nn.Conv2d(4, 4, k, padding=k // 2, groups=4) for k in (1, 3, 5))
        self.out = nn.Conv2d(12, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        chunks = torch.chunk(self.stem(x), 3, 1)
        return self.out(torch.cat([f(c) for f, c in zip(self.parts, chunks, strict=True)], 1))
