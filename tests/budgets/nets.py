"""Networks as costs alone: widths, and what they cost by the channels that stay."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from secateur.network.costs import Costs, Term


@dataclass(frozen=True)
class Group:
    path: str
    size: int
    start: int

    @property
    def name(self) -> str:
        return self.path

    @property
    def slice(self) -> slice:
        return slice(self.start, self.start + self.size)


class Channels:
    """Groups by name and width, one after another."""

    def __init__(self, widths: dict[str, int]) -> None:
        starts = np.concatenate([[0], np.cumsum(list(widths.values()))]).tolist()
        self.groups = tuple(
            Group(name, size, start)
            for (name, size), start in zip(widths.items(), starts, strict=False)
        )
        self.labels = tuple(f"{g.path}:{i}" for g in self.groups for i in range(g.size))

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, name: str) -> np.ndarray:
        (group,) = [g for g in self.groups if g.path == name]
        return np.arange(group.start, group.start + group.size)


def chain(*widths: int, inputs: int = 3, outputs: int = 10, pixels: int = 64):
    """3×3 convolutions one after another, with a bias each."""
    channels = Channels({f"c{i}": width for i, width in enumerate(widths)})
    ends = [np.full(inputs, -1), *(channels.at(g.path) for g in channels.groups)]
    ends.append(np.full(outputs, -1))
    parameters, macs = [], []
    for op, (into, out) in enumerate(itertools.pairwise(ends)):
        weights = float(len(into) * len(out) * 9)
        parameters += [Term(weights, (out, into)), Term(float(len(out)), (out,))]
        macs.append(Term(weights * pixels, (into, out), "conv9", op))
    return channels, Costs(tuple(parameters), tuple(macs))


def residual(stream: int = 32, inner: int = 32, blocks: int = 3, pixels: int = 64):
    """A stream that is tied, with a square convolution on it, and depthwise ones within blocks."""
    widths = {"stream": stream} | {f"b{i}": inner for i in range(blocks)}
    channels = Channels(widths)
    s = channels.at("stream")
    macs = [
        Term(float(27 * stream * pixels), (s,), "conv9", 0),
        Term(float(9 * stream**2 * pixels), (s, s), "conv9", 1),
    ]
    parameters = [Term(float(27 * stream), (s,)), Term(float(9 * stream**2), (s, s))]
    for i in range(blocks):
        b = channels.at(f"b{i}")
        macs += [
            Term(float(stream * inner * pixels), (s, b), "conv1", 3 * i + 2),
            Term(float(9 * inner * pixels), (b,), "depthwise", 3 * i + 3),
            Term(float(stream * inner * pixels), (b, s), "conv1", 3 * i + 4),
        ]
        parameters += [Term(float(stream * inner), (b, s)), Term(float(9 * inner), (b,))]
    return channels, Costs(tuple(parameters), tuple(macs))
