"""Compensation: every layer that reads something pruned is re-fitted, without labels.

In the order of the network: the layer's inputs in the pruned (and so far compensated) network are
regressed on what the layer computes in the dense network, by ridge least squares over all positions
of the calibration inputs. What the channels that stay can predict of those that left is so
restored. A layer whose output is added to something that came another way is fitted to what the
*sum* should be, less what the other way still brings. (Our own use of a known idea, reconstruction
after channel pruning: He, Zhang and Sun 2017, arXiv:1707.06168.)
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secateur.errors import DataError, NetworkError, OptionError
from secateur.network import Call, Channels
from secateur.network.door import copied
from secateur.network.layout import another_way, laid_out
from secateur.network.run import plain_kernels, without_mkldnn
from secateur.progress import track
from secateur.surgery.compensation.carry import Carried, shift_mean
from secateur.surgery.compensation.equations import Equations
from secateur.surgery.compensation.plan import Fit, Plan, plan
from secateur.surgery.compensation.record import record
from secateur.surgery.compensation.units import Units, units_of

logger = logging.getLogger("secateur")

MEMORY = 2 << 30
"""Bytes of activations that may wait at once."""
SWEEPS = 2
"""Rounds over the blocks of a layer that is too wide to be fitted at once."""


@dataclass(frozen=True)
class FittedLayer:
    """One layer.

    Arguments:
        path: of its module.
        kind: "convolution", "linear", …
        columns: unknowns for each output.
        blocks: so many parts it was fitted in.
        shifted: where a shift of the outputs went: "bias", "batch norm" or "" (nowhere).
        to_sum: it was fitted to a sum less what came another way.
        before: squared error of its outputs, relative to their size, before it was fitted.
        after: the same with the new weights.
    """

    path: str
    kind: str
    columns: int
    blocks: int
    shifted: str
    to_sum: bool
    before: float
    after: float


@dataclass(frozen=True)
class Compensation:
    """A compensated network.

    Arguments:
        network: of the dense network's shape, to be masked or cut.
        layers: what was fitted, in order.
        stands: ``(module path, reason)`` of layers that read something changed and were not.
        batches: so many were used.
        held: so many of them ran once; the others ran again for every layer.
        seconds: it took.
    """

    network: nn.Module
    layers: tuple[FittedLayer, ...]
    stands: tuple[tuple[str, str], ...]
    batches: int
    held: int
    seconds: float


def compensate(
    network: nn.Module,
    channels: Channels,
    keep: NDArray[np.bool_],
    calls: Iterable[Call],
    *,
    ridge: float = 1e-3,
    fit_batches: int | None = None,
    memory: int = MEMORY,
) -> nn.Module:
    """A copy of the network that makes up for the channels that are gone.

    The copy has the same modules and the same names in its state; it is meant to be cut, or run
    with the mask. The given network is not changed.

    Arguments:
        network: the dense network.
        channels: from ``find_channels``.
        keep: true for every channel that stays, shape ``(n,)``.
        calls: batches of inputs, the same ones in the same order whenever they are iterated.
        ridge: pull towards the old weights, in units of the inputs' mean square.
        fit_batches: so many of the batches are used; all by default.
        memory: bytes of activations that may wait; batches beyond run again for every layer.

    Raises:
        OptionError: an option out of its range.
        DataError: the inputs do not fit the network, or change from one iteration to the next.
        NetworkError: activations are not finite, or forward goes another way on some batch.
    """
    return fit(
        network, channels, keep, calls, ridge=ridge, fit_batches=fit_batches, memory=memory
    ).network


@torch.no_grad()
def fit(
    network: nn.Module,
    channels: Channels,
    keep: NDArray[np.bool_],
    calls: Iterable[Call],
    *,
    ridge: float = 1e-3,
    fit_batches: int | None = None,
    memory: int = MEMORY,
    every_output: bool = False,
    start: nn.Module | None = None,
) -> Compensation:
    """``compensate``, and what was done; arguments and errors are the same.

    With ``every_output`` the channels that are gone are re-fitted too, from what stays: masked, the
    network is the same, and they could come back as what they were. ``start`` is a network that was
    fitted before, for a second sweep: a layer whose output is added to what came another way then
    meets the other's new weights.
    """
    if not ridge > 0:
        raise OptionError(f"ridge is {ridge}", remedy="use a small positive number, 1e-3")
    if fit_batches is not None and fit_batches < 1:
        raise OptionError(f"fit_batches is {fit_batches}", remedy="use 1 or more, or None for all")
    keep = np.asarray(keep, dtype=bool)
    started = time.monotonic()
    fitted = copied(network if start is None else start)
    batches = _Batches(calls, fit_batches)
    layout = laid_out(network, channels, batches.first)
    planned = plan(record(network, batches.first, layout, keep))
    layers: list[FittedLayer] = []
    held = 0
    if planned.fits:
        with _Fitting(network, fitted, channels, keep, batches, planned, memory) as fitting:
            fitting.every_output = every_output
            held = len(fitting.held)
            with track("compensating", len(planned.fits)) as step:
                for number, one in enumerate(planned.fits):
                    layers.append(fitting.fit(number, ridge))
                    step.advance(note=one.path)
    for path, reason in planned.stands:
        logger.info("%s is not compensated: %s", path, reason)
    seconds = time.monotonic() - started
    return Compensation(fitted, tuple(layers), planned.stands, batches.count, held, seconds)


class _Batches:
    """The calls, over and over; they must not change."""

    def __init__(self, calls: Iterable[Call], most: int | None) -> None:
        self.calls, self.most = calls, most
        self.marks: list[tuple[object, ...]] = []
        first = next(iter(self), None)
        if first is None:
            raise DataError("there is no batch of inputs", remedy="give one batch or more")
        self.first = first

    @property
    def count(self) -> int:
        return len(self.marks)

    def __iter__(self) -> Iterator[Call]:
        number = -1
        for number, call in enumerate(islice(iter(self.calls), self.most)):
            mark = _mark(call)
            if number == len(self.marks):
                self.marks.append(mark)
            elif self.marks[number] != mark:
                raise _changing(f"batch {number} is another one than before")
            yield call
        if number + 1 < len(self.marks):
            raise _changing(f"there were {len(self.marks)} batches and now are {number + 1}")


def _mark(call: Call) -> tuple[object, ...]:
    """Enough to tell batches apart."""
    return tuple(
        (tuple(t.shape), float(t.detach().double().sum().nan_to_num()) if t.numel() else 0.0)
        for t in call.tensors
    )


def _changing(what: str) -> DataError:
    return DataError(
        f"the calibration inputs change: {what}",
        remedy="give a list, or a loader that neither shuffles nor draws at random",
    )


class _Fitting:
    """The batches that wait, and those that do not fit into memory."""

    def __init__(
        self,
        network: nn.Module,
        fitted: nn.Module,
        channels: Channels,
        keep: NDArray[np.bool_],
        batches: _Batches,
        planned: Plan,
        memory: int,
    ) -> None:
        self.network, self.fitted, self.channels, self.keep = network, fitted, channels, keep
        self.batches, self.planned = batches, planned
        self.plans = {laid_out(network, channels, batches.first): planned.fits}
        self.gone = channels.extended(~keep)
        self.held: list[Carried] = []
        self.again = self.every_output = False
        self.stack = ExitStack()
        self.memory = memory

    def __enter__(self) -> _Fitting:
        with ExitStack() as stack:
            stack.enter_context(plain_kernels())
            if self.planned.recurrent:  # a forward that waits inside must not switch it for others
                stack.enter_context(without_mkldnn())
            stack.callback(self._close)
            used, size = 0.0, max(self.batches.first.size, 1)
            for call in self.batches:
                own = sum(t.numel() * t.element_size() for t in call.tensors)
                used += 2 * self.planned.live * call.size / size + own
                if used > self.memory:
                    self.again = True
                    continue
                self.held.append(self._carried(call, range(len(self.planned.fits))))
            self.stack = stack.pop_all()
        if self.again:
            logger.info(
                "compensating: %d of %d batches wait in %.1f GiB; the others run again for each "
                "layer",
                len(self.held),
                self.batches.count,
                self.memory / 2**30,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def _close(self) -> None:
        for carried in self.held:
            carried.close()

    def _carried(self, call: Call, numbers: Iterable[int]) -> Carried:
        layout = laid_out(self.network, self.channels, call)
        if layout not in self.plans:  # the stream of a loop is as long as the sequence
            other = plan(record(self.network, call, layout, self.keep)).fits
            if [fit.weight for fit in other] != [fit.weight for fit in self.planned.fits]:
                raise another_way(self.network)
            self.plans[layout] = other
        fits = {number: self.plans[layout][number] for number in numbers}
        return Carried(self.network, self.fitted, layout, self.keep, call, fits)

    def _each(self, number: int) -> Iterator[Carried]:
        yield from self.held
        if self.again:
            for place, call in enumerate(self.batches):
                if place >= len(self.held):
                    with self._carried(call, [number]) as carried:
                        yield carried

    def fit(self, number: int, ridge: float) -> FittedLayer:
        """Fit one layer and change its weights."""
        fit = self.planned.fits[number]
        parameters = dict(self.fitted.named_parameters())
        weight = fit.weight.of(parameters[fit.weight.name].data)
        units = units_of(
            fit,
            weight,
            self.channels,
            self.gone,
            parameters[fit.weight.name],
            every_output=self.every_output,
        )
        blocks = units.blocks()
        size = 0.0
        before = after = 0.0
        for turn in range(1 if len(blocks) == 1 else SWEEPS):
            for place, block in enumerate(blocks):
                equations = Equations(shifted=fit.bias is not None or fit.norm is not None)
                size = 0.0
                for carried in self._each(number):
                    size += self._add(number, units, block, carried, equations)
                if not equations.finite:
                    raise _not_finite(fit)
                solution = equations.solve(ridge)
                units.change(weight, solution.weight, block)
                self._shift(fit, units.spread(solution.shift), parameters)
                after = solution.after
                if turn == place == 0:
                    before = solution.before
        for carried in self.held:
            carried.done(number)
        return FittedLayer(
            path=fit.path,
            kind=fit.design.kind,
            columns=units.columns,
            blocks=len(blocks),
            shifted="bias" if fit.bias else "batch norm" if fit.norm else "",
            to_sum=bool(fit.sums),
            before=before / size if size else 0.0,
            after=after / size if size else 0.0,
        )

    def _add(
        self, number: int, units: Units, block: Tensor | None, carried: Carried, sums: Equations
    ) -> float:
        op, wanted = carried.at(number)
        design = carried.fits[number].design
        x = op.ins[design.inputs]
        rest = carried.rest(wanted)
        made = design.sums(op, x, rest, block, units.outputs)
        for one in made:
            sums.add_sums(one)
        if not made:
            for columns, lack in design.pairs(op, x, rest, block):
                sums.add(units.groups_of(columns), units.outputs_of(lack))
        own = units.outputs_of(design.outputs(wanted, op.ins[design.weight]))
        return float(own.square().sum(dtype=torch.float64))

    def _shift(self, fit: Fit, shift: Tensor, parameters: dict[str, nn.Parameter]) -> None:
        if fit.bias is not None:
            bias = fit.bias.of(parameters[fit.bias.name].data)
            bias.add_(shift.reshape(bias.shape).to(bias))
        elif fit.norm is not None:
            for network in (self.fitted, *(carried.pruned for carried in self.held)):
                shift_mean(network, fit.norm, shift.flatten())


def _not_finite(fit: Fit) -> NetworkError:
    return NetworkError(
        f"the activations at {fit.path} are not finite on the calibration inputs",
        remedy="look for values that overflow; half precision may be too narrow",
    )
