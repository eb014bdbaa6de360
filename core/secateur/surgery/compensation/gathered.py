"""The sums of every layer of the dense network, in one pass over the inputs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import DataError, NetworkError
from secateur.network import Call, Channels
from secateur.network.layout import another_way, laid_out
from secateur.network.paused import sharing
from secateur.network.run import Op, Visitor, plain_kernels, run, without_mkldnn
from secateur.surgery.compensation.equations import Equations
from secateur.surgery.compensation.plan import Fit, plan
from secateur.surgery.compensation.record import record
from secateur.surgery.compensation.units import WIDE

MEMORY = 2 << 30
"""Bytes of sums that are held."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer, its inputs' sums held in double precision.

    Arguments:
        fit: how it is a regression.
        weight: of the dense network, shape ``(groups, outputs, columns)``.
        channel: of every column, shape ``(groups, columns)``; -1 where it always stays.
        gram: of the columns, shape ``(groups, columns, columns)``.
        mean: their sum over positions, shape ``(groups, columns)``.
        count: of positions.
        dtype: of the weight in the network.
    """

    fit: Fit
    weight: Tensor
    channel: NDArray[np.int64]
    gram: Tensor
    mean: Tensor
    count: int
    dtype: torch.dtype


@dataclass(frozen=True, eq=False)
class Gathered:
    """What was gathered.

    Arguments:
        layers: in the order of the run.
        left: ``(module path, reason)`` of those that keep their weights.
        stands: the same of those that the compensation itself does not fit.
    """

    layers: tuple[Layer, ...]
    left: tuple[tuple[str, str], ...]
    stands: tuple[tuple[str, str], ...]


@torch.no_grad()
def gather(
    network: nn.Module, channels: Channels, calls: Iterable[Call], *, fit_batches: int | None
) -> Gathered:
    """Run the dense network on all inputs and add up what its layers read.

    Arguments:
        network: dense; not changed.
        channels: of it.
        calls: batches of inputs.
        fit_batches: so many of them are used; None: all.

    Raises:
        DataError: there are no inputs, or they do not fit the network.
        NetworkError: activations are not finite, or forward goes another way on some batch.
    """
    found: _Found | None = None
    with ExitStack() as stack:
        stack.enter_context(plain_kernels())
        for call in islice(iter(calls), fit_batches):
            if found is None:
                found = _Found(network, channels, call)
                if found.recurrent:
                    stack.enter_context(without_mkldnn())
            found.add(call)
    if found is None:
        raise DataError("there is no batch of inputs", remedy="give one batch or more")
    return found.gathered()


class _Found:
    """The layers of a network, and their sums so far."""

    def __init__(self, network: nn.Module, channels: Channels, call: Call) -> None:
        self.network, self.channels = network, channels
        self.nothing = np.zeros(len(channels), dtype=bool)
        self.plans: dict[Channels, tuple[Fit, ...]] = {}
        layout = laid_out(network, channels, call)
        planned = plan(record(network, call, layout, self.nothing))
        self.recurrent, self.stands = planned.recurrent, planned.stands
        self.every = planned.fits
        self.plans[layout] = planned.fits
        parameters = dict(network.named_parameters())
        self.weights: list[Tensor] = []
        self.columns: list[NDArray[np.int64]] = []
        self.dtypes: list[torch.dtype] = []
        self.taken: dict[int, Equations] = {}
        self.left: list[tuple[str, str]] = []
        room = MEMORY
        for number, fit in enumerate(self.every):
            parameter = parameters[fit.weight.name]
            weight = fit.design.matrix(fit.weight.of(parameter.data)).double()
            channel = columns_of(fit, channels, parameter)
            self.weights.append(weight.flatten(2))
            self.columns.append(channel)
            self.dtypes.append(parameter.dtype)
            groups, _, columns = self.weights[-1].shape
            size = 8 * groups * columns * columns
            if not (channel >= 0).any():
                self.left.append((fit.path, "nothing that it reads leaves by itself"))
            elif columns > WIDE or size > room:
                self.left.append((fit.path, f"its {columns} unknowns an output are too many"))
            else:
                room -= size
                shifted = fit.bias is not None or fit.norm is not None
                self.taken[number] = Equations(shifted=shifted)

    def add(self, call: Call) -> None:
        """The sums of a batch."""
        layout = laid_out(self.network, self.channels, call)
        if layout not in self.plans:  # the stream of a loop is as long as the sequence
            fits = plan(record(self.network, call, layout, self.nothing)).fits
            if [fit.weight for fit in fits] != [fit.weight for fit in self.every]:
                raise another_way(self.network)
            self.plans[layout] = fits
        known = self.plans[layout]
        at = {known[k].op: (known[k], sums) for k, sums in self.taken.items()}
        run(sharing(self.network), call, _Adding(self.network, layout.names, at))

    def gathered(self) -> Gathered:
        """All layers with their sums."""
        layers = []
        for number, sums in self.taken.items():
            fit = self.every[number]
            if not sums.finite or sums.gram is None or sums.mean is None:
                raise NetworkError(
                    f"the activations at {fit.path} are not finite on the calibration inputs",
                    remedy="look for values that overflow; half precision may be too narrow",
                )
            upper = sums.gram.triu()
            gram = upper + upper.triu(1).transpose(1, 2)
            weight, channel = self.weights[number], self.columns[number]
            mean, dtype = sums.mean.clone(), self.dtypes[number]
            layers.append(Layer(fit, weight, channel, gram, mean, sums.count, dtype))
        return Gathered(tuple(layers), tuple(self.left), self.stands)


class _Adding(Visitor):
    """Adds up what layers read, when they have run."""

    def __init__(
        self, network: nn.Module, names: tuple[str, ...], at: dict[int, tuple[Fit, Equations]]
    ) -> None:
        self.network, self.names, self.at = network, names, at

    def before(self, op: Op) -> None:
        """Refuses a forward that goes another way."""
        if op.number >= len(self.names) or self.names[op.number] != op.name:
            raise another_way(self.network)

    def after(self, op: Op, out: Any) -> Any:
        """The sums of a layer."""
        if op.number in self.at:
            fit, sums = self.at[op.number]
            _add(fit, op, sums)
        return out


def _add(fit: Fit, op: Op, sums: Equations) -> None:
    """The columns count, and the outputs do not: one of them is as good as none."""
    design, rest = fit.design, op.outs[0]
    x = op.ins[design.inputs]
    one = torch.zeros(1, dtype=torch.int64, device=rest.device)
    made = design.sums(op, x, rest, None, one)
    for part in made:
        sums.add_sums(part)
    if not made:
        for columns, lack in design.pairs(op, x, rest, None):
            sums.add(columns, lack[:, :, :1])


def columns_of(fit: Fit, channels: Channels, parameter: Tensor) -> NDArray[np.int64]:
    """The channel that takes each column of a layer's regression away.

    Arguments:
        fit: of the layer.
        channels: of the network.
        parameter: the whole one that the weight is a part of.

    Returns:
        shape ``(groups, columns)``; -1 where a column always stays, or leaves with its outputs.
    """
    columns: NDArray[np.int64] | None = None
    for dim, index in channels.index.get(fit.weight.name, {}).items():
        place = torch.empty_strided(parameter.shape, parameter.stride(), dtype=torch.int64)
        size = parameter.shape[dim]
        shape = [size if d == dim else 1 for d in range(parameter.ndim)]
        place.copy_(torch.arange(size).reshape(shape).expand(parameter.shape))
        seen = fit.design.matrix(fit.weight.of(place))
        first = seen[:, :1]
        if len(seen) > 1 and seen.shape[2] == 1:  # depthwise: a group leaves as a whole
            continue
        if seen.shape[1] > 1 and not bool((seen == first).all()):
            continue  # of the outputs
        own = np.asarray(index)[first.flatten(2)[:, 0].numpy()]
        if columns is None:
            columns = np.full(own.shape, -1, dtype=np.int64)
        columns = np.where(own >= 0, own, columns)
    groups, _, inputs, kernel = fit.design.matrix(fit.weight.of(parameter.detach())).shape
    return np.full((groups, inputs * kernel), -1) if columns is None else columns
