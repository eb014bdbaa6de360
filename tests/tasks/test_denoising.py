"""Photographs, their splits, and the denoising task made of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from secateur.errors import DataError, FileError
from secateur.tasks.denoising import denoising_task, log_mse, psnr
from secateur.tasks.photographs import CALIBRATION, TEST, TRAIN, grid_crops, load_photographs


def test_the_bundled_photographs_are_split_by_photograph():
    photographs = load_photographs()
    assert not set(TRAIN) & set(CALIBRATION)
    assert not (set(TRAIN) | set(CALIBRATION)) & set(TEST)
    assert (len(photographs.train), len(photographs.calibration), len(photographs.test)) == (
        11,
        2,
        3,
    )
    for photograph in (*photographs.train, *photographs.calibration, *photographs.test):
        assert photograph.shape[0] == 3
        assert min(photograph.shape[1:]) >= 128
        assert 0 <= photograph.min() < photograph.max() <= 1


def write_images(folder, count, size=(140, 300), suffix="png"):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(count):
        pixels = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:02d}.{suffix}")
    return folder


@pytest.mark.parametrize(
    ("count", "sizes"), [(3, (1, 1, 1)), (4, (2, 1, 1)), (5, (3, 1, 1)), (12, (8, 2, 2))]
)
def test_a_folder_is_split_by_file(tmp_path, count, sizes):
    photographs = load_photographs(write_images(tmp_path / "p", count))
    split = photographs.train, photographs.calibration, photographs.test
    assert tuple(len(part) for part in split) == sizes
    pixels = [tuple(image.flatten()[:8].tolist()) for part in split for image in part]
    assert len(set(pixels)) == count


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(FileError, match="nowhere is no folder"):
        load_photographs(tmp_path / "nowhere")
    with pytest.raises(DataError, match="has 2 images"):
        load_photographs(write_images(tmp_path / "two", 2))
    with pytest.raises(DataError, match="300×100 pixels"):
        load_photographs(write_images(tmp_path / "small", 3, (100, 300)))
    folder = write_images(tmp_path / "cut", 3)
    file = folder / "01.png"
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(FileError, match=r"01\.png cannot be read"):
        load_photographs(folder)


def test_psnr_and_log_mse_by_hand():
    target = torch.zeros(2, 3, 4, 4)
    output = torch.stack([torch.full((3, 4, 4), 0.1), torch.full((3, 4, 4), -0.5)])
    assert psnr(output, target)[0].item() == pytest.approx(20.0, abs=1e-3)
    assert psnr(output, target)[1].item() == pytest.approx(80.0, abs=1e-3)
    assert log_mse(output, target)[1].item() == pytest.approx(math.log(0.25), abs=1e-4)


def test_only_calibration_depends_on_the_seed():
    photographs = load_photographs()
    few = {"patches": 4, "selection_patches": 4, "test_patches": 4}
    one, same, other = (denoising_task(photographs, seed=s, **few) for s in (0, 0, 1))
    assert torch.equal(one.calibration[0][0], same.calibration[0][0])
    assert not torch.equal(one.calibration[0][1], other.calibration[0][1])
    for split in ("selection", "test"):
        for side in (0, 1):
            assert torch.equal(getattr(one, split)[0][side], getattr(other, split)[0][side])
    assert one.calibration[0][0].shape == (4, 3, 64, 64)
    assert one.test[0][0].shape == (4, 3, 128, 128)
    assert 15 < psnr(*one.test[0]).mean() < 35


def test_grid_crops_do_not_overlap():
    image = torch.arange(3 * 256 * 384).reshape(1, 3, 256, 384).float()
    crops = grid_crops([image[0]], 128, 6)
    assert crops.shape == (6, 3, 128, 128)
    assert len(crops.unique()) == crops.numel()
