"""Where a training gets its crops: photographs with simulated noise, or pairs of anyone's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from secateur.tasks import Task
from secateur.tasks.denoising import denoising_task
from secateur.tasks.filed import Photograph
from secateur.tasks.noise import sensor_noise
from secateur.tasks.photographs import Photographs, random_crops, vary_colours


class Crops(Protocol):
    """What ``train_network`` learns from and is measured on.

    Attributes:
        source: where the pictures come from; a run is resumed only with the same.
    """

    @property
    def source(self) -> str:
        """Where the pictures come from."""
        ...

    def draw(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noisy and clean crops; the generator alone decides which.

        Arguments:
            count: crops.
            size: their side in pixels.
            generator: of the step.

        Returns:
            Both of shape ``(count, 3, size, size)``, in [0, 1].
        """
        ...

    def task(self) -> Task:
        """Its ``selection`` is measured on the way, its ``test`` at the end."""
        ...


@dataclass(frozen=True, eq=False)
class Simulated:
    """Crops of photographs, with the noise of a smartphone's sensor."""

    photographs: Photographs

    @property
    def source(self) -> str:
        """That of the photographs."""
        return self.photographs.source

    def draw(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noisy and clean crops of the photographs for training."""
        clean = training_crops(self.photographs.train, count, size, generator)
        return sensor_noise(clean, generator), clean

    def task(self) -> Task:
        """Denoising of the others."""
        return denoising_task(self.photographs)


def training_crops(
    photographs: Sequence[Photograph], count: int, size: int, generator: torch.Generator
) -> Tensor:
    """Random crops in random colours and two scales: there are few photographs to learn from.

    Returns:
        Shape ``(count, 3, size, size)``, in [0, 1].
    """
    small = count // 4
    crops = torch.cat(
        [
            random_crops(photographs, count - small, size, generator),
            F.avg_pool2d(random_crops(photographs, small, 2 * size, generator), 2)
            if small
            else torch.zeros(0, 3, size, size),
        ]
    )
    return vary_colours(crops, generator)
