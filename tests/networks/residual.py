"""Residual networks and what became of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import SqueezeExcite, classifier, conv, conv_bn
from tests.networks.registry import images, network


class Basic(nn.Module):
    """Two convolutions and a skip; a projection where the shape changes."""

    def __init__(self, i: int, o: int, stride: int = 1) -> None:
        super().__init__()
        self.a, self.bn_a = conv(i, o, 3, stride, bias=False), nn.BatchNorm2d(o)
        self.b, self.bn_b = conv(o, o, bias=False), nn.BatchNorm2d(o)
        self.down = None
        if stride > 1 or i != o:
            self.down = nn.Sequential(conv(i, o, 1, stride, bias=False), nn.BatchNorm2d(o))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn_b(self.b(F.relu(self.bn_a(self.a(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class InPlace(Basic):
    """As torchvision writes it: ``out += identity`` and ``relu_``."""

    def forward(self, x: Tensor) -> Tensor:
        identity = x
        out = F.relu(self.bn_a(self.a(x)), inplace=True)
        out = self.bn_b(self.b(out))
        if self.down is not None:
            identity = self.down(x)
        out += identity
        return F.relu_(out)


class PreActivation(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn_a, self.a = nn.BatchNorm2d(channels), conv(channels, channels, bias=False)
        self.bn_b, self.b = nn.BatchNorm2d(channels), conv(channels, channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(F.relu(self.bn_a(x)))
        return x + self.b(F.relu(self.bn_b(y)))


class OptionA(nn.Module):
    """A shortcut without weights: every second pixel, zeros for the new channels."""

    def __init__(self, i: int, o: int) -> None:
        super().__init__()
        self.a, self.b = conv_bn(i, o, stride=2), nn.Sequential(conv(o, o), nn.BatchNorm2d(o))
        self.missing = (o - i) // 2

    def forward(self, x: Tensor) -> Tensor:
        padding = (0, 0, 0, 0, self.missing, self.missing)
        return F.relu(self.b(self.a(x)) + F.pad(x[:, :, ::2, ::2], padding))


class Bottleneck(nn.Module):
    """1×1, 3×3 (in groups), 1×1; squeeze and excitation if asked for."""

    def __init__(self, channels: int, inner: int, groups: int = 1, excite: bool = False) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_bn(channels, inner, 1),
            conv_bn(inner, inner, groups=groups),
            conv(inner, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            SqueezeExcite(channels) if excite else nn.Identity(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


@network("resnet", images(), groups=(8, 8, 12, 12))
def resnet() -> nn.Module:
    return nn.Sequential(conv_bn(3, 8), Basic(8, 8), Basic(8, 12, 2), classifier(12))


@network("resnet, deeper", images(), groups=(8, 8, 8, 12, 12, 12))
def deeper() -> nn.Module:
    return nn.Sequential(
        conv_bn(3, 8), Basic(8, 8), Basic(8, 8), Basic(8, 12, 2), Basic(12, 12), classifier(12)
    )


@network("resnet, in place", images(), groups=(8, 8, 12, 12))
def in_place() -> nn.Module:
    return nn.Sequential(conv_bn(3, 8), InPlace(8, 8), InPlace(8, 12, 2), classifier(12))


@network("resnet, pre-activation", images(), groups=(8, 8, 8))
def pre_activation() -> nn.Module:
    return nn.Sequential(
        conv(3, 8), PreActivation(8), PreActivation(8), nn.BatchNorm2d(8), nn.ReLU(), classifier(8)
    )


@network("resnet, option A", images())
def option_a() -> nn.Module:
    """The 12 channels behind are the 8 in front and four of their own."""
    return nn.Sequential(conv_bn(3, 8), Basic(8, 8), OptionA(8, 12), classifier(12))


@network("resnet, bottlenecks", images(), groups=(16, 8, 8, 8, 8))
def bottlenecks() -> nn.Module:
    return nn.Sequential(conv_bn(3, 16), Bottleneck(16, 8), Bottleneck(16, 8), classifier(16))


@network("resnext", images())
def resnext() -> nn.Module:
    return nn.Sequential(conv_bn(3, 12), Bottleneck(12, 8, groups=4), classifier(12))


@network("se-resnet", images(), groups=(12, 8, 8, 4))
def se_resnet() -> nn.Module:
    return nn.Sequential(conv_bn(3, 12), Bottleneck(12, 8, excite=True), classifier(12))


@network("wide resnet with dropout", images(), groups=(8, 12))
class Wide(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 8)
        self.bn_a, self.a, self.drop = nn.BatchNorm2d(8), conv(8, 12), nn.Dropout(0.3)
        self.bn_b, self.b, self.head = nn.BatchNorm2d(12), conv(12, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.drop(self.a(F.relu(self.bn_a(x))))
        return self.head(x + self.b(F.relu(self.bn_b(y))))


@network("resnet-d", images(), groups=(6, 8, 8, 12, 12))
class ResNetD(nn.Module):
    """A stem of convolutions, a projection behind an average pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 6, stride=2), conv_bn(6, 8), nn.MaxPool2d(3, 1, 1))
        self.block = Basic(8, 8)
        self.wide = nn.Sequential(conv_bn(8, 12), conv(12, 12, stride=2), nn.BatchNorm2d(12))
        self.down = nn.Sequential(nn.AvgPool2d(2, 2), conv(8, 12, 1), nn.BatchNorm2d(12))
        self.head = classifier(12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.block(self.stem(x))
        return self.head(F.relu(self.wide(x) + self.down(x)))


@network("res2net", images(), groups=(12, 3, 3))
class Res2Net(nn.Module):
    """A tensor in four; each part gets what came of the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a = conv_bn(3, 12), conv_bn(12, 12, 1)
        self.parts = nn.ModuleList([conv_bn(3, 3) for _ in range(3)])
        self.b, self.head = conv_bn(12, 12, 1), classifier(12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        first, *rest = torch.chunk(self.a(x), 4, dim=1)
        out = [first]
        for layer, part in zip(self.parts, rest, strict=True):
            out.append(layer(part + out[-1]))
        return self.head(x + self.b(torch.cat(out, 1)))


@network("repvgg, three branches", images(), groups=(8, 8))
class RepVGG(nn.Module):
    """3×3, 1×1 and a batch norm alone, added."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.three = nn.Sequential(conv(8, 8, bias=False), nn.BatchNorm2d(8))
        self.one = nn.Sequential(conv(8, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.alone = nn.BatchNorm2d(8)
        self.last, self.head = conv_bn(8, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.head(self.last(F.relu(self.three(x) + self.one(x) + self.alone(x))))


@network("stochastic depth, scaled branch", images(), groups=(8, 6))
class Scaled(nn.Module):
    """The branch times a number that is learned (ReZero, SkipInit) and dropped in training."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b = conv_bn(3, 8), conv_bn(8, 6), conv(6, 8)
        self.gain = nn.Parameter(torch.tensor(0.7))
        self.head = classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.b(self.a(x)) * self.gain
        if self.training:
            y = y * (torch.rand(len(y), 1, 1, 1) > 0.2)
        return self.head(x + y)


@network("highway gates", images(), groups=(8,))
class Highway(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.value, self.gate = conv_bn(3, 8), conv(8, 8), conv(8, 8)
        self.head = classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        gate = torch.sigmoid(self.gate(x))
        return self.head(gate * F.relu(self.value(x)) + (1 - gate) * x)


@network("selective kernels", images(), groups=(8, 8, 4))
class SelectiveKernel(nn.Module):
    """Two branches, weighed per channel by a softmax over the branches."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b = conv_bn(3, 8), conv_bn(8, 8), conv_bn(8, 8, 5)
        self.reduce, self.weigh, self.head = nn.Linear(8, 4), nn.Linear(4, 16), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        both = torch.stack([self.a(x), self.b(x)], 1)
        share = self.weigh(F.relu(self.reduce(both.sum(1).mean((2, 3)))))
        share = share.view(len(x), 2, -1).softmax(1)
        return self.head((both * share[..., None, None]).sum(1))


@network("split attention", images())
class SplitAttention(nn.Module):
    """ResNeSt: a grouped convolution makes two sets, a softmax over the sets weighs them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.split = conv_bn(3, 8), conv_bn(8, 16, groups=2)
        self.reduce, self.weigh, self.head = nn.Linear(8, 4), nn.Linear(4, 16), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.split(self.stem(x))
        parts = torch.stack(y.chunk(2, 1), 1)
        share = self.weigh(F.relu(self.reduce(parts.sum(1).mean((2, 3)))))
        share = torch.stack(share.chunk(2, -1), 1).softmax(1)
        return self.head((parts * share[..., None, None]).sum(1))
