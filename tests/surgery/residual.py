"""Small networks with sums, attention, norms and shared weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """Two convolutions, batch norm behind each, a factor per channel, added up in place."""

    def __init__(self, width: int, bias: bool, scale: bool) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(width)
        self.two = nn.Conv2d(width, width, 3, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(width)
        self.scale = nn.Parameter(torch.rand(width, 1, 1) + 0.5) if scale else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.two(F.relu_(self.norm1(self.one(x)))))
        if self.scale is not None:
            y = F.dropout(y * self.scale, 0.5, self.training)
        y += x
        return F.relu_(y)


class Stream(nn.Module):
    def __init__(self, width: int = 8, bias: bool = True, scale: bool = True) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, width, 3, padding=1)
        self.blocks = nn.Sequential(*[Block(width, bias, scale) for _ in range(3)])
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(torch.relu(self.stem(x))).mean((2, 3)))


class Shortcut(nn.Module):
    """The shortcut has a convolution of its own, which runs last; differences, not sums."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 8, 3, padding=1)
        self.branch = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 1))
        self.short = nn.Conv2d(8, 8, 1)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        y = self.branch(x)
        return self.head(torch.relu(torch.sub(y, self.short(x), alpha=2)))


class Encoder(nn.Module):
    def __init__(self, norm_first: bool = True) -> None:
        super().__init__()
        self.embed = nn.Linear(5, 16)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(16, 4, 24, norm_first=norm_first, batch_first=True)
            for _ in range(2)
        )
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.embed(x)
        for layer in self.layers:
            x = layer(x)
        return {"scores": self.head(x.mean(1))}


class Twice(nn.Module):
    """One convolution runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 3, padding=1)
        self.shared = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.shared(torch.relu(self.stem(x))))
        return self.head(torch.relu(self.shared(x)))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv1d(2, 8, 3, padding=1)
        self.lstm = nn.LSTM(8, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.embed(x)).transpose(1, 2)
        return self.head(self.lstm(x)[0][:, -1])


class Grouped(nn.Module):
    """Group norm behind convolutions and, without a convolution in between, before a sum."""

    def __init__(self, groups: int = 4, width: int = 16, blocks: int = 2, inputs: int = 1) -> None:
        super().__init__()
        self.stem = nn.Conv2d(inputs, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(groups, width)
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(2 * blocks)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(groups, width) for _ in range(2 * blocks))
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.stem(x)))
        for k in range(0, len(self.convs), 2):
            y = torch.relu(self.norms[k](self.convs[k](x)))
            x = torch.relu(x + self.norms[k + 1](self.convs[k + 1](y)))
        return self.head(x.mean((2, 3)))


def stirred(network: nn.Module, seed: int = 0) -> nn.Module:
    """With statistics and weights of its own, in double precision, in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    network = network.double().eval()
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if not tensor.is_floating_point():
                continue
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            else:
                noise = torch.empty_like(tensor)
                tensor += 0.1 * noise.normal_(generator=generator)
    return network
