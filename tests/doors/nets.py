"""Networks with the inputs and outputs that people's networks have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.nets import seeded


class TwoInputs(nn.Module):
    """An image and a number for each sample; a mask that may be left out."""

    def __init__(self) -> None:
        super().__init__()
        self.image = nn.Conv2d(2, 6, 3, padding=1)
        self.number = nn.Linear(1, 5)
        self.head = nn.Linear(11, 3)

    def forward(self, image: Tensor, number: Tensor, mask: Tensor | None = None) -> Tensor:
        maps = F.relu(self.image(image))
        if mask is not None:
            maps = maps * mask[:, None]
        return self.head(torch.cat([maps.mean((2, 3)), F.relu(self.number(number))], 1))


@dataclass
class Output:
    """Nobody registered it with torch."""

    logits: Tensor
    hidden: Tensor
    loss: Tensor | None = None


class Tokens(nn.Module):
    """A language model's shapes: integers in, ``(batch, tokens, words)`` out."""

    def __init__(self, kind: str = "tensor", words: int = 7) -> None:
        super().__init__()
        self.kind = kind
        self.embed = nn.Embedding(words, 6)
        self.inner = nn.Linear(6, 8)
        self.head = nn.Linear(8, words)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, labels: Tensor | None = None
    ) -> Any:
        x = self.embed(input_ids)
        if attention_mask is not None:
            x = x * attention_mask[..., None]
        hidden = F.gelu(self.inner(x))
        logits = self.head(hidden)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100)
        if self.kind == "dataclass":
            return Output(logits, hidden, loss)
        if self.kind == "dict":
            return {"hidden": hidden, "logits": logits}
        if self.kind == "tuple":
            return hidden, logits
        return logits


class Boxes(nn.Module):
    """Two heads, as a detector has them."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 3, padding=1)
        self.box = nn.Conv2d(6, 4, 1)
        self.score = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = F.silu(self.stem(x))
        return {"boxes": self.box(x), "scores": self.score(x)}


class Holding(nn.Module):
    """It keeps what it computed, as people do for their figures."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(4, 8)
        self.head = nn.Linear(8, 3)
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.last = F.relu(self.inner(x))
        self.seen.append(self.last)
        return self.head(self.last)


def tokens(batches: int = 2, size: int = 3, seed: int = 0) -> list[dict[str, Tensor]]:
    """Dict batches; the last tokens of every row are padding without a label."""
    generator = torch.Generator().manual_seed(seed)
    data = []
    for _ in range(batches):
        ids = torch.randint(0, 7, (size, 5), generator=generator)
        labels = torch.randint(0, 7, (size, 5), generator=generator)
        labels[:, 3:] = -100
        mask = (labels >= 0).float()
        data.append({"input_ids": ids, "attention_mask": mask, "labels": labels})
    return data


def cross_entropy(outputs: Any, labels: Tensor) -> Tensor:
    """The mean over the tokens that have a label, whatever the logits come in."""
    if isinstance(outputs, dict):
        outputs = outputs["logits"]
    elif isinstance(outputs, tuple):
        outputs = outputs[1]
    elif isinstance(outputs, Output):
        outputs = outputs.logits
    return F.cross_entropy(outputs.transpose(1, 2), labels, ignore_index=-100)


def two_inputs(seed: int = 0) -> list[Any]:
    """Batches of 3 and 1: the last one is smaller."""
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            (
                torch.randn(n, 2, 6, 6, generator=generator),
                torch.randn(n, 1, generator=generator),
            ),
            torch.randint(0, 3, (n,), generator=generator),
        )
        for n in (3, 1)
    ]


__all__ = [
    "Boxes",
    "Holding",
    "Output",
    "Tokens",
    "TwoInputs",
    "cross_entropy",
    "seeded",
    "tokens",
    "two_inputs",
]
