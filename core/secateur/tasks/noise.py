"""Noise as a phone's camera makes it: on the sensor, before demosaicing.

sRGB → linear light → white balance undone → RGGB mosaic → Poisson–Gaussian noise of variance
``β1·I + β2`` → demosaicing (Malvar, He and Cutler 2004) → white balance → sRGB, 8 bits. The
demosaicing spreads the noise over neighbours and colours, which white noise on the image lacks.
The ranges of β1 and β2 are those of the phones in SIDD (Abdelhamed et al. 2018). Light and sensor
values have no unit: 1 is full scale.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SHOT = (7e-4, 2e-2)
"""Range of β1, the signal-dependent part (full scale 1)."""
READ = (2e-6, 6e-5)
"""Range of β2, the constant part."""
WHITE_BALANCE = (2.0, 1.0, 1.7)
"""Gains of red, green and blue; a daylight setting."""

# Malvar, He and Cutler, "High-quality linear interpolation for demosaicing", ICASSP 2004, figure 2
_GREEN = [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]]
_ROW = [
    [0, 0, 0.5, 0, 0],
    [0, -1, 0, -1, 0],
    [-1, 4, 5, 4, -1],
    [0, -1, 0, -1, 0],
    [0, 0, 0.5, 0, 0],
]
_DIAGONAL = [
    [0, 0, -1.5, 0, 0],
    [0, 2, 0, 2, 0],
    [-1.5, 0, 6, 0, -1.5],
    [0, 2, 0, 2, 0],
    [0, 0, -1.5, 0, 0],
]


def to_linear(image: Tensor) -> Tensor:
    """sRGB values in [0, 1] as linear light (IEC 61966-2-1)."""
    return torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)


def to_srgb(light: Tensor) -> Tensor:
    """Linear light in [0, 1] as sRGB values."""
    light = light.clamp(0.0, 1.0)
    return torch.where(
        light <= 0.0031308, light * 12.92, 1.055 * light.clamp_min(1e-8) ** (1 / 2.4) - 0.055
    )


def mosaic(light: Tensor) -> Tensor:
    """What an RGGB sensor sees: ``(batch, 3, H, W)`` to ``(batch, 1, H, W)``."""
    raw = light[:, 1:2].clone()
    raw[..., 0::2, 0::2] = light[:, 0:1, 0::2, 0::2]
    raw[..., 1::2, 1::2] = light[:, 2:3, 1::2, 1::2]
    return raw


def demosaic(raw: Tensor) -> Tensor:
    """RGGB to three colours by Malvar, He and Cutler's linear filters; height and width even."""
    row = torch.tensor(_ROW)
    kernels = torch.stack([torch.tensor(_GREEN), row, row.T, torch.tensor(_DIAGONAL)]) / 8.0
    # reflection keeps the parity of the mosaic
    padded = F.pad(raw, (2, 2, 2, 2), mode="reflect")
    green, across, down, diagonal = F.conv2d(padded, kernels[:, None].to(raw)).split(1, dim=1)
    red, blue = raw.clone(), raw.clone()
    out_green = raw.clone()
    even, odd = slice(0, None, 2), slice(1, None, 2)
    out_green[..., even, even] = green[..., even, even]
    out_green[..., odd, odd] = green[..., odd, odd]
    red[..., even, odd] = across[..., even, odd]
    red[..., odd, even] = down[..., odd, even]
    red[..., odd, odd] = diagonal[..., odd, odd]
    blue[..., even, odd] = down[..., even, odd]
    blue[..., odd, even] = across[..., odd, even]
    blue[..., even, even] = diagonal[..., even, even]
    return torch.cat([red, out_green, blue], dim=1)


def sensor_noise(image: Tensor, generator: torch.Generator) -> Tensor:
    """The image as a phone would have taken it, with its own noise level for each.

    Arguments:
        image: clean sRGB in [0, 1], shape ``(batch, 3, H, W)``, H and W even.
        generator: the seed.

    Returns:
        Noisy sRGB of the same shape, in [0, 1], rounded to 8 bits.
    """
    gains = torch.tensor(WHITE_BALANCE).to(image).reshape(1, 3, 1, 1)
    raw = mosaic(to_linear(image) / gains)
    shot, read = (_log_uniform(len(image), limits, generator).to(image) for limits in (SHOT, READ))
    raw = add_noise(raw, shot, read, generator)
    picture = to_srgb(demosaic(raw) * gains)
    return (picture * 255.0).round() / 255.0


def add_noise(raw: Tensor, shot: Tensor, read: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian noise of variance ``shot·raw + read`` (the heteroscedastic approximation).

    Arguments:
        raw: sensor values, full scale 1.
        shot: β1 for each image, broadcast against ``raw``.
        read: β2 for each image.
        generator: the seed.
    """
    variance = shot * raw.clamp_min(0.0) + read
    noise = torch.randn(raw.shape, generator=generator, dtype=raw.dtype)
    return raw + variance.sqrt() * noise


def _log_uniform(count: int, limits: tuple[float, float], generator: torch.Generator) -> Tensor:
    low, high = (torch.tensor(limit).log() for limit in limits)
    return (low + (high - low) * torch.rand(count, generator=generator)).exp().reshape(-1, 1, 1, 1)
