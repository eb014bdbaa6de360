"""One batch, carried through the dense and the pruned network side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from secateur.network import Call, Channels, GatedNetwork
from secateur.network.gates import Masking
from secateur.network.layout import another_way
from secateur.network.paused import PausedRun, sharing
from secateur.network.run import Op, Visitor
from secateur.surgery.compensation.chains import Undo, shares, undo
from secateur.surgery.compensation.plan import Fit


class _Dense(Visitor):
    """Remembers what layers compute, and how a change at a sum is brought back to them."""

    def __init__(self, network: nn.Module, names: tuple[str, ...], fits: Sequence[Fit]) -> None:
        self.network, self.names = network, names
        self.outs: dict[int, Tensor | None] = {fit.op: None for fit in fits}
        self.steps = {step: None for fit in fits for step in fit.steps}
        self.undos: dict[tuple[int, int], Undo] = {}
        self.sums = {(s.op, s.operand) for fit in fits for s in fit.sums}
        self.skips: dict[tuple[int, int], Tensor] = {}
        self.shares: dict[tuple[int, int], tuple[float, float]] = {}
        self.shapes: dict[tuple[int, int], torch.Size] = {}

    def before(self, op: Op) -> None:
        _same_way(self.network, self.names, op)
        for operand in (0, 1):
            if (op.number, operand) in self.sums:
                # copies here and below: what comes next may write over it before it is needed
                self.skips[op.number, operand] = op.ins[1 - operand].clone()
                self.shares[op.number, operand] = _shares(self.network, op, operand)

    def after(self, op: Op, out: Any) -> Any:
        if op.number in self.outs:
            self.outs[op.number] = op.outs[0].clone()
        for operand in (0, 1):
            step = (op.number, operand)
            if step in self.steps:
                # of a sum, too: its other side does not change with this one
                made = undo(op, operand)
                if made is None:
                    raise another_way(self.network)
                self.undos[step] = made
                self.shapes[step] = op.outs[0].shape
        return out


def _shares(network: nn.Module, op: Op, operand: int) -> tuple[float, float]:
    found = shares(op, operand)
    if found is None:
        raise another_way(network)
    return found


class _Pruned(Visitor):
    """The mask; and what came another way to a sum, before the layer that makes up for it runs."""

    def __init__(self, masking: Masking, names: tuple[str, ...], fits: Sequence[Fit]) -> None:
        self.masking, self.names = masking, names
        self.held: dict[tuple[int, int], Tensor | None] = {
            s.made: None for fit in fits for s in fit.sums
        }

    def before(self, op: Op) -> None:
        _same_way(self.masking.owner.network, self.names, op)
        self.masking.before(op)

    def after(self, op: Op, out: Any) -> Any:
        out = self.masking.after(op, out)
        tensors = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
        for k, tensor in enumerate(tensors):
            if (op.number, k) in self.held:
                self.held[op.number, k] = tensor
        return out

    def leave(self, path: str, module: nn.Module, out: Any) -> Any:
        new = self.masking.leave(path, module, out)
        if new is not out:
            for key, tensor in self.held.items():
                if tensor is out:
                    self.held[key] = new
        return new


def _same_way(network: nn.Module, names: tuple[str, ...], op: Op) -> None:
    if op.number >= len(names) or names[op.number] != op.name:
        raise another_way(network)


class Carried:
    """A batch in both networks, each waiting where it is asked to; use it in a ``with``.

    Arguments:
        dense: the network as it was.
        fitted: the one whose weights change; its parameters are shared with it.
        channels: of both, laid out for this batch.
        keep: which stay.
        call: the batch.
        fits: all that will be asked for, by their numbers, in the order of the run.
    """

    def __init__(
        self,
        dense: nn.Module,
        fitted: nn.Module,
        channels: Channels,
        keep: NDArray[np.bool_],
        call: Call,
        fits: Mapping[int, Fit],
    ) -> None:
        self.fits = dict(fits)
        own, every = sharing(dense), list(fits.values())
        self._dense = _Dense(own, channels.names, every)
        self._dense_run = PausedRun(own, call, self._dense)
        self.pruned = sharing(fitted)
        masking = GatedNetwork(self.pruned, channels).masking(keep)
        self._pruned = _Pruned(masking, channels.names, every)
        self._pruned_run = PausedRun(self.pruned, call, self._pruned)

    def at(self, number: int) -> tuple[Op, Tensor]:
        """A layer of the pruned network that is next, and what it should compute.

        Raises:
            DataError: forward fails on the batch.
            NetworkError: it goes another way than on the batch that channels were found with.
        """
        fit = self.fits[number]
        self._dense_run.advance(fit.last + 1)
        op = self._pruned_run.advance(fit.op)
        out = self._dense.outs.get(fit.op)
        if op is None or op.number != fit.op or out is None:
            raise another_way(self.pruned)
        change: Tensor | None = None
        made = {(s.op, s.operand): s.made for s in fit.sums}
        for step in reversed(fit.steps):
            if step in made:
                missing = self._missing(step, made[step])
                change = missing if change is None else change + missing
            assert change is not None
            change = self._dense.undos[step](change)
        return op, out if change is None else out + change.reshape(out.shape)

    def _missing(self, step: tuple[int, int], made: tuple[int, int]) -> Tensor:
        """What the skip lacks at a sum, times its factor there."""
        skip, pruned = self._dense.skips[step], self._pruned.held[made]
        assert pruned is not None
        lack = self._dense.shares[step][1] * (skip - pruned)
        return lack.expand(self._dense.shapes[step])

    def rest(self, wanted: Tensor) -> Tensor:
        """What the waiting layer's output lacks, with the weights as they are now."""
        out = self._pruned_run.compute()
        first = out if isinstance(out, Tensor) else out[0]
        return wanted - first

    def done(self, number: int) -> None:
        """Nothing of a layer is needed any more."""
        fit = self.fits.pop(number)
        self._dense.outs.pop(fit.op, None)
        needed = {s for other in self.fits.values() for s in other.sums}
        for s in set(fit.sums) - needed:
            self._dense.skips.pop((s.op, s.operand), None)
            if s.made not in {other.made for other in needed}:
                self._pruned.held.pop(s.made, None)

    def close(self) -> None:
        """Both forwards are over."""
        self._dense_run.close()
        self._pruned_run.close()

    def __enter__(self) -> Carried:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def shift_mean(network: nn.Module, name: str, shift: Tensor) -> None:
    """A batch norm takes a shift of its input: its running mean moves the other way."""
    buffer = dict(network.named_buffers())[name]
    with torch.no_grad():
        buffer.sub_(shift.to(buffer))
