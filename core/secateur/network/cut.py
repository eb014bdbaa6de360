"""The cut: a copy of the user's own class with fewer channels.

Every parameter loses the indices of the channels that go; the integers that modules hold follow.
Parameter names, ``state_dict``, saving and exporting stay as they were.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from secateur.errors import NetworkError
from secateur.network.channels import Channels
from secateur.network.door import copied
from secateur.network.place import put_in_place
from secateur.operators.sizes import resize


def cut(network: nn.Module, channels: Channels, keep: NDArray[np.bool_]) -> nn.Module:
    """A smaller copy of a network.

    Arguments:
        network: that the channels were found in; not changed.
        channels: of it.
        keep: which stay, shape ``(n,)``.

    Returns:
        a network of the same class and mode.

    Raises:
        NetworkError: ``keep`` has another length, or a layer would be empty.
    """
    keep = check_keep(channels, keep)
    slim = copied(network)
    cut_in_place(slim, channels, keep)
    return slim


def check_keep(channels: Channels, keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which channels stay, as truth values.

    Raises:
        NetworkError: there are more or fewer than channels, or a layer would be empty.
    """
    keep = np.asarray(keep, dtype=bool)
    if keep.shape != (len(channels),):
        raise NetworkError(
            f"keep has the shape {keep.shape} and there are {len(channels)} channels",
            remedy="give one truth value for every channel",
        )
    for group in channels.groups:
        if not keep[group.slice].any():
            raise NetworkError(f"{group.name} would be empty", remedy="keep one channel of it")
    return keep


def cut_in_place(network: nn.Module, channels: Channels, keep: NDArray[np.bool_]) -> None:
    """The same without a copy."""
    gone = channels.extended(~keep)
    kept = {
        name: {dim: ~gone[index] for dim, index in at.items() if gone[index].any()}
        for name, at in channels.index.items()
    }
    # one tensor may have several names: what is said of the first holds for all
    first: dict[int, str] = {}
    alias: dict[str, str] = {}
    for name, tensor in [
        *network.named_parameters(remove_duplicate=False),
        *network.named_buffers(remove_duplicate=False),
    ]:
        alias[name] = first.setdefault(id(tensor), name)
    kept = {name: kept.get(canonical, {}) for name, canonical in alias.items()}
    done: set[int] = set()
    for path, module in network.named_modules(remove_duplicate=False):
        if isinstance(module, torch.jit.ScriptModule):
            continue
        prefix = f"{path}." if path else ""
        for name, tensor in [*module._parameters.items(), *module._buffers.items()]:
            if tensor is None or id(tensor) in done or not kept.get(prefix + name):
                continue
            done.add(id(tensor))
            new = tensor.data
            for dim, stays in kept[prefix + name].items():
                index = torch.as_tensor(np.flatnonzero(stays), device=new.device)
                new = new.index_select(dim, index)
            tensor.data = new.contiguous()
            tensor.grad = None
    for path, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            continue
        prefix = f"{path}." if path else ""
        own = {
            name: kept[prefix + name]
            for name in [*module._parameters, *module._buffers]
            if kept.get(prefix + name)
        }
        if isinstance(module, nn.MultiheadAttention) and kept.get(prefix + "out_proj.weight"):
            own.setdefault("out_proj.weight", kept[prefix + "out_proj.weight"])
        resize(module, own)
    for attribute in channels.attributes:
        module = network.get_submodule(attribute.path)
        size = int((~gone[attribute.channel]).sum())
        if attribute.index is None:
            setattr(module, attribute.name, size)
        else:
            old = getattr(module, attribute.name)
            new_value = [size if i == attribute.index else x for i, x in enumerate(old)]
            setattr(module, attribute.name, type(old)(new_value))
    for placed in channels.placed:
        put_in_place(network, placed, gone)
