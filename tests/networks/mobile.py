"""Networks for small devices: inverted residuals, shuffles, ghosts; and ConvNeXt."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import SqueezeExcite, classifier, conv, conv_bn
from tests.networks.registry import images, network


class Inverted(nn.Module):
    """Wide inside, narrow outside, depthwise in between."""

    def __init__(
        self,
        i: int,
        o: int,
        inner: int,
        stride: int = 1,
        k: int = 3,
        act: Callable[[], nn.Module] = nn.ReLU6,
        excite: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(i, inner, 1, act=act),
            conv_bn(inner, inner, k, stride, act, groups=inner),
            excite or nn.Identity(),
            conv(inner, o, 1, bias=False),
            nn.BatchNorm2d(o),
        )
        self.skip = stride == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.skip else self.body(x)


@network("mobilenet v1", images(), groups=(8, 12, 12))
def mobilenet_v1() -> nn.Module:
    return nn.Sequential(
        conv_bn(3, 8), conv_bn(8, 8, groups=8), conv_bn(8, 12, 1), conv_bn(12, 12, groups=12),
        conv_bn(12, 12, 1), classifier(12),
    )  # fmt: skip


@network("mobilenet v2", images(), groups=(8, 16, 8, 16, 16, 12))
def mobilenet_v2() -> nn.Module:
    return nn.Sequential(
        conv_bn(3, 8, act=nn.ReLU6), Inverted(8, 8, 16), Inverted(8, 8, 16, 2),
        Inverted(8, 8, 16), conv_bn(8, 12, 1, act=nn.ReLU6), classifier(12),
    )  # fmt: skip


@network("mobilenet v3", images(), groups=(8, 12, 4, 8, 4, 8, 12, 12))
def mobilenet_v3() -> nn.Module:
    def excite(channels: int) -> nn.Module:
        return SqueezeExcite(channels, 4, F.hardsigmoid)

    return nn.Sequential(
        conv_bn(3, 8, act=nn.Hardswish),
        Inverted(8, 8, 12, act=nn.Hardswish, excite=excite(12)),
        Inverted(8, 8, 8, 2, 5, nn.ReLU, excite(8)),
        conv_bn(8, 12, 1, act=nn.Hardswish), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(12, 12), nn.Hardswish(), nn.Linear(12, 4),
    )  # fmt: skip


@network("efficientnet", images(), groups=(8, 16, 3, 8, 12))
class EfficientNet(nn.Module):
    """Squeeze and excitation by pooling and 1×1 convolutions, swish by hand, drop path."""

    class Excite(nn.Module):
        def __init__(self, channels: int, inner: int) -> None:
            super().__init__()
            self.reduce, self.expand = nn.Conv2d(channels, inner, 1), nn.Conv2d(inner, channels, 1)

        def forward(self, x: Tensor) -> Tensor:
            scale = F.adaptive_avg_pool2d(x, 1)
            scale = self.reduce(scale)
            scale = self.expand(scale * torch.sigmoid(scale))
            return torch.sigmoid(scale) * x

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8, act=nn.SiLU)
        self.a = Inverted(8, 8, 16, 1, 5, nn.SiLU, self.Excite(16, 3))
        self.b, self.head = Inverted(8, 8, 12, 2, 3, nn.SiLU), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(self.stem(x))))


@network("efficientnet v2, fused", images(), groups=(8, 12))
class Fused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.expand = conv_bn(3, 8, act=nn.SiLU), conv_bn(8, 12, act=nn.SiLU)
        self.project, self.head = nn.Sequential(conv(12, 8, 1), nn.BatchNorm2d(8)), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(x + self.project(self.expand(x)))


@network("mnasnet", images(), groups=(8, 6, 12, 12))
def mnasnet() -> nn.Module:
    return nn.Sequential(
        conv_bn(3, 8), conv_bn(8, 8, groups=8), conv(8, 6, 1, bias=False), nn.BatchNorm2d(6),
        Inverted(6, 6, 12, 1, 5, nn.ReLU), Inverted(6, 6, 12), classifier(6),
    )  # fmt: skip


def shuffle_channels(x: Tensor, groups: int) -> Tensor:
    batch, channels, height, width = x.shape
    x = x.view(batch, groups, channels // groups, height, width)
    return x.transpose(1, 2).contiguous().view(batch, -1, height, width)


@network("shufflenet v1", images())
class ShuffleV1(nn.Module):
    """Grouped 1×1 convolutions with a shuffle between, added to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a = conv_bn(3, 8), conv_bn(8, 8, 1, groups=2)
        self.depthwise = nn.Sequential(conv(8, 8, groups=8), nn.BatchNorm2d(8))
        self.b = nn.Sequential(conv(8, 8, 1, groups=2), nn.BatchNorm2d(8))
        self.head = classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = shuffle_channels(self.a(x), 2)
        return self.head(F.relu(x + self.b(self.depthwise(y))))


class ShuffleUnit(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            conv_bn(half, half, 1), conv(half, half, groups=half), nn.BatchNorm2d(half),
            conv_bn(half, half, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        one, two = x.chunk(2, dim=1)
        return shuffle_channels(torch.cat((one, self.branch(two)), dim=1), 2)


@network("shufflenet v2", images())
def shuffle_v2() -> nn.Module:
    return nn.Sequential(
        conv_bn(3, 12), ShuffleUnit(12), ShuffleUnit(12), conv_bn(12, 8, 1), classifier(8)
    )


@network("ghostnet", images(), groups=(8, 6, 8))
class Ghost(nn.Module):
    """Half of the channels by a cheap depthwise convolution of the other half, cut to size."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.primary, self.cheap = (
            conv_bn(3, 8),
            conv_bn(8, 6, 1),
            conv_bn(6, 6, groups=6),
        )
        self.last, self.head = conv_bn(12, 8, 1), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        one = self.primary(self.stem(x))
        return self.head(self.last(torch.cat([one, self.cheap(one)], 1)))


@network(
    "ghostnet, cut to its width", images(), groups=(8, 8), expect="part",
    why="slice|index|position|fixed|written",
)  # fmt: skip
class GhostCut(Ghost):
    def __init__(self) -> None:
        super().__init__()
        self.last = conv_bn(11, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.primary(self.stem(x))
        return self.head(self.last(torch.cat([one, self.cheap(one)], 1)[:, :11]))


@network(
    "partial convolution", images(), groups=(16, 2), expect="part",
    why="split|slice|index|position|fixed|written",
)  # fmt: skip
class Partial(nn.Module):
    """FasterNet: a convolution of the first quarter only."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = conv_bn(3, 8), conv(2, 2, bias=False)
        self.wide, self.narrow, self.head = conv_bn(8, 16, 1), conv(16, 8, 1), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        one, two = torch.split(x, [2, 6], dim=1)
        y = torch.cat((self.first(one), two), 1)
        return self.head(x + self.narrow(self.wide(y)))


@network(
    "split by an attribute", images(), groups=(4,), expect="part",
    why="split|slice|index|position|fixed|written",
)  # fmt: skip
class Halves(nn.Module):
    """Sizes of the parts from attributes: right, if the attribute is set anew with them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = 4
        self.stem, self.part, self.head = conv_bn(3, 16), conv(4, 4), classifier(16)

    def forward(self, x: Tensor) -> Tensor:
        one, two = torch.split(self.stem(x), [self.first, 16 - self.first], 1)
        return self.head(F.relu(torch.cat([self.part(one), two], 1)))


class NeXt(nn.Module):
    """ConvNeXt's block: depthwise 7×7, LayerNorm with channels last, LayerScale."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.wide, self.narrow = nn.Linear(channels, inner), nn.Linear(inner, channels)
        self.gamma = nn.Parameter(torch.full((channels,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.gamma * self.narrow(F.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


@network("convnext", images(), groups=(16, 16), expect="part", why="norm", kept="exact")
def convnext() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 2, 2), NeXt(8, 16), NeXt(8, 16), classifier(8))


class ChannelsFirst(nn.Module):
    """ConvNeXt's LayerNorm over the channels of an image, written out."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt((x - mean).pow(2).mean(1, keepdim=True) + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


@network("convnext's own norm", images(), groups=(8,), expect="part", why="mean|norm", kept="exact")
def own_norm() -> nn.Module:
    return nn.Sequential(conv(3, 8), ChannelsFirst(8), nn.ReLU(), conv_bn(8, 8), classifier(8))


@network(
    "global response norm", images(), groups=(8,), expect="part", why="mean|norm", kept="exact"
)
class GlobalResponse(nn.Module):
    """ConvNeXt V2: length over the plane, divided by its mean over the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.last, self.head = conv_bn(3, 12), conv_bn(12, 8), classifier(8)
        self.gamma = nn.Parameter(torch.rand(1, 12, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        length = x.norm(dim=(2, 3), keepdim=True)
        y = x * (length / (length.mean(1, keepdim=True) + 1e-6))
        return self.head(self.last(x + self.gamma * y))


class Plain(nn.Module):
    """Norms without weights: sizes that no parameter shows."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv(3, 8), conv(8, 8), conv(8, 8)
        self.one = nn.GroupNorm(4, 8, affine=False)
        self.two = nn.BatchNorm2d(8, affine=False, track_running_stats=False)
        self.three = nn.LayerNorm(8, elementwise_affine=False)
        self.last, self.head = conv(8, 6), classifier(6)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.one(self.a(x)))
        x = F.relu(self.two(self.b(x)))
        x = self.three(self.c(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return self.head(F.relu(self.last(x)))


@network(
    "norms without weights",
    images(),
    groups=(4, 8, 6),
    expect="part",
    why="layer norm",
    kept="exact",
)
def plain_norms() -> nn.Module:
    return Plain()
