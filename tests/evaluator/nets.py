"""Networks whose idioms the fast way must get right, and what they are given."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def block(inputs: int, outputs: int, *, inplace: bool = False) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=inplace))


class Skips(nn.Module):
    """Batch norm, in-place ReLU, an in-place sum, a concatenation, one ReLU twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = block(2, 5, inplace=True)
        self.left, self.right = block(5, 5), block(5, 4)
        self.join = nn.Conv2d(9, 4, 1)
        self.relu = nn.ReLU()
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.left(x)
        y += x
        y = torch.cat([self.relu(y), self.right(x)], 1)
        return self.last(self.relu(self.norm(self.join(y))))


class Grouped(nn.Module):
    """GroupNorm, an upsampled branch, pooling, functional non-linearities."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.GroupNorm(2, 4)
        self.deep = block(4, 6)
        self.up = nn.Upsample(scale_factor=2.0)
        self.back = nn.Conv2d(6, 4, 1)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.norm(self.one(x)))
        return self.head(F.relu(x + self.back(self.up(self.deep(F.max_pool2d(x, 2))))))


class Headed(nn.Module):
    """Named inputs; a classifier with a normed linear layer; a dict goes out."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(block(2, 4), block(4, 5))
        self.head = nn.Sequential(nn.Linear(6, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3))

    def forward(self, image: Tensor, extra: Tensor) -> dict[str, Tensor]:
        features = self.body(image).mean((2, 3))
        return {"logits": self.head(torch.cat([features, extra[:, :1]], 1))}


class Same(nn.Module):
    """A layer that runs twice, and a norm that two layers share."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3, padding=1)
        self.again = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = torch.relu(self.again(x))
        return self.last(torch.relu(self.norm(self.again(x))))
