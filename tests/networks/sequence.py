"""Signals in one dimension, in three, and recurrent networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.network.call import Call
from tests.networks.registry import network, sequences, series, tokens, volumes


@network("wavenet", series(2), groups=(8, 8, 8, 6, 6))
class WaveNet(nn.Module):
    """Gated dilated convolutions; the last layer's way to the next one leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(2, 8, 1)
        self.filters = nn.ModuleList([nn.Conv1d(8, 8, 2, dilation=d) for d in (1, 2)])
        self.gates = nn.ModuleList([nn.Conv1d(8, 8, 2, dilation=d) for d in (1, 2)])
        self.skips = nn.ModuleList([nn.Conv1d(8, 6, 1) for _ in range(2)])
        self.on = nn.ModuleList([nn.Conv1d(8, 8, 1) for _ in range(2)])
        self.out = nn.Sequential(nn.ReLU(), nn.Conv1d(6, 6, 1), nn.ReLU(), nn.Conv1d(6, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        x, total = self.first(x), 0
        for f, g, s, on in zip(self.filters, self.gates, self.skips, self.on, strict=True):
            padded = F.pad(x, (f.dilation[0], 0))
            h = torch.tanh(f(padded)) * torch.sigmoid(g(padded))
            total = total + s(h)
            x = x + on(h)
        return self.out(total)


@network("temporal convolutional network", series(3), groups=(8, 8, 10, 10))
class TCN(nn.Module):
    """Causal: padded on both sides, what is too much cut off (Chomp1d); weight norm."""

    class Block(nn.Module):
        def __init__(self, i: int, o: int, dilation: int) -> None:
            super().__init__()
            norm = nn.utils.parametrizations.weight_norm
            self.a = norm(nn.Conv1d(i, o, 3, padding=2 * dilation, dilation=dilation))
            self.b = norm(nn.Conv1d(o, o, 3, padding=2 * dilation, dilation=dilation))
            self.chomp, self.down = 2 * dilation, nn.Conv1d(i, o, 1) if i != o else None

        def forward(self, x: Tensor) -> Tensor:
            y = F.relu(self.a(x)[:, :, : -self.chomp].contiguous())
            y = F.relu(self.b(y)[:, :, : -self.chomp].contiguous())
            return F.relu(y + (x if self.down is None else self.down(x)))

    def __init__(self) -> None:
        super().__init__()
        self.body, self.out = (
            nn.Sequential(self.Block(3, 8, 1), self.Block(8, 10, 2)),
            nn.Linear(10, 4),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.body(x)[:, :, -1])


@network("conv-tasnet", series(1, (16, 24)), groups=(8, 6, 10))
class ConvTasNet(nn.Module):
    """A learned transform, a mask for it, and its inverse."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.decode = nn.Conv1d(1, 8, 4, 2), nn.ConvTranspose1d(8, 1, 4, 2, bias=False)
        self.a, self.b = nn.Conv1d(8, 6, 1), nn.Sequential(nn.Conv1d(6, 10, 1), nn.PReLU())
        self.depthwise, self.mask = nn.Conv1d(10, 10, 3, padding=1, groups=10), nn.Conv1d(10, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.encode(x))
        return self.decode(y * torch.sigmoid(self.mask(self.depthwise(self.b(self.a(y))))))


@network("text cnn", tokens(sizes=(6, 9)), groups=(8, 4, 5, 6))
class TextCNN(nn.Module):
    """Convolutions of several lengths over an embedding, the maximum over time."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.convs = nn.ModuleList([nn.Conv1d(8, o, k) for k, o in ((2, 4), (3, 5), (4, 6))])
        self.drop, self.out = nn.Dropout(), nn.Linear(15, 3)

    def forward(self, t: Tensor) -> Tensor:
        x = self.embed(t).transpose(1, 2)
        parts = [F.relu(c(x)) for c in self.convs]
        return self.out(
            self.drop(torch.cat([F.max_pool1d(p, p.size(2)).squeeze(2) for p in parts], 1))
        )


@network("bag of embeddings", tokens(), groups=(8, 6))
class Bag(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.a, self.out = nn.EmbeddingBag(11, 8), nn.Linear(8, 6), nn.Linear(6, 3)

    def forward(self, t: Tensor) -> Tensor:
        return self.out(F.relu(self.a(self.embed(t))))


@network(
    "squeezing a spectrogram to text",
    series(4, (12, 16)),
    groups=(8, 12),
    expect="part",
    why="softmax",
)
class Jasper(nn.Module):
    """Depthwise in time, 1×1, and log-probabilities of characters: the softmax is the output."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.dw = nn.Conv1d(4, 8, 3, padding=1), nn.Conv1d(8, 8, 5, padding=2, groups=8)
        self.pw, self.bn, self.out = nn.Conv1d(8, 12, 1), nn.BatchNorm1d(12), nn.Conv1d(12, 5, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.pw(self.dw(F.relu(self.a(x))))))
        return self.out(x).permute(2, 0, 1).log_softmax(-1)


@network("statistics pooling", series(4), groups=(8, 6))
class XVector(nn.Module):
    """Speaker embedding: mean and deviation over time, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Conv1d(4, 8, 3), nn.Linear(16, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a(x))
        x = torch.cat([x.mean(2), x.std(2)], 1)
        return self.out(F.relu(self.b(x)))


@network("attentive pooling", series(4), groups=(8, 5))
class AttentivePooling(nn.Module):
    """Weights over time per channel; mean and variance with them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv1d(4, 8, 3), nn.Conv1d(8, 5, 1), nn.Conv1d(5, 8, 1)
        self.norm, self.out = nn.BatchNorm1d(16), nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a(x))
        share = self.c(torch.tanh(self.b(x))).softmax(2)
        mean = (share * x).sum(2)
        deviation = ((share * x**2).sum(2) - mean**2).clamp(min=1e-4).sqrt()
        return self.out(self.norm(torch.cat([mean, deviation], 1)))


# volumes


@network("3-d u-net", volumes(1, (8,)), groups=(6, 8, 6, 6))
class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Sequential(nn.Conv3d(1, 6, 3, padding=1), nn.InstanceNorm3d(6), nn.LeakyReLU())
        self.b = nn.Sequential(nn.Conv3d(6, 8, 3, 2, 1), nn.BatchNorm3d(8), nn.ReLU())
        self.up, self.dec = nn.ConvTranspose3d(8, 6, 2, 2), nn.Conv3d(12, 6, 3, padding=1)
        self.out = nn.Conv3d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = self.a(x)
        return self.out(F.relu(self.dec(torch.cat((self.up(self.b(a)), a), 1))))


@network("r(2+1)d", volumes(2, (6, 8)), groups=(5, 8, 5))
class R21D(nn.Module):
    """Space, then time, with a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.space, self.time = nn.Conv3d(2, 5, (1, 3, 3)), nn.Conv3d(5, 8, (3, 1, 1))
        self.a = nn.Conv3d(8, 5, (1, 3, 3), padding=(0, 1, 1))
        self.b = nn.Conv3d(5, 8, (3, 1, 1), padding=(1, 0, 0))
        self.norm, self.out = nn.BatchNorm3d(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.time(F.relu(self.space(x))))
        x = F.relu(x + self.norm(self.b(F.relu(self.a(x)))))
        return self.out(F.adaptive_avg_pool3d(x, 1).flatten(1))


@network("video: images one by one, then over time", volumes(3, (4, 6)), groups=(8, 6))
class Frames(nn.Module):
    """Time is put into the batch and out again."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.time, self.out = nn.Conv2d(3, 8, 3), nn.Conv1d(8, 6, 3), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        b, c, t, h, w = x.shape
        y = F.relu(self.image(x.transpose(1, 2).reshape(b * t, c, h, w))).mean((2, 3))
        y = y.view(b, t, -1).transpose(1, 2)
        return self.out(F.relu(self.time(y)).mean(2))


@network(
    "temporal shift", volumes(3, (4,)), expect="part", why="slice|index|position|fixed|copy|write"
)
class Shift(nn.Module):
    """A part of the channels moves one frame on: written into slices of a new tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 6, 1), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        b, c, t, h, w = x.shape
        y = F.relu(self.a(x.transpose(1, 2).reshape(b * t, c, h, w)))
        y = y.view(b, t, *y.shape[1:])
        moved = torch.zeros_like(y)
        fold = y.shape[2] // 4
        moved[:, :-1, :fold] = y[:, 1:, :fold]
        moved[:, :, fold:] = y[:, :, fold:]
        return self.out(F.relu(self.b(moved.flatten(0, 1))).mean((2, 3)))


@network("point net", series(3, (10, 14)), groups=(8, 12, 6))
class PointNet(nn.Module):
    """The maximum over points, handed back to every point."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv1d(3, 8, 1), nn.Conv1d(8, 12, 1)
        self.c, self.out = nn.Conv1d(20, 6, 1), nn.Conv1d(6, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        near = F.relu(self.a(x))
        far = F.relu(self.b(near)).max(2, keepdim=True)[0].expand(-1, -1, x.shape[2])
        return self.out(F.relu(self.c(torch.cat([near, far], 1))))


def graph(batch: int, size: int, generator: torch.Generator) -> Call:
    """(batch, nodes, features) and a matrix of edges."""
    x = torch.randn((batch, size, 5), generator=generator)
    return Call((x, torch.rand((batch, size, size), generator=generator).softmax(-1)))


@network("graph convolution", graph, groups=(8, 6), sizes=(5, 7))
class Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(5, 8), nn.Linear(8, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        x = F.relu(edges @ self.a(x))
        return self.out(F.relu(torch.bmm(edges, self.b(x))).amax(1))


@network("mlp-mixer", sequences(6, (5,)), groups=(7, 12), expect="part", why="norm")
class Mixer(nn.Module):
    """Linear layers over positions and over channels, in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.n1, self.n2 = nn.Linear(6, 8), nn.LayerNorm(8), nn.LayerNorm(8)
        self.positions = nn.Sequential(nn.Linear(5, 7), nn.GELU(), nn.Linear(7, 5))
        self.channels = nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Linear(12, 8))
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        x = x + self.positions(self.n1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.n2(x))
        return self.out(x.mean(1))


@network("gmlp with a spatial gate", sequences(6, (5,)), groups=(6,), expect="part", why="norm")
class SpatialGate(nn.Module):
    """Half of the channels gate the other half, mixed over positions with its own norm."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.norm, self.positions = nn.Linear(6, 16), nn.LayerNorm(8), nn.Linear(5, 5)
        self.b, self.out = nn.Linear(8, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        u, v = F.gelu(self.a(x)).chunk(2, dim=-1)
        v = self.positions(self.norm(v).transpose(1, 2)).transpose(1, 2)
        return self.out(F.relu(self.b(u * v))).mean(1)
