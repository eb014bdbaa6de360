"""An image file as pixels: scaled by its mode, turned as its EXIF data say, or refused by name.

What is refused is what has no one meaning as a colour photograph: floating point and 32-bit values
(nothing says which is white), CMYK and LAB (their colours depend on a profile), pixels that are
transparent, several pictures in one file. Nothing is decoded before the header was looked at.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secateur.errors import DataError, FileError, SecateurError

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

MOST_PIXELS = 64_000_000
"""A larger picture is refused before it is decoded: a file of 0.5 MB can declare gigabytes."""
FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM")
"""By content, not by suffix; Pillow would run a program on others."""

_PLAIN = ("1", "L", "RGB", "YCbCr")
_ALPHA = ("LA", "PA", "RGBA", "La", "RGBa")
_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")
_REFUSED = {
    "F": "has floating-point values, and nothing says which of them is white",
    "I": "has 32-bit values, and nothing says which of them is white",
    "CMYK": "is in CMYK, whose colours depend on the printer's profile",
    "LAB": "is in LAB",
    "HSV": "is in HSV",
}
_BITS, _PHOTOMETRIC = 258, 262
"""TIFF tags."""


def read_image(path: Path, *, smallest: int = 1) -> Pixels:
    """The pixels of a file, as 8 or 16 bits a colour.

    Grey of 16 bits stays so; of colours of 16 bits Pillow gives the upper 8.

    Arguments:
        path: PNG, JPEG, BMP, TIFF, WebP or PPM.
        smallest: the smallest side that is taken, in pixels.

    Returns:
        shape ``(height, width, 3)``, upright.

    Raises:
        SecateurError: Pillow is not installed.
        FileError: missing, no image, damaged or truncated.
        DataError: too small, too large, or of a kind that is refused.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise SecateurError(
            f"reading {path.name} needs Pillow, which is not installed",
            remedy='pip install "secateur[photos]"',
        ) from error
    try:
        if not path.is_file():  # a pipe or a device would be waited for, or never end
            raise FileNotFoundError("it is no file")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is lower
            warnings.simplefilter("error", UserWarning)  # how Pillow tells damaged metadata
            with Image.open(path, formats=FORMATS) as image:
                _check_header(path, image, smallest)
                return _decoded(path, image)
    except SecateurError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, str(error)) from error
    except Exception as error:  # Pillow raises many kinds on a damaged file
        raise FileError(
            f"{path} is damaged or cannot be read as an image: {error or type(error).__name__}",
            remedy="remove it or fetch it again",
        ) from error


def pixel_tensor(pixels: Pixels) -> Tensor:
    """Pixels as ``(3, height, width)``, in the integers that they came in: a quarter of floats."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)))


def as_colours(pixels: Tensor) -> Tensor:
    """Pixels as floats in [0, 1]: integers over the largest of their type; floats stay."""
    if pixels.is_floating_point():
        return pixels
    return pixels.to(torch.float32) / torch.iinfo(pixels.dtype).max


def _check_header(path: Path, image: Image.Image, smallest: int) -> None:
    """Refuse what the header already tells, before anything is decoded.

    Raises:
        DataError: too small or too large, several pictures, or a mode that is refused.
    """
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(path, f"{width}×{height} pixels")
    if min(width, height) < smallest:
        raise DataError(
            f"{path} has {width}×{height} pixels",
            remedy=f"give images of at least {smallest} pixels a side",
        )
    # what phones write as MPO is a photograph with a preview or a depth map behind it
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise _refused(path, f"holds {getattr(image, 'n_frames', 1)} pictures")
    grey16 = image.mode in _SIXTEEN or (image.mode == "I" and image.format in ("PNG", "PPM"))
    if image.mode not in (*_PLAIN, *_ALPHA, "P") and not grey16:
        raise _refused(path, _REFUSED.get(image.mode, f"is of mode {image.mode!r}"))
    if image.format == "TIFF" and image.mode in _SIXTEEN:
        tags: Any = getattr(image, "tag_v2", {})
        if tuple(tags.get(_BITS, (16,))) != (16,) or tags.get(_PHOTOMETRIC) != 1:
            raise _refused(path, f"has {tags.get(_BITS, (16,))[0]} bits, or white is 0 in it")


def _decoded(path: Path, image: Image.Image) -> Pixels:
    from PIL import ImageOps

    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in _SIXTEEN or image.mode == "I":
        # a PNG or PPM of 16 bits is of mode I in older versions of Pillow
        grey = np.asarray(image).astype(np.int64)
        if grey.min() < 0 or grey.max() > 65535:
            raise _refused(path, _REFUSED["I"])
        return _three(grey.astype(np.uint16))
    if image.mode in _ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise _refused(path, "has transparent pixels, which have no colour")
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _three(grey: Pixels) -> Pixels:
    """Grey as three colours; a view, for no colour is written to."""
    return np.broadcast_to(grey[..., None], (*grey.shape, 3))  # type: ignore[return-value]


def _refused(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} {why}", remedy="convert it to sRGB with 8 bits a colour (PNG or JPEG)"
    )


def _too_large(path: Path, size: str) -> DataError:
    return DataError(
        f"{path} is too large: {size}, and at most {MOST_PIXELS // 1_000_000} million are taken",
        remedy="crop it or make it smaller; if the file itself is small, do not trust it",
    )
