"""Operations that mix a dimension: products of matrices, convolutions of any kind, embeddings."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from secateur.network.atoms import ANY, Ids, Made
from secateur.network.run import Op
from secateur.operators.flow import Flow
from secateur.operators.rule import rule


def contract(
    op: Op,
    flow: Flow,
    one: Tensor,
    two: Tensor,
    dims: tuple[int, int],
    places: list[Any],
    kind: str,
) -> None:
    """``out[…, i, j] = Σ_k one[…, i, k] two[…, k, j]``: k is tied and read, i and j go on.

    Arguments:
        op: its first output is made.
        flow: written to.
        one: the left operand.
        two: the right one.
        dims: of k in each.
        places: ``(operand, its dimension, the output's)`` of every dimension that goes on.
        kind: of the work.
    """
    atoms, out = flow.atoms, op.outs[0]
    a, b = atoms.of(one), atoms.of(two)
    first, second = dims
    left, right = a.row(first, one.shape[first]), b.row(second, two.shape[second])
    if first in a.at and second in b.at:
        atoms.tie(left, right, "read")
    elif first in a.at and not b.loose(second):
        atoms.pin(left, "read by a tensor of fixed size")
    elif second in b.at and not a.loose(first):
        atoms.pin(right, "it reads the network's input, or another tensor of fixed size")
    ids = np.where(left == ANY, right, left)  # what forward made follows the other side
    if first in a.at or second in b.at:
        side, dim = (one, first) if flow.depends(one) or not flow.depends(two) else (two, second)
        flow.read(op, side, dim, ids)
    at: dict[int, Ids] = {}
    for operand, dim, target in places:
        row = (b if operand else a).at.get(dim)
        if row is None or len(row) != out.shape[target]:
            continue
        if target in at:
            atoms.tie(at[target], row, "batch of a product")
        at[target] = row
    shared = ids if first in a.at or second in b.at else None
    number = out.numel() * one.shape[first]
    flow.macs(op, kind, number, *at.values(), *([shared] if shared is not None else []))
    atoms.give(out, Made(at, a.free is True and b.free is True))
    for row in at.values():
        flow.produce(op, row)


@rule("linear")
def linear(op: Op, flow: Flow) -> None:
    """``x W' + b`` over the last dimension."""
    x, weight = op.args[0], op.args[1]
    bias = op.argument("bias")
    last, out = x.ndim - 1, op.outs[0]
    places = [(0, d, d) for d in range(last)]
    contract(op, flow, x, weight, (last, 1), [*places, (1, 0, out.ndim - 1)], "linear")
    if bias is not None:
        flow.join(op, [out, bias], out, "bias")


@rule("matmul", "mm", "bmm", "mv", "dot")
def matmul(op: Op, flow: Flow) -> None:
    """Any product of matrices and vectors, with broadcast batches."""
    _product(op, flow, op.args[0], op.args[1])


def _product(op: Op, flow: Flow, one: Tensor, two: Tensor) -> None:
    out = op.outs[0]
    places = []
    if one.ndim == 1 and two.ndim == 1:
        pass
    elif two.ndim == 1:
        places = [(0, d, d) for d in range(one.ndim - 1)]
    else:
        kept = 1 if one.ndim > 1 else 0  # rows of the left one in the output
        batch = out.ndim - 1 - kept
        for operand, tensor, own in ((0, one, one.ndim - 1 - kept), (1, two, two.ndim - 2)):
            places += [(operand, d, d + batch - own) for d in range(own) if tensor.shape[d] > 1]
        if kept:
            places.append((0, one.ndim - 2, out.ndim - 2))
        places.append((1, two.ndim - 1, out.ndim - 1))
    contract(op, flow, one, two, (one.ndim - 1, max(two.ndim - 2, 0)), places, "matmul")


@rule("addmm", "baddbmm", "addmv")
def addmm(op: Op, flow: Flow) -> None:
    """A product and what is added to it."""
    _product(op, flow, op.args[1], op.args[2])
    flow.join(op, [op.outs[0], op.args[0]], op.outs[0], "bias")


@rule("convolution", "_convolution", "convolution_overrideable")
def convolution(op: Op, flow: Flow) -> None:
    """Of any dimension, transposed, grouped, depthwise."""
    atoms = flow.atoms
    x, weight, bias = op.args[0], op.args[1], op.args[2]
    transposed, groups = bool(op.args[6]), int(op.args[8])
    out, made = op.outs[0], atoms.of(x)
    for dim, ids in atoms.of(weight).at.items():
        if dim > 1:
            atoms.pin(ids, "size of a kernel")
    for dim, ids in made.at.items():
        if dim > 1:
            atoms.tie_all(ids, "convolution over channels")
            atoms.pin(ids, "convolution over channels")
    kernel = weight[0, 0].numel()
    kind = f"conv{kernel}" if groups == 1 else "grouped" if groups < x.shape[1] else "depthwise"
    if groups == 1:
        rows, columns = (1, 0) if transposed else (0, 1)
        contract(op, flow, x, weight, (1, columns), [(1, rows, 1), (0, 0, 0)], kind)
        positions = x if transposed else out
        last = flow.work.pop()
        number = positions.numel() // positions.shape[1] * weight.numel()
        flow.macs(op, kind, number, *last.factors)
    else:
        _grouped(op, flow, groups, transposed, kind)
    if bias is not None:
        row = atoms.row(out, 1)
        atoms.tie(atoms.row(bias, 0), row, "bias")


def _grouped(op: Op, flow: Flow, groups: int, transposed: bool, kind: str) -> None:
    """Whole groups go, with their inputs and outputs, or as many in each."""
    atoms = flow.atoms
    x, weight, out = op.args[0], op.args[1], op.outs[0]
    size, multiple = x.shape[1] // groups, out.shape[1] // groups
    inputs = atoms.row(x, 1).reshape(groups, size)
    positions = (x if transposed else out).numel() // (x if transposed else out).shape[1]
    number = positions * weight.numel()
    whole = size == 1 or flow.fold("grouped convolution", (groups, size), 0) == 0
    first = atoms.row(weight, 0)
    if whole:
        each = inputs[:, :1]
        atoms.tie(np.broadcast_to(each, inputs.shape), inputs, "a whole group")
        own = first.reshape(groups, -1)
        atoms.tie(np.broadcast_to(each, own.shape), own, "a whole group")
        atoms.pin(atoms.row(weight, 1), "size of a group")
        # what comes out of a group leaves with it
        made = np.repeat(own[:, :1], multiple, axis=1) if transposed else own
        row = made.reshape(-1)
        flow.macs(op, kind, number, row)
    elif transposed:
        own = first.reshape(groups, size)
        atoms.tie(inputs, own, "as many in each group")
        atoms.tie_all(own, "as many in each group")
        row = np.tile(atoms.row(weight, 1), groups)
        flow.read(op, x, 1, inputs.reshape(-1))
        flow.macs(op, kind, number, own[0], atoms.row(weight, 1))
    else:
        atoms.tie(
            inputs, np.broadcast_to(atoms.row(weight, 1), inputs.shape), "as many in each group"
        )
        own = first.reshape(groups, multiple)
        atoms.tie_all(own, "as many in each group")
        row = own.reshape(-1)
        flow.read(op, x, 1, inputs.reshape(-1))
        flow.macs(op, kind, number, own[0], atoms.row(weight, 1))
    at = {1: row}
    batch = atoms.of(x).at.get(0)
    if batch is not None:
        at[0] = batch
    atoms.give(out, Made(at))
    flow.produce(op, row)


@rule("embedding", "_embedding_bag", "_embedding_bag_forward_only")
def embedding(op: Op, flow: Flow) -> None:
    """Rows by number: the vocabulary stays, the width goes on."""
    atoms, weight, out = flow.atoms, op.args[0], op.outs[0]
    made = atoms.of(weight)
    if 0 in made.at:
        atoms.pin(made.at[0], "its rows are looked up by number")
    if 1 in made.at:
        atoms.give(out, Made({out.ndim - 1: made.at[1]}))
        flow.produce(op, made.at[1])
