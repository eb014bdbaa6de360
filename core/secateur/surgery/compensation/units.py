"""Which part of a weight is fitted: inputs and outputs that stay, in blocks if there are many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secateur.network import Channels
from secateur.surgery.compensation.designs import Design
from secateur.surgery.compensation.plan import Fit

WIDE = 4096
"""Unknowns for each output that are solved for at once: a Gram matrix of 128 MiB."""


@dataclass(frozen=True, eq=False)
class Units:
    """What stays of a weight seen as ``(groups, outputs, inputs, kernel)``.

    Arguments:
        design: of the layer.
        alive: which entries stay, of that shape.
        groups: numbers of the groups that stay.
        outputs: numbers of the outputs that stay, if there is one group; or None for all.
        inputs: likewise; never None for one group.
    """

    design: Design
    alive: Tensor
    groups: Tensor
    outputs: Tensor | None
    inputs: Tensor | None

    @property
    def columns(self) -> int:
        """Unknowns for each output."""
        kernel = self.alive.shape[3]
        return kernel * (self.alive.shape[2] if self.inputs is None else len(self.inputs))

    def blocks(self) -> list[Tensor | None]:
        """Inputs that are fitted at once."""
        if self.inputs is None:
            return [None]
        if self.columns <= WIDE:
            return [None if len(self.inputs) == self.alive.shape[2] else self.inputs]
        each = max(1, WIDE // self.alive.shape[3])
        return list(torch.split(self.inputs, each))

    def groups_of(self, rows: Tensor) -> Tensor:
        """The groups that stay, of something whose first dimension they are."""
        return rows if len(self.groups) == len(rows) else rows.index_select(0, self.groups)

    def outputs_of(self, rest: Tensor) -> Tensor:
        """The groups and outputs that stay, of ``(groups, positions, outputs)``."""
        rest = self.groups_of(rest)
        return rest if self.outputs is None else rest.index_select(2, self.outputs)

    def change(self, weight: Tensor, change: Tensor, block: Tensor | None) -> None:
        """Add a change to a weight, in its own memory.

        Arguments:
            weight: of the fitted network.
            change: shape ``(groups, outputs, columns)`` of what stays.
            block: the inputs that it is of.
        """
        full = torch.zeros(self.alive.shape, dtype=change.dtype, device=change.device)
        split = change.reshape(*change.shape[:2], -1, self.alive.shape[3])
        if len(self.alive) == 1:
            wide = full[0].index_select(1, self._all(block, 2))
            wide[self._all(self.outputs, 1)] = split[0]
            full[0].index_copy_(1, self._all(block, 2), wide)
        else:
            full[self.groups] = split
        full = torch.where(self.alive, full, torch.zeros_like(full))
        weight.add_(self.design.restore(full, weight.shape).to(weight))

    def spread(self, shift: Tensor) -> Tensor:
        """A shift of ``(groups, outputs)`` that stay, at its place among all, zeros elsewhere."""
        full = torch.zeros(self.alive.shape[:2], dtype=shift.dtype, device=shift.device)
        if len(self.alive) == 1:
            full[0, self._all(self.outputs, 1)] = shift[0]
        else:
            full[self.groups] = shift
        return torch.where(self.alive.any(3).any(2), full, torch.zeros_like(full))

    def _all(self, some: Tensor | None, dim: int) -> Tensor:
        if some is not None:
            return some
        return torch.arange(self.alive.shape[dim], device=self.alive.device)


def units_of(
    fit: Fit,
    weight: Tensor,
    channels: Channels,
    gone: NDArray[np.bool_],
    parameter: Tensor,
    *,
    every_output: bool = False,
) -> Units:
    """What stays of a layer's weight.

    Arguments:
        fit: of the layer.
        weight: the part of the parameter that it reads.
        channels: of the network.
        gone: of ``Channels.extended``.
        parameter: the whole parameter.
        every_output: outputs that go are fitted too, from the inputs that stay.
    """
    stays = torch.empty_strided(
        parameter.shape, parameter.stride(), dtype=torch.bool, device=parameter.device
    ).fill_(True)
    for dim, index in channels.index.get(fit.weight.name, {}).items():
        own = torch.as_tensor(~gone[index], device=parameter.device)
        stays &= own.reshape([-1 if d == dim else 1 for d in range(parameter.ndim)])
    part = stays.as_strided(weight.shape, weight.stride(), fit.weight.offset)
    alive = fit.design.matrix(part)
    groups = alive.flatten(1).any(1).nonzero().flatten()
    if len(alive) > 1:
        return Units(fit.design, alive, groups, None, None)
    if every_output:
        alive = alive.any(1, keepdim=True).expand_as(alive)
    outputs, inputs = alive[0].any(2).any(1), alive[0].any(2).any(0)
    return Units(
        fit.design,
        alive,
        groups,
        None if bool(outputs.all()) else outputs.nonzero().flatten(),
        inputs.nonzero().flatten(),
    )
