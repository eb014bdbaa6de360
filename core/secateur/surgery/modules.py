"""Smaller copies of single modules."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import Tensor, nn

Indices = tuple[int, ...]
Module = TypeVar("Module", bound=nn.Module)


def smaller_convolution(
    convolution: nn.Conv2d, inputs: Indices | None, outputs: Indices | None
) -> nn.Conv2d:
    """A convolution with fewer inputs and outputs; depthwise if it was.

    Arguments:
        convolution: groups 1, or depthwise (then ``inputs`` is ``outputs``).
        inputs: input channels that are there, or None for all.
        outputs: filters that stay, or None for all.
    """
    depthwise = convolution.groups > 1
    weight = _take(_take(convolution.weight, outputs, 0), None if depthwise else inputs, 1)
    count = weight.shape[0]
    small = nn.Conv2d(
        count if depthwise else weight.shape[1],
        count,
        convolution.kernel_size,  # type: ignore[arg-type]
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
        convolution.dilation,  # type: ignore[arg-type]
        count if depthwise else 1,
        convolution.bias is not None,
        convolution.padding_mode,
        device=weight.device,
        dtype=weight.dtype,
    )
    _set(small, "weight", weight, convolution.weight)
    if convolution.bias is not None:
        _set(small, "bias", _take(convolution.bias, outputs, 0), convolution.bias)
    return small.train(convolution.training)


def smaller_transposed(convolution: nn.ConvTranspose2d, inputs: Indices) -> nn.ConvTranspose2d:
    """A transposed convolution (groups 1) with fewer inputs."""
    weight = _take(convolution.weight, inputs, 0)
    small = nn.ConvTranspose2d(
        len(inputs),
        convolution.out_channels,
        convolution.kernel_size,  # type: ignore[arg-type]
        convolution.stride,  # type: ignore[arg-type]
        convolution.padding,  # type: ignore[arg-type]
        convolution.output_padding,  # type: ignore[arg-type]
        1,
        convolution.bias is not None,
        convolution.dilation,  # type: ignore[arg-type]
        device=weight.device,
        dtype=weight.dtype,
    )
    _set(small, "weight", weight, convolution.weight)
    if convolution.bias is not None:
        _set(small, "bias", convolution.bias.detach().clone(), convolution.bias)
    return small.train(convolution.training)


def smaller_linear(linear: nn.Linear, inputs: Indices) -> nn.Linear:
    """A linear layer with fewer inputs."""
    weight = _take(linear.weight, inputs, 1)
    small = nn.Linear(
        len(inputs),
        linear.out_features,
        linear.bias is not None,
        device=weight.device,
        dtype=weight.dtype,
    )
    _set(small, "weight", weight, linear.weight)
    if linear.bias is not None:
        _set(small, "bias", linear.bias.detach().clone(), linear.bias)
    return small.train(linear.training)


def smaller_normalisation(norm: Module, channels: Indices) -> Module:
    """A batch or instance norm, or a PReLU with a slope a channel, with fewer channels."""
    small = copy.deepcopy(norm)
    for name, parameter in list(norm.named_parameters(recurse=False)):
        if parameter.numel() > 1:
            _set(small, name, _take(parameter, channels, 0), parameter)
    for name, buffer in list(norm.named_buffers(recurse=False)):
        if buffer.ndim == 1:
            setattr(small, name, _take(buffer, channels, 0))
    if hasattr(small, "num_features"):
        small.num_features = len(channels)  # type: ignore[assignment]
    elif isinstance(small, nn.PReLU) and small.num_parameters > 1:
        small.num_parameters = len(channels)
    return small


def _take(tensor: Tensor, indices: Indices | None, dimension: int) -> Tensor:
    tensor = tensor.detach()
    if indices is None:
        return tensor.clone()
    return tensor.index_select(dimension, torch.tensor(indices, device=tensor.device))


def _set(module: nn.Module, name: str, value: Tensor, like: Tensor) -> None:
    setattr(module, name, nn.Parameter(value, requires_grad=like.requires_grad))
