"""Every operation alone: a convolution, the operation, a convolution, a classifier.

The convolution in front has 8 channels, the one behind 6 unless told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.parts import Between
from tests.networks.registry import images, network

Middle = Callable[[], nn.Module | Callable[[Tensor], Tensor]]


def between(name: str, middle: Middle, wide: int = 8, out: int | None = None, **about: Any) -> None:
    """Register one; both groups are free unless told."""
    if about.get("expect", "exact") == "exact":
        about.setdefault("groups", (wide, 6))
    elif about["expect"] == "part":
        about.setdefault("groups", (6,))

    def make() -> nn.Module:
        return Between(middle(), wide, out)

    make.__module__ = __name__
    network(name, about.pop("inputs", images()), **about)(make)


def plain(function: Callable[..., Tensor], *args: Any, **options: Any) -> Middle:
    """A function of the tensor alone."""
    return lambda: lambda x: function(x, *args, **options)


# what acts on every element by itself
POINTWISE: dict[str, Middle] = {
    "relu": nn.ReLU,
    "relu, in place": lambda: nn.ReLU(inplace=True),
    "relu6": nn.ReLU6,
    "leaky relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "celu": nn.CELU,
    "gelu": nn.GELU,
    "gelu, tanh": lambda: nn.GELU("tanh"),
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "hardswish": nn.Hardswish,
    "hardsigmoid": nn.Hardsigmoid,
    "hardtanh": nn.Hardtanh,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
    "softsign": nn.Softsign,
    "logsigmoid": nn.LogSigmoid,
    "threshold": lambda: nn.Threshold(0.1, 0.2),
    "shrink": lambda: nn.Hardshrink(0.2),
    "prelu with one slope": nn.PReLU,
    "prelu with a slope per channel": lambda: nn.PReLU(8),
    "random relu": nn.RReLU,
    "dropout": nn.Dropout,
    "dropout of channels": nn.Dropout2d,
    "alpha dropout": nn.AlphaDropout,
    "identity": nn.Identity,
    "exp": plain(torch.exp),
    "sine": plain(torch.sin),
    "erf": plain(torch.erf),
    "power": plain(torch.pow, 2),
    "power of a number": plain(lambda x: 2**x),
    "absolute value": plain(torch.abs),
    "clamp": plain(torch.clamp, -0.5, 0.5),
    "nan to num": plain(torch.nan_to_num),
    "a number subtracted": plain(lambda x: 1 - x),
    "where": plain(lambda x: torch.where(x > 0, x, x * x)),
    "masked fill": plain(lambda x: x.masked_fill(x < 0, 0.3)),
    "boolean times": plain(lambda x: x * (x > 0)),
    "heaviside by hand": plain(lambda x: (x > 0).float() + x),
    "float and back": plain(lambda x: x.double().float()),
    "addcmul": plain(lambda x: torch.addcmul(x, x, x, value=0.5)),
    "lerp": plain(lambda x: torch.lerp(x, x * x, 0.3)),
    "maximum": plain(lambda x: torch.maximum(x, -0.1 * x)),
    "contiguous, clone, detach": plain(lambda x: x.contiguous().clone().detach()),
    "in place, three times": plain(lambda x: x.clone().mul_(2).add_(1).relu_()),
}
for _name, _middle in POINTWISE.items():
    between(_name, _middle, onnx=_name != "random relu")

# norms
between("batch norm", lambda: nn.BatchNorm2d(8))
between("batch norm without scale", lambda: nn.BatchNorm2d(8, affine=False))
between("batch norm of the batch", lambda: nn.BatchNorm2d(8, track_running_stats=False))
between("instance norm", lambda: nn.InstanceNorm2d(8))
between("instance norm with scale", lambda: nn.InstanceNorm2d(8, affine=True))
between(
    "instance norm with statistics",
    lambda: nn.InstanceNorm2d(8, affine=True, track_running_stats=True),
)
between("group norm, a channel each", lambda: nn.GroupNorm(8, 8))
between("group norm, pairs", lambda: nn.GroupNorm(4, 8), groups=(4, 6))
between(
    "group norm, one group", lambda: nn.GroupNorm(1, 8), expect="part", why="norm", kept="exact"
)
between(
    "local response norm", lambda: nn.LocalResponseNorm(3), expect="part", why="fixed|position|mix"
)
between("normalized by length", plain(F.normalize, dim=1), columns=False)
between("normalized over the plane", plain(lambda x: F.normalize(x.flatten(2), dim=2).view_as(x)))
between("divided by the largest", plain(lambda x: x / x.abs().amax((2, 3), keepdim=True)))
between(
    "softmax over channels", plain(F.softmax, dim=1), expect="part", why="softmax", kept="exact"
)
between(
    "log softmax over channels",
    plain(F.log_softmax, dim=1),
    expect="part",
    why="softmax",
    kept="exact",
)
between("softmax over the plane", plain(lambda x: x.flatten(2).softmax(-1).view_as(x)))
between("softmax2d", nn.Softmax2d, expect="part", why="softmax", kept="exact")

# the plane
between("max pooling", lambda: nn.MaxPool2d(2))
between("max pooling, ceil", lambda: nn.MaxPool2d(3, 2, ceil_mode=True))
between("average pooling", lambda: nn.AvgPool2d(2, count_include_pad=False))
between("adaptive max pooling", lambda: nn.AdaptiveMaxPool2d(3), onnx=False)
between("adaptive average pooling", lambda: nn.AdaptiveAvgPool2d((2, 3)), onnx=False)
between("lp pooling", lambda: nn.LPPool2d(2, 2))
between("nearest", lambda: nn.Upsample(scale_factor=2))
between("bilinear upsampling", lambda: nn.Upsample(scale_factor=1.5, mode="bilinear"))
between("bicubic upsampling", plain(F.interpolate, size=(5, 7), mode="bicubic"))
between("area resizing", plain(F.interpolate, size=4, mode="area"))
between("reflection padding", lambda: nn.ReflectionPad2d(2))
between("replication padding", lambda: nn.ReplicationPad2d((1, 2, 0, 1)))
between("constant padding", lambda: nn.ConstantPad2d(1, 0.5))
between("circular padding", lambda: nn.CircularPad2d(1))
between("crop", plain(lambda x: x[:, :, 1:-1, 2:]))
between("crop with strides", plain(lambda x: x[..., ::2, 1::2]))
between("narrow", plain(lambda x: x.narrow(2, 1, 4)))
between("flip", plain(torch.flip, (3,)))
between("roll over the plane", plain(torch.roll, (1, 2), (2, 3)))
between("rotate", plain(torch.rot90, 1, (2, 3)))
between("transpose of the plane", plain(lambda x: x.transpose(2, 3)))
between("sum along a row, running", plain(torch.cumsum, 3))
between("largest along a row, running", plain(lambda x: x.cummax(3).values), onnx=False)
between("sorted along a row", plain(lambda x: x.sort(3).values))
between("topk along a row", plain(lambda x: x.topk(3, dim=3).values))
between(
    "fold and unfold", plain(lambda x: F.fold(F.unfold(x, 3, padding=1), x.shape[2:], 3, padding=1))
)
between("unfold with tensors", plain(lambda x: x.unfold(2, 3, 1).mean(-1)))
between(
    "median over the plane",
    plain(lambda x: x - x.flatten(2).median(2)[0][..., None, None]),
    onnx=False,
)
between("variance over the plane", plain(lambda x: x * x.var((2, 3), keepdim=True)))
between("mean over the plane", plain(lambda x: x - x.mean((2, 3), keepdim=True)))
between("logsumexp over the plane", plain(lambda x: x - x.logsumexp((2, 3), keepdim=True)))

# channels moved
between("pixel shuffle", lambda: nn.PixelShuffle(2), out=2, groups=(2, 6))
between("pixel unshuffle", lambda: nn.PixelUnshuffle(2), out=32)
between("channel shuffle", lambda: nn.ChannelShuffle(2), groups=(4, 6))
between("permute and back", plain(lambda x: x.permute(0, 2, 3, 1).permute(0, 3, 1, 2)))
between("moved to the end and back", plain(lambda x: x.movedim(1, -1).movedim(-1, 1)))
between("channels in reverse", plain(torch.flip, (1,)))
between("channels twice", plain(lambda x: x.repeat(1, 2, 1, 1)), out=16)
between("channels interleaved twice", plain(lambda x: x.repeat_interleave(2, 1)), out=16)
between("concatenated with itself", plain(lambda x: torch.cat([x, x.neg()], 1)), out=16)
between("stacked and flattened", plain(lambda x: torch.stack([x, x * x], 1).flatten(1, 2)), out=16)
between(
    "stacked behind and flattened",
    plain(lambda x: torch.stack([x, x * x], 2).flatten(1, 2)),
    out=16,
)
between("halves added", plain(lambda x: sum(x.chunk(2, 1))), out=4, groups=(4, 6))
between(
    "halves multiplied",
    plain(lambda x: x[:, : x.shape[1] // 2] * x[:, x.shape[1] // 2 :]),
    out=4,
    groups=(4, 6),
)
between("glu", plain(F.glu, 1), out=4, groups=(4, 6))
between("quarters turned round", plain(lambda x: torch.cat(x.chunk(4, 1)[::-1], 1)), groups=(2, 6))
between(
    "unbound and stacked",
    plain(lambda x: torch.stack(x.reshape(len(x), 2, -1, *x.shape[2:]).unbind(1), 1).flatten(1, 2)),
    groups=(4, 6),
)
between(
    "maxout", plain(lambda x: x.reshape(len(x), -1, 2, *x.shape[2:]).amax(2)), out=4, groups=(4, 6)
)
between("maxout of halves", plain(lambda x: x.unflatten(1, (2, -1)).amax(1)), out=4, groups=(4, 6))
between("zeros behind", plain(F.pad, (0, 0, 0, 0, 0, 4)), out=12)
between("a batch of one and back", plain(lambda x: x.unsqueeze(0).squeeze(0)))
between("expanded", plain(lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 4, 4)))
between(
    "unfolded to patches",
    plain(lambda x: F.unfold(x, 2, stride=2).unflatten(2, (x.shape[2] // 2, -1))),
    out=32,
)

# channels mixed: reads
between("einsum over channels", lambda: _Einsum(), groups=(8, 5, 6), out=5, columns=False)
between("a matrix by hand", lambda: _Matrix(), groups=(8, 5, 6), out=5, columns=False)
between(
    "gram matrix as an image",
    plain(lambda x: (x.flatten(2) @ x.flatten(2).transpose(1, 2))[:, None]),
    out=1,
    expect="part",
    why="plane|spatial|position|convolution",
)
between("sum over channels", plain(lambda x: x.sum(1, keepdim=True)), out=1, columns=False)
between(
    "mean over channels",
    plain(lambda x: x.mean(1, keepdim=True)),
    out=1,
    expect="part",
    why="mean",
    kept="exact",
)
between(
    "largest over channels",
    plain(lambda x: x.amax(1, keepdim=True)),
    out=1,
    expect="part",
    why="max",
    kept="exact",
)
between("norm over channels", plain(lambda x: x.norm(dim=1, keepdim=True)), out=1, columns=False)
between(
    "energy over channels",
    plain(lambda x: x.square().sum(1, keepdim=True).sqrt()),
    out=1,
    columns=False,
)
between(
    "cosine with itself, turned",
    plain(lambda x: F.cosine_similarity(x, x.flip(3), dim=1)[:, None]),
    out=1,
    columns=False,
)


class _Einsum(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 8) * 0.4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.einsum("oc,bchw->bohw", self.weight, x)


class _Matrix(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 5) * 0.4)

    def forward(self, x: Tensor) -> Tensor:
        return (x.permute(0, 2, 3, 1) @ self.weight).permute(0, 3, 1, 2)


# what no rule can shrink: each needs its reason
between(
    "rolled over channels", plain(torch.roll, 1, 1), expect="part", why="roll|position|fixed|index"
)
between(
    "running sum over channels", plain(torch.cumsum, 1), expect="part", why="cumsum|position|order"
)
between(
    "sorted over channels",
    plain(lambda x: x.sort(1).values),
    expect="part",
    why="sort|known|position",
)
between(
    "topk over channels",
    plain(lambda x: x.topk(3, 1).values),
    out=3,
    expect="part",
    why="topk|known",
)
between(
    "argmax over channels",
    plain(lambda x: x.argmax(1, keepdim=True).float()),
    out=1,
    expect="part",
    why="argmax|known",
)
between(
    "fft over the plane",
    plain(lambda x: torch.fft.ifft2(torch.fft.fft2(x) * 2).real),
    expect="part",
    why="complex numbers",
    onnx=False,
)
between(
    "fft over channels",
    plain(lambda x: torch.fft.fft(x, dim=1).real),
    expect="part",
    why="Fourier",
    onnx=False,
)
between(
    "first four",
    plain(lambda x: x[:, :4]),
    out=4,
    expect="part",
    why="slice|index|position|fixed|written",
)
between(
    "a view with a literal",
    plain(lambda x: x.view(len(x), 8, -1).unflatten(2, (x.shape[2], -1))),
    expect="part",
    why="shape|view|written|literal|size",
)
between(
    "a channel by its number",
    plain(lambda x: x * x[:, 3:4]),
    expect="part",
    why="slice|index|position|fixed|single",
)
between(
    "channels picked by numbers",
    plain(lambda x: x[:, [0, 2, 5]]),
    out=3,
    expect="part",
    why="index|position|fixed",
)
between(
    "a ramp added",
    plain(lambda x: x + torch.linspace(0, 1, 8)[:, None, None]),
    expect="part",
    why="fixed|size",
)
between(
    "a ramp of its length",
    plain(lambda x: x + torch.arange(x.shape[1])[:, None, None]),
    expect="part",
    why="arange|position|fixed|mask|differ|size",
)
between(
    "mean by hand",
    plain(lambda x: x - x.sum(1, keepdim=True) / x.shape[1]),
    expect="part",
    why="mask|differ|written|size|shape",
)
between(
    "a loop over channels",
    plain(lambda x: torch.stack([c * 2 for c in x.unbind(1)], 1)),
    expect="part",
    why="single|index|unbind|position|fixed",
)
