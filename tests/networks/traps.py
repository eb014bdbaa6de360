"""Where a pruner is silently wrong: data, chance, sizes in the code, training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import classifier, conv, conv_bn
from tests.networks.registry import images, network, vectors


class Chain(nn.Module):
    """Two convolutions and a classifier; the traps change what is between."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 8), classifier(8)


@network(
    "if on the data",
    images(),
    expect="refused",
    why="values of its input",
    export=False,
    onnx=False,
)
class DataIf(Chain):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.head(self.b(x) if x.sum() > 0 else x)


@network(
    "while on the data",
    images(),
    expect="refused",
    why="values of its input",
    export=False,
    onnx=False,
)
class DataWhile(Chain):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        while x.abs().max().item() > 1.0:
            x = x * 0.5
        return self.head(self.b(x))


@network(
    "positions where something is",
    images(),
    expect="refused",
    why="values of its input",
    export=False,
    onnx=False,
)
class NonZero(Chain):
    def forward(self, x: Tensor) -> Tensor:
        x = self.b(self.a(x))
        where = (x.mean(1) > x.mean()).nonzero()
        return self.head(x) + len(where)


@network("chance in evaluation", images(), expect="refused", why="random", onnx=False)
class Chance(Chain):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.head(self.b(x + torch.randn_like(x)))


@network("dropout that never sleeps", images(), expect="refused", why="random", onnx=False)
class AlwaysDropout(Chain):
    """Monte Carlo dropout."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(F.dropout(self.a(x), 0.5, training=True)))


@network(
    "mean by hand over channels",
    images(),
    groups=(8,),
    expect="part",
    why="mask|differ|mean|written",
)
class MeanByHand(Chain):
    """The sum over channels, divided by how many there are."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        x = x / x.sum(1, keepdim=True).div(x.shape[1]).add(1)
        return self.head(self.b(x))


@network("mean by hand with a literal", images(), groups=(8, 8), columns=False)
class MeanLiteral(Chain):
    """Divided by 8, whatever comes: zeros count, so leaving out is exact."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.head(self.b(x / (x.sum(1, keepdim=True) / 8 + 1)))


@network(
    "standard deviation over channels",
    images(),
    groups=(8,),
    expect="part",
    why="std|var|mean",
    kept="exact",
)
class Deviation(Chain):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.head(self.b(x / (x.std(1, keepdim=True) + 1)))


@network(
    "scaled by the root of the width",
    images(),
    groups=(8,),
    expect="part",
    why="mask|differ|written|size",
)
class Root(Chain):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.head(self.b(x * x.shape[1] ** -0.5))


@network("scaled by the root of an attribute", images(), groups=(8, 8))
class RootAttribute(Chain):
    """A number that is kept in the network is not touched by the cut."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = 8**-0.5

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x) * self.scale))


@network(
    "dot product with its default scale",
    vectors(),
    expect="part",
    why="mask|differ|scale|written|size",
    onnx=False,
)
class DefaultScale(nn.Module):
    """Attention divides by the root of the width of q and k; v is free."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.out = (nn.Linear(6, o) for o in (8, 8, 7, 3))
        self.out = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.stack([x, x * 0.5, x.flip(1)], 1)
        return self.out(F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x)))


@network("a weight's length as a factor", images(), groups=(8, 8), columns=False)
class WeightLength(Chain):
    """A sum over its rows: those of a channel that goes are zero there as well."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x) * self.a[0].weight.norm()))


@network("first 4 by an attribute", images())
class FirstFour(Chain):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.c = 4, conv(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        y = torch.cat([self.c(x[:, : self.first]), x[:, self.first :]], 1)
        return self.head(self.b(y))


@network(
    "slices written into a new tensor",
    images(),
    expect="part",
    why="slice|index|position|fixed|copy|write",
)
class Slices(nn.Module):
    """``out[:, :8] = …`` with the numbers in the code."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (
            conv_bn(3, 16),
            conv_bn(8, 8),
            conv_bn(8, 8),
            conv_bn(16, 6),
        )
        self.out = conv(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        out = x.new_zeros(x.shape[0], 16, *x.shape[2:])
        out[:, :8] = self.b(x[:, :8])
        out[:, 8:] = self.c(x[:, 8:])
        return self.out(self.d(out))


@network(
    "split by literals", images(), expect="part", why="split|slice|index|position|fixed|written"
)
class Split(Chain):
    def forward(self, x: Tensor) -> Tensor:
        one, two = torch.split(self.a(x), [3, 5], dim=1)
        return self.head(self.b(torch.cat([two, one], 1)))


@network(
    "split by one number",
    images(),
    groups=(8,),
    expect="part",
    why="split|slice|index|position|fixed|written",
)
class SplitNumber(Chain):
    def forward(self, x: Tensor) -> Tensor:
        one, two = self.a(x).split(4, 1)
        return self.head(self.b(torch.cat([two, one], 1)))


@network("sum of two maps, one for each half", images(), groups=(4,), columns=False)
class Overlap(Chain):
    """A chunk is added to channels of another layer: ties go round a corner."""

    def __init__(self) -> None:
        super().__init__()
        self.c, self.b = conv_bn(3, 4), conv_bn(4, 8)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        one, two = y.chunk(2, 1)
        return self.head(self.b(one + self.c(x)) + y) + two.sum((1, 2, 3))[:, None]


@network("a sum with its channels in reverse", images(), groups=(4, 8))
class Reversed(Chain):
    """x and x with its channels in reverse, added: k goes with 7 - k."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.head(self.b(x + x.flip(1)))


@network("a sum with its halves exchanged", images(), groups=(4, 8))
class Turned(Chain):
    """k goes with k + 4, and with k - 4."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        one, two = x.chunk(2, 1)
        return self.head(self.b(x + torch.cat([two, one], 1)))


@network("a head for training only", images(), groups=(8, 8), expect="part", why="not reached")
class Auxiliary(Chain):
    """It is not seen in evaluation, and reads channels that go."""

    def __init__(self) -> None:
        super().__init__()
        self.extra = nn.Conv2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.a(x)
        y = self.head(self.b(x))
        return (y, self.extra(x).mean((2, 3))) if self.training else y


@network("a layer that is never used", images(), groups=(8, 8), expect="part", why="not reached")
class Unused(Chain):
    def __init__(self) -> None:
        super().__init__()
        self.forgotten = conv(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x)))


@network("frozen layers", images(), groups=(8, 8))
class Frozen(Chain):
    """Without gradients, and in evaluation mode whatever ``train`` says."""

    def __init__(self) -> None:
        super().__init__()
        self.a.requires_grad_(False)

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.a.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x)))


@network("no_grad and inference inside", images(), groups=(8, 8))
class NoGrad(Chain):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.a(x)
        return self.head(self.b(x))


@network(
    "channel counts checked by the code",
    images(),
    groups=(8,),
    expect="part",
    why="written|assert|size|shape|raise",
)
class Asserts(Chain):
    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        assert x.shape[1] == 8, "eight channels"
        return self.head(self.b(x))


@network(
    "a different way for narrow tensors",
    images(),
    groups=(8,),
    expect="part",
    why="mask|differ|written|size",
)
class ByWidth(Chain):
    """An if on the number of channels takes another way when they are fewer."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        if x.shape[1] >= 8:
            x = torch.tanh(x) + 0.3
        return self.head(self.b(x))


@network("input channels in the output", images(), groups=(8,))
class WithInput(nn.Module):
    """The input is concatenated to features, and is part of the output."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv_bn(3, 8), conv(11, 2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.b(torch.cat([x, self.a(x)], 1))], 1)


@network(
    "feature added to the input's own channels", images(), groups=(8,), expect="part",
    why="add with a tensor of fixed size",
)  # fmt: skip
class InputSum(nn.Module):
    """What is added to the input has as many channels as the input, always."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = conv_bn(3, 8), conv(8, 3), conv(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.c(F.relu(x + self.b(self.a(x))))


@network("broadcast over channels", images(), groups=(8, 8))
class Broadcast(Chain):
    """One map for all channels, and one number for all of a channel."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.gain = conv(8, 1), nn.Parameter(torch.rand(1, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        return self.head(self.b(x * torch.sigmoid(self.map(x)) * self.gain))


@network("one channel only", images(), groups=(8,))
class OneChannel(nn.Module):
    """A layer of one channel has nothing to give."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = conv_bn(3, 1), conv_bn(1, 8), conv_bn(8, 1), conv(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.d(self.c(self.b(self.a(x))))
