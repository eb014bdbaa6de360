"""What goes in and out of a network, and what it does beside: buffers, containers, precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils import checkpoint

from secateur.network.call import Call
from tests.networks.parts import classifier, conv, conv_bn
from tests.networks.registry import images, network

# inputs and outputs


def image_and_vector(batch: int, size: int, generator: torch.Generator) -> Call:
    """An image by position, a vector by keyword."""
    image = torch.randn((batch, 3, size, size), generator=generator)
    return Call((image,), {"vector": torch.randn((batch, 4), generator=generator)})


@network("two inputs", image_and_vector, sizes=(8, 12), groups=(8, 8, 6))
class TwoInputs(nn.Module):
    """One by keyword; conditions on what is there and on shapes; an assertion."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.bn, self.c = (
            conv(3, 8),
            nn.Linear(4, 8),
            nn.BatchNorm2d(8),
            conv(16, 6),
        )
        self.first, self.out = conv(8, 8), nn.Linear(6, 5)

    def forward(self, image: Tensor, vector: Tensor | None = None, flag: bool = True) -> Tensor:
        x = self.bn(input=self.a(image))
        if vector is not None:
            x = x + self.b(vector)[:, :, None, None]
        if x.shape[-1] > 4:
            x = F.max_pool2d(x, 2)
        assert x.shape[1] == self.bn.num_features
        y = self.first(x) if flag else x
        return self.out(F.relu(self.c(torch.cat([x, F.relu(y)], 1))).mean((2, 3)))


def nested(batch: int, size: int, generator: torch.Generator) -> Call:
    """A dictionary with a tuple inside."""
    a, b = (torch.randn((batch, 3, size, size), generator=generator) for _ in range(2))
    return Call(({"left": a, "rest": (b, None, "name")},))


@network("a dictionary as input", nested, sizes=(8, 12), groups=(8, 6), columns=False, onnx=False)
class Stereo(nn.Module):
    """A cost volume of shifts: products over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.out = nn.Sequential(conv_bn(3, 8), conv(8, 6)), conv(3, 1)

    def forward(self, pair: dict[str, Any]) -> Tensor:
        a, b = self.encode(pair["left"]), self.encode(pair["rest"][0])
        cost = [(a * torch.roll(b, k, 3)).sum(1) for k in range(3)]
        return self.out(torch.stack(cost, 1))


class Pair(NamedTuple):
    """What the next network returns."""

    score: Tensor
    note: str
    parts: tuple[Tensor, ...]


@network("named tuple with other things inside", images(), groups=(8, 6), onnx=False)
class Named(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head, self.map = (
            conv_bn(3, 8),
            conv_bn(8, 6),
            classifier(6),
            conv(6, 2),
        )

    def forward(self, x: Tensor) -> Pair:
        y = self.b(self.a(x))
        return Pair(self.head(y), f"{y.shape[-1]} wide", (self.map(y), torch.tensor(3)))


@dataclass
class Detections:
    """Not a thing that torch looks into."""

    boxes: Tensor
    scores: list[Tensor]


@network("data class as output", images(), groups=(8, 6), export=False, onnx=False)
class DataClass(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.boxes, self.scores = (
            conv_bn(3, 8),
            conv_bn(8, 6),
            conv(6, 4),
            conv(6, 2),
        )

    def forward(self, x: Tensor) -> Detections:
        y = self.b(self.a(x))
        return Detections(self.boxes(y), [self.scores(y).sigmoid()])


@network("an intermediate feature is an output", images(), groups=(8, 6))
class Features(nn.Module):
    """What stands between it and a layer does not matter: those channels stay."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.head = (
            conv_bn(3, 8),
            conv_bn(8, 5),
            conv_bn(5, 6),
            classifier(6),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.b(self.a(x))
        return self.head(self.c(y)), F.avg_pool2d(torch.tanh(y) * 2 + 1, 2)


@network("the shape of a feature is read", images(), groups=(8, 6), export=False, onnx=False)
class Shapes(nn.Module):
    """A size is no output: the layer is free."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 6), classifier(6)

    def forward(self, x: Tensor) -> tuple[Tensor, list[int]]:
        y = self.a(x)
        size = list(y.shape[2:])
        z = F.interpolate(self.b(y), size=[s // 2 for s in size])
        return self.head(z), size


# state and other machinery


@network("a buffer that forward changes", images(), groups=(8, 6))
class Counter(nn.Module):
    """A running mean of its own, kept even in evaluation; and a number that is counted up."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 6), classifier(6)
        self.register_buffer("scale", torch.ones(1))
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        self.scale.mul_(0.9)
        self.mean = 0.5 * self.mean + 0.5 * y.mean((0, 2, 3))
        return self.head(self.b((y - self.mean[:, None, None]) * self.scale))


@network("a constant buffer of the channels", images(), groups=(8, 6))
class Constant(nn.Module):
    """A buffer with a number per channel is cut like a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 6), classifier(6)
        self.register_buffer("shift", torch.linspace(-1, 1, 8)[None, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x) + self.shift))


@network("input normalized by buffers", images(), groups=(8,))
class Normalized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.a, self.head = conv_bn(3, 8), classifier(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.a((x - self.mean) / 0.25))


class Swish(torch.autograd.Function):
    """An activation with a derivative of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return grads[0] * (s + x * s * (1 - s))


@network("an own autograd function", images(), groups=(8, 6))
class OwnFunction(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv(8, 6), classifier(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(Swish.apply(self.b(Swish.apply(self.a(x)))))


@network("checkpointed", images(), groups=(8, 6))
class Checkpointed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 6), classifier(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(checkpoint.checkpoint(self.b, self.a(x), use_reentrant=False))


@network("modules in containers", images(), groups=(8, 6, 5))
class Containers(nn.Module):
    """A dictionary of modules, an index from the end, a loop over children."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(
            {"stem": conv_bn(3, 8), "body": nn.Sequential(conv_bn(8, 6), conv_bn(6, 5))}
        )
        self.heads = nn.ModuleList([nn.Linear(5, 2), nn.Linear(5, 3)])

    def forward(self, x: Tensor) -> list[Tensor]:
        x = self.parts["stem"](x)
        for child in self.parts["body"].children():
            x = child(x)
        x = x.mean((2, 3))
        return [head(x) for head in self.heads]


class Wrapped(nn.Module):
    """A convolution inside a class that passes attributes on."""

    def __init__(self, inner: nn.Conv2d) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor, **options: Any) -> Tensor:
        y = self.inner(x)
        return y * 2 if options.get("double") else y


@network("subclasses and wrappers", images(), groups=(8, 6, 5))
class Subclasses(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        class Scaled(nn.Conv2d):
            def forward(self, x: Tensor) -> Tensor:
                return super().forward(x) * 0.5

        self.a, self.b = Scaled(3, 8, 3), Wrapped(conv(8, 6))
        self.c, self.head = nn.Sequential(Wrapped(conv(6, 5)), nn.ReLU()), classifier(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.c(F.relu(self.b(F.relu(self.a(x)), double=True))))


@network("double precision", images(), groups=(8, 6), onnx=False)
class Double(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 6), classifier(6)
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x.double())))


@network("channels last in memory", images(), groups=(8, 6))
class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 6), classifier(6)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.b(self.a(x.contiguous(memory_format=torch.channels_last))))


@network("a branch that nobody reads", images(), groups=(8, 6))
class Unread(nn.Module):
    """Computed and thrown away; its convolution can go as its input does."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = conv_bn(3, 8), conv_bn(8, 6), classifier(6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        _ = x.detach().abs().max()
        return self.head(self.b(x))
