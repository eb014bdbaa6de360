"""Fingerprints of weights and of data: what was measured holds for these, and for no others.

A fingerprint is a SHA-256 over names, shapes, types and bytes. It is the same on every device; one
number that changed makes another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten_with_path

from secateur.errors import NetworkError
from secateur.network.trees import tensors_in
from secateur.tasks.base import Task
from secateur.tasks.batches import Batch

_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic)


def fingerprint_network(network: nn.Module) -> str:
    """The fingerprint of all weights and buffers that a network would save.

    Arguments:
        network: on any device; not changed.

    Raises:
        NetworkError: a weight has no values (meta, lazy).
    """
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if isinstance(value, Tensor) and (value.is_meta or nn.parameter.is_lazy(value)):
            raise NetworkError(
                f"{name} has no values yet",
                remedy="build the network on a real device, load its weights, and run it once if "
                "it has lazy modules",
            )
        digest.update(f"{name}={digest_of(value)}\n".encode())
    return digest.hexdigest()


def fingerprint_data(
    task: Task, device: torch.device | None = None, batches: int | None = None
) -> str:
    """The fingerprint of a task's calibration data: inputs, targets, their order and batches.

    Arguments:
        task: gives the batches.
        device: that they are moved to; the fingerprint is the same for each.
        batches: so many of them; all unless given.

    Raises:
        DataError: as ``Task.batches``.
    """
    data = DataFingerprint()
    for _ in data.watch(islice(task.batches("calibration", device), batches)):
        pass
    return data.hexdigest()


class DataFingerprint:
    """Made while batches go by."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches, each of them counted."""
        for batch in batches:
            seen = {"inputs": batch.call.inputs, "targets": batch.targets}
            self._digest.update(f"{batch.size}={digest_of(seen)}\n".encode())
            yield batch

    def hexdigest(self) -> str:
        """The fingerprint of all that went by."""
        return self._digest.hexdigest()


def digest_of(tree: Any) -> str:
    """The SHA-256 of whatever a user's code hands over: containers, tensors, arrays, plain values.

    Names and positions count, the order in which a dict was filled does not. Of an object only the
    class and the tensors inside count: its text may tell where it is in memory.
    """
    leaves, _ = tree_flatten_with_path(tree)
    parts = [f"{''.join(map(str, keys))}:{_leaf(leaf)}" for keys, leaf in leaves]
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def _leaf(leaf: Any) -> str:
    if isinstance(leaf, Tensor):
        return _tensor(leaf)
    if isinstance(leaf, np.ndarray):
        if leaf.dtype.hasobject:
            return f"array {leaf.shape} {digest_of(leaf.reshape(-1).tolist())}"
        return f"array {leaf.dtype} {leaf.shape} {_sha(np.ascontiguousarray(leaf).tobytes())}"
    kind = type(leaf)
    if isinstance(leaf, _PLAIN):
        return f"{kind.__name__} {_sha(repr(leaf).encode())}"
    if isinstance(leaf, (set, frozenset)):
        return f"set {sorted(_leaf(part) for part in leaf)}"
    inside = [f"{path}:{_tensor(tensor)}" for path, tensor in tensors_in(leaf).items()]
    return f"{kind.__module__}.{kind.__qualname__} {sorted(inside)}"


def _tensor(tensor: Tensor) -> str:
    tensor = tensor.detach()
    about = f"{tensor.dtype} {tuple(tensor.shape)}"
    if tensor.layout == torch.sparse_coo:
        tensor = tensor.coalesce()
        return f"{about} sparse {_tensor(tensor.indices())} {_tensor(tensor.values())}"
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        ends, inner = tensor.crow_indices(), tensor.col_indices()
        return f"{about} rows {_tensor(ends)} {_tensor(inner)} {_tensor(tensor.values())}"
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        ends, inner = tensor.ccol_indices(), tensor.row_indices()
        return f"{about} columns {_tensor(ends)} {_tensor(inner)} {_tensor(tensor.values())}"
    if tensor.is_quantized:
        return f"{about} {tensor.qscheme()} {_tensor(tensor.int_repr())} {_scales(tensor)}"
    if tensor.is_conj() or tensor.is_neg():
        tensor = tensor.resolve_conj().resolve_neg()
    plain = tensor.cpu().contiguous().reshape(-1)
    if not plain.numel():
        return f"{about} empty"
    return f"{about} {_sha(plain.view(torch.uint8).numpy().data)}"


def _scales(tensor: Tensor) -> str:
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return f"{tensor.q_scale()!r} {tensor.q_zero_point()}"
    scales, zeros = tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points()
    return f"{_tensor(scales)} {_tensor(zeros)} {tensor.q_per_channel_axis()}"


def _sha(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()
