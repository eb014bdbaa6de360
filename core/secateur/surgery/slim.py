"""Really smaller: the channels leave the weights.

The traced graph is walked in order; for every tensor we know which of the dense channels are there
(its *layout*), all others being exactly zero in the masked network. Convolutions lose filters and
inputs; where tensors meet in a sum, each is put in place by index in the union of their channels.
An operation that we do not know gets its inputs at full size, so the result is always exact and an
unknown operation only costs some of the saving.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from secateur.errors import NetworkError
from secateur.network import Channels
from secateur.network.call import Call, as_call
from secateur.network.graph import function_name, module_of, node_shapes, trace
from secateur.surgery import rules
from secateur.surgery.modules import (
    Indices,
    smaller_convolution,
    smaller_linear,
    smaller_normalisation,
    smaller_transposed,
)
from secateur.surgery.place import Place


def slim(
    network: nn.Module, channels: Channels, keep: NDArray[np.bool_], example_input: Tensor | Call
) -> fx.GraphModule:
    """A smaller network with the outputs of the masked one; the given network is not changed.

    Arguments:
        network: the dense network.
        channels: from ``find_channels`` on it.
        keep: true for every channel that stays, shape ``(n,)``.
        example_input: one input batch, for the shapes.

    Returns:
        A ``torch.fx.GraphModule`` in evaluation mode, with parameters of its own. Functions that
        depend on the mode (``F.dropout(…, training=self.training)``) are fixed to evaluation.

    Raises:
        NetworkError: ``keep`` has the wrong length or leaves a layer without a channel.
    """
    keep = np.asarray(keep, dtype=bool)
    if keep.shape != (len(channels),):
        raise NetworkError(
            f"the keep vector has the shape {keep.shape} for {len(channels)} channels",
            remedy="give one value a channel",
        )
    for group in channels.groups:
        if not keep[group.slice].any():
            raise NetworkError(
                f"no channel of {group.path} stays", remedy="keep at least one in every layer"
            )
    return _Surgeon(network, channels, keep, example_input).operate()


class _Surgeon:
    """Walks the graph of a copy and makes it smaller."""

    def __init__(
        self,
        network: nn.Module,
        channels: Channels,
        keep: NDArray[np.bool_],
        example: Tensor | Call,
    ) -> None:
        traced = trace(network)
        self.shapes = node_shapes(traced, as_call(example))
        self.graph = copy.deepcopy(traced)
        self.kept = {path: tuple(k) for path, k in channels.keep_by_layer(keep).items()}
        self.sites = {m.path: m.site for g in channels.groups for m in g.members}
        self.layouts: dict[fx.Node, Indices] = {}
        self.private: set[fx.Node] = set()
        self.places = 0
        calls = [str(n.target) for n in self.graph.graph.nodes if n.op == "call_module"]
        modules = [id(self.graph.get_submodule(path)) for path in calls]
        self.shared = {p for p, m in zip(calls, modules, strict=True) if modules.count(m) > 1}

    def operate(self) -> fx.GraphModule:
        for node in list(self.graph.graph.nodes):
            layout = self._visit(node)
            if layout is not None:
                self.layouts[node] = layout
        self.graph.graph.lint()
        self.graph.recompile()
        return self.graph.eval()

    def _full(self, node: fx.Node) -> Indices | None:
        """All channels of a dense tensor, or None for what has no dimension 1."""
        shape = self.shapes.get(node.name)
        return None if shape is None or len(shape) < 2 else tuple(range(shape[1]))

    def _visit(self, node: fx.Node) -> Indices | None:
        """Make one operation smaller; the layout of its result."""
        layout = None
        if node.op == "call_module":
            layout = self._visit_module(node)
        elif node.op in ("call_function", "call_method"):
            layout = self._visit_function(node)
        if layout is not None:
            return layout
        if not rules.reads_space_of_shape(node):
            self._densify(node)
        return self._full(node)

    # -- modules ---------------------------------------------------------------------------------

    def _visit_module(self, node: fx.Node) -> Indices | None:
        path, module = str(node.target), module_of(self.graph, node)
        if module is None or len(node.args) != 1 or node.kwargs:
            return None
        if path in self.shared and module.state_dict():
            return None  # one copy of the weights cannot serve two layouts
        source = node.args[0]
        layout = self.layouts.get(source) if isinstance(source, fx.Node) else None
        if layout is None or not isinstance(source, fx.Node):
            return None
        if isinstance(module, nn.Conv2d):
            return self._visit_convolution(node, source, path, module, layout)
        if isinstance(module, nn.ConvTranspose2d) and module.groups == 1:
            self._replace(path, smaller_transposed(module, layout))
            return self._full(node)
        if isinstance(module, nn.Linear):
            if len(self.shapes[source.name]) != 2:
                return None
            self._replace(path, smaller_linear(module, layout))
            return self._full(node)
        if layout == self._full(source) and isinstance(module, rules.KEEPING_MODULES):
            return self._full(node)
        if isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d)):
            if node not in self.private and not rules.keeps_zero(module):
                return None
            self._replace(path, smaller_normalisation(module, layout))
            return layout
        if isinstance(module, nn.PReLU):
            self._replace(path, smaller_normalisation(module, layout))
            return layout
        if isinstance(module, nn.PixelUnshuffle):
            return _spread(layout, module.downscale_factor**2)
        if isinstance(module, nn.PixelShuffle):
            return _gather(layout, module.upscale_factor**2)
        if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) == (1, -1):
            return _spread(layout, int(np.prod(self.shapes[source.name][2:])))
        if node in self.private or (
            isinstance(module, rules.KEEPING_MODULES) and rules.keeps_zero(module)
        ):
            return layout
        return None

    def _visit_convolution(
        self, node: fx.Node, source: fx.Node, path: str, module: nn.Conv2d, layout: Indices
    ) -> Indices | None:
        outputs = self.kept.get(path, tuple(range(module.out_channels)))
        if module.groups == 1:
            self._replace(path, smaller_convolution(module, layout, outputs))
        elif module.groups == module.in_channels == module.out_channels:
            # a filter that stays on an input that left sees zeros: they are put in place
            self._place(node, source, outputs)
            self._replace(path, smaller_convolution(module, outputs, outputs))
        else:
            return None
        if path in self.sites:
            step = node
            while step.name != self.sites[path]:
                step = next(iter(step.users))
                self.private.add(step)
        return outputs

    def _replace(self, path: str, module: nn.Module) -> None:
        self.graph.add_submodule(path, module)

    # -- functions and methods -------------------------------------------------------------------

    def _visit_function(self, node: fx.Node) -> Indices | None:
        name = function_name(node)
        first = node.args[0] if node.args else None
        if name in rules.SUMS | rules.PRODUCTS:
            return self._visit_arithmetic(node, name)
        if name in rules.CONCATENATIONS:
            return self._visit_concatenation(node)
        if not isinstance(first, fx.Node) or first not in self.layouts:
            return None
        if any(n in self.layouts for n in node.all_input_nodes if n is not first):
            return None
        layout = self.layouts[first]
        if name == "flatten" and rules.flattens_from_one(node):
            return _spread(layout, int(np.prod(self.shapes[first.name][2:])))
        if name == "pixel_unshuffle" and isinstance(node.args[1], int):
            return _spread(layout, node.args[1] ** 2)
        if name == "pixel_shuffle" and isinstance(node.args[1], int):
            return _gather(layout, node.args[1] ** 2)
        if name == "getitem":
            return layout if rules.slices_space_only(node) else None
        if name in rules.REDUCTIONS:
            return layout if rules.reduces_space_only(node, len(self.shapes[first.name])) else None
        if name == "pad":
            return layout if rules.pads_space_with_zeros(node) else None
        if name in rules.KEEPING_FUNCTIONS:
            return layout
        return layout if node in self.private else None

    def _visit_arithmetic(self, node: fx.Node, name: str) -> Indices | None:
        operands = list(node.args[:2])
        if len(operands) != 2:
            return None
        tensors = [n for n in operands if isinstance(n, fx.Node) and n.name in self.shapes]
        if any(n not in self.layouts for n in tensors):
            return None
        if len(tensors) == 1:  # with a number
            keeps = name == "mul" or (name in rules.PRODUCTS and tensors[0] is operands[0])
            return self.layouts[tensors[0]] if keeps else None
        if len(tensors) != 2:
            return None
        one, other = tensors
        sizes = {self.shapes[n.name][1] for n in tensors}
        ranks = {len(self.shapes[n.name]) for n in tensors}
        if len(sizes) != 1 or len(ranks) != 1 or name in ("truediv", "div"):
            return None
        a, b = set(self.layouts[one]), set(self.layouts[other])
        joined = tuple(sorted(a | b if name in rules.SUMS else a & b))
        if not joined:
            return None
        for operand in dict.fromkeys((one, other)):
            self._place(node, operand, joined)
        return joined

    def _visit_concatenation(self, node: fx.Node) -> Indices | None:
        parts = node.args[0]
        dimension = node.args[1] if len(node.args) > 1 else node.kwargs.get("dim", 0)
        if dimension != 1 or not isinstance(parts, Sequence):
            return None
        layout: list[int] = []
        offset = 0
        for part in parts:
            if not isinstance(part, fx.Node) or part not in self.layouts:
                return None
            layout += [offset + index for index in self.layouts[part]]
            offset += self.shapes[part.name][1]
        return tuple(layout)

    # -- putting in place ------------------------------------------------------------------------

    def _densify(self, node: fx.Node) -> None:
        for source in node.all_input_nodes:
            full = self._full(source)
            if source in self.layouts and full is not None:
                self._place(node, source, full)

    def _place(self, user: fx.Node, source: fx.Node, target: Indices) -> None:
        if self.layouts[source] == target:
            return
        name = f"_secateur_place_{self.places}"
        self.places += 1
        self.graph.add_submodule(name, Place(self.layouts[source], target))
        with self.graph.graph.inserting_before(user):
            placed = self.graph.graph.call_module(name, (source,))
        user.replace_input_with(source, placed)


def _spread(layout: Indices, factor: int) -> Indices:
    return tuple(index * factor + k for index in layout for k in range(factor))


def _gather(layout: Indices, factor: int) -> Indices | None:
    """The inverse of ``_spread``, if every channel has all its parts."""
    gathered = tuple(index // factor for index in layout[::factor])
    return gathered if _spread(gathered, factor) == layout else None
