"""Operations that only move or copy data: they are run on the atoms themselves."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from secateur.network.atoms import FIXED, Ids, Made
from secateur.network.run import Op
from secateur.operators.flow import Flow

MOVES = frozenset(
    """clone contiguous _unsafe_view constant_pad_nd _pad_circular rot90
    repeat flip roll index_select _unsafe_index im2col tile unfold unsafe_split
    unsafe_split_with_sizes split_with_sizes split_copy reflection_pad1d reflection_pad2d
    reflection_pad3d replication_pad1d replication_pad2d replication_pad3d _reshape_copy lift_fresh
    lift_fresh_copy lift index gather _to_copy expand_copy view_copy permute_copy alias
    repeat_interleave slice_copy transpose_ squeeze_ unsqueeze_ t_ _conj_physical""".split()
)
THIN = frozenset("t transpose permute unsqueeze clone contiguous alias t_ transpose_".split())
"""They need no other dimension."""
ORDERED = frozenset(
    "roll index _unsafe_index index_select gather as_strided repeat_interleave".split()
)
"""Positions are taken by number: that does not commute with leaving some out."""
SPLITS = frozenset(
    ["split", "unsafe_split", "split_with_sizes", "unsafe_split_with_sizes", "chunk"]
)
PARTS = SPLITS | {"slice", "narrow"}


def is_move(op: Op) -> bool:
    """Whether an operation can be run on atoms."""
    return op.name in MOVES or bool(op.func.is_view)


def move(op: Op, flow: Flow, literal: bool) -> None:
    """Run the operation on atoms.

    Arguments:
        op: moves one tensor.
        flow: written to.
        literal: it cuts at numbers written in code.
    """
    atoms = flow.atoms
    leaves, spec = tree_flatten((op.args, op.kwargs))
    tensors = [t for t in leaves if isinstance(t, Tensor)]
    sources = [t for t in tensors if t.is_floating_point() or t.is_complex()]
    if not sources and len(tensors) == 1:
        sources = tensors
    if len(sources) != 1:
        flow.opaque(op)
        return
    source, made = sources[0], atoms.of(sources[0])
    shape = op.shape_of(source)

    def on(full: Tensor) -> list[Tensor]:
        args, kwargs = tree_unflatten([full if t is source else t for t in leaves], spec)
        if op.name == "constant_pad_nd":  # whatever is put there, it is no channel
            args, kwargs = (*args[:2], FIXED), {}
        try:
            moved = op.func(*args, **kwargs)
        except (RuntimeError, NotImplementedError):  # some kernels know no integers
            args, kwargs = tree_unflatten(
                [full.double() if t is source else t for t in leaves], spec
            )
            moved = op.func(*args, **kwargs)
        return [x.long() for x in tree_leaves(moved) if isinstance(x, Tensor)]

    if any(t.is_complex() for t in op.outs):
        flow.opaque(op, f"{op.name} makes complex numbers of it")
        return
    news: list[dict[int, Ids]] = [{} for _ in op.outs]
    if set(made.at) and op.name in SPLITS:
        made = _split(op, flow, made, literal)
    for dim, ids in made.at.items():
        thin = op.name in THIN
        ids = ids if thin else atoms.roots(ids)
        full = torch.from_numpy(ids.copy()).reshape(
            [-1 if k == dim else 1 for k in range(len(shape))]
        )
        moved = on(full if thin else full.expand(shape).clone())
        _check(op, flow, dim, ids, moved, literal)
        for part, new in zip(moved, news, strict=True):
            found = compress(flow, part.numpy(), op.name)
            if found is None:
                continue
            where, row = found
            if op.name in ORDERED and not np.array_equal(atoms.roots(row), atoms.roots(ids)):
                atoms.pin(np.concatenate([ids, row]), f"{op.name} moves channels by fixed numbers")
            if where in new:
                atoms.pin(np.concatenate([row, new[where]]), "two channel dimensions are merged")
            else:
                new[where] = row
    for out, new in zip(op.outs, news, strict=True):
        summed = frozenset(d for d, row in new.items() if _was_summed(flow, made, row))
        exits = made.exits if summed or len(new) else ()
        atoms.give(out, Made(new, _free(op, made, shape, out), summed, exits))


def _was_summed(flow: Flow, made: Made, row: Ids) -> bool:
    if not made.summed:
        return False
    roots = flow.atoms.roots(row)
    summed = [flow.atoms.roots(made.at[d]) for d in made.summed if d in made.at]
    return any(bool(np.isin(roots[roots > 0], own).any()) for own in summed)


def _free(op: Op, made: Made, shape: torch.Size, out: Tensor) -> frozenset[int] | bool:
    if made.free is True:
        return True
    if op.name not in ("expand", "expand_copy"):
        return frozenset()
    shift = out.ndim - len(shape)
    grown = {d + shift for d in range(len(shape)) if shape[d] == 1}
    return frozenset({*grown, *range(shift)})


def _split(op: Op, flow: Flow, made: Made, literal: bool) -> Made:
    """Equal parts must stay equal; parts of sizes written in code stay."""
    dim = int(op.argument("dim")) % len(op.shape_of(op.ins[0]))
    if dim not in made.at:
        return made
    ids = made.at[dim]
    sizes = [out.shape[dim] for out in op.outs]
    if literal:
        flow.atoms.pin(ids, "split at numbers written in code")
    elif len(set(sizes)) == 1:
        flow.atoms.tie_all(ids.reshape(len(sizes), -1), "split in equal parts")
    return made


def _check(op: Op, flow: Flow, dim: int, ids: Ids, moved: list[Tensor], literal: bool) -> None:
    """Pin what is taken at fixed places."""
    found = np.zeros(flow.atoms.union.used, dtype=bool)
    for part in moved:
        found[np.maximum(part.numpy().ravel(), 0)] = True
    if op.name == "slice":
        whole = op.outs[0].shape[dim] == len(ids)
        if whole or not literal:
            return
    elif found[ids[ids > 0]].all():
        return
    flow.atoms.pin(ids, f"{op.name} takes channels at fixed places")


def compress(flow: Flow, full: Ids, why: str) -> tuple[int, Ids] | None:
    """From an atom for each element to an atom for each position of one dimension."""
    if full.size == 0:
        return None
    varies = []
    for dim in range(full.ndim):
        if full.shape[dim] > 1:
            top = full.max(axis=dim, keepdims=True)
            if not ((full == top) | (full <= 0)).all():
                varies.append(dim)
    others = tuple(d for d in range(full.ndim) if d not in varies)
    full = full.max(axis=others) if others else full
    if not varies:
        if full.size and int(full.max()) > 0:
            flow.atoms.pin(full.ravel(), "a single channel is left")
        return None
    if len(varies) == 1:
        return varies[0], full.ravel()
    # the kept must form a rectangle, so one dimension alone may shrink
    part = flow.fold(why, full.shape)
    rows = np.moveaxis(full, part, 0).reshape(full.shape[part], -1)
    flow.atoms.tie(np.broadcast_to(rows[:, :1], rows.shape), rows, why)
    return varies[part], flow.atoms.roots(rows).max(1)
