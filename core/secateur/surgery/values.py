"""What a file's tensors may be for a network's: converted exactly, rounded and told, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from secateur.errors import FileError, NetworkError


def check_values(network: nn.Module, state: Mapping[str, Any], path: Path) -> list[str]:
    """Before anything is changed: every tensor is plain, finite, and of a type that fits.

    Floats may be rounded to the network's precision, which is told. Whole numbers (quantised
    weights, whose scale is elsewhere) and complex ones are no weights of a network of floats.

    Returns:
        a sentence for every kind of rounding.

    Raises:
        FileError: a tensor is sparse, quantised, without values, or of a type that does not fit.
        NetworkError: a weight is NaN or infinite, in the file or in the network's precision.
    """
    own = network.state_dict()
    buffers = {name for name, _ in network.named_buffers()}
    rounded = set()
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            continue
        _check_plain(name, tensor, path)
        here = own.get(name)
        if isinstance(here, Tensor) and is_lazy(here):
            _check_memory(name, tensor, path)
        elif isinstance(here, Tensor) and tensor.dtype != here.dtype:
            _check_type(name, tensor, here, path)
            if tensor.is_floating_point() and not _exact(tensor, here.dtype):
                rounded.add(f"{tensor.dtype} to {here.dtype}".replace("torch.", ""))
        elif here is None and tensor.is_complex():
            raise _misfit(name, tensor, "a real type", path)
        _check_finite(name, tensor, here, path, buffer=name in buffers)
    return [f"weights were rounded from {how}" for how in sorted(rounded)]


def _check_plain(name: str, tensor: Tensor, path: Path) -> None:
    kind = (
        "quantised"
        if tensor.is_quantized
        else "without values (on the meta device)"
        if tensor.is_meta
        else "nested"
        if tensor.is_nested
        else "sparse"
        if tensor.layout is not torch.strided
        else None
    )
    if kind is not None:
        raise FileError(
            f"{name} is {kind} in {path}",
            remedy="save the plain weights: dequantize(), to_dense(), or the network before it "
            "was converted",
        )


def _check_memory(name: str, tensor: Tensor, path: Path) -> None:
    """A size that the network does not know is the file's word: its bytes must be there."""
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        raise FileError(
            f"{name} in {path} has {tensor.numel()} elements and "
            f"{tensor.untyped_storage().nbytes()} bytes",
            remedy="save it with contiguous()",
        )


def _check_type(name: str, tensor: Tensor, here: Tensor, path: Path) -> None:
    """Of another type: floats to floats, and anything whose every value is the same there."""
    wanted = here.dtype
    if tensor.is_complex() and not wanted.is_complex:
        raise _misfit(name, tensor, str(wanted), path)
    if wanted.is_complex or (wanted.is_floating_point and tensor.is_floating_point()):
        return
    if wanted.is_floating_point or not _exact(tensor, wanted):
        raise _misfit(name, tensor, str(wanted), path)


def _misfit(name: str, tensor: Tensor, wanted: str, path: Path) -> FileError:
    return FileError(
        f"{name} is {tensor.dtype} in {path} and {wanted} in the network".replace("torch.", ""),
        remedy="convert the file or the network to one type; of quantised weights, dequantize() "
        "them before they are saved",
    )


def _exact(tensor: Tensor, wanted: torch.dtype) -> bool:
    """Whether no value changes by the conversion."""
    try:
        return torch.equal(tensor.to(wanted).to(tensor.dtype), tensor)
    except (RuntimeError, NotImplementedError):  # a type that cannot be calculated with
        return False


def _check_finite(name: str, tensor: Tensor, here: Any, path: Path, *, buffer: bool) -> None:
    if not tensor.is_floating_point() and not tensor.is_complex():
        return
    try:
        values = tensor.float() if tensor.element_size() == 1 else tensor
    except RuntimeError as error:  # two numbers in a byte: a type that only kernels can read
        wanted = here.dtype if isinstance(here, Tensor) else "a plain type"
        raise _misfit(name, tensor, str(wanted), path) from error
    bad = torch.isnan(values) if buffer else ~torch.isfinite(values)
    if bool(bad.any()):
        raise NetworkError(
            f"{name} in {path} has values that are NaN or infinite",
            remedy="load a checkpoint from before the training diverged",
        )
    if isinstance(here, Tensor) and not is_lazy(here) and here.dtype != tensor.dtype:
        overflown = ~torch.isfinite(values.to(here.dtype)) & torch.isfinite(values)
        if bool(overflown.any()):
            raise NetworkError(
                f"{name} in {path} has values that are infinite as {here.dtype}",
                remedy="build the network in the precision that the weights were saved in",
            )
