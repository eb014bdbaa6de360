"""Tensors inside whatever a user's code hands over: tuples, dicts, registered classes, objects.

Torch's pytrees know containers and registered classes; an output class that nobody registered
(a dataclass, a distribution) is looked into through its attributes.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten_with_path, tree_map

Path = str
"""Where a tensor is, as Python writes it: ``"['boxes'][0]"``, ``".logits"``; "" for the whole."""


def tensors_in(tree: Any) -> dict[Path, Tensor]:
    """Every tensor of a tree by its path, in order; nested and in objects."""
    return dict(_walk(tree, "", set()))


def map_tensors(tree: Any, change: Callable[[Tensor], Any]) -> Any:
    """A tree of the same form with every tensor changed; what holds none is passed on."""
    return _rebuild(tree, lambda leaf: change(leaf) if isinstance(leaf, Tensor) else leaf, {})


def replace_tensors(tree: Any, new: Mapping[int, Tensor]) -> Any:
    """A tree of the same form with some tensors replaced, by the ``id`` of the old one."""
    return map_tensors(tree, lambda tensor: new.get(id(tensor), tensor))


def take_samples(tree: Any, index: slice, size: int) -> Any:
    """Some samples of a batch, whatever holds it.

    A tensor or array whose dimension 0 is as long as the batch is sliced; a list as long as the
    batch is one entry a sample where it holds dicts, words or numbers, or tensors of other
    lengths. Everything else belongs to all samples and is passed on.

    Arguments:
        tree: of inputs, targets or outputs.
        index: which samples.
        size: the batch's.
    """

    def take(leaf: Any) -> Any:
        if isinstance(leaf, list):
            return leaf[index]
        return leaf[index] if owned(leaf, size) else leaf

    return _rebuild(tree, take, {}, stop=lambda node: entries_of_samples(node, size))


def owned(leaf: Any, size: int) -> bool:
    """Whether dimension 0 of a tensor or array is the batch."""
    if isinstance(leaf, Tensor):
        return leaf.layout == torch.strided and leaf.ndim > 0 and len(leaf) == size
    return isinstance(leaf, np.ndarray) and leaf.ndim > 0 and len(leaf) == size


def entries_of_samples(node: Any, size: int) -> bool:
    """Whether a list has one entry for each sample, and no tensors that are batches themselves."""
    if not isinstance(node, list) or len(node) != size:
        return False
    if any(isinstance(entry, Mapping) for entry in node):
        return True
    tensors = tensors_in(node).values()
    return not tensors or not all(owned(tensor, size) for tensor in tensors)


def describe_tree(tree: Any) -> str:
    """A tree's tensors in a few words, for messages: ``['a']: float32 (2, 3)``."""
    found = tensors_in(tree)
    if isinstance(tree, Tensor):
        return describe_tensor(tree)
    if not found:
        return f"a {type(tree).__name__} without tensors"
    some = [f"{path}: {describe_tensor(t)}" for path, t in list(found.items())[:6]]
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    return f"a {type(tree).__name__} with {', '.join(some)}{more}"


def describe_tensor(tensor: Tensor) -> str:
    """``float32 (2, 3)``."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _walk(tree: Any, path: Path, seen: set[int]) -> Iterator[tuple[Path, Tensor]]:
    """Objects are looked into once, by their first path: they may know each other."""
    leaves, _ = tree_flatten_with_path(tree)
    for keys, leaf in leaves:
        where = path + "".join(str(key) for key in keys)
        if isinstance(leaf, Tensor):
            yield where, leaf
            continue
        parts = _parts(leaf)
        if parts and id(leaf) not in seen:
            seen.add(id(leaf))
            for name, part in parts.items():
                inner = f"{where}[{name!r}]" if isinstance(leaf, Mapping) else f"{where}.{name}"
                yield from _walk(part, inner, seen)


def _rebuild(
    tree: Any,
    change: Callable[[Any], Any],
    done: dict[int, Any],
    stop: Callable[[Any], bool] | None = None,
) -> Any:
    def leaf_or_object(leaf: Any) -> Any:
        parts = _parts(leaf)
        if not parts or (stop is not None and stop(leaf)):
            return change(leaf)
        if id(leaf) in done:
            return done[id(leaf)]
        if not tensors_in(leaf):
            return leaf
        twin = done[id(leaf)] = copy.copy(leaf)
        for name, part in parts.items():
            new = _rebuild(part, change, done, stop)
            if new is part:
                continue
            if isinstance(twin, MutableMapping):
                twin[name] = new
            else:  # also of a frozen dataclass
                object.__setattr__(twin, name, new)
        return twin

    return tree_map(leaf_or_object, tree, is_leaf=stop)


def _parts(leaf: Any) -> dict[str, Any]:
    """What is inside a leaf of torch's pytrees: items, fields or attributes."""
    if isinstance(leaf, (Tensor, np.ndarray, nn.Module, type)) or callable(leaf):
        return {}
    if isinstance(leaf, Mapping):
        return dict(leaf)
    if dataclasses.is_dataclass(leaf):
        names = [field.name for field in dataclasses.fields(leaf)]
        return {name: getattr(leaf, name) for name in names if hasattr(leaf, name)}
    return dict(getattr(leaf, "__dict__", {}))
