"""SIDD, the reference's data set, as it is distributed (Abdelhamed et al. 2018).

What is read, below the folder given:

- ``Data/<scene instance>/NOISY_SRGB_010.PNG`` and ``GT_SRGB_010.PNG`` (``SIDD_Small_sRGB_Only``),
  or the same with the instance's number in front and two pairs an instance, ``0001_NOISY_SRGB_010``
  and ``0001_NOISY_SRGB_011`` (``SIDD_Medium_Srgb``; archives with and without the number exist);
- ``ValidationNoisyBlocksSrgb.mat`` and ``ValidationGtBlocksSrgb.mat`` (40 × 32 blocks of 256 × 256)
  for the test, if they are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secateur.errors import DataError, FileError, OptionError
from secateur.progress import track
from secateur.tasks.base import Task
from secateur.tasks.denoising import log_mse, psnr
from secateur.tasks.images import as_colours, pixel_tensor, read_image
from secateur.tasks.matlab import read_bytes_array

FOLDERS = ("SIDD_Small_sRGB_Only", "SIDD_Medium_Srgb")
NOISY_BLOCKS, CLEAN_BLOCKS = "ValidationNoisyBlocksSrgb.mat", "ValidationGtBlocksSrgb.mat"
SELECTION_SEED, UNLABELLED_SEED = 1_000_001, 1_000_003

_NAME = re.compile(r"(?:\d{4}_)?(NOISY|GT)_SRGB_(\d{3})\.PNG", re.IGNORECASE)
# instance, scene, phone, ISO, shutter, illuminant, brightness: 0052_002_S6_01600_01000_5500_N
_INSTANCE = re.compile(r"\d{4}_(\d{3})_\w+")


@dataclass(frozen=True)
class Pair:
    """A noisy and a clean picture of one instance of a scene."""

    instance: str
    noisy: Path
    clean: Path

    @property
    def scene(self) -> str:
        """What is in the picture: instances of one scene differ in phone, ISO and light only."""
        match = _INSTANCE.fullmatch(self.instance)
        return match[1] if match else self.instance


def sidd_task(
    root: Path | str,
    *,
    seed: int = 0,
    patches: int = 96,
    unlabelled: int = 768,
    patch: int = 64,
    selection_patches: int = 64,
    test_blocks: int = 64,
    batch: int = 16,
) -> Task:
    """Denoising on SIDD.

    Of the scenes, in the order of their numbers, one in four is for selection and the others for
    calibration, each with all its instances: nothing that is in the pictures of one split is in
    another's. The test is on validation blocks, evenly spread over all; without their files, one
    more scene in four is kept for the test. Selection and test are the same for every seed.

    Arguments:
        root: the folder that holds ``Data``, or the one above it.
        seed: of the calibration crops.
        patches: calibration crops.
        unlabelled: noisy crops of the calibration scenes for the final fit and for a recovery, read
            when they are first asked for; 0 for the calibration crops.
        patch: side of the crops in pixels.
        selection_patches: selection crops.
        test_blocks: validation blocks (or crops of that size), at most.
        batch: crops in a batch.

    Raises:
        FileError: the tree is missing or incomplete, or a file is damaged; names the file and where
            it was looked for.
        DataError: too few scenes, or pictures that do not fit each other.
        OptionError: a count below 1.
        SecateurError: Pillow is missing.
    """
    if unlabelled < 0:
        raise OptionError(f"unlabelled is {unlabelled}", remedy="use 0 or more")
    counts = {"patches": patches, "patch": patch, "selection_patches": selection_patches}
    for name, count in {**counts, "test_blocks": test_blocks, "batch": batch}.items():
        if count < 1:
            raise OptionError(f"{name} is {count}", remedy="use at least 1")
    root = Path(root)
    pairs = find_pairs(root)
    blocks = _blocks(root, test_blocks)
    fourth = 2 if blocks is None else None
    parts: dict[str, list[Pair]] = {"calibration": [], "selection": [], "test": []}
    scenes = sorted({pair.scene for pair in pairs})
    need = 2 if blocks is not None else 3
    if len(scenes) < need:
        raise DataError(
            f"{root} has pictures of {len(scenes)} scenes ({', '.join(scenes)})",
            remedy=f"give at least {need}, so that no scene is in two splits"
            + (f", or the validation blocks {NOISY_BLOCKS}" if blocks is None else ""),
        )
    for pair in pairs:
        place = scenes.index(pair.scene) % 4
        split = "selection" if place == 1 else "test" if place == fourth else "calibration"
        parts[split].append(pair)
    generator = torch.Generator().manual_seed(seed)
    fixed = torch.Generator().manual_seed(SELECTION_SEED)
    calibration = _crops(parts["calibration"], patches, patch, generator)
    selection = _crops(parts["selection"], selection_patches, patch, fixed)
    test = _crops(parts["test"], test_blocks, 4 * patch, fixed) if blocks is None else blocks
    return Task(
        calibration=_batches(*calibration, batch),
        selection=_batches(*selection, batch),
        test=_batches(*test, batch),
        loss=log_mse,
        metric=psnr,
        metric_name="psnr",
        metric_unit="dB",
        name="sidd",
        unlabelled=_Noisy(tuple(parts["calibration"]), unlabelled, patch, batch, seed)
        if unlabelled
        else None,
    )


@dataclass(frozen=True, eq=False)
class _Noisy:
    """Batches of noisy crops, read in the first pass and held."""

    pairs: tuple[Pair, ...]
    count: int
    patch: int
    batch: int
    seed: int

    def __len__(self) -> int:
        return -(-self.count // self.batch)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.crops.split(self.batch))

    @cached_property
    def crops(self) -> Tensor:
        """All of them, shape ``(count, 3, patch, patch)``."""
        generator = torch.Generator().manual_seed(UNLABELLED_SEED * (self.seed + 1))
        return _crops(list(self.pairs), self.count, self.patch, generator)[0]


def find_pairs(root: Path) -> list[Pair]:
    """All pairs of pictures below a folder, in the order of their names.

    Raises:
        FileError: no ``Data`` folder, no scene, or a picture without its partner.
    """
    looked = [root, *(root / name for name in FOLDERS)]
    data = next((folder / "Data" for folder in looked if (folder / "Data").is_dir()), None)
    if data is None:
        places = ", ".join(str(folder / "Data") for folder in looked)
        raise FileError(
            f"there is no SIDD data set at {root} (looked for {places})",
            remedy=f"unpack {FOLDERS[0]} or {FOLDERS[1]} there, or name its folder",
        )
    pairs: list[Pair] = []
    for scene in sorted(path for path in data.iterdir() if path.is_dir()):
        found: dict[tuple[str, str], Path] = {}
        for file in sorted(scene.iterdir()):
            match = _NAME.fullmatch(file.name)
            if match:
                found[match[1].upper(), match[2]] = file
        numbers = sorted({number for _, number in found})
        if not numbers:
            raise FileError(
                f"{scene} has no NOISY_SRGB_010.PNG and GT_SRGB_010.PNG (with or without the "
                "instance's number in front)",
                remedy="the download is incomplete: unpack the archive again",
            )
        for number in numbers:
            for kind in ("NOISY", "GT"):
                if (kind, number) not in found:
                    other = found["GT" if kind == "NOISY" else "NOISY", number]
                    missing = re.sub("NOISY|GT", kind, other.name)
                    raise FileError(
                        f"{scene / missing} is missing, and {other.name} is there",
                        remedy="the download is incomplete: unpack the archive again",
                    )
            pairs.append(Pair(scene.name, found["NOISY", number], found["GT", number]))
    if not pairs:
        raise FileError(f"{data} holds no scene instance", remedy="unpack the archive again")
    return pairs


def _crops(
    pairs: list[Pair], count: int, size: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Random crops, as evenly from the pairs as the count allows; each picture is read once."""
    noisy: list[Tensor] = []
    clean: list[Tensor] = []
    # of more pairs than crops, the ones taken are spread over all: they are sorted by scene
    share = [(k + 1) * count // len(pairs) - k * count // len(pairs) for k in range(len(pairs))]
    read = [(pair, number) for pair, number in zip(pairs, share, strict=True) if number]
    with track("reading SIDD", len(read)) as bar:
        for pair, number in read:
            pictures = _read_pair(pair, size)
            for _ in range(number):
                top, left = (
                    int(torch.randint(0, side - size + 1, (), generator=generator))
                    for side in pictures[0].shape[1:]
                )
                for crops, picture in zip((noisy, clean), pictures, strict=True):
                    crops.append(as_colours(picture[:, top : top + size, left : left + size]))
            bar.advance()
    return torch.stack(noisy), torch.stack(clean)


def _read_pair(pair: Pair, size: int) -> list[Tensor]:
    """Both pictures of a pair, checked to be of one size that a crop fits in."""
    pictures = [pixel_tensor(read_image(path)) for path in (pair.noisy, pair.clean)]
    if pictures[0].shape != pictures[1].shape:
        raise DataError(
            f"{pair.noisy} is {tuple(pictures[0].shape)} and {pair.clean.name} "
            f"{tuple(pictures[1].shape)}",
            remedy="a pair shows one scene at one size: unpack the archive again",
        )
    if min(pictures[0].shape[1:]) < size:
        raise DataError(
            f"{pair.noisy} is {tuple(pictures[0].shape[1:])}, smaller than a crop of {size}",
            remedy="take smaller patches",
        )
    return pictures


def _blocks(root: Path, count: int) -> tuple[Tensor, Tensor] | None:
    """The validation blocks, or None if neither file is there."""
    folders = [root, *(root / name for name in FOLDERS), root.parent]
    found = {}
    for name in (NOISY_BLOCKS, CLEAN_BLOCKS):
        places = [folder / name for folder in folders]
        found[name] = next((path for path in places if path.is_file()), None)
    if not any(found.values()):
        return None
    for name, path in found.items():
        if path is None:
            there = next(p for p in found.values() if p is not None)
            raise FileError(
                f"{there.parent / name} is missing, and {there.name} is there",
                remedy="fetch both files of the validation blocks",
            )
    noisy, clean = (_load_blocks(path) for path in found.values() if path is not None)
    if noisy.shape != clean.shape:
        raise DataError(
            f"{NOISY_BLOCKS} is {noisy.shape} and {CLEAN_BLOCKS} {clean.shape}",
            remedy="fetch both files again",
        )
    chosen = np.linspace(0, len(noisy) - 1, min(count, len(noisy))).round().astype(int)
    tensors = [
        torch.from_numpy(np.ascontiguousarray(part[chosen])).movedim(-1, 1).float() / 255.0
        for part in (noisy, clean)
    ]
    return tensors[0], tensors[1]


def _load_blocks(path: Path) -> NDArray[np.uint8]:
    """Blocks as ``(images · blocks, height, width, 3)``."""
    blocks = read_bytes_array(path, path.stem)
    if blocks.ndim != 5 or blocks.shape[-1] != 3 or 0 in blocks.shape:
        raise FileError(
            f"{path} holds {path.stem} of shape {blocks.shape}, not (images, blocks, height, "
            "width, 3)",
            remedy="fetch the sRGB validation blocks again",
        )
    merged: NDArray[np.uint8] = blocks.reshape(-1, *blocks.shape[2:])
    return merged


def _batches(noisy: Tensor, clean: Tensor, size: int) -> list[tuple[Tensor, Tensor]]:
    return list(zip(noisy.split(size), clean.split(size), strict=True))
