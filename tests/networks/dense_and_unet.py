"""Concatenations and hourglasses: DenseNet, U-Net, SegNet, image restoration."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import SqueezeExcite, classifier, conv, conv_bn
from tests.networks.registry import images, network, wide_images


def dense_layer(i: int, growth: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(i), nn.ReLU(), conv(i, growth, bias=False))


@network("densenet", images(), groups=(8, 4, 4, 4, 10))
class DenseNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = conv(3, 8)
        self.layers = nn.ModuleList([dense_layer(8 + 4 * k, 4) for k in range(3)])
        self.transition = nn.Sequential(
            nn.BatchNorm2d(20), nn.ReLU(), conv(20, 10, 1), nn.AvgPool2d(2)
        )
        self.head = classifier(10)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.stem(x)]
        for layer in self.layers:
            parts.append(layer(torch.cat(parts, 1)))
        return self.head(self.transition(torch.cat(parts, 1)))


@network("densenet, appended", images(), groups=(8, 8, 4, 8, 4))
class DenseBottleneck(nn.Module):
    """x = cat([x, new]), with a 1×1 bottleneck in every layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(i), nn.ReLU(True), conv(i, 8, 1, bias=False),
                nn.BatchNorm2d(8), nn.ReLU(True), conv(8, 4, bias=False), nn.Dropout(0.1),
            )
            for i in (8, 12)
        )  # fmt: skip
        self.norm, self.head = nn.BatchNorm2d(16), classifier(16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for layer in self.layers:
            x = torch.cat((layer(x), x), dim=1)
        return self.head(F.relu(self.norm(x)))


@network("vovnet, one concatenation", images(), groups=(8, 6, 6, 8))
class OneShot(nn.Module):
    """All features together once, scaled, added to the input."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b = conv_bn(3, 8), conv_bn(8, 6), conv_bn(6, 6)
        self.together, self.excite = conv_bn(20, 8, 1), nn.Conv2d(8, 8, 1)
        self.last, self.head = conv_bn(8, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        a = self.a(x)
        y = self.together(torch.cat([x, a, self.b(a)], 1))
        y = y * F.relu6(self.excite(y.mean((2, 3), keepdim=True)) + 3) / 6
        return self.head(self.last(x + y))


@network("u-net", images(), groups=(8, 12, 16, 12, 12, 8, 8))
class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv_bn(3, 8), conv_bn(8, 12), conv_bn(12, 16)
        self.up_b, self.dec_b = nn.ConvTranspose2d(16, 12, 2, 2), conv_bn(24, 12)
        self.up_a, self.dec_a = nn.ConvTranspose2d(12, 8, 2, 2), conv_bn(16, 8)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        b = self.b(F.max_pool2d(a, 2))
        c = self.c(F.max_pool2d(b, 2))
        b = self.dec_b(torch.cat([b, self.up_b(c)], 1))
        return self.out(self.dec_a(torch.cat([a, self.up_a(b)], 1)))


@network("u-net for any size", wide_images(sizes=(7, 10)), groups=(8, 12, 8))
class UNetPadded(nn.Module):
    """Upsampled bilinearly, padded to the skip's size by what is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.dec = conv_bn(3, 8), conv_bn(8, 12), conv_bn(20, 8)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        self.out = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        y = self.up(self.b(F.max_pool2d(a, 2)))
        down, right = a.shape[2] - y.shape[2], a.shape[3] - y.shape[3]
        y = F.pad(y, [right // 2, right - right // 2, down // 2, down - down // 2])
        return self.out(self.dec(torch.cat([a, y], dim=1)))


@network(
    "u-net with sums",
    images(),
    groups=(8, 12),
    expect="part",
    why="add with a tensor of fixed size",
)
class UNetSums(nn.Module):
    """Skips are added: LinkNet, the example network."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv_bn(3, 8), conv_bn(8, 12, stride=2)
        self.up, self.out = nn.ConvTranspose2d(12, 8, 2, 2), conv(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        return x + self.out(F.relu(a + self.up(self.b(a))))


@network("attention u-net", images(), groups=(8, 12, 5, 8))
class AttentionGate(nn.Module):
    """The skip is weighed by a map that both sides make."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.up = (
            conv_bn(3, 8),
            conv_bn(8, 12, stride=2),
            nn.Upsample(scale_factor=2),
        )
        self.of_skip, self.of_up, self.map = conv(8, 5, 1), conv(12, 5, 1), conv(5, 1, 1)
        self.dec, self.out = conv_bn(20, 8), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        up = self.up(self.b(a))
        weight = torch.sigmoid(self.map(F.relu(self.of_skip(a) + self.of_up(up))))
        return self.out(self.dec(torch.cat([a * weight, up], 1)))


@network("u-net++", images(), groups=(8, 12, 8, 8))
class Nested(nn.Module):
    """Every level is used again and again; two outputs are averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.a0, self.b0 = conv_bn(3, 8), conv_bn(8, 12)
        self.a1, self.a2 = conv_bn(20, 8), conv_bn(28, 8)
        self.out1, self.out2 = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a0 = self.a0(x)
        up = F.interpolate(self.b0(F.max_pool2d(a0, 2)), size=x.shape[2:], mode="nearest")
        a1 = self.a1(torch.cat([a0, up], 1))
        a2 = self.a2(torch.cat([a0, a1, up], 1))
        return (self.out1(a1) + self.out2(a2)) / 2


@network("segnet", images(), groups=(8,))
class SegNet(nn.Module):
    """Unpooling puts values where the maxima of the encoder were: both have the same channels."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.pool = conv_bn(3, 8), nn.MaxPool2d(2, 2, return_indices=True)
        self.b, self.unpool, self.out = conv_bn(8, 8), nn.MaxUnpool2d(2, 2), nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        pooled, where = self.pool(self.a(x))
        return self.out(self.unpool(self.b(pooled), where, output_size=x.shape[2:]))


@network("enet's padded pooling branch", images(), groups=(5, 4))
class InitialBlock(nn.Module):
    """A strided convolution beside the pooled input; then a bottleneck that adds zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 5, 3, 2, 1), nn.BatchNorm2d(8)
        self.inner, self.wide = conv_bn(8, 4, 1), nn.Sequential(conv(4, 12, 1), nn.BatchNorm2d(12))
        self.out = nn.Conv2d(12, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(torch.cat([self.first(x), F.max_pool2d(x, 2)], 1)))
        more = x.new_zeros(len(x), 4, *x.shape[2:])
        return self.out(F.relu(self.wide(self.inner(x)) + torch.cat([x, more], 1)))


@network("hourglass", images(), groups=(8, 8, 8, 8, 8))
class Hourglass(nn.Module):
    """A level inside a level, by recursion."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.out = conv_bn(3, 8), nn.Conv2d(8, 2, 1)
        self.skips = nn.ModuleList([conv(8, 8), conv(8, 8)])
        self.downs = nn.ModuleList([conv_bn(8, 8), conv_bn(8, 8)])
        self.ups = nn.ModuleList([conv(8, 8), conv(8, 8)])

    def level(self, x: Tensor, depth: int) -> Tensor:
        if depth == 2:
            return x
        y = self.level(self.downs[depth](F.max_pool2d(x, 2)), depth + 1)
        return self.skips[depth](x) + F.interpolate(self.ups[depth](y), scale_factor=2.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.level(self.stem(x), 0))


@network("super-resolution by pixel shuffle", images(), groups=(8, 6, 4))
class SuperResolution(nn.Module):
    """EDSR: a body with a long skip; each channel behind the shuffle is four in front."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b = conv(3, 8), conv(8, 6), conv(6, 8)
        self.up, self.out = conv(8, 16), conv(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.b(F.relu(self.a(x))).mul(0.1)
        return self.out(F.pixel_shuffle(self.up(x), 2))


@network("espcn: the shuffle makes the output", images(1), groups=(8, 6))
def espcn() -> nn.Module:
    return nn.Sequential(
        conv(1, 8), nn.Tanh(), conv(8, 6), nn.Tanh(), conv(6, 4), nn.PixelShuffle(2)
    )


@network(
    "nafnet", images(), groups=(8, 8), expect="part", why="mean|norm", kept="exact", beside="out"
)
class NAF(nn.Module):
    """A simple gate: one half times the other; channel attention without an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = conv(3, 8), nn.LayerNorm(8)
        self.wide, self.depthwise = conv(8, 16, 1), conv(16, 16, groups=16)
        self.attention, self.narrow = nn.Conv2d(8, 8, 1), conv(8, 8, 1)
        self.last, self.out = conv_bn(8, 8), conv(8, 3)
        self.beta = nn.Parameter(torch.rand(1, 8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        inputs, x = x, self.stem(x)
        y = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        a, b = self.depthwise(self.wide(y)).chunk(2, dim=1)
        y = a * b
        y = y * self.attention(F.adaptive_avg_pool2d(y, 1))
        return inputs + self.out(self.last(x + self.narrow(y) * self.beta))


@network(
    "residual channel attention", images(), groups=(8, 8, 3), expect="part",
    why="add with a tensor of fixed size",
)  # fmt: skip
class ChannelAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b = conv(3, 8), conv(8, 8), conv(8, 8)
        self.excite, self.out = SqueezeExcite(8, 3), conv(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        return x + self.out(y + self.excite(self.b(F.relu(self.a(y)))))


@network(
    "restormer's attention across channels", images(), groups=(8,),
    expect="part", why="softmax|two channel dimensions are merged",
)  # fmt: skip
class Restormer(nn.Module):
    """Attention of channels to channels: softmax over them, so they stay.

    The stream in front stays as well: ``c // self.heads`` is taken of its width.
    """

    def __init__(self) -> None:
        super().__init__()
        self.heads = 2
        self.stem, self.qkv, self.proj = conv(3, 8), conv(8, 24, 1), conv(8, 8, 1)
        self.temperature = nn.Parameter(torch.ones(2, 1, 1))
        self.last, self.out = conv_bn(8, 8), conv(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        b, c, h, w = y.shape
        q, k, v = (
            t.reshape(b, self.heads, c // self.heads, h * w) for t in self.qkv(y).chunk(3, dim=1)
        )
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        attention = (q @ k.transpose(-2, -1) * self.temperature).softmax(dim=-1)
        y = y + self.proj((attention @ v).reshape(b, c, h, w))
        return x + self.out(self.last(y))


@network("deeplab", wide_images(), groups=(8, 4, 4, 4, 5, 6, 8))
class DeepLab(nn.Module):
    """Dilated branches and the global mean, spread over the plane; low-level features join."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Conv2d(8, 4, 3, padding=d, dilation=d), nn.BatchNorm2d(4), nn.ReLU())
            for d in (1, 2, 3)
        )
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 5, 1), nn.ReLU())
        self.low, self.dec, self.out = conv_bn(8, 6, 1), conv_bn(23, 8), nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        low = self.stem(x)
        y = F.max_pool2d(low, 2)
        parts = [branch(y) for branch in self.branches]
        parts.append(F.interpolate(self.whole(y), size=y.shape[-2:], mode="bilinear"))
        y = F.interpolate(torch.cat(parts, 1), size=low.shape[-2:], mode="bilinear")
        y = self.out(self.dec(torch.cat([y, self.low(low)], 1)))
        return F.interpolate(y, size=x.shape[-2:], mode="bilinear", align_corners=False)


@network("pyramid pooling", images(), groups=(8, 3, 3, 8), onnx=False)
class PyramidPooling(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.last, self.out = conv_bn(3, 8), conv_bn(14, 8), nn.Conv2d(8, 2, 1)
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(s), conv_bn(8, 3, 1)) for s in (1, 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        size = x.shape[2:]
        y = [x] + [F.interpolate(f(x), size, mode="bilinear") for f in self.levels]
        return self.out(self.last(torch.cat(y, 1)))


@network(
    "optical flow warps features",
    images(6),
    groups=(8, 8, 8),
    expect="part",
    why="positions",
    columns=False,
)
class Warp(nn.Module):
    """Two frames through one encoder, one of them warped; a correlation over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.motion, self.out = (
            conv_bn(3, 8),
            nn.Conv2d(6, 2, 3, padding=1),
            conv(8, 2),
        )
        self.last = conv_bn(17, 8)
        self.first = conv(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.encode(x[:, :3]), self.encode(x[:, 3:])
        b, grid = self.first(b), torch.tanh(self.motion(x)).permute(0, 2, 3, 1)
        b = F.grid_sample(b, grid, align_corners=False)
        correlation = (self.first(a) * b).sum(1, keepdim=True)
        return self.out(self.last(torch.cat([a, b, correlation], 1)))
