"""Channels taken away softly: a factor at every place that reads them.

A channel that is zero wherever it is read is gone: that equals the cut, always. Zero where it is
made would not: a bias, a norm or a sigmoid behind it makes something of zero again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from secateur.errors import NetworkError
from secateur.network.call import Call
from secateur.network.channels import Channels, Placed, Read
from secateur.network.device import floats_of
from secateur.network.layout import another_way, laid_out
from secateur.network.run import Op, Visitor, run

_COARSE = (torch.bfloat16, torch.float16)

Observer = Callable[[Read | Placed, Tensor], None]
"""Called with a place where channels are read and the tensor there, before the gate."""


class GatedNetwork:
    """A network whose channels can be scaled, without touching it.

    Arguments:
        network: not changed; its own forward runs.
        channels: from ``find_channels`` on the same network.

    Attributes:
        coarse: some of what has been run was in 16-bit precision.
    """

    def __init__(self, network: nn.Module, channels: Channels) -> None:
        self.network, self.channels = network, channels
        self.in_place = any(name.endswith("_") for name in channels.names)
        self.coarse = False

    def __call__(
        self,
        call: Call,
        gates: Tensor | None = None,
        *,
        keep: NDArray[np.bool_] | None = None,
        observe: Observer | None = None,
    ) -> Any:
        """The outputs, in evaluation mode.

        Arguments:
            call: what forward is given.
            gates: factors of shape ``(1, n)`` or ``(batch, n)``; a leaf may ask for its gradient.
            keep: the channels that stay, shape ``(n,)``, where the gates are zero for the others:
                what is made of channels alone, sums and norms, goes with them.
            observe: sees every place where channels are read.

        Raises:
            DataError: forward fails on these inputs.
            NetworkError: forward went another way than in the run that found the channels.
        """
        stay = None if keep is None else ~self.channels.extended(~np.asarray(keep))
        full = None if gates is None else _extended(gates, self.channels, stay)
        visitor = Masking(self, full, stay, observe, call)
        grad = gates is not None and gates.requires_grad
        out = run(self.network, call, visitor, grad=grad)
        visitor.check()
        return out

    def masked(self, call: Call, keep: NDArray[np.bool_]) -> Any:
        """The outputs with only the channels where ``keep`` is true, shape ``(n,)``."""
        visitor = self.masking(keep, call)
        out = run(self.network, call, visitor)
        visitor.check()
        return out

    def masking(self, keep: NDArray[np.bool_], call: Call | None = None) -> Masking:
        """The visitor that takes channels away from a run; ``check`` it when the run is over.

        Arguments:
            keep: which channels stay, shape ``(n,)``.
            call: that will be run; None for one of the shape that channels were found with.
        """
        like = floats_of(self.network)
        gone = self.channels.extended(~np.asarray(keep))
        gates = torch.as_tensor(~gone).to(device=like.device, dtype=like.dtype).reshape(1, -1)
        return Masking(self, gates, ~gone, None, call)


def _extended(gates: Tensor, channels: Channels, stay: NDArray[np.bool_] | None) -> Tensor:
    """Gates with those of the sums' own channels and a one behind."""
    ones = gates.new_ones(len(gates), len(channels.streams) + 1)
    if stay is not None:
        ones = ones * torch.as_tensor(stay[len(channels) :]).to(ones)
    return torch.cat([gates, ones], dim=1)


class Masking(Visitor):
    """Scales channels at their reads; made by ``GatedNetwork``."""

    def __init__(
        self,
        owner: GatedNetwork,
        gates: Tensor | None,
        stay: NDArray[np.bool_] | None,
        observe: Observer | None,
        call: Call | None,
    ) -> None:
        self.owner, self.gates, self.stay, self.observe = owner, gates, stay, observe
        channels = owner.channels
        self.layout = channels if call is None else laid_out(owner.network, channels, call)
        self.reads: dict[int, list[Read]] = defaultdict(list)
        for read in self.layout.reads:
            self.reads[read.op].append(read)
        self.stats: dict[int, list[Read]] = defaultdict(list)
        for stat in self.layout.stats:
            self.stats[stat.op].append(stat)
        self.placed = {placed.path: placed for placed in self.layout.placed}
        self.names: list[str] = []
        self.local: tuple[int, NDArray[np.bool_]] | None = None

    def before(self, op: Op) -> None:
        self.names.append(op.name)
        reads = self.reads.get(op.number)
        if reads:
            leaves, spec = tree_flatten((op.args, op.kwargs))
            places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
            for read in reads:
                place = places[read.operand] if read.operand < len(places) else -1
                tensor = leaves[place]
                if place < 0 or tensor.ndim <= read.dim:
                    raise another_way(self.owner.network)
                times, rest = divmod(tensor.shape[read.dim], len(read.channel))
                if rest or (times != 1 and read.dim != 0):
                    raise another_way(self.owner.network)
                # samples and channels may share a dimension: channels are found for one sample
                channel = np.tile(read.channel, times)
                if self.observe is not None:
                    self.observe(read, tensor.unflatten(0, (times, -1)) if times > 1 else tensor)
                leaves[place] = self._scaled(tensor, read.dim, channel, times)
            args, op.kwargs = tree_unflatten(leaves, spec)
            op.args = list(args)
        stats = self.stats.get(op.number)
        if stats and self.stay is not None:
            for stat in stats:
                stays = self.stay[stat.channel]
                if not stays.all():
                    over_kept(op, stat.dim, stays)
                    self.local = (stat.dim, stays)

    def after(self, op: Op, out: Any) -> Any:
        if op.outs and op.outs[0].dtype in _COARSE:
            self.owner.coarse = True
        if self.local is None:
            return out
        (dim, stays), self.local = self.local, None
        return put_back(out, dim, stays)

    def leave(self, path: str, module: nn.Module, out: Any) -> Any:
        placed = self.placed.get(path)
        if placed is None:
            return out
        if self.observe is not None:
            self.observe(placed, out)
        return self._scaled(out, placed.dim, placed.channel)

    def _scaled(
        self, tensor: Tensor, dim: int, channel: NDArray[np.int64], times: int = 1
    ) -> Tensor:
        if self.gates is None:
            return tensor
        factor = self.gates[:, torch.as_tensor(channel, device=self.gates.device)]
        if self.stay is not None and not factor.requires_grad and bool((factor == 1).all()):
            return tensor
        shape = [-1 if d == dim else 1 for d in range(tensor.ndim)]
        if len(factor) > 1:
            factor = self._by_sample(factor, tensor.shape, dim, times)
            shape[0] = tensor.shape[0]
            shape[dim] = tensor.shape[dim]
        if self.owner.in_place and factor.requires_grad:
            tensor = tensor.clone()  # the product keeps it, and it may be written to later
        return tensor * factor.reshape(shape).to(tensor.dtype)

    @staticmethod
    def _by_sample(factor: Tensor, shape: torch.Size, dim: int, stretches: int) -> Tensor:
        """A factor for each sample and channel, where the first dimension begins with samples."""
        times, rest = divmod(shape[0], len(factor))
        # channels alone in the first dimension leave no place for samples there
        if rest or (dim == 0 and stretches != len(factor)):
            raise NetworkError(
                "samples cannot be told apart where channels are read", remedy="one at a time"
            )
        if dim == 0:  # every sample has its own stretch
            return factor[:, : shape[0] // len(factor)].reshape(-1)
        return factor.repeat_interleave(times, 0)

    def check(self) -> None:
        """The run went the same way as the one that found the channels.

        Raises:
            NetworkError: it did not.
        """
        if tuple(self.names) != self.layout.names:
            raise another_way(self.owner.network)


def over_kept(op: Op, dim: int, stays: NDArray[np.bool_]) -> None:
    """A statistic over what is kept: the operation runs on the smaller tensor."""
    index = torch.as_tensor(np.flatnonzero(stays))
    op.args[0] = op.args[0].index_select(dim, index)
    if op.name in ("native_layer_norm", "_fused_rms_norm"):
        own = dim - (op.args[0].ndim - len(op.args[1]))
        op.args[1] = [len(index) if d == own else size for d, size in enumerate(op.args[1])]
        for position in range(2, min(4, len(op.args))):
            if isinstance(op.args[position], Tensor):
                op.args[position] = op.args[position].index_select(own, index)
    elif op.name == "native_group_norm":
        for position in (1, 2):
            if op.args[position] is not None:
                op.args[position] = op.args[position].index_select(0, index)
        op.args[4] = len(index)


def put_back(out: Any, dim: int, stays: NDArray[np.bool_]) -> Any:
    """The smaller tensor in the dense one's shape, zero where channels are gone."""
    first = out if isinstance(out, Tensor) else out[0]
    kept = int(stays.sum())
    if first.ndim <= dim or first.shape[dim] != kept or kept == len(stays):
        return out
    shape = list(first.shape)
    shape[dim] = len(stays)
    index = torch.as_tensor(np.flatnonzero(stays))
    full = first.new_zeros(shape).index_copy(dim, index, first)
    return full if isinstance(out, Tensor) else (full, *out[1:])


__all__ = ["Call", "GatedNetwork", "Observer"]
