"""Pyramids and heads: FPN, SSD, RetinaNet, YOLO, CenterNet, and attention on maps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import classifier, conv, conv_bn
from tests.networks.registry import images, network


class Pyramid(nn.Module):
    """Three levels, brought to equal width from the top down."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv_bn(3, 8), conv_bn(8, 12, stride=2), conv_bn(12, 16, stride=2)
        self.sides = nn.ModuleList(nn.Conv2d(w, 10, 1) for w in (8, 12, 16))

    def forward(self, x: Tensor) -> list[Tensor]:
        a = self.a(x)
        b = self.b(a)
        top = self.sides[2](self.c(b))
        middle = self.sides[1](b) + F.interpolate(top, size=b.shape[-2:])
        low = self.sides[0](a) + F.interpolate(middle, scale_factor=2.0, mode="nearest")
        return [low, middle, top]


@network("fpn with ssd heads", images(), groups=(8, 12, 16, 10, 10))
class SSD(nn.Module):
    """The heads are shared by the levels; what they give is put in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.pyramid, self.smooth = Pyramid(), conv(10, 10)
        self.classes, self.boxes = nn.Conv2d(10, 2 * 3, 1), nn.Conv2d(10, 2 * 4, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        classes, boxes = [], []
        for level in self.pyramid(x):
            level = F.relu(self.smooth(level))
            classes.append(self.classes(level).permute(0, 2, 3, 1).reshape(len(x), -1, 3))
            boxes.append(self.boxes(level).permute(0, 2, 3, 1).reshape(len(x), -1, 4))
        return torch.cat(classes, 1), torch.cat(boxes, 1)


@network("retinanet with group norm", images(), groups=(8, 12, 16, 10, 4, 4))
class Retina(nn.Module):
    """Two towers over all levels, each with a GroupNorm of 4 groups of 2."""

    def __init__(self) -> None:
        super().__init__()
        self.pyramid = Pyramid()
        self.tower = nn.Sequential(conv(10, 8), nn.GroupNorm(4, 8), nn.ReLU())
        self.other = nn.Sequential(conv(10, 8), nn.GroupNorm(4, 8), nn.ReLU())
        self.classes, self.boxes = conv(8, 3), conv(8, 4)

    def forward(self, x: Tensor) -> dict[str, list[Tensor]]:
        levels = self.pyramid(x)
        return {
            "classes": [self.classes(self.tower(level)) for level in levels],
            "boxes": [F.relu(self.boxes(self.other(level))) for level in levels],
        }


@network("fcos with a scale per level", images(), groups=(8, 12, 16, 10, 8))
class FCOS(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pyramid, self.tower, self.out = Pyramid(), conv_bn(10, 8), conv(8, 4)
        self.scales = nn.ParameterList(nn.Parameter(torch.ones(1)) for _ in range(3))

    def forward(self, x: Tensor) -> list[Tensor]:
        levels = zip(self.pyramid(x), self.scales, strict=True)
        return [torch.exp(0.1 * self.out(self.tower(level)) * scale) for level, scale in levels]


@network("bifpn with learned shares", images(), groups=(8, 12, 8, 8))
class BiFPN(nn.Module):
    """Sums whose summands are weighed by numbers that are normalized."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv_bn(3, 8), conv_bn(8, 12, stride=2)
        self.side_a, self.side_b = conv(8, 8, 1), conv(12, 8, 1)
        self.mix, self.back, self.out = conv_bn(8, 8), conv_bn(8, 8), conv(8, 2)
        self.shares = nn.Parameter(torch.rand(2) + 0.1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        b = self.side_b(self.b(a))
        share = F.relu(self.shares)
        share = share / (share.sum() + 1e-4)
        mixed = self.mix(share[0] * self.side_a(a) + share[1] * F.interpolate(b, scale_factor=2.0))
        return self.out(self.back(F.max_pool2d(mixed, 2) + b))


class C2f(nn.Module):
    """YOLOv8's: a list that a chunk begins and every block appends to."""

    def __init__(self, i: int, o: int, blocks: int) -> None:
        super().__init__()
        half = o // 2
        self.cv1 = conv_bn(i, o, 1, act=nn.SiLU)
        self.m = nn.ModuleList([conv_bn(half, half, act=nn.SiLU) for _ in range(blocks)])
        self.cv2 = conv_bn((2 + blocks) * half, o, 1, act=nn.SiLU)

    def forward(self, x: Tensor) -> Tensor:
        y = list(self.cv1(x).chunk(2, 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class C2fSum(C2f):
    """With skips in its blocks."""

    def forward(self, x: Tensor) -> Tensor:
        y = list(self.cv1(x).chunk(2, 1))
        for m in self.m:
            y.append(y[-1] + m(y[-1]))
        return self.cv2(torch.cat(y, 1))


@network("yolo c2f", images(), groups=(8, 4, 4, 4, 8))
def c2f() -> nn.Module:
    return nn.Sequential(conv_bn(3, 8), C2f(8, 8, 2), nn.Conv2d(8, 5, 1))


@network("yolo c2f with skips", images(), groups=(8, 4, 8))
def c2f_sum() -> nn.Module:
    return nn.Sequential(conv_bn(3, 8), C2fSum(8, 8, 2), nn.Conv2d(8, 5, 1))


class C2fSplit(C2f):
    """The exporter's twin of it: split with sizes from an attribute."""

    def __init__(self) -> None:
        super().__init__(8, 8, 1)
        self.c = 4

    def forward(self, x: Tensor) -> Tensor:
        one, two = self.cv1(x).split((self.c, self.c), 1)
        return self.cv2(torch.cat([one, two, self.m[0](two)], 1))


@network("yolo c2f, split by an attribute", images(), groups=(8, 4, 4, 8))
def c2f_split() -> nn.Module:
    return nn.Sequential(conv_bn(3, 8), C2fSplit(), nn.Conv2d(8, 5, 1))


@network("yolo csp and fast pyramid pooling", images(), groups=(8, 6, 6, 8, 5, 6))
class CSP(nn.Module):
    """C3 with a skip inside, then SPPF: the same pooling three times."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.cv1, self.cv2 = conv_bn(3, 8), conv_bn(8, 6, 1), conv_bn(8, 6, 1)
        self.inner, self.cv3 = conv_bn(6, 6), conv_bn(12, 8, 1)
        self.reduce, self.expand, self.pool = (
            conv_bn(8, 5, 1),
            conv_bn(20, 6, 1),
            nn.MaxPool2d(3, 1, 1),
        )
        self.out = nn.Conv2d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        a = self.cv1(x)
        x = self.cv3(torch.cat((a + self.inner(a), self.cv2(x)), 1))
        x = self.reduce(x)
        y1 = self.pool(x)
        y2 = self.pool(y1)
        return self.out(self.expand(torch.cat([x, y1, y2, self.pool(y2)], 1)))


@network(
    "yolo focus and anchors", images(), groups=(8,), expect="part", why="channels at fixed places"
)
class Focus(nn.Module):
    """Pixels to channels by slices; the head's output is split into anchors, boxes by formula."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head, self.anchors = conv_bn(12, 8), nn.Conv2d(8, 2 * 6, 1), 2

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat(
            [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1
        )
        y = self.head(self.stem(x))
        b, _, h, w = y.shape
        y = y.view(b, self.anchors, 6, h, w).permute(0, 1, 3, 4, 2).contiguous().sigmoid()
        grid = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing="xy"), -1)
        where = (y[..., :2] * 2 - 0.5 + grid) * 8
        return torch.cat([where, (y[..., 2:4] * 2) ** 2, y[..., 4:]], -1).view(b, -1, 6)


@network("yolo's distribution of boxes", images(), groups=(8,), expect="part", why="softmax")
class Distribution(nn.Module):
    """Boxes as the mean of a softmax over bins, by a frozen convolution of a ramp."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = conv_bn(3, 8), nn.Conv2d(8, 4 * 5, 1)
        self.mean = nn.Conv2d(5, 1, 1, bias=False).requires_grad_(False)
        self.mean.weight.data[:] = torch.arange(5.0)[None, :, None, None]

    def forward(self, x: Tensor) -> Tensor:
        y = self.head(self.stem(x)).flatten(2)
        b, _, a = y.shape
        return self.mean(y.view(b, 4, 5, a).transpose(2, 1).softmax(1)).view(b, 4, a)


@network(
    "centernet", images(), groups=(8, 12, 8, 6, 6), onnx=False,
    expect="part", why="topk|known|position|single",
)  # fmt: skip
class CenterNet(nn.Module):
    """Peaks of a heat map choose positions; what is gathered there is an output."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.up = (
            conv_bn(3, 8),
            conv_bn(8, 12, stride=2),
            nn.ConvTranspose2d(12, 8, 2, 2),
        )
        self.heat, self.size = (
            nn.Sequential(conv_bn(8, 6), conv(6, 2, 1)),
            nn.Sequential(conv_bn(8, 6), conv(6, 2, 1)),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = F.relu(self.up(self.b(self.a(x))))
        heat = self.heat(x).sigmoid()
        heat = heat * (F.max_pool2d(heat, 3, 1, 1) == heat)
        score, where = heat.flatten(1).topk(3)
        where = where % (heat.shape[2] * heat.shape[3])
        size = self.size(x).flatten(2).gather(2, where[:, None].expand(-1, 2, -1))
        return score, size


@network("unet head of several tasks", images(), groups=(8, 8))
class Tasks(nn.Module):
    """A dictionary of outputs; one of them is a feature, whose channels stay."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body, self.feature = conv_bn(3, 8), conv_bn(8, 8), conv_bn(8, 5)
        self.depth, self.label = conv(5, 1), classifier(5)

    def forward(self, x: Tensor) -> dict[str, object]:
        x = self.feature(self.body(self.stem(x)))
        return {"feature": x, "depth": self.depth(x), "more": (self.label(x), [self.depth(x) * 2])}


@network("cbam", images(), groups=(4, 8), expect="part", why="mean|max", kept="exact")
class CBAM(nn.Module):
    """Attention over channels (mean and maximum over the plane), then over the plane."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.last, self.head = conv_bn(3, 8), conv_bn(8, 8), classifier(8)
        self.mlp = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8))
        self.plane = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        scale = torch.sigmoid(self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3))))
        x = x * scale[..., None, None]
        both = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True).values], 1)
        return self.head(self.last(x * torch.sigmoid(self.plane(both))))


@network(
    "eca: a convolution over channels",
    images(),
    groups=(8,),
    expect="part",
    why="convolution|position",
)
class ECA(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv = conv_bn(3, 8), nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.last, self.head = conv_bn(8, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.conv(x.mean((2, 3))[:, None])[:, 0]
        return self.head(self.last(x * torch.sigmoid(y)[..., None, None]))


@network("non-local block", images(), groups=(8, 5, 6, 8), columns=False)
class NonLocal(nn.Module):
    """Every pixel looks at every other; 5 channels to compare, 6 to bring."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.theta, self.phi = conv_bn(3, 8), conv(8, 5, 1), conv(8, 5, 1)
        self.g, self.w, self.last, self.head = (
            conv(8, 6, 1),
            conv(6, 8, 1),
            conv_bn(8, 8),
            classifier(8),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        theta, phi, g = (f(x).flatten(2) for f in (self.theta, self.phi, self.g))
        look = torch.bmm(theta.transpose(1, 2), phi).softmax(-1)
        y = torch.bmm(g, look.transpose(1, 2)).unflatten(2, x.shape[2:])
        return self.head(self.last(x + self.w(y)))


@network("global context block", images(), groups=(8, 8), expect="part", why="norm", kept="exact")
class GlobalContext(nn.Module):
    """One attention map for all, a bottleneck with a LayerNorm, added everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.map, self.a = conv_bn(3, 8), conv(8, 1, 1), nn.Conv2d(8, 4, 1)
        self.norm, self.b = nn.LayerNorm([4, 1, 1]), nn.Conv2d(4, 8, 1)
        self.last, self.head = conv_bn(8, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        share = self.map(x).flatten(2).softmax(-1)
        context = torch.einsum("bcn,bon->bco", x.flatten(2), share).unsqueeze(-1)
        x = x + self.b(F.relu(self.norm(self.a(context))))
        return self.head(self.last(x))


@network("coordinate attention", images(), groups=(8, 4, 8))
class Coordinate(nn.Module):
    """Means along rows and columns, together through one convolution, and apart again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.both = conv_bn(3, 8), conv_bn(8, 4, 1, act=nn.Hardswish)
        self.rows, self.columns = conv(4, 8, 1), conv(4, 8, 1)
        self.last, self.head = conv_bn(8, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        h, w = x.shape[2:]
        y = torch.cat([x.mean(3, keepdim=True), x.mean(2, keepdim=True).transpose(2, 3)], 2)
        rows, columns = self.both(y).split([h, w], dim=2)
        scale = self.rows(rows).sigmoid() * self.columns(columns.transpose(2, 3)).sigmoid()
        return self.head(self.last(x * scale))


@network(
    "spatial transformer", images(sizes=(8,)), groups=(8, 6, 5), onnx=False,
    expect="part", why="grid|position|affine|known|written",
)  # fmt: skip
class SpatialTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.locate, self.line = conv_bn(3, 6, stride=2), nn.Linear(6 * 16, 5)
        self.matrix = nn.Linear(5, 6)
        self.body, self.head = conv_bn(3, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        theta = self.matrix(F.relu(self.line(self.locate(x).flatten(1)))).view(-1, 2, 3)
        grid = F.affine_grid(theta, list(x.shape), align_corners=False)
        return self.head(self.body(F.grid_sample(x, grid, align_corners=False)))
