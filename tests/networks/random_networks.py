"""Random networks from a seed: 3 to 10 blocks over images, with whatever meets whatever."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.network.call import Call
from tests.networks import blocks as b
from tests.networks.registry import stir

SIDE = 6
Made = tuple[nn.Module, int] | None
"""A block and its output channels, or None where it does not fit."""

ACTIVATIONS: tuple[Callable[[], nn.Module], ...] = (
    nn.ReLU, nn.SiLU, nn.Sigmoid, nn.Hardswish, nn.GELU, nn.Tanh, nn.Softplus, nn.PReLU,
    lambda: nn.ReLU(inplace=True), lambda: nn.Dropout2d(0.2), lambda: nn.ELU(inplace=True),
)  # fmt: skip


def _conv(r: random.Random, c: int) -> Made:
    o = r.choice([4, 6, 8, 12])
    mode = r.choice(["zeros", "zeros", "reflect"])
    k = r.choice([1, 3])
    return nn.Conv2d(
        c, o, k, padding=k // 2, bias=r.random() < 0.5, padding_mode=mode
    ), o  # fmt: skip


def _conv_bn(r: random.Random, c: int) -> Made:
    made = _conv(r, c)
    assert made is not None
    return nn.Sequential(made[0], nn.BatchNorm2d(made[1]), r.choice(ACTIVATIONS)()), made[1]


def _grouped(r: random.Random, c: int) -> Made:
    groups = r.choice([g for g in (2, 3, 4) if c % g == 0] or [0])
    if not groups:
        return None
    o = groups * r.choice([1, 2, 3])
    return nn.Conv2d(c, o, 3, padding=1, groups=groups), o


def _depthwise(r: random.Random, c: int) -> Made:
    times = r.choice([1, 1, 2]) if c <= 8 else 1
    return nn.Conv2d(c, times * c, 3, padding=1, groups=c), times * c


def _transposed(r: random.Random, c: int) -> Made:
    o = r.choice([4, 8])
    groups = 2 if c % 2 == 0 and r.random() < 0.3 else 1
    return nn.ConvTranspose2d(c, o, 3, padding=1, groups=groups), o


def _norm(r: random.Random, c: int) -> Made:
    kinds: list[nn.Module] = [
        nn.BatchNorm2d(c), nn.BatchNorm2d(c, affine=False), nn.InstanceNorm2d(c),
        nn.InstanceNorm2d(c, affine=True), nn.GroupNorm(c, c),
    ]  # fmt: skip
    if c % 2 == 0 and c > 2:
        kinds.append(nn.GroupNorm(c // 2, c, affine=r.random() < 0.7))
    return r.choice(kinds), c


def _layer_norm(r: random.Random, c: int) -> Made:
    return r.choice([b.Last(nn.LayerNorm(c)), nn.GroupNorm(1, c), b.Last(nn.RMSNorm(c))]), c


def _parts(r: random.Random, c: int) -> Made:
    number = r.choice([n for n in (2, 3) if c % n == 0] or [0])
    if not number:
        return None
    how = r.choice(["turn", "sum", "gate"])
    return b.Rearranged(number, how), c if how == "turn" else c // number


def _shuffle(r: random.Random, c: int) -> Made:
    if c % 2 or c < 4:
        return None
    return r.choice([b.Shuffle(2), nn.ChannelShuffle(2), b.Shuffle(c // 2)]), c


def _attention(r: random.Random, c: int) -> Made:
    if c % 2 == 0 and r.random() < 0.4:
        return b.Torch(c, 2), c
    return b.Pixels(c, r.choice([2, 3]), r.choice([2, 4])), c


def _recurrent(r: random.Random, c: int) -> Made:
    both, hidden = r.random() < 0.3, r.choice([4, 5])
    kind = r.choice([nn.LSTM, nn.GRU, nn.RNN])
    return b.Columns(c, hidden, kind, both), hidden * (2 if both else 1)


def _small(r: random.Random, c: int) -> Made:
    inside = _conv_bn(r, c)
    assert inside is not None
    pool = r.choice([nn.MaxPool2d(2), nn.AvgPool2d(2, ceil_mode=True), nn.MaxPool2d(3, 1)])
    return b.Small(inside[0], pool, r.choice(["nearest", "bilinear"])), inside[1]


def _wide(r: random.Random, c: int) -> Made:
    return (b.Wide(), c // 4) if c % 4 == 0 and c >= 8 else None


def _linear(r: random.Random, c: int) -> Made:
    o = r.choice([5, 8])
    return b.Last(nn.Sequential(nn.Linear(c, o), nn.GELU())), o


FREE: dict[str, Callable[[random.Random, int], Made]] = {
    "conv": _conv,
    "conv bn": _conv_bn,
    "grouped": _grouped,
    "depthwise": _depthwise,
    "transposed": _transposed,
    "norm": _norm,
    "activation": lambda r, c: (nn.Sequential(nn.Identity(), r.choice(ACTIVATIONS)()), c),
    "prelu": lambda r, c: (nn.PReLU(c), c),
    "residual": lambda r, c: (b.Residual(c, r.choice([4, 6]), r.random() < 0.5), c),
    "alias": lambda r, c: (b.Alias(c, 4), 8),
    "excite": lambda r, c: (b.Excite(c), c),
    "scale": lambda r, c: (b.Scale(c, r.random() < 0.4, r.random() < 0.5), c),
    "shuffle": _shuffle,
    "parts": _parts,
    "shortcut": lambda r, c: (b.Shortcut(2), c + 4) if c <= 12 else None,
    "linear": _linear,
    "function": lambda r, c: (b.ByFunction(c, 6), 6),
    "attention": _attention,
    "recurrent": _recurrent,
    "again": lambda r, c: (b.Again(c, r.choice([2, 3])), c),
    "border": lambda r, c: (b.Border(), c),
    "small": _small,
    "unpooled": lambda r, c: (b.Unpooled(c), c),
    "deep": lambda r, c: (b.Deep(), 4 * c) if c <= 6 else None,
    "wide": _wide,
    "counter": lambda r, c: (b.Counter(c), c),
    "unit": lambda r, c: (b.Unit(), c),
    "flat": lambda r, c: (b.Flat(c, r.choice([4, 6]), SIDE), 0),
    "first": lambda r, c: (b.First(c // 2), c) if c >= 4 else None,
}
"""What can shrink with its channels."""
BOUND: dict[str, Callable[[random.Random, int], Made]] = {
    "layer norm": _layer_norm,
    "literal": lambda r, c: (b.Literal(c), c),
    "turn": lambda r, c: (b.Turn(), c),
    "mean": lambda r, c: (b.Mean(), c),
    "soft": lambda r, c: (b.Soft(), c),
}
"""What cannot."""
TWO = ("sum", "sum", "in place", "product", "cat", "cat", "cat in keywords", "maximum", "gate")


class RandomNetwork(nn.Module):
    """Blocks over earlier tensors, some of two; heads on what came last.

    Attributes:
        kinds: of its blocks, for those who want to know what it is made of.
        any_size: other image sizes fit.
    """

    def __init__(self, r: random.Random) -> None:
        super().__init__()
        self.layers, self.heads = nn.ModuleList(), nn.ModuleList()
        self.plan: list[tuple[str, tuple[int, ...], Any]] = []
        self.kinds: list[str] = []
        self.any_size = True
        widths = [3]
        self._block(r, widths, "conv", 0)
        blocks = r.randint(3, 10)
        while len(self.plan) < blocks:
            near = range(max(0, len(widths) - 3), len(widths))
            i = r.choice(near)
            if r.random() < 0.3:
                self._two(r, widths, i)
            else:
                bound = r.random() < 0.06
                self._block(r, widths, r.choice(list(BOUND if bound else FREE)), i)
        for i in range(max(1, len(widths) - r.choice([1, 2, 3])), len(widths)):
            head = nn.Conv2d(widths[i], 2, 1) if r.random() < 0.6 else nn.Linear(widths[i], 3)
            self.heads.append(head)

    def _block(self, r: random.Random, widths: list[int], kind: str, i: int) -> None:
        made = (FREE.get(kind) or BOUND[kind])(r, widths[i])
        if made is None:
            return
        layer, width = made
        if isinstance(layer, b.Flat):
            width, self.any_size = layer.channels, False
        self.layers.append(layer)
        self._add(widths, kind, (i,), len(self.layers) - 1, width)

    def _two(self, r: random.Random, widths: list[int], i: int) -> None:
        kind = r.choice(TWO)
        if kind.startswith("cat"):
            j = r.randrange(len(widths))
            if widths[i] + widths[j] <= 24:
                self._add(widths, kind, (i, j), None, widths[i] + widths[j])
            return
        same = [j for j in range(1, len(widths)) if widths[j] == widths[i] and j != i]
        if same and i:
            self._add(widths, kind, (i, r.choice(same)), None, widths[i])

    def _add(
        self, widths: list[int], kind: str, where: tuple[int, ...], layer: Any, width: int
    ) -> None:
        self.plan.append((kind, where, layer))
        self.kinds.append(kind)
        widths.append(width)

    def forward(self, x: Tensor) -> list[Tensor]:
        tensors = [x]
        for kind, where, layer in self.plan:
            one = tensors[where[0]]
            if layer is not None:
                # what works in place gets a copy: it must not change the input
                tensors.append(self.layers[layer](one.clone() if kind == "activation" else one))
                continue
            tensors.append(_meet(kind, one, tensors[where[1]]))
        last = tensors[-len(self.heads) :]
        return [
            head(t) if isinstance(head, nn.Conv2d) else head(t.mean((2, 3)))
            for head, t in zip(self.heads, last, strict=True)
        ]


def _meet(kind: str, one: Tensor, two: Tensor) -> Tensor:
    if kind == "sum":
        return one + two
    if kind == "in place":
        out = one.clone()
        out += two
        return out
    if kind == "product":
        return one * torch.sigmoid(two)
    if kind == "maximum":
        return torch.maximum(one, two)
    if kind == "gate":
        share = torch.sigmoid(one)
        return torch.lerp(one, two, share)
    if kind == "cat":
        return torch.cat([one, two], 1)
    return F.relu(torch.cat(tensors=[two, one], dim=1))


def random_network(seed: int) -> RandomNetwork:
    """The network of a seed, in evaluation mode, with weights that matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = RandomNetwork(random.Random(seed))
        stir(network)
    return network.eval()


def random_call(seed: int, batch: int = 2, side: int = SIDE) -> Call:
    """Images for it."""
    generator = torch.Generator().manual_seed(seed)
    return Call((torch.randn((batch, 3, side, side), generator=generator),))
