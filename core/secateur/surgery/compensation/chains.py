"""What stands between a layer and a sum and can be undone: ``scale · y + shift``, rearranged."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from secateur.network.run import Op

Undo = Callable[[Tensor], Tensor]
"""From a change of what comes out to the change of what goes in that makes it."""

BATCH_NORM = frozenset(
    (
        "native_batch_norm",
        "_native_batch_norm_legit",
        "_native_batch_norm_legit_no_training",
        "cudnn_batch_norm",
        "miopen_batch_norm",
        "_batch_norm_no_update",
    )
)
RESHAPED = frozenset(
    (
        "view",
        "_unsafe_view",
        "reshape",
        "_reshape_alias",
        "flatten",
        "unflatten",
        "squeeze",
        "unsqueeze",
        "clone",
        "contiguous",
        "alias",
    )
)
TINY = 1e-6
"""A factor so small beside the largest one passes nothing on that could be fitted."""


def undo(op: Op, operand: int) -> Undo | None:
    """How to undo an operation that has run, or None where that cannot be done.

    Arguments:
        op: no other operand of it depends on the data.
        operand: number of the tensor among those that it is given.
    """
    name = op.name.rstrip("_")
    x, out = op.ins[operand], op.outs[0]
    shape = op.shape_of(x)
    if op.name in BATCH_NORM:
        return None if operand or op.argument("training") is True else _batch_norm(op)
    if op.name == "native_group_norm":
        return None if operand else _group_norm(op)
    if op.name in RESHAPED:
        return lambda change: change.reshape(shape)
    if name in ("permute", "transpose", "t", "swapaxes", "swapdims"):
        return _permuted(op, len(shape))
    if name == "roll":
        shifts, dims = op.argument("shifts"), op.argument("dims")
        if not dims:
            return None
        return lambda change: change.roll([-s for s in shifts], list(dims))
    if out.shape != shape:  # broadcast: one element goes to several places
        return None
    if name in ("mul", "div"):
        return _scaled(op, operand, name)
    if name in ("add", "sub", "rsub") and isinstance(op.argument("alpha", 1), (int, float)):
        factor = _share(op, operand)
        return None if factor == 0 else lambda change: change / factor
    return torch.neg if name == "neg" else None


def _batch_norm(op: Op) -> Undo | None:
    variance, weight = op.argument("running_var"), op.argument("weight")
    if variance is None:
        return None
    eps = op.argument("eps", op.argument("epsilon"))
    scale = (variance + eps).rsqrt()
    if weight is not None:
        scale = scale * weight
    return lambda change: _divided(change, scale.reshape(-1, *[1] * (change.ndim - 2)))


def _group_norm(op: Op) -> Undo:
    """With the statistics as they were: they follow from what the layer computes."""
    x, weight, groups = op.args[0], op.args[1], int(op.args[6])
    spread = op.outs[2].repeat_interleave(x.shape[1] // groups, 1)
    if weight is not None:
        spread = spread * weight
    return lambda change: _divided(change, spread.reshape(*spread.shape, *[1] * (x.ndim - 2)))


def _permuted(op: Op, ndim: int) -> Undo:
    if op.name.startswith("permute"):
        dims = [d % ndim for d in op.argument("dims")]
        back = [dims.index(d) for d in range(ndim)]
        return lambda change: change.permute(back)
    if op.name in ("t", "t_"):
        return lambda change: change.t()
    first, second = (op.args[1], op.args[2])
    return lambda change: change.transpose(first, second)


def _scaled(op: Op, operand: int, name: str) -> Undo | None:
    factor = op.args[1] if op.ins[operand] is op.args[0] else op.args[0]
    if op.argument("rounding_mode") is not None:
        return None
    if name == "div":
        return (lambda change: change * factor) if op.ins[operand] is op.args[0] else None
    if not isinstance(factor, Tensor):
        return None if factor == 0 else lambda change: change / factor
    return lambda change: _divided(change, factor)


def _divided(change: Tensor, scale: Tensor) -> Tensor:
    size = scale.abs().max()
    passes = scale.abs() > TINY * size
    return torch.where(passes, change / torch.where(passes, scale, torch.ones_like(scale)), 0.0)


def _share(op: Op, operand: int) -> float:
    """The factor of an operand in a sum or difference."""
    first = op.ins[operand] is op.args[0]
    alpha = float(op.argument("alpha", 1))
    name = op.name.rstrip("_")
    if name == "add":
        return 1.0 if first else alpha
    if name == "sub":
        return 1.0 if first else -alpha
    return -alpha if first else 1.0


def shares(op: Op, operand: int) -> tuple[float, float] | None:
    """The factors of an operand and of the other one, if the operation adds two tensors up."""
    if op.name.rstrip("_") not in ("add", "sub", "rsub") or len(op.ins) != 2:
        return None
    if op.ins[0] is op.ins[1]:
        return None
    return _share(op, operand), _share(op, 1 - operand)
