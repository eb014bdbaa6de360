"""Compensation: the layers that read pruned channels are re-fitted, without labels.

Layer by layer, in the order of the network: the layer's inputs in the pruned (and so far
compensated) network are regressed on what the layer computes in the dense network, by least squares
over all positions of the calibration inputs. What the channels that stay can predict of those that
left is so restored. (Our own use of a known idea: reconstruction after channel pruning, He et al.
2017; here streamed, with a ridge towards the old weights.)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx, nn
from torch.nn import functional as F

from secateur.errors import OptionError
from secateur.network import Channels, GatedNetwork
from secateur.network.call import Call
from secateur.network.graph import by_position, evaluation_mode, input_error
from secateur.progress import track
from secateur.tasks import Task


@dataclass(frozen=True)
class _Consumer:
    """A layer that reads something that changed."""

    node: str
    path: str


def compensate(
    network: nn.Module,
    channels: Channels,
    keep: NDArray[np.bool_],
    task: Task,
    *,
    ridge: float = 1e-3,
) -> nn.Module:
    """A copy of the network that makes up for the channels that are gone.

    The copy has the same modules; where a convolution had no bias it has one now. It is meant to be
    used with the mask (``GatedNetwork.masked(keep)``) or cut with ``slim``. The given network is
    not changed.

    Arguments:
        network: the dense network.
        channels: from ``find_channels``.
        keep: true for every channel that stays, shape ``(n,)``.
        task: the inputs of its calibration split are used, its targets are not.
        ridge: pull towards the old weights, in units of the inputs' mean square.

    Raises:
        OptionError: a ridge that is not positive.
        DataError: the calibration inputs do not fit the network.
    """
    if not ridge > 0:
        raise OptionError(f"ridge is {ridge}", remedy="use a small positive number, 1e-3")
    fitted = copy.deepcopy(network)
    masked, dense = GatedNetwork(fitted, channels), GatedNetwork(network, channels)
    masked.gates = torch.as_tensor(keep).reshape(1, -1)
    consumers = _consumers(masked.graph, channels, keep)
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    rows = {path: np.asarray(kept) for path, kept in channels.keep_by_layer(keep).items()}
    with (
        evaluation_mode(network),
        evaluation_mode(fitted),
        torch.no_grad(),
        track("compensating", len(consumers)) as step,
    ):
        first = next((p for p in network.parameters() if p.is_floating_point()), None)
        assert first is not None
        masked.gates = masked.gates.to(first)
        for consumer in consumers:
            layer = fitted.get_submodule(consumer.path)
            assert isinstance(layer, (nn.Conv2d, nn.Linear))
            equations = _Equations(layer)
            for batch in task.batches("calibration", device):
                equations.add(
                    _run_to(masked.graph, consumer.node, batch.call).input,
                    _run_to(dense.graph, consumer.node, batch.call).output,
                )
            equations.solve(ridge, rows.get(consumer.path))
            step.advance()
    return fitted


def _consumers(
    graph: fx.GraphModule, channels: Channels, keep: NDArray[np.bool_]
) -> list[_Consumer]:
    """The layers behind a pruned channel that can be re-fitted, in the order of the graph."""
    changed: set[fx.Node] = set()
    consumers = []
    pruned = {
        f"_secateur_gate_{number}_{position}"
        for number, group in enumerate(channels.groups)
        for position in range(len(group.members))
        if not keep[group.slice].all()
    }
    targets = [str(n.target) for n in graph.graph.nodes if n.op == "call_module"]
    identity = [id(graph.get_submodule(t)) for t in targets]
    for node in graph.graph.nodes:
        reads = any(source in changed for source in node.all_input_nodes)
        if reads or (node.op == "call_module" and str(node.target) in pruned):
            changed.add(node)
        if not reads or node.op != "call_module":
            continue
        layer = graph.get_submodule(str(node.target))
        plain = isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1)
        if plain and identity.count(id(layer)) == 1:
            consumers.append(_Consumer(node.name, str(node.target)))
    return consumers


@dataclass(frozen=True)
class _Seen:
    input: Tensor
    output: Tensor


class _Stop(Exception):
    def __init__(self, seen: _Seen) -> None:
        super().__init__()
        self.seen = seen


class _Until(fx.Interpreter):
    """Runs a graph up to one node."""

    def __init__(self, graph: fx.GraphModule, node: str) -> None:
        super().__init__(graph)
        self.extra_traceback = False
        self.node = node

    def run_node(self, n: fx.Node) -> object:
        if n.name != self.node:
            return super().run_node(n)
        args, _ = self.fetch_args_kwargs_from_env(n)
        raise _Stop(_Seen(args[0], super().run_node(n)))


def _run_to(graph: fx.GraphModule, node: str, call: Call) -> _Seen:
    try:
        _Until(graph, node).run(*by_position(graph, call))
    except _Stop as stop:
        return stop.seen
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise input_error(call, error) from error
    raise AssertionError(f"{node} was not reached")


class _Equations:
    """Normal equations of one layer, streamed: ``A = Σ x x'`` and ``R = Σ x (y - Wx)'``.

    Solving for the *change* of the weights keeps float32 activations accurate enough, and makes the
    ridge pull towards the old weights; inputs that are always zero keep theirs.
    """

    def __init__(self, layer: nn.Conv2d | nn.Linear) -> None:
        self.layer = layer
        size = layer.weight[0].numel() + 1
        self.gram = layer.weight.new_zeros(size, size, dtype=torch.float64)
        self.rest = layer.weight.new_zeros(size, len(layer.weight), dtype=torch.float64)
        self.positions = 0

    def add(self, inputs: Tensor, wanted: Tensor) -> None:
        """Count the positions of one batch: a layer's inputs, and what it should compute."""
        error = wanted - self.layer(inputs)
        for columns, missing in self._columns(inputs, error):
            self.gram += (columns @ columns.T).double()
            self.rest += (columns @ missing.T).double()
            self.positions += columns.shape[1]

    def _columns(self, inputs: Tensor, error: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """What each position sees, with a one for the bias, and what it lacks; a sample a time."""
        if isinstance(self.layer, nn.Linear):
            flat = inputs.reshape(-1, inputs.shape[-1]).T
            yield _with_ones(flat), error.reshape(-1, error.shape[-1]).T
            return
        patches = F.unfold(
            _padded(self.layer, inputs),
            self.layer.kernel_size,
            self.layer.dilation,
            0,
            self.layer.stride,
        )
        for sample, missing in zip(patches, error.flatten(2), strict=True):
            yield _with_ones(sample), missing

    def solve(self, ridge: float, rows: NDArray[np.intp] | None) -> None:
        """Change the layer's weights and bias; only the rows (filters) that stay, if given."""
        layer = self.layer
        energy = self.gram.diagonal()[:-1]
        alive = energy > 0
        weight = ridge * float(energy[alive].mean()) if bool(alive.any()) else 1.0
        pull = torch.full_like(self.gram.diagonal(), weight)
        pull[-1] = 1e-9 * max(self.positions, 1)
        change = torch.linalg.solve(self.gram + torch.diag(pull), self.rest).T.to(
            layer.weight.dtype
        )
        if rows is not None:
            some = torch.zeros(len(change), 1, dtype=change.dtype, device=change.device)
            some[torch.as_tensor(rows, device=change.device)] = 1.0
            change = change * some
        layer.weight.data += change[:, :-1].reshape(layer.weight.shape)
        if layer.bias is None:
            layer.bias = nn.Parameter(
                torch.zeros_like(change[:, -1]), requires_grad=layer.weight.requires_grad
            )
        layer.bias.data += change[:, -1]


def _with_ones(columns: Tensor) -> Tensor:
    return torch.cat([columns, columns.new_ones(1, columns.shape[1])])


def _padded(convolution: nn.Conv2d, inputs: Tensor) -> Tensor:
    """The inputs with the convolution's own padding around them."""
    if convolution.padding == "same":
        total = [
            d * (k - 1) for d, k in zip(convolution.dilation, convolution.kernel_size, strict=True)
        ]
        sides = [(t // 2, t - t // 2) for t in total]
    elif convolution.padding == "valid":
        sides = [(0, 0), (0, 0)]
    else:
        sides = [(int(p), int(p)) for p in convolution.padding]
    widths = [*sides[1], *sides[0]]
    mode = "constant" if convolution.padding_mode == "zeros" else convolution.padding_mode
    return F.pad(inputs, widths, mode=mode)
