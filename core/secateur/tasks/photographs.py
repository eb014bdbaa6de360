"""Photographs: those that come inside two Python packages, or a folder of your own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from secateur.errors import DataError, FileError
from secateur.tasks.filed import Filed, Photograph, pixels_of, shelved
from secateur.tasks.images import as_colours, pixel_tensor, read_image

TRAIN = (
    "astronaut",
    "rocket",
    "retina",
    "immunohistochemistry",
    "hubble_deep_field",
    "camera",
    "brick",
    "grass",
    "gravel",
    "moon",
    "coins",
)
"""For training a network; some are grey, so its training varies the colours."""
CALIBRATION = ("china", "stereo_motorcycle")
SELECTION = ("astronaut", "rocket")
"""Two of the training ones, for want of others in colour: the bundled networks have seen them."""
TEST = ("chelsea", "coffee", "flower")
SMALLEST = 128
"""The smallest side of a photograph that is taken, in pixels."""

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".ppm"})


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photographs, split by photograph: nothing of one is in two splits.

    The packages' own are the exception: there are so few in colour that those for selection are
    among those for training as well. None that is calibrated on or tested on is anywhere else.

    Each is a tensor ``(3, height, width)``: ``uint8`` or ``uint16`` as it was read, or floats in
    [0, 1]. Crops of them are floats; the whole photographs never are. Of a folder at most 1 GiB of
    pixels is held (``secateur.tasks.filed.HELD``); what is beyond stays in its file.

    Arguments:
        train: for training a network.
        calibration: for statistics, compensation and recovery.
        test: for what is reported.
        source: where they come from.
        selection: for choices between candidates; without any, right halves of the calibration
            photographs are taken, which is worse: see ``secateur.tasks.Task``.
    """

    train: tuple[Photograph, ...]
    calibration: tuple[Photograph, ...]
    test: tuple[Photograph, ...]
    source: str
    selection: tuple[Photograph, ...] = ()


def load_photographs(folder: Path | str | None = None) -> Photographs:
    """The photographs inside scikit-image's and scikit-learn's wheels, or those of a folder.

    Nothing is downloaded. A folder's files are taken in the order of their names: of every five,
    two are for training, one for selection, one for calibration and one for the test, and what is
    left over is for training. Of four in all, one is for each; of three, none is for selection.

    Raises:
        DataError: scikit-image or scikit-learn is not installed.
        FileError: the folder does not exist or an image cannot be read.
        DataError: fewer than three images, or one that is too small, too large, or of a kind that
            ``read_image`` refuses.
    """
    if folder is not None:
        return _from_folder(Path(folder))
    train, calibration, test = (
        tuple(_bundled(name) for name in names) for names in (TRAIN, CALIBRATION, TEST)
    )
    selection = tuple(train[TRAIN.index(name)] for name in SELECTION)
    return Photographs(
        train, calibration, test, source="scikit-image and scikit-learn", selection=selection
    )


def _bundled(name: str) -> Tensor:
    try:
        if name in ("china", "flower"):
            from sklearn.datasets import load_sample_image

            pixels = load_sample_image(f"{name}.jpg")
        else:
            from skimage import data

            pixels = getattr(data, name)()
            if isinstance(pixels, tuple):  # the stereo pair: its left image
                pixels = pixels[0]
    except ModuleNotFoundError as error:
        raise DataError(
            f"the photographs need {error.name}, which is not installed",
            remedy='pip install "secateur[photos]", or give a folder of your own images',
        ) from error
    return _tensor(np.asarray(pixels))


def _tensor(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> Tensor:
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise DataError(
            f"a photograph of a package is of type {pixels.dtype} and shape {pixels.shape}",
            remedy="install a version that pyproject.toml allows, or give a folder of images",
        )
    return pixel_tensor(pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1))


def _from_folder(folder: Path) -> Photographs:
    if not folder.is_dir():
        raise FileError(f"{folder} is no folder", remedy="give a folder of images")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if len(files) < 3:
        raise DataError(
            f"{folder} has {len(files)} images",
            remedy=f"give at least 3 ({', '.join(sorted(_SUFFIXES))}): train, calibration, test",
        )
    images: list[Photograph] = []
    held = 0
    for path in files:  # every one is read, so that a bad one is told now
        photograph = shelved(path, pixel_tensor(read_image(path, smallest=SMALLEST)), held)
        held += 0 if isinstance(photograph, Filed) else photograph.nbytes
        images.append(photograph)
    parts: dict[str, list[Photograph]] = {
        split: [] for split in ("train", "selection", "calibration", "test")
    }
    places: tuple[str, ...] = ("train", "train", "selection", "calibration", "test")
    if len(images) < 5:
        places = (*("train", "selection")[: len(images) - 2], "calibration", "test")
    whole = len(images) - len(images) % len(places)
    for number, image in enumerate(images):
        parts[places[number % len(places)] if number < whole else "train"].append(image)
    return Photographs(**{split: tuple(part) for split, part in parts.items()}, source=folder.name)


def random_crops(
    photographs: Sequence[Photograph], count: int, size: int, generator: torch.Generator
) -> Tensor:
    """Square crops, each of a random photograph at a random place, flipped and turned at random.

    Returns:
        Shape ``(count, 3, size, size)``.

    Raises:
        DataError: a photograph is smaller than a crop.
    """
    for photograph in photographs:
        if min(photograph.shape[1:]) < size:
            raise DataError(
                f"{photograph.shape[2]}×{photograph.shape[1]} pixels are too few for crops of "
                f"{size}×{size}",
                remedy="take smaller crops or larger photographs (without photographs for "
                "selection, calibration has half of each)",
            )
    places = []
    for _ in range(count):
        which, turn, flip = (
            int(torch.randint(0, most, (), generator=generator))
            for most in (len(photographs), 4, 2)
        )
        top, left = (
            int(torch.randint(0, side - size + 1, (), generator=generator))
            for side in photographs[which].shape[1:]
        )
        places.append((which, top, left, turn, flip))

    def turned(crop: Tensor, turn: int, flip: int) -> Tensor:
        crop = crop.rot90(turn, (1, 2))
        return crop.flip(2) if flip else crop

    cut = _cut(photographs, [place[:3] for place in places], size)
    return torch.stack([turned(crop, *place[3:]) for crop, place in zip(cut, places, strict=True)])


def _cut(
    photographs: Sequence[Photograph], places: Sequence[tuple[int, int, int]], size: int
) -> list[Tensor]:
    """Square crops as floats; each photograph is read once, and one at a time.

    Arguments:
        photographs: to cut from.
        places: which photograph, top and left of every crop.
        size: of their sides.
    """
    crops: dict[int, Tensor] = {}
    for which in sorted({place[0] for place in places}):
        pixels = pixels_of(photographs[which])
        for number, (owner, top, left) in enumerate(places):
            if owner == which:
                crops[number] = as_colours(pixels[:, top : top + size, left : left + size])
    return [crops[number] for number in range(len(places))]


def vary_colours(crops: Tensor, generator: torch.Generator) -> Tensor:
    """The crops, each in random colours: channels swapped, more or less saturated, dimmed.

    Half of the crops keep a channel or two far below the others: where a colour is saturated, the
    noise of the dark channels is clipped at zero, and few photographs show that. A network trained
    without this failed on the red and green of the test photographs; one that was pruned without
    it lost decibels there (``benchmarks/claims.py --plain-colours``), because the filters that see
    such colours had looked useless.

    Arguments:
        crops: shape ``(count, 3, height, width)``.
        generator: of the colours.
    """
    count = len(crops)
    order = torch.stack([torch.randperm(3, generator=generator) for _ in range(count)])
    crops = crops.gather(1, order[:, :, None, None].expand_as(crops))
    grey = crops.mean(1, keepdim=True)
    saturation = 2.0 ** (2.0 * torch.rand(count, 1, 1, 1, generator=generator) - 0.5)
    crops = grey + saturation * (crops - grey)
    lowest = 0.5 * torch.randint(0, 2, (count, 1, 1, 1), generator=generator)
    gains = lowest + (1.1 - lowest) * torch.rand(count, 3, 1, 1, generator=generator)
    return (crops * gains).clamp(0.0, 1.0)


def grid_crops(photographs: Sequence[Photograph], size: int, count: int) -> Tensor:
    """Square crops that do not overlap, spread evenly over the photographs; always the same.

    Returns:
        Shape ``(at most count, 3, size, size)``.

    Raises:
        DataError: no photograph is as large as a crop.
    """
    cells = [
        (which, top, left)
        for which, photograph in enumerate(photographs)
        for top in range(0, photograph.shape[1] - size + 1, size)
        for left in range(0, photograph.shape[2] - size + 1, size)
    ]
    if not cells:
        raise DataError(
            f"no test photograph has {size}×{size} pixels",
            remedy="take smaller crops or larger photographs",
        )
    chosen = np.linspace(0, len(cells) - 1, min(count, len(cells))).round().astype(int)
    return torch.stack(_cut(photographs, [cells[k] for k in chosen], size))
