"""Element by element, along positions, put together: what else needs a word."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from secateur.network.atoms import ANY, Made
from secateur.network.run import Op
from secateur.operators.flow import Flow
from secateur.operators.rule import rule

ALSO_POINTWISE = frozenset(
    """_prelu_kernel prelu hardswish hardswish_ masked_fill masked_fill_ native_dropout bernoulli_
    rrelu_with_noise where celu elu log_sigmoid_forward fill_ zero_ fill""".split()
)
CREATED = frozenset(
    [
        "zeros",
        "ones",
        "full",
        "empty",
        "new_zeros",
        "new_ones",
        "new_full",
        "new_empty",
        "scalar_tensor",
        "rand",
        "randn",
        "empty_strided",
        "new_empty_strided",
    ]
)
"""A tensor made in forward: any size."""
SPATIAL = (
    "max_pool", "avg_pool", "adaptive_", "_adaptive", "upsample", "mkldnn_", "grid_sampler",
    "max_unpool", "_upsample", "fractional_max_pool", "affine_grid", "_cdist",
)  # fmt: skip


def spatial(op: Op, flow: Flow) -> None:
    """Pooling, resizing: the last one, two or three dimensions are positions."""
    atoms = flow.atoms
    positions = 1 if "1d" in op.name else 3 if "3d" in op.name else 2
    source = op.ins[0]
    at = {}
    for dim, ids in atoms.of(source).at.items():
        if dim < source.ndim - positions:
            at[dim] = ids
        else:
            atoms.tie_all(ids, f"{op.name} over channels")
            atoms.pin(ids, f"{op.name} over channels")
    for tensor in op.ins[1:]:
        if op.name.startswith("max_unpool"):  # the places where maxima were
            for dim in {*at, *atoms.of(tensor).at}:
                atoms.tie(atoms.row(source, dim), atoms.row(tensor, dim), "unpooled to places")
            continue
        for ids in atoms.of(tensor).at.values():
            atoms.pin(ids, f"{op.name} reads it as positions")
    made = atoms.of(source)
    summed = frozenset(d for d in made.summed if d in at)
    for out in op.outs:
        atoms.give(out, Made(dict(at), False, summed, made.exits))


def pointwise(op: Op, flow: Flow) -> None:
    """What meets is tied."""
    tensors = [t for t in op.ins if t.ndim or t.is_floating_point()]
    out = op.outs[0]
    exits: tuple[tuple[str, Made], ...] = ()
    added: frozenset[int] = frozenset()
    moving = [t for t in tensors if flow.depends(t)]
    if len(moving) == 1:
        exits = flow.atoms.of(moving[0]).exits
    elif moving and op.name.rstrip("_") in ("add", "sub", "rsub"):
        added = flow.meet(op, moving)
    flow.join(op, tensors, out, op.name.rstrip("_"))
    made = flow.atoms.of(out)
    flow.atoms.give(out, Made(made.at, made.free, made.summed | added, exits))
    for other in op.outs[1:]:
        if other.shape == out.shape:
            flow.atoms.give(other, flow.atoms.of(out))


def created(op: Op, flow: Flow) -> None:
    """Zeros and the like: they follow whatever they meet."""
    for out in op.outs:
        flow.atoms.give(out, Made({}, True))


def like(op: Op, flow: Flow) -> None:
    """``zeros_like``: as wide as what it is like."""
    made = flow.atoms.of(op.ins[0])
    for out in op.outs:
        flow.atoms.give(out, Made(dict(made.at), made.free))


@rule("cat", "concat")
def cat(op: Op, flow: Flow) -> None:
    """One behind the other."""
    tensors = [t for t in op.args[0] if t.numel()]
    _cat(op, flow, tensors, int(op.argument("dim")))


def _cat(op: Op, flow: Flow, tensors: list[Tensor], dim: int) -> None:
    atoms, out = flow.atoms, op.outs[0]
    dim %= out.ndim
    at = {}
    loose = set()
    for d in range(out.ndim):
        rows = [atoms.of(t).row(d, t.shape[d]) for t in tensors]
        if all((row == ANY).all() for row in rows):
            loose.add(d)
            continue
        made_here = d == dim and any((row == ANY).any() for row in rows)
        if not made_here and not any((row > 0).any() for row in rows):
            continue
        if d == dim:
            at[d] = np.concatenate(rows)
        else:
            for row in rows[1:]:
                atoms.tie(rows[0], row, "cat along another dimension")
            at[d] = np.stack(rows).max(0)
    summed = frozenset(d for d in at if d != dim and any(d in atoms.of(t).summed for t in tensors))
    everywhere = all(atoms.of(t).free is True for t in tensors)
    atoms.give(out, Made(at, True if everywhere else frozenset(loose), summed))


@rule("stack")
def stack(op: Op, flow: Flow) -> None:
    """Side by side in a dimension of its own."""
    out = op.outs[0]
    dim = int(op.argument("dim")) % out.ndim
    flat = []
    for tensor in op.args[0]:
        made = flow.atoms.of(tensor)
        wide = tensor.unsqueeze(dim)
        free = (
            made.free if made.free is True else frozenset(d + (d >= dim) for d in made.free or ())
        )
        flow.atoms.give(wide, Made({d + (d >= dim): row for d, row in made.at.items()}, free))
        flat.append(wide)
    _cat(op, flow, flat, dim)


@rule("glu")
def glu(op: Op, flow: Flow) -> None:
    """Two halves meet."""
    x = op.args[0]
    dim = int(op.argument("dim")) % x.ndim
    made = flow.atoms.of(x)
    at = dict(made.at)
    if dim in at:
        one, two = np.split(at[dim], 2)
        flow.atoms.tie(one, two, "two halves meet")
        at[dim] = one
    flow.atoms.give(op.outs[0], Made(at))


@rule("native_channel_shuffle", "channel_shuffle")
def channel_shuffle(op: Op, flow: Flow) -> None:
    """A card from each heap in turn: as many leave each heap."""
    made, groups = flow.atoms.of(op.args[0]), int(op.args[1])
    at = dict(made.at)
    if 1 in at:
        heaps = at[1].reshape(groups, -1)
        flow.atoms.tie_all(heaps, "as many of each group are shuffled")
        at[1] = heaps.T.ravel()
    flow.atoms.give(op.outs[0], Made(at, made.free, made.summed, made.exits))


@rule("pixel_shuffle")
def pixel_shuffle(op: Op, flow: Flow) -> None:
    """Several channels become one, on a finer plane."""
    x, square = op.args[0], int(op.args[1]) ** 2
    _only_channels(op, flow)
    made = flow.atoms.of(x)
    at = dict(made.at)
    if x.ndim - 3 in at:
        rows = at[x.ndim - 3].reshape(-1, square)
        flow.atoms.tie_all(rows.T, "shuffled into one channel")
        at[x.ndim - 3] = rows[:, 0]
    flow.atoms.give(op.outs[0], Made(at, made.free, made.summed, made.exits))


@rule("pixel_unshuffle")
def pixel_unshuffle(op: Op, flow: Flow) -> None:
    """One channel becomes several, on a coarser plane."""
    x, square = op.args[0], int(op.args[1]) ** 2
    _only_channels(op, flow)
    made = flow.atoms.of(x)
    at = {d: np.repeat(ids, square) if d == x.ndim - 3 else ids for d, ids in made.at.items()}
    flow.atoms.give(op.outs[0], Made(at, made.free, made.summed, made.exits))


def _only_channels(op: Op, flow: Flow) -> None:
    """Pin channels that are rows or columns of the plane."""
    x = op.args[0]
    for dim, ids in flow.atoms.of(x).at.items():
        if dim > x.ndim - 3:
            flow.atoms.pin(ids, f"{op.name} over channels")


@rule("col2im")
def col2im(op: Op, flow: Flow) -> None:
    """Patches are put together: the parts of a patch leave with its channel."""
    x, out = op.args[0], op.outs[0]
    made = flow.atoms.of(x)
    at = {d: ids for d, ids in made.at.items() if d < x.ndim - 2}
    if x.ndim - 2 in made.at:
        parts = made.at[x.ndim - 2].reshape(out.shape[-3], -1)
        flow.atoms.tie_all(parts.T, "parts of a patch")
        at[out.ndim - 3] = parts[:, 0]
    if x.ndim - 1 in made.at:
        flow.atoms.pin(made.at[x.ndim - 1], "its channels are positions of patches")
    flow.atoms.give(out, Made(at))


@rule("_fft_c2c", "_fft_r2c", "_fft_c2r")
def fourier(op: Op, flow: Flow) -> None:
    """A transform mixes its own dimensions by position; others pass."""
    x = op.args[0]
    made, dims = flow.atoms.of(x), {d % x.ndim for d in op.args[1]}
    for dim, ids in made.at.items():
        if dim in dims:
            flow.atoms.pin(ids, "a Fourier transform goes over channels in their order")
    flow.atoms.give(op.outs[0], Made({d: ids for d, ids in made.at.items() if d not in dims}))


@rule("view_as_real", "view_as_complex")
def parts_of_numbers(op: Op, flow: Flow) -> None:
    """A dimension of two behind the others, or none."""
    last = op.ins[0].ndim if op.name == "view_as_real" else op.ins[0].ndim - 1
    made = flow.atoms.of(op.ins[0])
    if last in made.at:
        flow.atoms.pin(made.at[last], "a channel is half of a number")
    at = {d: ids for d, ids in made.at.items() if d < last}
    flow.atoms.give(op.outs[0], Made(at, made.free))


@rule("tril", "triu", "tril_", "triu_", "diagonal", "diag")
def triangle(op: Op, flow: Flow) -> None:
    """By position in the last two dimensions."""
    made, x = flow.atoms.of(op.args[0]), op.args[0]
    for dim, ids in made.at.items():
        if dim >= x.ndim - 2 or op.name.startswith("diag"):
            flow.atoms.pin(ids, f"{op.name} over channels goes by their numbers")
    if not op.name.startswith("diag"):
        flow.atoms.give(op.outs[0], made)


@rule("copy_")
def copy_(op: Op, flow: Flow) -> None:
    """Written into another tensor."""
    target, source = op.args[0], op.args[1]
    made = flow.atoms.of(target)
    if made.free and not flow.is_part(target):
        flow.atoms.give(target, flow.atoms.of(source))
    elif made.free:
        _fill_part(op, flow, target, source)
    else:
        flow.join(op, [target, source], op.outs[0], "copy")


def _fill_part(op: Op, flow: Flow, target: Tensor, source: Tensor) -> None:
    """A part of a new tensor is written: what it has in full becomes the source's."""
    atoms, why = flow.atoms, "it is written into a part of a tensor that forward made"
    base, cut = flow.whole_of(target)
    if base is None:
        flow.opaque(op, why)
        return
    at, behind = dict(atoms.of(base).at), target.ndim - source.ndim
    for dim in range(source.ndim):
        row, place = atoms.row(source, dim), dim + behind
        if place in cut:
            atoms.pin(row, why)
        elif source.shape[dim] > 1 or target.shape[place] == 1:
            atoms.tie(at.get(place, row), row, "written into one tensor")
            at[place] = np.maximum(at.get(place, row), row)
    atoms.give(base, Made(at, True))
    atoms.give(target, Made({d: ids for d, ids in at.items() if d not in cut}, True))


@rule("as_strided_", "resize_", "set_")
def restrided(op: Op, flow: Flow) -> None:
    """Harmless where only the memory format was mended."""
    if op.shape_of(op.args[0]) != op.outs[0].shape:
        flow.opaque(op)


@rule("local_response_norm", "_pdist_forward", "_cdist_forward")
def unknown(op: Op, flow: Flow) -> None:
    """Neighbours are mixed by their numbers."""
    flow.opaque(op, f"{op.name} mixes channels by their numbers")
