"""Synthetic channel statistics of any widths: what the scale and the width of blocks cost.

The Fisher rows of a layer lie near a few shared directions, so that its couplings are signed and
strong; its activations are rectified mixtures of as many directions, so that its residual couplings
are not negative. Scales are log-normal, within layers and between them.
"""

from __future__ import annotations

import numpy as np

from secateur.network import Channels, Costs, Group
from secateur.statistics import ChannelStatistics

SIGNED, POSITIVE = "fisher", "residual"
"""Objectives whose couplings have both signs, and none below zero."""


def resnet50_widths() -> list[int]:
    """The output widths of ResNet-50's convolutions, the shortcuts' among them: 26 560."""
    widths = [64]
    for inner, outer, blocks in ((64, 256, 3), (128, 512, 4), (256, 1024, 6), (512, 2048, 3)):
        for block in range(blocks):
            widths += [inner, inner, outer] + ([outer] if block == 0 else [])
    return widths


def widths_of(channels: int) -> list[int]:
    """ResNet-50's widths from the input on, the last one cut so that the sum is ``channels``."""
    widths: list[int] = []
    for width in resnet50_widths():
        if sum(widths) + width >= channels:
            break
        widths.append(width)
    left = channels - sum(widths)
    if left > 2048:
        raise SystemExit(f"ResNet-50 has 26560 channels, and {channels} were asked for")
    return [*widths, left]


def make_channels(widths: list[int]) -> Channels:
    groups, start = [], 0
    for number, width in enumerate(widths):
        name = f"layer{number}"
        members = ((f"{name}.weight", 0),)
        groups.append(Group(name, start, tuple(range(width)), members, (name,), name))
        start += width
    slots = tuple(((f"{g.path}.weight", 0, k),) for g in groups for k in g.indices)
    costs = Costs((), ())
    return Channels(tuple(groups), slots, slots, {}, (), (), (), (), (), costs, (), ())


def make_statistics(
    widths: list[int], *, samples: int = 64, probes: int = 20, seed: int = 0
) -> ChannelStatistics:
    """Statistics as ``collect_statistics`` makes them, drawn instead of measured."""
    rng = np.random.default_rng(seed)
    channels = make_channels(widths)
    n, rows = len(channels), samples * probes
    even = np.repeat(np.arange(samples) % 2 == 0, probes)
    fisher, grams, means = [], [], []
    for group in channels.groups:
        width = group.size
        rank = max(4, width // 4)
        mix = rng.standard_normal((rank, width)) / np.sqrt(rank)
        scale = np.exp(rng.normal(0, 1.2, width)) * np.exp(rng.normal(0, 0.7))
        shared = rng.standard_normal((rows, rank)) @ mix
        own = rng.standard_normal((rows, width))
        drawn = (shared + 0.5 * own) * scale * 0.01
        fisher.append(np.stack([drawn[half].T @ drawn[half] for half in (even, ~even)]))
        seen = rng.standard_normal((4 * width if width <= 512 else 2 * width, rank))
        activation = np.maximum(seen @ mix, 0)
        grams.append(activation.T @ activation / len(activation))
        means.append(activation.mean(0))
    gradients = rng.standard_normal((samples, n)) * 0.01 * np.exp(rng.normal(0, 1, n))
    return ChannelStatistics(
        channels=channels,
        samples=samples,
        probes=probes,
        loss=0.1,
        seed=seed,
        data=f"drawn with seed {seed}",
        taylor=np.abs(gradients).mean(0),
        gradient=gradients.mean(0),
        empirical_fisher=np.square(gradients).mean(0),
        fisher=tuple(fisher),
        rows=(int(even.sum()), int((~even).sum())),
        gram=tuple(grams),
        mean=tuple(means),
        l1=np.abs(rng.normal(1, 0.3, n)),
    )
