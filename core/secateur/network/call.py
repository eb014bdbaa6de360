"""One call of a network's forward."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map


@dataclass(frozen=True)
class Call:
    """What ``network(*args, **kwargs)`` is given.

    Arguments:
        args: by position.
        kwargs: by name.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors in it, nested ones too."""
        return [x for x in tree_leaves((self.args, dict(self.kwargs))) if isinstance(x, Tensor)]

    @property
    def size(self) -> int:
        """The number of samples: the length of the first tensor."""
        return len(self.tensors[0])

    def to(self, device: torch.device | None) -> Call:
        """The same call with every tensor on a device."""
        if device is None:
            return self
        args, kwargs = tree_map(
            lambda x: x.to(device) if isinstance(x, Tensor) else x, (self.args, dict(self.kwargs))
        )
        return Call(args, kwargs)

    def take(self, index: slice) -> Call:
        """Some samples: every tensor as long as the batch is sliced, others are passed on."""
        size = self.size
        args, kwargs = tree_map(
            lambda x: x[index] if isinstance(x, Tensor) and x.ndim and len(x) == size else x,
            (self.args, dict(self.kwargs)),
        )
        return Call(args, kwargs)


def as_call(inputs: Call | Tensor | Mapping[str, Any] | Iterable[Any]) -> Call:
    """A call from what a user writes: a tensor, a tuple of positional or a dict of keyword inputs."""
    if isinstance(inputs, Call):
        return inputs
    if isinstance(inputs, Tensor):
        return Call((inputs,))
    if isinstance(inputs, Mapping):
        return Call((), dict(inputs))
    return Call(tuple(inputs))
