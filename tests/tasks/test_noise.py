"""The simulated sensor against the formulas it is made of."""

from __future__ import annotations

import pytest
import torch

from secateur.tasks.noise import add_noise, demosaic, mosaic, sensor_noise, to_linear, to_srgb


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_gamma_goes_there_and_back_and_meets_its_published_values():
    values = torch.linspace(0, 1, 1001, dtype=torch.float64)
    torch.testing.assert_close(to_srgb(to_linear(values)), values, rtol=0, atol=1e-9)
    assert to_linear(torch.tensor(0.5, dtype=torch.float64)).item() == pytest.approx(
        0.2140411, 1e-6
    )


def test_the_variance_is_poisson_gaussian():
    raw = torch.tensor([0.0, 0.1, 0.5, 1.0]).reshape(4, 1, 1, 1).expand(4, 1, 300, 300)
    shot, read = torch.full((4, 1, 1, 1), 0.01), torch.full((4, 1, 1, 1), 4e-5)
    noise = add_noise(raw, shot, read, seeded()) - raw
    expected = 0.01 * raw[:, 0, 0, 0] + 4e-5
    torch.testing.assert_close(noise.flatten(1).var(1), expected, rtol=0.02, atol=0)
    assert noise.flatten(1).mean(1).abs().max() < 1e-3


def test_demosaicing_keeps_what_was_measured():
    light = torch.rand(2, 3, 12, 14, generator=seeded())
    picture = demosaic(mosaic(light))
    torch.testing.assert_close(picture[:, 0, 0::2, 0::2], light[:, 0, 0::2, 0::2])
    torch.testing.assert_close(picture[:, 2, 1::2, 1::2], light[:, 2, 1::2, 1::2])
    torch.testing.assert_close(picture[:, 1, 0::2, 1::2], light[:, 1, 0::2, 1::2])
    torch.testing.assert_close(picture[:, 1, 1::2, 0::2], light[:, 1, 1::2, 0::2])


def test_demosaicing_is_exact_for_planes():
    """Malvar's filters reproduce any linear ramp that the three colours share."""
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(18.0), indexing="ij")
    plane = (0.2 + 0.01 * x + 0.02 * y).expand(1, 3, 16, 18)
    inner = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    torch.testing.assert_close(demosaic(mosaic(plane))[inner], plane[inner], rtol=0, atol=1e-6)


def test_the_filters_are_those_of_the_paper():
    """The response to a single red pixel, by hand from figure 2."""
    raw = torch.zeros(1, 1, 12, 12)
    raw[0, 0, 4, 4] = 8.0
    picture = demosaic(raw)[0]
    assert picture[1, 4, 4] == 4.0
    assert picture[1, 4, 6] == -1.0
    assert picture[1, 4, 5] == 0.0
    assert picture[0, 4, 5] == 4.0
    assert picture[0, 5, 5] == 2.0
    assert picture[2, 4, 4] == 6.0
    assert picture[2, 4, 6] == -1.5


def test_noise_is_seeded_rounded_and_in_range():
    image = torch.rand(3, 3, 32, 32, generator=seeded(5))
    one, same, other = (sensor_noise(image, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert one.min() >= 0
    assert one.max() <= 1
    torch.testing.assert_close((one * 255).round() / 255, one)


def test_noise_is_correlated_between_neighbours():
    """What demosaicing does, and white noise has not."""
    image = torch.full((4, 3, 128, 128), 0.4)
    noise = sensor_noise(image, seeded()) - image
    noise = noise - noise.mean((2, 3), keepdim=True)
    green = noise[:, 1]
    lag = (green[:, :, 1:] * green[:, :, :-1]).mean() / green.square().mean()
    assert 0.1 < lag < 0.4, lag
    red = noise[:, 0]
    assert (red[:, :, 1:] * red[:, :, :-1]).mean() / red.square().mean() > 0.2
