"""How people write forward: functions and own parameters, keywords, aliases, modules used again."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import classifier, conv, conv_bn
from tests.networks.registry import images, network, vectors


@network("convolutions by function", images(), groups=(8, 6), columns=False)
class Functions(nn.Module):
    """Parameters of the network's own, scales and shifts of several shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.v = (
            nn.Parameter(torch.randn(8, 3, 3, 3) * 0.3),
            nn.Parameter(torch.randn(6, 8, 3, 3) * 0.2),
        )
        self.scale, self.shift = (
            nn.Parameter(torch.rand(8, 1, 1)),
            nn.Parameter(torch.randn(1, 6, 1, 1)),
        )
        self.line, self.offset = nn.Parameter(torch.randn(4, 6)), nn.Parameter(torch.randn(4))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(x, self.w, padding=1)) * self.scale
        x = F.relu(F.conv2d(x, self.v) + self.shift)
        return F.linear(x.mean((-1, -2)), self.line, self.offset)


@network("parameters in a dictionary", images(), groups=(8, 6), columns=False)
class Weights(nn.Module):
    """As in meta learning: forward takes its weights from a ParameterDict by name."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(
            {
                "a": torch.randn(8, 3, 3, 3) * 0.3,
                "a_bias": torch.randn(8),
                "b": torch.randn(6, 8, 3, 3) * 0.2,
                "b_bias": torch.randn(6),
                "norm": torch.rand(6) + 0.5,
                "norm_bias": torch.randn(6),
                "line": torch.randn(4, 6),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        w = self.weights
        x = F.relu(F.conv2d(x, w["a"], w["a_bias"]))
        x = F.conv2d(x, w["b"], w["b_bias"])
        x = F.batch_norm(x, None, None, w["norm"], w["norm_bias"], training=True)
        return F.relu(x).mean((2, 3)) @ w["line"].t()


@network("matrices by hand", vectors(), groups=(12, 8), columns=False)
class Matrices(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (
            nn.Parameter(torch.randn(s) * 0.4) for s in ((6, 12), (12, 8), (8, 3))
        )
        self.bias = nn.Parameter(torch.randn(12))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(torch.addmm(self.bias, x, self.a))
        return torch.tanh(torch.mm(x, self.b)).matmul(self.c)


@network("called with keywords", images(), groups=(8, 6, 5))
class Keywords(nn.Module):
    """``self.bn(input=h)``, ``F.conv2d(input=…)``, ``torch.cat(tensors=…)``."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.bn, self.act, self.b = conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(), conv(8, 6)
        self.c, self.head = conv(8, 5), classifier(11)

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(input=x)
        h = self.bn(input=h)
        h = self.act(input=h)
        one = F.relu(input=self.b(input=h), inplace=False)
        two = F.conv2d(input=h, weight=self.c.weight, bias=self.c.bias, padding=1)
        return self.head(input=torch.cat(tensors=[one, two], dim=1))


@network("in place on what is read elsewhere", images(), groups=(8, 8))
class Alias(nn.Module):
    """``a += y``, where another name of ``a`` is read behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.out = conv_bn(3, 8), conv_bn(8, 8), conv_bn(16, 8), conv(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        skip, y = a, self.b(a)
        a += y
        return self.out(self.c(torch.cat([a, skip], 1)))


@network("in place on a view", images(), groups=(8, 6))
class AliasView(nn.Module):
    """A part of the plane is changed through a view of it."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = conv_bn(3, 8), conv_bn(8, 6), conv(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        y[:, :, 1:-1].mul_(0.5)
        y.transpose(2, 3)[..., 0].add_(1.0)
        return self.out(self.b(y))


@network("a border set to zero", images(), groups=(8, 6))
class Border(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = conv_bn(3, 8), conv_bn(8, 6), conv(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        y[..., 0] = 0
        y[:, :, -1, :] = y[:, :, 0, :]
        return self.out(self.b(y))


@network("a module used twice", images(), groups=(8,))
class Twice(nn.Module):
    """Convolution and norm are used twice: what they make is one set of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv, self.bn, self.head = (
            conv_bn(3, 8),
            conv(8, 8),
            nn.BatchNorm2d(8),
            classifier(8),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = F.relu(self.bn(self.conv(x)))
        return self.head(F.relu(self.bn(self.conv(x))))


@network("one convolution for two images", images(6), groups=(8, 6))
class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(conv_bn(3, 8), conv_bn(8, 6)), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        one, two = (self.body(part).mean((2, 3)) for part in x.chunk(2, 1))
        return self.head((one - two).abs())


@network("one batch norm for two convolutions", images(), groups=(8,))
class SharedNorm(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn, self.out = conv(3, 8), conv(3, 8), nn.BatchNorm2d(8), conv(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.bn(self.a(x)) * torch.sigmoid(self.bn(self.b(x))))


@network("one batch norm in two places", images(), groups=(8,))
class NormTwice(nn.Module):
    """Behind each of two convolutions in a row: their channels are one by the norm alone."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn, self.head = (
            conv(3, 8),
            conv(8, 8),
            nn.BatchNorm2d(8),
            classifier(8),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.relu(self.bn(self.b(F.relu(self.bn(self.a(x)))))))


@network("one instance norm in two places", images(), groups=(8,))
class InstanceTwice(NormTwice):
    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.InstanceNorm2d(8, affine=True)


@network("one instance norm without scale in two places", images(), groups=(8,))
class InstanceTwicePlain(NormTwice):
    """It has no weights to share, but one ``num_features`` that torch holds inputs against."""

    def __init__(self) -> None:
        super().__init__()
        self.bn = nn.InstanceNorm2d(8)


@network("one weight in two convolutions", images(), groups=(8, 8))
class SharedWeight(nn.Module):
    """The same Parameter object under two names; biases apart."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b, self.out = conv_bn(3, 8), conv(8, 8), conv(8, 8), conv(8, 3)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.out(F.relu(self.a(x)) * torch.sigmoid(self.b(x.flip(3))))


@network("autoencoder with tied weights", vectors(12), groups=(8, 6), columns=False)
class TiedAutoencoder(nn.Module):
    """The decoder is the encoder's transpose: ``F.linear(z, weight.t())``."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(12, 8), nn.Linear(8, 6)
        self.back, self.out = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(12))

    def forward(self, x: Tensor) -> Tensor:
        z = F.relu(self.b(F.relu(self.a(x))))
        z = F.relu(F.linear(z, self.b.weight.t(), self.back))
        return F.linear(z, self.a.weight.t(), self.out)


@network("convolutional autoencoder with tied weights", images(), groups=(8, 6), columns=False)
class TiedConvolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 6, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        z = F.relu(self.b(F.relu(self.a(x))))
        y = F.relu(F.conv_transpose2d(z, self.b.weight, stride=2))
        return F.conv_transpose2d(y, self.a.weight, padding=1)


@network("variational autoencoder", vectors(10), groups=(12, 8))
class Variational(nn.Module):
    """Mean and deviation are outputs as well; noise in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.mean, self.spread = nn.Linear(10, 12), nn.Linear(12, 4), nn.Linear(12, 4)
        self.b, self.out = nn.Linear(4, 8), nn.Linear(8, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = torch.relu(self.a(x))
        mean, spread = self.mean(h), self.spread(h)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * spread) if self.training else mean
        return torch.sigmoid(self.out(torch.relu(self.b(z)))), mean, spread


@network("decoder from a vector", vectors(6), groups=(8, 6, 4))
class Decoder(nn.Module):
    """Linear, unflattened to (8, 4, 4), transposed, a shuffle of pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Sequential(nn.Linear(6, 128), nn.ReLU(), nn.Unflatten(1, (8, 4, 4)))
        self.up, self.wide, self.out = nn.ConvTranspose2d(8, 6, 4, 2, 1), conv(6, 16), conv(4, 3)

    def forward(self, z: Tensor) -> Tensor:
        x = F.relu(self.wide(F.relu(self.up(self.line(z)))))
        return self.out(F.pixel_shuffle(x, 2))


@network("decoder, view with minus one", vectors(6), groups=(8, 6))
class DecoderView(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line, self.up, self.out = nn.Linear(6, 32), nn.ConvTranspose2d(8, 6, 2, 2), conv(6, 3)

    def forward(self, z: Tensor) -> Tensor:
        return self.out(F.relu(self.up(F.relu(self.line(z)).view(-1, self.up.in_channels, 2, 2))))


@network("feature-wise modulation by a second network", images(), groups=(8, 8, 5, 6))
class FiLM(nn.Module):
    """Scale and shift of every channel from one linear layer of twice the width."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn = conv_bn(3, 8), conv(8, 8), nn.BatchNorm2d(8, affine=False)
        self.condition = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 16))
        self.c, self.head = conv_bn(8, 6), classifier(6)

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.condition(x.mean((2, 3))).chunk(2, dim=1)
        y = self.bn(self.b(self.a(x)))
        y = y * (1 + scale[:, :, None, None]) + shift[:, :, None, None]
        return self.head(self.c(F.relu(y)))
