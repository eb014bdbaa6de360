"""Normalisations, softmax and other statistics."""

from __future__ import annotations

import numpy as np

from secateur.network.atoms import Made
from secateur.network.run import Op
from secateur.operators.flow import Flow
from secateur.operators.rule import rule

STATISTICS_FREE = frozenset({"sum", "linalg_vector_norm", "norm", "nansum"})
"""A zero changes nothing."""


@rule(
    "native_batch_norm",
    "_native_batch_norm_legit",
    "_native_batch_norm_legit_no_training",
    "_batch_norm_with_update",
    "_batch_norm_no_update",
    "cudnn_batch_norm",
    "miopen_batch_norm",
)
def batch_norm(op: Op, flow: Flow) -> None:
    """Every channel by itself."""
    atoms, x = flow.atoms, op.args[0]
    made = atoms.of(x)
    for tensor in op.args[1:5]:
        if tensor is None or not hasattr(tensor, "shape") or tensor.ndim != 1:
            continue
        row = atoms.row(tensor, 0)
        if 1 in made.at:
            atoms.tie(made.at[1], row, "batch norm")
        elif not made.loose(1):
            atoms.pin(row, "it normalises a tensor of fixed size")
    atoms.give(op.outs[0], made)


@rule("native_layer_norm", "_fused_rms_norm")
def layer_norm(op: Op, flow: Flow) -> None:
    """A statistic over the last dimensions."""
    atoms, x, shape = flow.atoms, op.args[0], op.args[1]
    made = atoms.of(x)
    for tensor in op.args[2:4]:  # of what is no tensor nothing is known
        for dim, row in atoms.of(tensor).at.items():
            own = x.ndim - len(shape) + dim
            if own in made.at:
                atoms.tie(made.at[own], row, "layer norm")
            elif not made.loose(own):
                atoms.pin(row, "it normalises a tensor of fixed size")
    for dim, ids in made.at.items():
        if dim >= x.ndim - len(shape):
            flow.stat(op, x, dim, ids, "a layer norm")
    atoms.give(op.outs[0], made)


@rule("native_group_norm")
def group_norm(op: Op, flow: Flow) -> None:
    """A statistic over each group: whole groups go, or as many of each."""
    atoms = flow.atoms
    x, weight, bias, _, channels, _, groups = op.args[:7]
    made = atoms.of(x)
    if 1 in made.at:
        for tensor in (weight, bias):
            if tensor is not None:
                atoms.tie(made.at[1], atoms.row(tensor, 0), "group norm")
        rows = made.at[1].reshape(groups, -1)
        whole = groups == channels or (
            groups > 1 and flow.fold("group norm", tuple(rows.shape), 0) == 0
        )
        if whole:
            atoms.tie(np.broadcast_to(rows[:, :1], rows.shape), rows, "a whole group")
        else:
            atoms.tie_all(rows, "as many in each group")
            flow.stat(op, x, 1, made.at[1], "a group norm")
    atoms.give(op.outs[0], made)


@rule("_softmax", "_log_softmax", "_safe_softmax")
def softmax(op: Op, flow: Flow) -> None:
    """A sum over one dimension below each element."""
    _over(op, flow, int(op.args[1]), "a softmax")


@rule(
    "cumsum", "cumprod", "cummax", "cummin", "logcumsumexp", "sort", "topk", "argsort", "kthvalue"
)
def in_order(op: Op, flow: Flow) -> None:
    """What comes out depends on the order of the dimension."""
    made, x = flow.atoms.of(op.args[0]), op.args[0]
    dim = int(op.argument("dim")) % x.ndim
    if dim in made.at:
        flow.atoms.pin(made.at[dim], f"{op.name} goes over channels in their order")
    at = {d: row for d, row in made.at.items() if d != dim or op.name.startswith("cum")}
    for out in op.outs:
        flow.atoms.give(out, Made(dict(at)))


def _over(op: Op, flow: Flow, dim: int, what: str) -> None:
    x = op.args[0]
    made = flow.atoms.of(x)
    dim %= x.ndim
    if dim in made.at:
        flow.stat(op, x, dim, made.at[dim], what)
    flow.atoms.give(op.outs[0], made)


@rule(
    *[
        "sum",
        "mean",
        "amax",
        "amin",
        "var",
        "std",
        "linalg_vector_norm",
        "norm",
        "max",
        "min",
        "prod",
        "any",
        "all",
        "logsumexp",
        "var_mean",
    ],
    *["std_mean", "median", "argmax", "argmin", "nansum", "count_nonzero", "aminmax"],
)
def reduction(op: Op, flow: Flow) -> None:
    """Over some dimensions: a sum reads channels, other statistics are of those there are."""
    atoms, x = flow.atoms, op.args[0]
    made = atoms.of(x)
    schema = {argument.name for argument in op.func._schema.arguments}
    if len(op.ins) > 1 and "dim" not in schema:  # max(a, b)
        flow.join(op, op.ins, op.outs[0], op.name)
        return
    given = op.argument("dim")
    if given is None or given == []:
        dims = set(range(x.ndim))
    else:
        dims = {
            d % max(x.ndim, 1) for d in (given if isinstance(given, (list, tuple)) else [given])
        }
    keep = bool(op.argument("keepdim", False))
    at = {}
    for dim, ids in made.at.items():
        if dim in dims:
            if op.name in STATISTICS_FREE:
                flow.read(op, x, dim, ids)
            elif op.name.startswith("arg") or op.name in ("median",):
                atoms.pin(ids, f"{op.name} over channels gives their numbers")
            else:
                flow.stat(op, x, dim, ids, f"{op.name}")
                if op.name in ("max", "min") and len(op.outs) > 1:
                    why = f"{op.name} over channels gives their numbers"
                    flow.demand(op.outs[1:], ids, why)
        else:
            at[dim if keep else dim - sum(d < dim for d in dims)] = ids
    for out in op.outs:
        atoms.give(out, Made(dict(at), made.free is True, made.summed if keep else frozenset()))


@rule("_weight_norm_interface")
def weight_norm(op: Op, flow: Flow) -> None:
    """``g v / |v|``: the norm is a statistic over inputs."""
    atoms = flow.atoms
    v, g = op.args[0], op.args[1]
    made = atoms.of(v)
    dim = int(op.argument("dim"))
    atoms.tie(made.row(dim, v.shape[dim]), atoms.row(g, dim), "weight norm")
    for other, ids in made.at.items():
        if other != dim:
            atoms.pin(ids, "weight norm over inputs")
    atoms.give(op.outs[0], made)
