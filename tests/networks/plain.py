"""Chains: VGG and older, AlexNet, LeNet, SqueezeNet, Inception, NiN."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import classifier, conv, conv_bn
from tests.networks.registry import images, network


def features() -> nn.Sequential:
    return nn.Sequential(
        conv_bn(3, 8), nn.MaxPool2d(2), conv_bn(8, 12), conv_bn(12, 12), nn.MaxPool2d(2)
    )


@network("vgg with flatten", images(sizes=(8,)), groups=(8, 12, 12, 16))
def vgg() -> nn.Module:
    return nn.Sequential(
        features(), nn.Flatten(), nn.Linear(12 * 4, 16), nn.ReLU(), nn.Dropout(), nn.Linear(16, 4)
    )


class View(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = features()
        self.classifier = nn.Sequential(nn.Linear(12 * 4, 16), nn.ReLU(), nn.Linear(16, 4))


@network("vgg with view", images(sizes=(8,)), groups=(8, 12, 12, 16))
class ViewOfSize(View):
    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.classifier(x.view(x.size(0), -1))


@network("vgg with reshape and start", images(sizes=(8,)), groups=(8, 12, 12, 16))
class Reshape(View):
    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(torch.flatten(self.features(x), start_dim=1))


@network("vgg with the product of the shape", images(sizes=(8,)), groups=(8, 12, 12, 16))
class Product(View):
    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.classifier(x.reshape(x.shape[0], x.shape[1:].numel()))


@network("vgg with the number of features", images(sizes=(8,)), groups=(8, 12, 12, 16))
class Counted(View):
    """The oldest tutorial's ``num_flat_features``."""

    def number(self, x: Tensor) -> int:
        number = 1
        for size in x.size()[1:]:
            number *= size
        return number

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)
        return self.classifier(x.view(-1, self.number(x)))


@network(
    "vgg with a literal in view", images(sizes=(8,)), groups=(8, 12, 16),
    expect="part", why="shape|view|written|literal|size|multiplied",
)  # fmt: skip
class Literal(View):
    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).view(-1, 12 * 2 * 2))


@network("view with an attribute", images(), groups=(8, 16))
class Attribute(nn.Module):
    """The size of the view is the network's own attribute: it is set anew."""

    def __init__(self) -> None:
        super().__init__()
        self.dim = 16
        self.a, self.b, self.out = conv_bn(3, 8), conv_bn(8, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.b(self.a(x)).view(x.shape[0], self.dim, -1).mean(2))


@network(
    "view with 16 written in it", images(), groups=(8,),
    expect="part", why="shape|view|written|literal|size",
)  # fmt: skip
class Sixteen(Attribute):
    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.b(self.a(x)).view(x.shape[0], 16, -1).mean(2))


@network("lenet", images(1, sizes=(16,)), groups=(6, 8, 12, 10))
class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 8, 5)
        self.c, self.d, self.e = nn.Linear(8 * 4, 12), nn.Linear(12, 10), nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.tanh(self.a(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.b(x)), 2)
        return self.e(torch.tanh(self.d(torch.tanh(self.c(x.flatten(1))))))


@network(
    "alexnet with adaptive pooling", images(sizes=(16, 20)), groups=(8, 12, 10, 16), onnx=False
)
def alexnet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 5, 2, 2), nn.ReLU(True), nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 12, 3, 1, 1), nn.ReLU(True), nn.Conv2d(12, 10, 3, 1, 1), nn.ReLU(True),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(40, 16), nn.ReLU(True),
        nn.Linear(16, 4),
    )  # fmt: skip


@network("nin, global mean of the last convolution", images(), groups=(8, 8))
def nin() -> nn.Module:
    """What is averaged is the output itself."""
    return nn.Sequential(
        conv_bn(3, 8), conv_bn(8, 8, 1), nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


@network("squeezenet", images(sizes=(8, 13)), groups=(8, 4, 6, 6))
class Fire(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.squeeze = conv_bn(3, 8), conv(8, 4, 1)
        self.one, self.three = conv(4, 6, 1), conv(4, 6, 3)
        self.pool, self.out = nn.MaxPool2d(3, 2, ceil_mode=True), classifier(12)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(self.stem(x)))
        x = torch.cat([F.relu(self.one(x)), F.relu(self.three(x))], 1)
        return self.out(self.pool(x))


@network("inception", images(), groups=(8, 4, 4, 6, 4, 4, 4, 5))
class Inception(nn.Module):
    """Four branches, one with a pooling first."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a = conv_bn(3, 8), conv_bn(8, 4, 1)
        self.b = nn.Sequential(conv_bn(8, 4, 1), conv_bn(4, 6))
        self.c = nn.Sequential(conv_bn(8, 4, 1), conv_bn(4, 4), conv_bn(4, 4))
        self.d = nn.Sequential(nn.AvgPool2d(3, 1, 1), conv_bn(8, 5, 1))
        self.out = classifier(19)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.out(torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], 1))


@network("maxpool and strided convolution side by side", images(), groups=(8, 6))
class Reduction(nn.Module):
    """Inception's reduction: the input itself is part of what comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.out = conv_bn(3, 8), conv_bn(8, 6, stride=2), classifier(14)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.out(torch.cat([F.max_pool2d(x, 3, 2, 1), self.a(x)], 1))


@network("factorized by hand", images(), groups=(8, 3, 6))
def factorized() -> nn.Module:
    """A convolution as two of low rank."""
    return nn.Sequential(
        conv_bn(3, 8), nn.Conv2d(8, 3, (3, 1), padding=(1, 0), bias=False),
        nn.Conv2d(3, 6, (1, 3), padding=(0, 1)), nn.ReLU(), classifier(6),
    )  # fmt: skip


@network("image to image without a head", images(), groups=(8, 8))
def denoiser() -> nn.Module:
    """DnCNN: the last convolution makes the output."""
    return nn.Sequential(conv_bn(3, 8), conv_bn(8, 8), conv(8, 3))


@network("one convolution", images(), expect="refused", why="output")
def alone() -> nn.Module:
    return conv(3, 4)


@network("activation, norm and pooling behind the output layer", images(), groups=(8,))
def behind() -> nn.Module:
    """All of it is made of the last convolution's channels, which stay."""
    return nn.Sequential(
        conv_bn(3, 8), conv(8, 4), nn.BatchNorm2d(4), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.PReLU(4), nn.Flatten(2),
    )  # fmt: skip
