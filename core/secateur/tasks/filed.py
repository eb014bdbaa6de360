"""A photograph that stays in its file: what a folder holds beyond its budget of memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from secateur.errors import DataError
from secateur.tasks.images import pixel_tensor, read_image

HELD = 2**30
"""Bytes of a folder's pixels that are held; the rest is read when crops are cut.

That is 29 photographs of 12 megapixels with 8 bits a colour (34 MiB each). To decode one again
took 0.28 s as JPEG and 0.48 s as PNG on one core, once for all its crops of a call.
"""


@dataclass(frozen=True)
class Filed:
    """A photograph, or some columns of it, as its file; it was read once, and is what it says.

    Arguments:
        path: of the file.
        size: shape of all its pixels, ``(3, height, width)``.
        dtype: of them, ``uint8`` or ``uint16``.
        columns: the first, and the one behind the last.
    """

    path: Path
    size: torch.Size
    dtype: torch.dtype
    columns: tuple[int, int]

    @property
    def shape(self) -> torch.Size:
        """``(3, height, width)`` of these columns."""
        first, end = self.columns
        return torch.Size((3, self.size[1], end - first))

    def pixels(self) -> Tensor:
        """Read these columns; they are as they were, bit for bit.

        Raises:
            FileError: the file is gone or damaged.
            DataError: it is another picture by now.
        """
        whole = pixel_tensor(read_image(self.path))
        if whole.shape != self.size or whole.dtype != self.dtype:
            raise DataError(
                f"{self.path} has changed: it had {self.size[2]}×{self.size[1]} pixels, and has "
                f"{whole.shape[2]}×{whole.shape[1]}",
                remedy="leave the photographs as they are while they are used",
            )
        return whole[:, :, slice(*self.columns)]


Photograph = Tensor | Filed
"""``(3, height, width)``: in memory, or in its file."""


def shelved(path: Path, pixels: Tensor, held: int) -> Photograph:
    """A photograph that was just read: its pixels, or its file where those are too many.

    Arguments:
        path: that it was read from.
        pixels: of it, ``(3, height, width)``.
        held: bytes of the photographs that are held already.
    """
    if held + pixels.nbytes <= HELD:
        return pixels
    return Filed(path, pixels.shape, pixels.dtype, (0, pixels.shape[2]))


def pixels_of(photograph: Photograph) -> Tensor:
    """Its pixels, wherever they are."""
    return photograph.pixels() if isinstance(photograph, Filed) else photograph


def halves(photograph: Photograph) -> tuple[Photograph, Photograph]:
    """Left and right; of an odd number of columns the left one has one more."""
    if isinstance(photograph, Tensor):
        left, right = photograph.tensor_split(2, dim=2)
        return left, right
    first, end = photograph.columns
    middle = first + (end - first + 1) // 2
    return replace(photograph, columns=(first, middle)), replace(photograph, columns=(middle, end))
