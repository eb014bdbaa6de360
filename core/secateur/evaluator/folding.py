"""Forwards put over those of a cut network, and taken off again: folded, channels last.

No parameter is written to and no module replaced: for the time of a run a module has a ``forward``
of its own, so that the next cut finds the network as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Forward = Callable[..., Any]
_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@contextmanager
def laid_over(network: nn.Module, forwards: Mapping[str, Forward]) -> Iterator[None]:
    """Modules run other forwards inside.

    Arguments:
        network: as it was afterwards.
        forwards: by the module's path.
    """
    modules = dict(network.named_modules(remove_duplicate=False))
    before = [
        (
            modules[path].__dict__,
            "forward" in vars(modules[path]),
            vars(modules[path]).get("forward"),
        )
        for path in forwards
    ]
    for path, forward in forwards.items():
        modules[path].__dict__["forward"] = forward
    try:
        yield
    finally:
        for own, there, forward in reversed(before):
            if there:
                own["forward"] = forward
            else:
                own.pop("forward", None)


def fast_forwards(
    network: nn.Module, folds: Mapping[str, str], channels_last: bool
) -> dict[str, Forward]:
    """Forwards by path that give the same in less time.

    Arguments:
        network: cut; not changed.
        folds: batch norms by the path of the layer that they alone read.
        channels_last: two-dimensional convolutions have their weights laid out that way.
    """
    modules = dict(network.named_modules())
    forwards: dict[str, Forward] = {}
    for path, module in modules.items():
        if type(module) not in _LAYERS or "forward" in vars(module):
            continue
        weight, bias = module.weight.detach(), module.bias
        norm = modules.get(folds.get(path, ""))
        folded = path in folds and norm is not None and _can_be_folded(norm, weight)
        if folded:
            assert norm is not None
            weight, bias = _folded(weight, bias, norm)
            forwards[folds[path]] = _handed_on
        last = channels_last and isinstance(module, nn.Conv2d)
        if last:
            weight = weight.contiguous(memory_format=torch.channels_last)
        if folded or last:
            forwards[path] = _with_weights(module, weight, bias)
    return forwards


def _can_be_folded(norm: Any, weight: Tensor) -> bool:
    return bool(
        type(norm) in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
        and "forward" not in vars(norm)
        and norm.running_mean is not None
        and norm.running_var is not None
        and norm.running_mean.dtype == weight.dtype
        and len(norm.running_mean) == len(weight)
    )


def _folded(weight: Tensor, bias: Tensor | None, norm: Any) -> tuple[Tensor, Tensor]:
    """Weight and bias with a norm's factor and offset, rounded once (as ``surgery.fold``)."""
    factor = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        factor = factor * norm.weight.detach().double()
    shift = -norm.running_mean.double()
    if bias is not None:
        shift = shift + bias.detach().double()
    shift = shift * factor
    if norm.bias is not None:
        shift = shift + norm.bias.detach().double()
    scaled = weight.double() * factor.reshape(-1, *[1] * (weight.ndim - 1))
    return scaled.to(weight.dtype), shift.to(weight.dtype)


def _with_weights(module: Any, weight: Tensor, bias: Tensor | None) -> Forward:
    if isinstance(module, nn.Linear):
        return lambda input: nn.functional.linear(input, weight, bias)
    return lambda input: module._conv_forward(input, weight, bias)


def _handed_on(input: Tensor) -> Tensor:
    return input
