"""Blocks that random networks are made of: each a module with attributes of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Residual(nn.Module):
    """x plus a bottleneck; in place if asked for."""

    def __init__(self, c: int, inner: int, in_place: bool) -> None:
        super().__init__()
        self.a, self.norm = nn.Conv2d(c, inner, 1), nn.BatchNorm2d(inner)
        self.b, self.in_place = nn.Conv2d(inner, c, 3, padding=1), in_place

    def forward(self, x: Tensor) -> Tensor:
        y = self.b(F.relu(self.norm(self.a(x))))
        if self.in_place:
            y += x
            return F.relu_(y)
        return F.relu(y + x)


class Alias(nn.Module):
    """One tensor under two names, changed in place."""

    def __init__(self, c: int, o: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(c, o, 1), nn.Conv2d(c, o, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        other = y
        y += torch.tanh(self.b(x))
        return torch.cat([other, y.sigmoid()], 1)


class Excite(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(c, 3, 1), nn.Conv2d(3, c, 1)

    def forward(self, x: Tensor, of: Tensor | None = None) -> Tensor:
        y = (x if of is None else of).mean((2, 3), keepdim=True)
        return x * torch.sigmoid(self.b(F.relu(self.a(y))))


class Scale(nn.Module):
    """A parameter, or a buffer, with a number for every channel."""

    def __init__(self, c: int, buffer: bool, shift: bool) -> None:
        super().__init__()
        value, self.shift = torch.rand(c, 1, 1) + 0.5, shift
        if buffer:
            self.register_buffer("value", value)
        else:
            self.value = nn.Parameter(value)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.value if self.shift else x * self.value


class Shuffle(nn.Module):
    """Channels as groups times members, exchanged; sizes from the tensor's shape."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        x = x.reshape(b, self.groups, c // self.groups, h, w)
        return x.transpose(1, 2).reshape(b, c, h, w)


class Rearranged(nn.Module):
    """Parts of a tensor in another order, multiplied, added or gated."""

    def __init__(self, parts: int, how: str) -> None:
        super().__init__()
        self.parts, self.how = parts, how

    def forward(self, x: Tensor) -> Tensor:
        parts = list(x.chunk(self.parts, dim=1))
        if self.how == "turn":
            return torch.cat(parts[1:] + parts[:1], 1)
        if self.how == "sum":
            return sum(parts[1:], parts[0])
        return parts[0] * torch.sigmoid(parts[-1])


class Shortcut(nn.Module):
    """Channels of zeros on both sides, as many as an attribute says."""

    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, (0, 0, 0, 0, self.more, self.more))


class Last(nn.Module):
    """A module that wants channels behind: linear, layer norm, both."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def forward(self, x: Tensor) -> Tensor:
        return self.inside(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ByFunction(nn.Module):
    """A convolution with a weight of its own, called with keywords."""

    def __init__(self, c: int, o: int) -> None:
        super().__init__()
        self.w, self.bias = (
            nn.Parameter(torch.randn(o, c, 1, 1) * 0.4),
            nn.Parameter(torch.randn(o)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(F.conv2d(input=x, weight=self.w, bias=self.bias))


class Pixels(nn.Module):
    """Attention of pixels to pixels with heads from attributes, added to what came."""

    def __init__(self, c: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads, self.inner = heads, heads * width
        self.qkv, self.proj = nn.Linear(c, 3 * heads * width), nn.Linear(heads * width, c)

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        y = x.flatten(2).transpose(1, 2)
        q, k, v = (
            t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.qkv(y).chunk(3, -1)
        )
        y = F.scaled_dot_product_attention(q, k, v, scale=0.5)
        y = self.proj(y.transpose(1, 2).flatten(2))
        return x + y.transpose(1, 2).unflatten(2, (h, w))


class Torch(nn.Module):
    """``nn.MultiheadAttention`` over pixels."""

    def __init__(self, c: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(c, heads, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = x.flatten(2).transpose(1, 2)
        y = self.attention(y, y, y)[0]
        return y.transpose(1, 2).unflatten(2, x.shape[2:])


class Columns(nn.Module):
    """A recurrent network along the rows of an image."""

    def __init__(self, c: int, hidden: int, kind: type[nn.RNNBase], both: bool) -> None:
        super().__init__()
        self.cells = kind(c, hidden, batch_first=True, bidirectional=both)

    def forward(self, x: Tensor) -> Tensor:
        y = self.cells(x.mean(2).transpose(1, 2))[0].transpose(1, 2)
        return y[:, :, None].expand(-1, -1, x.shape[2], -1)


class Again(nn.Module):
    """The same convolution and norm, several times."""

    def __init__(self, c: int, times: int) -> None:
        super().__init__()
        self.conv, self.norm, self.times = nn.Conv2d(c, c, 1), nn.BatchNorm2d(c), times

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.times):
            x = F.leaky_relu(self.norm(input=self.conv(x)), 0.1)
        return x


class Border(nn.Module):
    """A frame written in place; a view changed."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        x[:, :, 0] = 0.3
        x[..., -1].mul_(0.5)
        return x


class Small(nn.Module):
    """Pooled, something, resized to what it was."""

    def __init__(self, inside: nn.Module, pool: nn.Module, mode: str) -> None:
        super().__init__()
        self.inside, self.pool, self.mode = inside, pool, mode

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.inside(self.pool(x)), size=x.shape[2:], mode=self.mode)


class Unpooled(nn.Module):
    """Something put back where the maxima were.

    A slope over the plane decides where values are equal, up to how they are rounded.
    """

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        slope = torch.arange(x.shape[2] * x.shape[3]).view(x.shape[2:]) * 0.01
        y, where = F.max_pool2d(x + slope, 2, return_indices=True)
        return F.max_unpool2d(self.conv(y), where, 2, output_size=x.shape[2:])


class Deep(nn.Module):
    """Pixels to channels and back to the plane's size."""

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(F.pixel_unshuffle(x, 2), scale_factor=2.0)


class Wide(nn.Module):
    """Channels to pixels, pooled to the size it was."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(F.pixel_shuffle(x, 2), 2)


class Flat(nn.Module):
    """Flattened through a linear layer, and an image again: one image size only."""

    def __init__(self, c: int, o: int, side: int) -> None:
        super().__init__()
        self.line, self.channels, self.side = nn.Linear(c * 4, o * 4), o, side
        self.norm = nn.BatchNorm1d(o * 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.line(F.adaptive_avg_pool2d(x, 2).flatten(1)))
        return F.interpolate(y.view(len(y), self.channels, 2, 2), size=(self.side, self.side))


class Counter(nn.Module):
    """A buffer that every pass changes."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(c))

    def forward(self, x: Tensor) -> Tensor:
        self.mean.mul_(0.9).add_(x.detach().mean((0, 2, 3)), alpha=0.1)
        return x - self.mean[:, None, None]


class First(nn.Module):
    """A part by an attribute goes through a convolution, the rest passes."""

    def __init__(self, part: int) -> None:
        super().__init__()
        self.part, self.conv = part, nn.Conv2d(part, part, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x[:, : self.part]), x[:, self.part :]], 1)


# what cannot shrink, and must be said


class Literal(nn.Module):
    """A width that is written in the code."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.code = f"x.reshape(len(x), {c}, -1).unflatten(2, x.shape[2:])"

    def forward(self, x: Tensor) -> Any:
        return eval(self.code, {"x": x, "len": len})


class Turn(nn.Module):
    """Channels moved by a number."""

    def forward(self, x: Tensor) -> Tensor:
        return x.roll(1, 1)


class Mean(nn.Module):
    """The mean over channels, by hand."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.sum(1, keepdim=True) / x.shape[1]


class Soft(nn.Module):
    """A softmax over channels."""

    def forward(self, x: Tensor) -> Tensor:
        return x.softmax(1) * 3


class Unit(nn.Module):
    """Divided by its length over channels."""

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1) * 2
