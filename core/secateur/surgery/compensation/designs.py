"""Every contraction as linear regressions: ``out[g, p, :] = columns[g, p, :] @ weight[g]' + bias``.

g counts groups (one for a plain layer, one for each channel of a depthwise one), p positions. A
weight is seen as ``(groups, outputs, inputs, kernel)``, whatever its own layout is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from secateur.network.run import Op
from secateur.surgery.compensation.rows import Sums, row_sums

CHUNK = 1 << 22
"""Elements of the columns that are held at once."""

Pair = tuple[Tensor, Tensor]


class Design:
    """One operation with a weight.

    Arguments:
        op: it has run, or is next; its sizes along the batch may be others later.
        inputs: number of the tensor, among those it is given, that is read.
        weight: number of the tensor that is fitted.
        bias: number of the tensor that is added, or None.
    """

    kind = "linear"

    def __init__(self, op: Op, inputs: int, weight: int, bias: int | None) -> None:
        self.inputs, self.weight, self.bias = inputs, weight, bias

    def matrix(self, weight: Tensor) -> Tensor:
        """A weight (or a mask of it) as ``(groups, outputs, inputs, kernel)``."""
        return weight[None, :, :, None]

    def restore(self, matrix: Tensor, shape: torch.Size) -> Tensor:
        """Back in the weight's own shape."""
        return matrix.reshape(shape)

    def outputs(self, out: Tensor, weight: Tensor) -> Tensor:
        """Something shaped like the output as ``(groups, positions, outputs)``."""
        return out.reshape(1, -1, out.shape[-1])

    def pairs(self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None) -> Iterator[Pair]:
        """Columns ``(groups, positions, inputs · kernel)`` and what their outputs lack.

        Arguments:
            op: of this run.
            x: the tensor that is read.
            rest: shaped like the output.
            some: numbers of the inputs that are wanted (of a design with one group), or None.
        """
        rows = x.reshape(1, -1, x.shape[-1])
        yield from _chunks(rows, self.outputs(rest, op.ins[self.weight]), some)

    def sums(
        self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None, outputs: Tensor | None
    ) -> list[Sums]:
        """What ``pairs`` add up to, where that is had without laying them out, or nothing.

        Arguments:
            op: of this run.
            x: the tensor that is read.
            rest: shaped like the output.
            some: numbers of the inputs that are wanted, or None.
            outputs: likewise.
        """
        return []


def _chunks(rows: Tensor, rest: Tensor, some: Tensor | None) -> Iterator[Pair]:
    step = max(1, CHUNK // max(1, rows.shape[0] * rows.shape[2]))
    for start in range(0, rows.shape[1], step):
        part = rows[:, start : start + step]
        if some is not None:
            part = part.index_select(2, some)
        yield part, rest[:, start : start + step]


class Right(Design):
    """``x @ weight``, the weight ``(inputs, outputs)``, or one such matrix for each of a batch."""

    kind = "matmul"

    def matrix(self, weight: Tensor) -> Tensor:
        """Of a stack too."""
        return (weight if weight.ndim == 3 else weight[None]).transpose(1, 2)[..., None]

    def restore(self, matrix: Tensor, shape: torch.Size) -> Tensor:
        """Of a stack too."""
        return matrix.squeeze(-1).transpose(1, 2).reshape(shape)

    def outputs(self, out: Tensor, weight: Tensor) -> Tensor:
        """Of each matrix of a stack by themselves."""
        return super().outputs(out, weight) if weight.ndim < 3 else _stacked(out)

    def pairs(self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None) -> Iterator[Pair]:
        """Positions are rows."""
        weight = op.ins[self.weight]
        if weight.ndim < 3:
            yield from super().pairs(op, x, rest, some)
            return
        wide = x.expand(*rest.shape[:-2], *x.shape[-2:])
        yield from _chunks(_stacked(wide), self.outputs(rest, weight), some)


def _stacked(rows: Tensor) -> Tensor:
    """``(…, stack, rows, columns)`` as ``(stack, all rows, columns)``."""
    return rows.movedim(-3, 0).reshape(rows.shape[-3], -1, rows.shape[-1])


class Left(Design):
    """``weight @ x``, the weight ``(outputs, inputs)``."""

    kind = "matmul"

    def outputs(self, out: Tensor, weight: Tensor) -> Tensor:
        """Positions are columns."""
        turned = out[None] if out.ndim == 1 else out.transpose(-1, -2)
        return super().outputs(turned, weight)

    def pairs(self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None) -> Iterator[Pair]:
        """Positions are columns."""
        rows = (x[None] if x.ndim == 1 else x.transpose(-1, -2)).reshape(
            1, -1, op.ins[self.weight].shape[1]
        )
        yield from _chunks(rows, self.outputs(rest, op.ins[self.weight]), some)


class Convolution(Design):
    """Of any dimension, grouped or depthwise."""

    kind = "convolution"

    def __init__(self, op: Op, inputs: int, weight: int, bias: int | None) -> None:
        super().__init__(op, inputs, weight, bias)
        self.groups = int(op.args[8])
        dims = op.ins[inputs].ndim - 2
        self.stride, self.padding, self.dilation, self.more = (
            _all(op.args[k], dims) for k in (3, 4, 5, 7)
        )

    def matrix(self, weight: Tensor) -> Tensor:
        """``(out channels, in channels of a group, kernel…)``."""
        per = weight.shape[0] // self.groups
        return weight.reshape(self.groups, per, weight.shape[1], -1)

    def outputs(self, out: Tensor, weight: Tensor) -> Tensor:
        """Channels are in dimension 1."""
        split = out.reshape(len(out), self.groups, -1, *out.shape[2:])
        order = [1, 0, *range(3, split.ndim), 2]
        return split.permute(order).reshape(self.groups, -1, split.shape[2])

    def pairs(self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None) -> Iterator[Pair]:
        """Positions are those of the output; a few samples at a time."""
        kernel = op.ins[self.weight].shape[2:]
        inputs = (x.shape[1] if some is None else len(some)) * math.prod(kernel)
        each = inputs * math.prod(rest.shape[2:])
        step = max(1, CHUNK // max(1, each))
        for start in range(0, len(x), step):
            part = x[start : start + step]
            if some is not None:
                part = part.index_select(1, some)
            own = rest[start : start + step]
            patches = self.patches(part, kernel, own.shape[2:])
            count = len(part)
            split = patches.reshape(count, self.groups, -1, *patches.shape[2:])
            # (samples, groups, channels, positions…, kernel…) → (groups, positions, columns)
            space = list(range(3, 3 + len(kernel)))
            order = [1, 0, *space, 2, *range(3 + len(kernel), split.ndim)]
            positions = count * math.prod(own.shape[2:])
            columns = split.permute(order).reshape(self.groups, positions, -1)
            lack = self.outputs(own, op.ins[self.weight])
            yield columns, lack

    def sums(
        self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None, outputs: Tensor | None
    ) -> list[Sums]:
        """Of a plain convolution of images that takes every row."""
        kernel = op.ins[self.weight].shape[2:]
        if len(kernel) != 2 or self.groups > 1 or self.stride[0] > 1:
            return []
        inputs = x.shape[1] if some is None else len(some)
        each = inputs * kernel[1] * (rest.shape[2] + kernel[0]) * rest.shape[3]
        found = []
        split = max(1, CHUNK // max(1, each))
        for part, own in zip(x.split(split), rest.split(split), strict=True):
            made = row_sums(
                part if some is None else part.index_select(1, some),
                own if outputs is None else own.index_select(1, outputs),
                kernel,
                step=self.stride[1],
                padding=self.padding,
                dilation=self.dilation,
            )
            if made is None:
                return []
            found.append(made)
        return found

    def patches(self, x: Tensor, kernel: torch.Size, size: torch.Size) -> Tensor:
        """What every position of the output sees: ``(samples, channels, *size, *kernel)``."""
        padded = F.pad(x, [p for p in reversed(self.padding) for _ in (0, 1)])
        return _unfolded(padded, kernel, self.stride, self.dilation, size)


class Transposed(Convolution):
    """A transposed convolution: a plain one of the input with zeros put in between."""

    kind = "transposed convolution"

    def matrix(self, weight: Tensor) -> Tensor:
        """``(in channels, out channels of a group, kernel…)``; the kernel is turned around."""
        split = weight.flatten(2).reshape(
            self.groups, -1, weight.shape[1], math.prod(weight.shape[2:])
        )
        return split.transpose(1, 2).flip(-1)

    def sums(
        self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None, outputs: Tensor | None
    ) -> list[Sums]:
        """Its columns are another convolution's."""
        return []

    def restore(self, matrix: Tensor, shape: torch.Size) -> Tensor:
        """The kernel is turned back."""
        return matrix.flip(-1).transpose(1, 2).reshape(shape)

    def patches(self, x: Tensor, kernel: torch.Size, size: torch.Size) -> Tensor:
        """Of the spread input."""
        spread = [(n - 1) * s + 1 for n, s in zip(x.shape[2:], self.stride, strict=True)]
        wide = x.new_zeros(*x.shape[:2], *spread)
        inner = wide
        for position, s in enumerate(self.stride):
            inner = inner[(slice(None),) * (2 + position) + (slice(None, None, s),)]
        inner.copy_(x)
        sides = []
        for k, d, p, more in zip(kernel, self.dilation, self.padding, self.more, strict=True):
            sides.append((d * (k - 1) - p, d * (k - 1) - p + more))
        padded = F.pad(wide, [side for pair in reversed(sides) for side in pair])
        ones = [1] * len(kernel)
        return _unfolded(padded, kernel, ones, self.dilation, size)


class Affine(Design):
    """The factor and shift of every channel behind a norm."""

    kind = "norm"

    def matrix(self, weight: Tensor) -> Tensor:
        """A regression with one input for each channel."""
        return weight.reshape(-1, 1, 1, 1)

    def __init__(self, op: Op, inputs: int, weight: int, bias: int | None) -> None:
        super().__init__(op, inputs, weight, bias)
        self.last = op.name in ("native_layer_norm", "_fused_rms_norm")

    def outputs(self, out: Tensor, weight: Tensor) -> Tensor:
        """Channels are in dimension 1, or last."""
        if self.last:
            return out.reshape(-1, weight.numel()).T[..., None]
        return out.movedim(1, 0).flatten(1)[..., None]

    def pairs(self, op: Op, x: Tensor, rest: Tensor, some: Tensor | None) -> Iterator[Pair]:
        """What is normalised, without factor and shift."""
        args, first = list(op.args), 2 if self.last else 1
        args[first] = None
        if op.name != "_fused_rms_norm":
            args[first + 1] = None
        out = op.func(*args, **op.kwargs)
        weight = op.ins[self.weight]
        plain = out if isinstance(out, Tensor) else out[0]
        yield self.outputs(plain, weight), self.outputs(rest, weight)


def _all(value: Any, dims: int) -> list[int]:
    given = [int(v) for v in value] if isinstance(value, (list, tuple)) else [int(value)]
    return given * dims if len(given) == 1 else given


def _unfolded(
    x: Tensor, kernel: torch.Size, stride: list[int], dilation: list[int], size: torch.Size
) -> Tensor:
    for position, (k, s, d, n) in enumerate(zip(kernel, stride, dilation, size, strict=True)):
        x = x.unfold(2 + position, d * (k - 1) + 1, s)[..., ::d].narrow(2 + position, 0, n)
    return x


def design_of(op: Op) -> Design | None:
    """How an operation's weight can be fitted, if it is one of those that can."""
    name = op.name
    if name in ("convolution", "_convolution", "convolution_overrideable"):
        bias = 2 if isinstance(op.args[2], Tensor) else None
        return (Transposed if op.args[6] else Convolution)(op, 0, 1, bias)
    if name == "linear":
        return Design(op, 0, 1, 2 if isinstance(op.argument("bias"), Tensor) else None)
    if name in ("native_group_norm", "native_layer_norm", "_fused_rms_norm"):
        first = 2 if name in ("native_layer_norm", "_fused_rms_norm") else 1
        if not isinstance(op.args[first], Tensor):
            return None
        biased = name != "_fused_rms_norm" and isinstance(op.args[first + 1], Tensor)
        return Affine(op, 0, 1, 2 if biased else None)
    return None


def products_of(op: Op) -> list[Design]:
    """The two ways to see a product of matrices: its right or its left operand is the weight."""
    base = 1 if op.name in ("addmm", "baddbmm") else 0
    if op.name not in ("matmul", "mm", "bmm", "addmm"):
        return []
    if base and (op.argument("alpha", 1) != 1 or op.argument("beta", 1) != 1):
        return []
    one, two = op.ins[base], op.ins[base + 1]
    bias = 0 if base and op.ins[0].shape == (two.shape[-1],) else None
    found: list[Design] = []
    if two.ndim in (2, 3) and one.ndim >= 1 and not (one.ndim == 1 and two.ndim == 3):
        found.append(Right(op, base, base + 1, bias))
    if one.ndim == 2 and not base:
        found.append(Left(op, base + 1, base, None))
    return found
