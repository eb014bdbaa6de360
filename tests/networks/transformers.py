"""Transformers for images and sequences: torch's own layers, and attention as people write it.

The residual stream is normalized over its channels: it stays, unless statistics are taken over
what is kept. Heads and the inner width go in any case.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.networks.registry import images, network, sequences


class Packed(nn.Module):
    """One linear layer makes q, k and v (timm)."""

    def __init__(self, dim: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.num_heads, self.head_dim, self.inner = heads, dim // heads, dim
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(b, n, self.inner))


class Written(Packed):
    """The same by hand: product, softmax, product."""

    def __init__(self, dim: int = 16, heads: int = 4) -> None:
        super().__init__(dim, heads)
        self.scale = self.head_dim**-0.5

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        share = (q @ k.transpose(-2, -1) * self.scale).softmax(dim=-1)
        return self.proj((share @ v).transpose(1, 2).flatten(2))


class Einsum(Packed):
    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        q, k, v = (t.reshape(b, n, self.num_heads, -1) for t in self.qkv(x).chunk(3, -1))
        share = (torch.einsum("bqhd,bkhd->bhqk", q, k) * self.head_dim**-0.5).softmax(-1)
        return self.proj(torch.einsum("bhqk,bkhd->bqhd", share, v).reshape(b, n, -1))


class Separate(nn.Module):
    """Three linear layers and a fourth (BERT)."""

    def __init__(self, dim: int = 16, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))

    def split(self, x: Tensor) -> Tensor:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.split(self.q(x)), self.split(self.k(x)), self.split(self.v(x))
        y = F.scaled_dot_product_attention(q, k, v)
        return self.o(y.transpose(1, 2).flatten(2))


class Literal(Packed):
    """Four heads of four, written into the code: what is inside stays."""

    def forward(self, x: Tensor) -> Tensor:
        b, n, _ = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 4, 4).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(b, n, 16))


class Divided(Packed):
    """``C // self.num_heads`` in forward: the width of a head comes from the stream's width."""

    def forward(self, x: Tensor) -> Tensor:
        B, N, C = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.num_heads, C // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        share = (q @ k.transpose(-2, -1) * self.head_dim**-0.5).softmax(-1)
        return self.proj((share @ v).transpose(1, 2).reshape(B, N, C))


class Torch(nn.Module):
    """``nn.MultiheadAttention`` as a layer of one argument."""

    def __init__(self, dim: int = 16, heads: int = 4, need_weights: bool = False) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True, dropout=0.1)
        self.need_weights = need_weights

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x, x, x, need_weights=self.need_weights)[0]


class Block(nn.Module):
    """Norm first; attention and a wide layer, each added."""

    def __init__(self, attention: nn.Module, dim: int = 16, inner: int = 24) -> None:
        super().__init__()
        self.norm1, self.norm2, self.attention = nn.LayerNorm(dim), nn.LayerNorm(dim), attention
        self.mlp = nn.Sequential(nn.Linear(dim, inner), nn.GELU(), nn.Linear(inner, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """Patches, a class token, learned positions, blocks, a head on the first token."""

    def __init__(self, attention: Callable[[], nn.Module], depth: int = 2, dim: int = 16) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, dim, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, dim))
        self.positions = nn.Parameter(torch.randn(1, 5, dim))
        self.blocks = nn.Sequential(*(Block(attention(), dim) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


IMAGE = images(sizes=(8,))
NORM = {"expect": "part", "why": "norm", "kept": "exact", "beside": "positions|token"}


@network("vit, packed qkv", IMAGE, **NORM)
def vit_packed() -> nn.Module:
    return ViT(Packed)


@network("vit, attention by hand", IMAGE, **NORM)
def vit_written() -> nn.Module:
    return ViT(Written)


@network("vit, einsum", IMAGE, **NORM)
def vit_einsum() -> nn.Module:
    return ViT(Einsum)


@network("vit, q, k, v apart", IMAGE, **NORM)
def vit_separate() -> nn.Module:
    return ViT(Separate)


@network("vit, multihead attention", IMAGE, **NORM)
def vit_torch() -> nn.Module:
    return ViT(Torch)


@network("vit, multihead attention with weights", IMAGE, **NORM)
def vit_torch_weights() -> nn.Module:
    return ViT(lambda: Torch(need_weights=True), depth=1)


@network("vit, literal heads", IMAGE, groups=(24,), expect="part", why="norm", kept="part")
def vit_literal() -> nn.Module:
    return ViT(Literal, depth=1)


@network(
    "vit, width divided in forward", IMAGE, groups=(24,), expect="part", why="norm", kept="part"
)
def vit_divided() -> nn.Module:
    return ViT(Divided, depth=1)


class MeanOfTokens(ViT):
    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(1))


@network("vit, mean of the tokens, any size", images(sizes=(8, 12)), **NORM)
def vit_mean() -> nn.Module:
    return MeanOfTokens(Separate, depth=1)


class TwoTokens(ViT):
    def __init__(self) -> None:
        super().__init__(Written, depth=1)
        self.distilled = nn.Linear(16, 4)
        self.second, self.positions = (
            nn.Parameter(torch.randn(1, 1, 16)),
            nn.Parameter(torch.randn(1, 6, 16)),
        )

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        x = self.patch(x).flatten(2).transpose(1, 2)
        tokens = [t.expand(x.shape[0], -1, -1) for t in (self.token, self.second)]
        x = self.norm(self.blocks(torch.cat((*tokens, x), dim=1) + self.positions))
        one, two = self.head(x[:, 0]), self.distilled(x[:, 1])
        return (one, two) if self.training else (one + two) / 2


@network("deit with two tokens", IMAGE, **NORM)
def deit() -> nn.Module:
    return TwoTokens()


@network("layer scale and drop path (cait)", IMAGE, **NORM)
class LayerScaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch, self.norm, self.attention = nn.Conv2d(3, 16, 4, 4), nn.LayerNorm(16), Written()
        self.gamma, self.head = nn.Parameter(torch.full((16,), 0.1)), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        return self.head((x + self.gamma * self.attention(self.norm(x))).mean(1))


def partition(x: Tensor, window: int) -> Tensor:
    b, h, w, c = x.shape
    x = x.view(b, h // window, window, w // window, window, c)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, window * window, c)


def together(x: Tensor, window: int, h: int, w: int) -> Tensor:
    x = x.view(-1, h // window, w // window, window, window, x.shape[-1])
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, h, w, x.shape[-1])


class WindowAttention(nn.Module):
    """Swin's, with a learned bias for every distance; heads from attributes."""

    def __init__(self, dim: int, heads: int, window: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim = heads, dim // heads
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.bias = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        where = torch.stack(torch.meshgrid(*2 * [torch.arange(window)], indexing="ij")).flatten(1)
        far = where[:, :, None] - where[:, None] + window - 1
        self.register_buffer("index", far[0] * (2 * window - 1) + far[1])

    def widths(self, channels: int) -> tuple[int, int]:
        return self.num_heads, self.head_dim

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, *self.widths(c)).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        bias = self.bias[self.index.view(-1)].view(n, n, -1).permute(2, 0, 1).contiguous()
        share = (q @ k.transpose(-2, -1) + bias.unsqueeze(0)).softmax(dim=-1)
        return self.proj((share @ v).transpose(1, 2).flatten(2))


class Swin(nn.Module):
    """A shifted window, patches merged four to one, a head."""

    def __init__(self, attention: type[WindowAttention] = WindowAttention) -> None:
        super().__init__()
        self.window = 2
        self.patch, self.norm, self.attention = (
            nn.Conv2d(3, 8, 2, 2),
            nn.LayerNorm(8),
            attention(8, 2, 2),
        )
        self.norm2, self.mlp = (
            nn.LayerNorm(8),
            nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8)),
        )
        self.merge_norm, self.merge = nn.LayerNorm(32), nn.Linear(32, 12, bias=False)
        self.head = nn.Linear(12, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).permute(0, 2, 3, 1)
        h, w = x.shape[1:3]
        y = torch.roll(self.norm(x), shifts=(-1, -1), dims=(1, 2))
        y = self.attention(partition(y, self.window))
        y = torch.roll(together(y, self.window, h, w), shifts=(1, 1), dims=(1, 2))
        x = x + y
        x = x + self.mlp(self.norm2(x))
        quarters = [x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        return self.head(F.relu(self.merge(self.merge_norm(torch.cat(quarters, -1)))).mean((1, 2)))


@network("swin", images(sizes=(8, 16)), **NORM)
def swin() -> nn.Module:
    return Swin()


class SwinOriginal(WindowAttention):
    """As published: ``C // self.num_heads``."""

    def widths(self, channels: int) -> tuple[int, int]:
        return self.num_heads, channels // self.num_heads


@network("swin as published", images(sizes=(8, 16)), expect="part", why="norm", kept="part")
def swin_original() -> nn.Module:
    return Swin(SwinOriginal)


@network("attention over keys without heads", sequences(6), groups=(8, 5, 7), columns=False)
class OneHead(nn.Module):
    """Scaled by a number: q and k may shrink together, v by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.q, self.k, self.v = (
            nn.Linear(i, o) for i, o in ((6, 8), (8, 5), (8, 5), (8, 7))
        )
        self.out = nn.Linear(7, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.before(x))
        share = torch.bmm(self.q(x), self.k(x).mT).mul(0.4).softmax(-1)
        return self.out(F.relu(share @ self.v(x)))


@network("linear attention", sequences(6), groups=(8, 10), columns=False)
class LinearAttention(nn.Module):
    """Keys times values first; a state with two dimensions of channels."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(6, 10)
        self.out = nn.Linear(10, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k = F.relu(self.q(x)), F.relu(self.k(x))
        state = k.transpose(1, 2) @ self.v(x)
        scale = (q * k.sum(1, keepdim=True)).sum(-1, keepdim=True) + 1.0
        return self.out((q @ state) / scale)


@network(
    "pooling instead of attention",
    images(),
    groups=(8, 16),
    expect="part",
    why="norm",
    kept="exact",
)
class PoolFormer(nn.Module):
    """A GroupNorm of one group over everything."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.norm2 = (
            nn.Conv2d(3, 8, 2, 2),
            nn.GroupNorm(1, 8),
            nn.GroupNorm(1, 8),
        )
        self.pool, self.a, self.b = nn.AvgPool2d(3, 1, 1), nn.Conv2d(8, 16, 1), nn.Conv2d(16, 8, 1)
        self.last, self.out = nn.Conv2d(8, 8, 1), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(x)
        x = x + self.pool(y) - y
        x = x + self.b(F.gelu(self.a(self.norm2(x))))
        return self.out(F.relu(self.last(x)).mean((-2, -1)))
