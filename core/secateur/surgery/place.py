"""Putting the channels of a smaller tensor back where they belong."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Place(nn.Module):
    """Rearranges dimension 1: channels are dropped, reordered, or filled with zeros.

    Arguments:
        source: the dense index of every channel of the input.
        target: the dense index of every channel of the output; those that are not in ``source``
            are zero.
    """

    def __init__(self, source: Sequence[int], target: Sequence[int]) -> None:
        super().__init__()
        position = {index: k for k, index in enumerate(source)}
        pairs = [(position[index], k) for k, index in enumerate(target) if index in position]
        self.size = len(target)
        self.take: Tensor
        self.put: Tensor
        self.register_buffer("take", torch.tensor([p[0] for p in pairs], dtype=torch.long), False)
        self.register_buffer("put", torch.tensor([p[1] for p in pairs], dtype=torch.long), False)
        self._takes_all = [p[0] for p in pairs] == list(range(len(source)))
        self._fills = len(pairs) < len(target)

    def forward(self, tensor: Tensor) -> Tensor:
        """``(batch, len(source), …)`` to ``(batch, len(target), …)``."""
        taken = tensor if self._takes_all else tensor.index_select(1, self.take)
        if not self._fills:
            return taken
        out = taken.new_zeros(taken.shape[0], self.size, *taken.shape[2:])
        return out.index_copy(1, self.put, taken)

    def extra_repr(self) -> str:
        """Sizes, for printing."""
        return f"{len(self.take)} of {self.size} channels"
