"""scikit-learn's digits, moved, turned and noisy on 32 × 32; training and its cache."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import networks_models as models
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 32
TEST, SELECTION = 540, 200
"""Digits that are never trained on; 1057 are."""
BATCH = 32

Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Digits:
    """The 8 × 8 digits of each split, shape ``(number, 1, 8, 8)`` in [0, 1], and their classes."""

    train: tuple[Tensor, Tensor]
    selection: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


def digits() -> Digits:
    """The same split for every seed, so that seeds differ in training alone."""
    from sklearn.datasets import load_digits

    images, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    x = torch.as_tensor(images[order] / 16.0, dtype=torch.float32).reshape(-1, 1, 8, 8)
    y = torch.as_tensor(classes[order])
    ends = (0, TEST, TEST + SELECTION, len(x))
    test, selection, train = ((x[a:b], y[a:b]) for a, b in itertools.pairwise(ends))
    return Digits(train, selection, test)


def placed(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each digit somewhere on 32 × 32: up to 20° turned, 0.6 to 0.9 of the side, with noise."""
    number = len(images)

    def between(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(number, *shape, generator=generator)

    angle, size = between(-0.35, 0.35), between(0.6, 0.9)
    shift = between(-1.0, 1.0, 2) * (1.0 - size)[:, None]
    cos, sin = angle.cos() / size, angle.sin() / size
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    affine = torch.cat([turn, -turn @ shift[:, :, None]], 2)
    grid = F.affine_grid(affine, [number, 1, SIDE, SIDE], align_corners=False)
    made = F.grid_sample(images, grid, mode="bilinear", align_corners=False)
    return made + 0.15 * torch.randn(made.shape, generator=generator)


def batches(
    split: tuple[Tensor, Tensor], *, seed: int, signal: bool, copies: int = 1, size: int = BATCH
) -> Batches:
    """Placed digits, shuffled; ``copies`` of each. The last batch may be smaller, but not one."""
    generator = torch.Generator().manual_seed(seed)
    images, classes = (part.repeat_interleave(copies, 0) for part in split)
    order = torch.randperm(len(images), generator=generator)
    inputs = placed(images[order], generator)
    if signal:
        inputs = inputs.flatten(2)
    parts = list(zip(inputs.split(size), classes[order].split(size), strict=True))
    return parts if len(parts[-1][0]) > 1 else parts[:-1]


def accuracy(network: nn.Module, data: Batches) -> float:
    """The share of right answers."""
    network.eval()
    with torch.inference_mode():
        right = sum(int((network(x).argmax(1) == y).sum()) for x, y in data)
    return right / sum(len(y) for _, y in data)


def epochs_of(data: Digits, number: int, seed: int, signal: bool) -> Iterator[Batches]:
    """Every epoch places the digits anew."""
    for epoch in range(number):
        yield batches(data.train, seed=1000 * (seed + 1) + epoch, signal=signal)


def fit(network: nn.Module, epochs: list[Batches], rate: float, *, warm: float) -> None:
    """AdamW, one cycle of the rate, ``warm`` of the time upwards; the network ends in eval mode."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=0.01)
    steps = sum(map(len, epochs))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=max(steps, 2), pct_start=warm
    )
    network.train()
    for epoch in epochs:
        for inputs, classes in epoch:
            optimiser.zero_grad()
            F.cross_entropy(network(inputs), classes).backward()
            optimiser.step()
            schedule.step()
    network.eval()


def tune(network: nn.Module, data: Digits, kind: models.Kind, seed: int, share: float) -> None:
    """One epoch at a tenth of the training's rate: the same recipe for whoever pruned it.

    Arguments:
        share: of the epoch; 1 but for a quick look.
    """
    (epoch,) = epochs_of(data, 1, seed + 500, kind.signal)
    epoch = epoch[: max(1, round(share * len(epoch)))]
    fit(network, [epoch], kind.rate / 10, warm=0.2)


def trained(name: str, seed: int, data: Digits, cache: Path, epochs: int | None) -> nn.Module:
    """The network, from the cache if it was trained by these very lines before."""
    kind = models.KINDS[name]
    number = kind.epochs if epochs is None else epochs
    torch.manual_seed(seed)
    network = kind.build(models.dense)
    recipe = inspect.getsource(models) + inspect.getsource(inspect.getmodule(fit))
    key = hashlib.sha256(f"{recipe}{number}".encode()).hexdigest()[:12]
    file = cache / f"{name}-{seed}-{key}.pt"
    if file.exists():
        network.load_state_dict(torch.load(file, weights_only=True))
        return network.eval()
    fit(network, list(epochs_of(data, number, seed, kind.signal)), kind.rate, warm=0.3)
    cache.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), file)
    return network


def default_cache() -> Path:
    """Where weights are kept: outside the repository."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "secateur" / "benchmarks" / "networks"
