"""One run of the dense network: which operation reads what, and what pruning changes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from secateur.network import Call, Channels
from secateur.network.paused import sharing
from secateur.network.run import Op, Visitor, run
from secateur.surgery.compensation.chains import BATCH_NORM, shares, undo
from secateur.surgery.compensation.designs import Design, design_of, products_of
from secateur.surgery.compensation.values import Value, Values, written


@dataclass(eq=False)
class Seen:
    """An operation as it was recorded.

    Arguments:
        number: its place in the stream.
        name: of the ATen operation.
        path: of the module that ran it.
        ins: what its operands held before it ran.
        outs: what its outputs held after it had run.
        moving: for each operand, whether it depends on the network's inputs.
        changed: for each operand, whether pruning changes it (or what is read of it).
        designs: the ways to fit it.
        undone: for each operand, whether a change of the output can be brought back to it.
        shares: for each operand, its factor and the other one's, if two tensors are added up.
        mean: the running mean that a batch norm subtracts.
        narrowed: a statistic is taken over the channels that are kept only.
        live: bytes of all activations that exist before it runs.
    """

    number: int
    name: str
    path: str
    ins: list[Value]
    outs: list[Value] = field(default_factory=list)
    moving: list[bool] = field(default_factory=list)
    changed: list[bool] = field(default_factory=list)
    designs: list[Design] = field(default_factory=list)
    undone: list[bool] = field(default_factory=list)
    shares: list[tuple[float, float] | None] = field(default_factory=list)
    mean: Value | None = None
    narrowed: bool = False
    live: int = 0


@dataclass(eq=False)
class Record:
    """A run.

    Arguments:
        seen: its operations.
        parameters: names and values of the parameters.
        buffers: likewise.
        uses: for every storage of parameters and buffers, what is read of it and by which
            operation; views do not count.
        outputs: what the network gave.
        recurrent: some operations ran inside a fused recurrent layer, taken apart.
    """

    seen: list[Seen]
    parameters: dict[str, Value]
    buffers: dict[str, Value]
    uses: dict[int, list[tuple[Value, int]]]
    outputs: set[Value]
    recurrent: bool

    def owner(self, value: Value, *, buffer: bool = False) -> str | None:
        """The parameter (or buffer) that a tensor is a part of."""
        for name, whole in (self.buffers if buffer else self.parameters).items():
            inside = whole.offset <= value.offset and value.end <= whole.end
            if value.storage == whole.storage and inside:
                return name
        return None

    def users(self, value: Value) -> list[int]:
        """The operations that read memory of this part of a parameter."""
        return [op for other, op in self.uses[value.storage] if other.overlaps(value)]


def record(network: nn.Module, call: Call, channels: Channels, keep: NDArray[np.bool_]) -> Record:
    """Run the dense network once.

    Raises:
        DataError: it fails on the inputs.
    """
    copied = sharing(network)
    visitor = _Recorder(copied, call, channels, keep)
    out = run(copied, call, visitor)
    outputs = {visitor.values.of(t) for t in tree_leaves(out) if isinstance(t, Tensor)}
    return Record(
        visitor.seen,
        visitor.parameters,
        visitor.buffers,
        visitor.uses,
        outputs,
        visitor.recurrent,
    )


class _Recorder(Visitor):
    def __init__(
        self, network: nn.Module, call: Call, channels: Channels, keep: NDArray[np.bool_]
    ) -> None:
        self.values = Values()
        # what is watched first is not counted as activations
        self.parameters = {n: self.values.of(p) for n, p in network.named_parameters()}
        self.buffers = {n: self.values.of(b) for n, b in network.named_buffers()}
        self.fixed = self.values.live_bytes()
        self.own = {v.storage for v in (*self.parameters.values(), *self.buffers.values())}
        self.moving = {self.values.of(t).storage for t in call.tensors}
        self.changed: set[int] = set()
        gone = channels.extended(~keep)
        self.pruned = {
            (read.op, read.operand)
            for read in (*channels.reads, *channels.stats)
            if gone[read.channel].any()
        }
        self.narrowed = {s.op for s in channels.stats if gone[s.channel].any()}
        self.placed = {p.path for p in channels.placed if gone[p.channel].any()}
        self.seen: list[Seen] = []
        self.uses: dict[int, list[tuple[Value, int]]] = defaultdict(list)
        self.mkldnn = torch._C._get_mkldnn_enabled()
        self.recurrent = False

    def before(self, op: Op) -> None:
        values = [self.values.of(t) for t in op.ins]
        seen = Seen(op.number, op.name, op.path, values)
        seen.live = self.values.live_bytes() - self.fixed
        seen.moving = [v.storage in self.moving for v in values]
        seen.changed = [
            v.storage in self.changed or (op.number, k) in self.pruned for k, v in enumerate(values)
        ]
        seen.narrowed = op.number in self.narrowed
        mean = op.argument("running_mean") if op.name in BATCH_NORM else None
        seen.mean = None if mean is None else self.values.of(mean)
        self.recurrent |= torch._C._get_mkldnn_enabled() != self.mkldnn
        self.written = written(op)
        self.seen.append(seen)

    def after(self, op: Op, out: Any) -> Any:
        seen = self.seen[-1]
        for tensor in self.written:
            self.values.write(tensor)
        seen.outs = [self.values.of(t) for t in op.outs]
        given = [*seen.outs, *(self.values.of(t) for t in self.written)]
        if any(seen.moving):
            self.moving.update(v.storage for v in given if v.storage not in self.own)
        if any(seen.changed):
            self.changed.update(v.storage for v in given if v.storage not in self.own)
        inside = {v.storage for v in seen.ins}
        if not all(v.storage in inside for v in seen.outs) or self.written:  # no mere view
            for value in seen.ins:
                if value.storage in self.own:
                    self.uses[value.storage].append((value, op.number))
        seen.designs = [d for d in (design_of(op), *products_of(op)) if d is not None]
        seen.undone = [self._undone(op, seen, k) for k in range(len(op.ins))]
        seen.shares = [shares(op, k) for k in range(len(op.ins))] if op.outs else []
        return out

    def _undone(self, op: Op, seen: Seen, operand: int) -> bool:
        others = [m for k, m in enumerate(seen.moving) if k != operand]
        if not seen.moving[operand] or any(others) or not op.outs:
            return False
        return undo(op, operand) is not None

    def leave(self, path: str, module: nn.Module, out: Any) -> Any:
        if path in self.placed:
            self.changed.update(
                self.values.of(t).storage for t in tree_leaves(out) if isinstance(t, Tensor)
            )
        return out
