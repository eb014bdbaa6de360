"""The sums of a convolution's regression from the rows of its input.

Every position of the output sees a patch, and patches of positions one below the other share all
rows but one. So patches are laid out for the kernel's columns only, a third of the memory for a
kernel of 3 × 3, and a product of two rows of the kernel is had for all pairs of rows that are as
far apart: 3 products of matrices in place of 9. Nothing is approximated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True, eq=False)
class Sums:
    """Over positions.

    Arguments:
        gram: of the columns, shape ``(columns, columns)``.
        cross: of columns and outputs, shape ``(columns, outputs)``.
        mean: of the columns, shape ``(columns,)``.
        lack: of the outputs, shape ``(outputs,)``.
        count: of positions.
        square: of the outputs.
    """

    gram: Tensor
    cross: Tensor
    mean: Tensor
    lack: Tensor
    count: int
    square: float


def row_sums(
    x: Tensor,
    rest: Tensor,
    kernel: Sequence[int],
    *,
    step: int,
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Sums | None:
    """The sums of one convolution that goes down one row at a time.

    Arguments:
        x: what is read, shape ``(samples, channels, height, width)``.
        rest: what the outputs lack, shape ``(samples, outputs, height, width)``.
        kernel: height and width.
        step: the stride along a row.
        padding: zeros above and at the left, and as many on the other sides.
        dilation: along both.

    Returns:
        in the order of the weight (channels, kernel), or None where the output is so low that
        nothing would be saved.
    """
    high, wide = kernel
    down, along = dilation
    if x.dtype not in (torch.float32, torch.float64):
        x, rest = x.float(), rest.float()
    rest = rest.to(x.dtype)
    samples, channels = x.shape[:2]
    rows, places = rest.shape[2:]
    if high == 1 or rows <= (high - 1) * down:
        return None
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    all_rows = rows + (high - 1) * down
    seen = x.new_empty(wide, channels, all_rows, samples, places)
    for column in range(wide):
        first = column * along
        own = padded[:, :, :all_rows, first : first + step * (places - 1) + 1 : step]
        seen[column] = own.permute(1, 2, 0, 3)
    flat = seen.view(wide * channels, -1)
    lacking = rest.permute(1, 2, 0, 3).reshape(rest.shape[1], -1)
    row = samples * places

    def between(first: int, last: int, apart: int) -> Tensor:
        left = flat[:, first * row : last * row]
        return left @ flat[:, (first + apart) * row : (last + apart) * row].T

    size = wide * channels
    gram = x.new_empty(high, size, high, size)
    for apart in range(high):
        pairs = high - apart
        core = between((pairs - 1) * down, rows, apart * down)
        above = [between(k * down, (k + 1) * down, apart * down) for k in range(pairs - 1)]
        below = [
            between(rows + k * down, rows + (k + 1) * down, apart * down) for k in range(pairs - 1)
        ]
        for one in range(pairs):
            block = core + sum(above[one:]) + sum(below[:one])
            gram[one, :, one + apart] = block
            gram[one + apart, :, one] = block.T
    by_row = flat.view(size, all_rows, row).sum(2)
    cross, mean = x.new_empty(high, size, len(lacking)), x.new_empty(high, size)
    for one in range(high):
        first = one * down
        cross[one] = flat[:, first * row : (first + rows) * row] @ lacking.T
        mean[one] = by_row[:, first : first + rows].sum(1)
    order = torch.arange(high * size, device=x.device).view(high, wide, channels)
    order = order.permute(2, 0, 1).flatten()
    return Sums(
        gram.view(high * size, high * size)[order[:, None], order],
        cross.view(high * size, -1)[order],
        mean.flatten()[order],
        lacking.sum(1),
        rows * row,
        float(lacking.square().sum(dtype=torch.float64)),
    )
