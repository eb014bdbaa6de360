"""Soft removal: the network with a gate behind every channel.

``GatedNetwork`` runs the network's own modules; it owns no weights. The gates multiply the
activations at the sites, so a mask of zeros and ones removes channels exactly as surgery does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from secateur.network.call import Call, as_call
from secateur.network.channels import Channels, Group
from secateur.network.graph import evaluation_mode, input_error, trace

Observer = Callable[[Group, Tensor], None]


class _Gate(nn.Module):
    """Multiplies a site's activation by the gates of its group and shows it to an observer."""

    def __init__(self, owner: GatedNetwork, group: Group) -> None:
        super().__init__()
        # in a list, so that the owner is not registered as a submodule of its own part
        self.owner = [owner]
        self.group = group

    def forward(self, activation: Tensor) -> Tensor:
        owner = self.owner[0]
        if owner.observer is not None:
            owner.observer(self.group, activation)
        if owner.gates is None:
            return activation
        gates = owner.gates[:, self.group.slice]
        return activation * gates.reshape(*gates.shape, *[1] * (activation.ndim - 2))


class GatedNetwork:
    """A network whose channels can be scaled, without touching it.

    Arguments:
        network: not changed; its modules are called, its parameters are shared.
        channels: from ``find_channels`` on the same network.

    Attributes:
        gates: ``(1, n)`` or ``(batch, n)`` factors, or None for the dense network.
        observer: called with a group and its activation before the gate, or None.
    """

    def __init__(self, network: nn.Module, channels: Channels) -> None:
        self.network = network
        self.channels = channels
        self.gates: Tensor | None = None
        self.observer: Observer | None = None
        traced = trace(network)
        self.graph = insert_gates(traced, channels, lambda group: _Gate(self, group))

    def __call__(self, inputs: Tensor | Call) -> Any:
        """The outputs, in evaluation mode; the modules' own modes come back after.

        Raises:
            DataError: the network does not take such inputs.
        """
        call = as_call(inputs)
        with evaluation_mode(self.network):
            try:
                return self.graph(*call.args, **call.kwargs)
            except RuntimeError as error:
                if isinstance(error, torch.OutOfMemoryError):
                    raise
                raise input_error(call, error) from error

    @contextmanager
    def masked(self, keep: NDArray[np.bool_] | Tensor) -> Iterator[GatedNetwork]:
        """Inside, only the channels with ``keep`` true are there; shape ``(n,)``."""
        before = self.gates
        self.gates = gates_of(keep, self.network)
        try:
            yield self
        finally:
            self.gates = before


def gates_of(keep: NDArray[np.bool_] | Tensor, network: nn.Module) -> Tensor:
    """A keep vector as gates of shape ``(1, n)``, on the network's device and in its precision."""
    like = next((p for p in network.parameters() if p.is_floating_point()), torch.zeros(1))
    return torch.as_tensor(keep).to(device=like.device, dtype=like.dtype).reshape(1, -1)


def insert_gates(
    traced: fx.GraphModule, channels: Channels, make: Callable[[Group], nn.Module]
) -> fx.GraphModule:
    """The traced graph with a module behind every site; everything that read the site reads it."""
    nodes = {node.name: node for node in traced.graph.nodes}
    for number, group in enumerate(channels.groups):
        for position, member in enumerate(group.members):
            name = f"_secateur_gate_{number}_{position}"
            traced.add_submodule(name, make(group))
            site = nodes[member.site]
            with traced.graph.inserting_after(site):
                gate = traced.graph.call_module(name, (site,))
            site.replace_all_uses_with(
                gate, delete_user_cb=lambda user, gate=gate: user is not gate
            )
    traced.recompile()
    return traced
