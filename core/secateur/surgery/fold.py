"""Batch normalisation folded into the layer before it: one operation less, the same function.

In evaluation mode batch normalisation is a factor and an offset for each channel. Where it alone
reads the output of a convolution or a linear layer, both go into that layer's weights:
W' = W·γ/√(σ² + ε) and b' = (b - μ)·γ/√(σ² + ε) + β (Jacob et al., CVPR 2018, section 3.2).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx, nn

aten = torch.ops.aten
_CONVOLUTIONS = {
    aten.conv1d.default: 3,
    aten.conv1d.padding: 3,
    aten.conv2d.default: 4,
    aten.conv2d.padding: 4,
    aten.conv3d.default: 5,
    aten.conv3d.padding: 5,
}
_TRANSPOSED = {
    aten.conv_transpose1d.default: 3,
    aten.conv_transpose2d.input: 4,
    aten.conv_transpose3d.input: 5,
}
_RANKS: dict[Any, int] = {**_CONVOLUTIONS, **_TRANSPOSED, aten.linear.default: 2}
"""Operations that take a factor in, with the rank at which their channels are dimension 1."""


def fold_batch_norm(graph: fx.GraphModule) -> int:
    """Fold every batch normalisation that can be folded exactly; the number of them.

    Arguments:
        graph: of ATen operations, in evaluation mode, from ``torch.export``; changed in place.
            Weights of its own: they are replaced, not written to.
    """
    folded = 0
    for norm in list(graph.graph.nodes):
        if norm.op == "call_function" and norm.target is aten.batch_norm.default:
            folded += _fold(graph, norm)
    if folded:
        graph.graph.eliminate_dead_code()
        graph.delete_all_unused_submodules()
        used = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
        for name in [name for name, _ in [*graph.named_parameters(), *graph.named_buffers()]]:
            if name not in used:
                owner, attribute = _owner(graph, name)
                delattr(owner, attribute)
        graph.recompile()
    return folded


def _fold(graph: fx.GraphModule, norm: fx.Node) -> bool:
    arguments: tuple[Any, ...] = norm.args
    layer, scale, offset, mean, variance, training, _, eps, *_ = arguments
    if not isinstance(layer, fx.Node) or training or mean is None or variance is None:
        return False
    rank = _RANKS.get(layer.target) if layer.op == "call_function" else None
    if rank is None or layer.meta["val"].ndim != rank or len(layer.users) != 1:
        return False
    nodes = dict(zip(("input", "weight", "bias"), layer.args, strict=False)) | layer.kwargs
    weight_node: Any = nodes["weight"]
    bias_node: Any = nodes.get("bias")
    given: tuple[Any, ...] = (weight_node, bias_node, scale, offset, mean, variance)
    if not all(n is None or (isinstance(n, fx.Node) and n.op == "get_attr") for n in given):
        return False  # computed from something: a parametrised weight, say
    weight, bias, gamma, beta, mu, square = (
        None if n is None else _attribute(graph, str(n.target)).detach() for n in given
    )
    if weight is None or mu is None or square is None or mu.dtype != weight.dtype:
        return False
    # in double precision, so that the weights are rounded once
    factor = (square.double() + float(eps)).rsqrt()
    if gamma is not None:
        factor = factor * gamma.double()
    shift = -mu.double() if bias is None else bias.double() - mu.double()
    shift = shift * factor
    if beta is not None:
        shift = shift + beta.double()
    transposed = layer.target in _TRANSPOSED
    groups = _argument(layer, "groups", 1) if transposed else 1
    scaled = _scaled(weight.double(), factor, transposed, groups).to(weight.dtype)
    with graph.graph.inserting_before(layer):
        new_weight = _replacement(graph, str(weight_node.target), weight_node, scaled)
        beside = str(weight_node.target).replace("weight", "bias")
        new_bias = _replacement(
            graph,
            beside if bias_node is None else str(bias_node.target),
            bias_node,
            shift.to(weight.dtype),
        )
    layer.kwargs = {k: v for k, v in layer.kwargs.items() if k not in ("weight", "bias")}
    layer.args = (nodes["input"], new_weight, new_bias, *layer.args[3:])
    norm.replace_all_uses_with(layer)
    graph.graph.erase_node(norm)
    return True


def _scaled(weight: Tensor, factor: Tensor, transposed: bool, groups: int) -> Tensor:
    """The weight with every output channel multiplied by its factor."""
    if not transposed:
        return weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
    parts = weight.reshape(groups, -1, *weight.shape[1:])
    factors = factor.reshape(groups, 1, -1, *[1] * (weight.ndim - 2))
    return (parts * factors).reshape(weight.shape)


def _argument(node: fx.Node, name: str, default: Any) -> Any:
    if name in node.kwargs:
        return node.kwargs[name]
    for position, argument in enumerate(node.target._schema.arguments):  # type: ignore[union-attr]
        if argument.name == name and position < len(node.args):
            return node.args[position]
    return default


def _replacement(graph: fx.GraphModule, target: str, old: fx.Node | None, value: Tensor) -> fx.Node:
    """A node for a new parameter; it takes the old one's name where nothing else uses that."""
    owner, name = _owner(graph, target)
    taken = [n for n in graph.graph.nodes if n.op == "get_attr" and n.target == target]
    if sum(len(node.users) for node in taken) == 1 and taken == [old]:
        delattr(owner, name)
    while hasattr(owner, name):  # a layer that runs twice, or no name of a weight
        name += "_folded"
    owner.register_parameter(name, nn.Parameter(value, requires_grad=False))
    return graph.graph.get_attr(f"{target.rpartition('.')[0]}.{name}".lstrip("."))


def _attribute(graph: fx.GraphModule, target: str) -> Tensor:
    owner, name = _owner(graph, target)
    found: Tensor = getattr(owner, name)
    return found


def _owner(graph: fx.GraphModule, target: str) -> tuple[nn.Module, str]:
    path, _, name = target.rpartition(".")
    return graph.get_submodule(path), name
