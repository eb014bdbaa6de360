"""Torch's own transformer layers, and networks around them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from secateur.network.call import Call
from tests.networks.registry import images, network, sequences
from tests.networks.transformers import NORM


@network("encoder layer, norm behind", sequences(6), **NORM)
def post_norm() -> nn.Module:
    return Lines(nn.TransformerEncoderLayer(16, 4, 24, batch_first=True))


class Lines(nn.Module):
    """A linear layer into the stream, a transformer, a linear layer out of it."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.before, self.inside, self.after = nn.Linear(6, 16), inside, nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.inside(self.before(x)))


@network("encoder of two layers, norm first", sequences(6), **NORM)
def pre_norm() -> nn.Module:
    layer = nn.TransformerEncoderLayer(16, 4, 24, 0.0, "gelu", batch_first=True, norm_first=True)
    return Lines(nn.TransformerEncoder(layer, 2, nn.LayerNorm(16), enable_nested_tensor=False))


@network("encoder layer, sequence first", sequences(6), **NORM)
def sequence_first() -> nn.Module:
    return Lines(nn.TransformerEncoderLayer(16, 2, 24))


def two_sequences(batch: int, size: int, generator: torch.Generator) -> Call:
    """(batch, length, 6) and (batch, length + 1, 6)."""
    source = torch.randn((batch, size, 6), generator=generator)
    return Call((source, torch.randn((batch, size + 1, 6), generator=generator)))


@network(
    "encoder and decoder of torch", two_sequences, sizes=(4, 6), **NORM, export=False, onnx=False
)
class EncoderDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Linear(6, 16), nn.Linear(6, 16)
        self.both = nn.Transformer(16, 4, 1, 1, 20, batch_first=True)
        self.out = nn.Linear(16, 5)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        return self.out(self.both(self.source(source), self.target(target), tgt_mask=mask))


@network("detr: queries look at an image", images(sizes=(8, 12)), **NORM)
class DETR(nn.Module):
    """A decoder layer with learned queries over a feature map."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 1))
        self.queries = nn.Parameter(torch.randn(3, 16))
        self.layer = nn.TransformerDecoderLayer(16, 2, 20, batch_first=True)
        self.classes, self.boxes = (
            nn.Linear(16, 3),
            nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4), nn.Sigmoid()),
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        memory = self.backbone(x).flatten(2).transpose(1, 2)
        y = self.layer(self.queries.expand(len(x), -1, -1), memory)
        return {"classes": self.classes(y), "boxes": self.boxes(y)}


@network("cross attention of two widths", two_sequences, sizes=(4, 6), columns=False)
class Cross(nn.Module):
    """``kdim`` and ``vdim``: the keys come from a stream of another width; no norm anywhere.

    The weights that come with it are a mean over the heads, which nobody reads.
    """

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 8), nn.Linear(6, 10)
        self.attention = nn.MultiheadAttention(8, 2, kdim=10, vdim=10, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        memory = F.relu(self.b(target))
        return self.out(self.attention(F.relu(self.a(source)), memory, memory)[0])
