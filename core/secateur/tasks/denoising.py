"""Denoising photographs: real images, simulated sensor noise."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from secateur.errors import OptionError
from secateur.tasks.base import Task
from secateur.tasks.filed import Photograph
from secateur.tasks.filed import halves as halved
from secateur.tasks.noise import sensor_noise
from secateur.tasks.photographs import (
    Photographs,
    grid_crops,
    load_photographs,
    random_crops,
    vary_colours,
)

logger = logging.getLogger("secateur")

FLOOR = 1e-8
"""Added to the mean squared error before its logarithm: a perfect output is 80 dB, not infinity."""
SELECTION_SEED, TEST_SEED, UNLABELLED_SEED = 1_000_001, 1_000_002, 1_000_003


def log_mse(outputs: Tensor, targets: Tensor) -> Tensor:
    """The natural logarithm of each sample's mean squared error: what PSNR is made of."""
    return ((outputs - targets).square().flatten(1).mean(1) + FLOOR).log()


def psnr(outputs: Tensor, targets: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each sample in dB; outputs clipped to [0, 1]."""
    error = (outputs.clamp(0.0, 1.0) - targets).square().flatten(1).mean(1)
    return -10.0 * (error + FLOOR).log10()


def denoising_task(
    photographs: Photographs | Path | str | None = None,
    *,
    seed: int = 0,
    patches: int = 96,
    unlabelled: int = 768,
    patch: int = 64,
    selection_patches: int = 64,
    test_patches: int = 32,
    batch: int = 16,
    varied_colours: bool = True,
) -> Task:
    """Noisy and clean crops, scored by PSNR.

    Calibration, selection and test crops (those twice the side) come from different photographs.
    Where there are none for selection, calibration has the left halves of its photographs and
    selection the right ones, and a warning says so. Selection and test are the same for every seed,
    so that runs with different calibration data can be compared in pairs.

    Arguments:
        photographs: loaded ones, a folder, or None for those in the packages.
        seed: of the calibration crops and their noise.
        patches: calibration crops.
        unlabelled: crops for the final fit and for a recovery, made anew in each pass; 0 for the
            calibration crops.
        patch: side of calibration and selection crops, in pixels.
        selection_patches: selection crops.
        test_patches: test crops, at most.
        batch: crops in a batch.
        varied_colours: calibrate and select on crops in random colours, so that a few photographs
            show what many would; the test photographs stay as they are.

    Raises:
        SecateurError: as ``load_photographs``.
        OptionError: a count below 1, or a side that is odd (a sensor's mosaic is 2 by 2).
        DataError: a photograph is smaller than a crop.
    """
    counts = {
        "patches": patches,
        "patch": patch,
        "selection_patches": selection_patches,
        "test_patches": test_patches,
        "batch": batch,
    }
    if unlabelled < 0:
        raise OptionError(f"unlabelled is {unlabelled}", remedy="use 0 or more")
    for name, count in counts.items():
        if count < 1:
            raise OptionError(f"{name} is {count}", remedy="use at least 1")
    if patch % 2 or patch < 4:
        raise OptionError(f"patch is {patch}", remedy="use an even side of at least 4 pixels")
    if not isinstance(photographs, Photographs):
        photographs = load_photographs(photographs)
    calibrating, choosing = _apart(photographs)
    generator = torch.Generator().manual_seed(seed)
    selecting = torch.Generator().manual_seed(SELECTION_SEED)
    clean = random_crops(calibrating, patches, patch, generator)
    choice = random_crops(choosing, selection_patches, patch, selecting)
    if varied_colours:
        clean, choice = vary_colours(clean, generator), vary_colours(choice, selecting)
    test = grid_crops(photographs.test, 2 * patch, test_patches)
    return Task(
        calibration=_batches(clean, generator, batch),
        selection=_batches(choice, selecting, batch),
        test=_batches(test, torch.Generator().manual_seed(TEST_SEED), batch),
        loss=log_mse,
        metric=psnr,
        metric_name="psnr",
        metric_unit="dB",
        name="denoising",
        unlabelled=NoisyCrops(calibrating, unlabelled, patch, batch, seed, varied_colours)
        if unlabelled
        else None,
    )


def _apart(photographs: Photographs) -> tuple[tuple[Photograph, ...], tuple[Photograph, ...]]:
    """What calibration crops and what selection crops are cut from."""
    if photographs.selection:
        return photographs.calibration, photographs.selection
    logger.warning(
        "no photograph of %s is for selection: it has the right halves of the %d for calibration, "
        "on which gains look larger than they are; give at least four photographs",
        photographs.source,
        len(photographs.calibration),
    )
    halves = [halved(photograph) for photograph in photographs.calibration]
    return tuple(left for left, _ in halves), tuple(right for _, right in halves)


@dataclass(frozen=True, eq=False)
class NoisyCrops:
    """Batches of noisy crops without their clean ones, made when they are asked for.

    Arguments:
        photographs: that they are cut from.
        count: of all crops.
        patch: side of a crop, in pixels.
        batch: crops in a batch, at most.
        seed: the same one gives the same crops in every pass.
        varied_colours: in random colours.
    """

    photographs: tuple[Photograph, ...]
    count: int
    patch: int
    batch: int
    seed: int
    varied_colours: bool = True

    def __len__(self) -> int:
        return -(-self.count // self.batch)

    def __iter__(self) -> Iterator[Tensor]:
        return (self.made(number) for number in range(len(self)))

    def made(self, number: int) -> Tensor:
        """One batch, shape ``(crops, 3, patch, patch)``."""
        generator = torch.Generator().manual_seed(UNLABELLED_SEED * (self.seed + 1) + number)
        size = min(self.batch, self.count - number * self.batch)
        clean = random_crops(self.photographs, size, self.patch, generator)
        if self.varied_colours:
            clean = vary_colours(clean, generator)
        return sensor_noise(clean, generator)


def _batches(clean: Tensor, generator: torch.Generator, size: int) -> list[tuple[Tensor, Tensor]]:
    noisy = sensor_noise(clean, generator)
    return list(zip(noisy.split(size), clean.split(size), strict=True))
