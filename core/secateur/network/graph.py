"""The network as a graph of operations, traced with ``torch.fx``.

The traced module shares every parameter and buffer with the network it came from, and keeps the
module paths; the network itself is not changed by tracing.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, fx, nn

from secateur.errors import DataError, NetworkError
from secateur.network.call import Call

ELEMENTWISE_MODULES: tuple[type[nn.Module], ...] = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.CELU,
    nn.SELU,
    nn.GELU,
    nn.SiLU,
    nn.Mish,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Hardsigmoid,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softplus,
    nn.Identity,
    nn.Dropout,
    nn.Dropout2d,
)
"""Modules that act on every value by itself (PReLU: with a slope for its channel)."""

ELEMENTWISE_FUNCTIONS = frozenset(
    {
        "relu",
        "relu_",
        "relu6",
        "leaky_relu",
        "elu",
        "celu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "hardswish",
        "hardtanh",
        "hardsigmoid",
        "sigmoid",
        "tanh",
        "softplus",
        "dropout",
        "dropout2d",
        "clamp",
        "contiguous",
    }
)
"""The same as functions or tensor methods, by name."""

NORMALISATIONS: tuple[type[nn.Module], ...] = (nn.BatchNorm2d, nn.InstanceNorm2d)
"""Normalisations that treat every channel by itself."""

MIXING_MODULES: tuple[type[nn.Module], ...] = (nn.Linear, nn.ConvTranspose2d, nn.MultiheadAttention)
MIXING_FUNCTIONS = frozenset({"matmul", "bmm", "einsum", "linear", "conv2d", "mm"})


def function_name(node: fx.Node) -> str:
    """The bare name of the function or method that a node calls."""
    target = node.target
    return target if isinstance(target, str) else getattr(target, "__name__", str(target))


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Every module in evaluation mode inside, each back in its own mode after."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def trace(network: nn.Module) -> fx.GraphModule:
    """The network as a graph, in evaluation mode; parameters are shared.

    Raises:
        NetworkError: its ``forward`` cannot be traced.
    """
    if not isinstance(network, nn.Module):
        raise NetworkError(
            f"the network is a {type(network).__name__}", remedy="pass a torch.nn.Module"
        )
    with evaluation_mode(network):
        try:
            graph = fx.Tracer().trace(network)
        except Exception as error:  # any code of the user's forward runs here
            raise NetworkError(
                f"the network {type(network).__name__} cannot be traced: {error}",
                remedy="move control flow that depends on data out of forward(), or into a "
                "function marked with torch.fx.wrap",
            ) from error
    return fx.GraphModule(network, graph, type(network).__name__)


def by_position(graph: fx.GraphModule, call: Call) -> tuple[object, ...]:
    """A call's inputs in the order of the graph's placeholders."""
    bound = inspect.signature(graph.forward).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return tuple(bound.arguments.values())


class _Shapes(fx.Interpreter):
    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=True)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> object:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n.name] = tuple(value.shape)
        return value


def node_shapes(graph: fx.GraphModule, call: Call) -> dict[str, tuple[int, ...]]:
    """The shape of every node's tensor for one input.

    Raises:
        DataError: the network does not take such an input.
    """
    shapes = _Shapes(graph)
    with evaluation_mode(graph), torch.no_grad():
        try:
            shapes.run(*by_position(graph, call))
        except Exception as error:  # whatever the user's network raises on a wrong shape
            raise input_error(call, error) from error
    return shapes.shapes


def input_error(call: Call, error: Exception) -> DataError:
    """What to tell a user whose network raised ``error`` on these inputs."""
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    shapes = ", ".join(f"{tuple(t.shape)} ({t.dtype})" for t in call.tensors)
    return DataError(
        f"the network fails on an input of shape {shapes}: {first_line}",
        remedy="give inputs of the shape that the network was trained on",
    )


def module_of(graph: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """The module that a node calls, or None."""
    return graph.get_submodule(str(node.target)) if node.op == "call_module" else None
