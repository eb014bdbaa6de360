"""How a network of the zoo is written down, built and fed."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from secateur.network.call import Call

Expect = Literal["exact", "part", "refused"]
Inputs = Callable[[int, int, torch.Generator], Call]

CASES: dict[str, Case] = {}


@dataclass(frozen=True)
class Case:
    """One network and what must come of it.

    Arguments:
        name: unique.
        family: the module that it is written in.
        make: builds the network, with torch's global generator.
        call: (batch, size, generator) to inputs; ``size`` is the side of an image, the length of
            a sequence.
        expect: ``"exact"``: all that the output is not made of is pruned. ``"part"``: something
            else stands as well. ``"refused"``: nothing can go.
        why: for "part" and "refused": what the reason that is given must say (a regular
            expression).
        groups: how many channels the groups have, in any order; None where several answers are
            right.
        kept: what is expected with statistics taken over what is kept, if not the same.
        beside: module or parameter paths that may stand although all channels are free: a size
            that is none of channels, an unused parameter (a regular expression).
        sizes: that forward takes; the first one finds the channels.
        batches: likewise.
        columns: zeros in the reading columns of the weights are the same as the mask.
        onnx: torch can write the network as ONNX, and onnxruntime runs it, before any cut.
        export: torch.export takes it, before any cut.
    """

    name: str
    family: str
    make: Callable[[], nn.Module]
    call: Inputs
    expect: Expect
    why: str | None = None
    groups: tuple[int, ...] | None = None
    kept: Expect | None = None
    beside: str | None = None
    sizes: tuple[int, ...] = (8,)
    batches: tuple[int, ...] = (2, 3)
    columns: bool = True
    onnx: bool = True
    export: bool = True

    @property
    def seed(self) -> int:
        """Its own, from its name."""
        return zlib.crc32(self.name.encode())

    def build(self) -> nn.Module:
        """The network in evaluation mode; the same weights every time."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self.make()
            stir(network)
        return network.eval()

    def inputs(self, batch: int | None = None, size: int | None = None, seed: int = 0) -> Call:
        """Inputs of a batch and a size that it takes; the first ones unless told."""
        generator = torch.Generator().manual_seed(self.seed ^ seed)
        return self.call(batch or self.batches[0], size or self.sizes[0], generator)


def stir(network: nn.Module) -> None:
    """Give a network weights and statistics that matter: nothing one, nothing zero.

    A new BatchNorm is the identity, a new LayerNorm has no shift: with those a wrong cut could
    look right.
    """
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._NormBase) and module.track_running_stats:
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_(0.0, 0.3)
                module.running_var.uniform_(0.5, 2.0)
            for name, parameter in module.named_parameters(recurse=False):
                if not parameter.is_floating_point():
                    continue
                if "bias" in name:
                    parameter.normal_(0.0, 0.2)
                elif parameter.ndim <= 1:  # the scale of a norm, a PReLU, a LayerScale
                    parameter.uniform_(0.5, 1.5)


def network(
    name: str,
    inputs: Inputs,
    *,
    expect: Expect = "exact",
    why: str | None = None,
    **about: Any,
) -> Callable[[Callable[[], nn.Module]], Callable[[], nn.Module]]:
    """Register what a class or a function without arguments builds."""
    if (why is None) != (expect == "exact"):
        raise ValueError(f"{name}: a reason goes with what stands, and only with it")

    def register(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
        if name in CASES:
            raise ValueError(f"two networks are named {name!r}")
        family = make.__module__.rpartition(".")[2]
        sizes = about.pop("sizes", getattr(inputs, "sizes", (8,)))
        CASES[name] = Case(name, family, make, inputs, expect, why, sizes=sizes, **about)
        return make

    return register


def _with_sizes(call: Inputs, sizes: tuple[int, ...]) -> Inputs:
    call.sizes = sizes  # type: ignore[attr-defined]
    return call


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


def images(channels: int = 3, sizes: tuple[int, ...] = (8, 12)) -> Inputs:
    """(batch, channels, size, size)."""
    return _with_sizes(lambda b, s, g: Call((_normal(g, b, channels, s, s),)), sizes)


def wide_images(channels: int = 3, sizes: tuple[int, ...] = (8, 12)) -> Inputs:
    """(batch, channels, size, size + 4)."""
    return _with_sizes(lambda b, s, g: Call((_normal(g, b, channels, s, s + 4),)), sizes)


def volumes(channels: int = 2, sizes: tuple[int, ...] = (6, 8)) -> Inputs:
    """(batch, channels, size, size, size)."""
    return _with_sizes(lambda b, s, g: Call((_normal(g, b, channels, s, s, s),)), sizes)


def series(channels: int = 3, sizes: tuple[int, ...] = (12, 16)) -> Inputs:
    """(batch, channels, length)."""
    return _with_sizes(lambda b, s, g: Call((_normal(g, b, channels, s),)), sizes)


def vectors(features: int = 6) -> Inputs:
    """(batch, features)."""
    return _with_sizes(lambda b, s, g: Call((_normal(g, b, features),)), (1,))


def sequences(features: int = 6, sizes: tuple[int, ...] = (5, 7)) -> Inputs:
    """(batch, length, features)."""
    return _with_sizes(lambda b, s, g: Call((_normal(g, b, s, features),)), sizes)


def tokens(vocabulary: int = 11, sizes: tuple[int, ...] = (5, 7)) -> Inputs:
    """(batch, length) of indices."""

    def call(batch: int, size: int, generator: torch.Generator) -> Call:
        return Call((torch.randint(0, vocabulary, (batch, size), generator=generator),))

    return _with_sizes(call, sizes)
