"""Photographs, their splits, and the denoising task made of them."""

from __future__ import annotations

import math
import socket
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from secateur.errors import DataError, FileError, OptionError, SecateurError
from secateur.tasks.denoising import denoising_task, log_mse, psnr
from secateur.tasks.photographs import (
    CALIBRATION,
    SELECTION,
    TEST,
    TRAIN,
    Photographs,
    grid_crops,
    load_photographs,
    vary_colours,
)


def test_the_bundled_photographs_are_split_by_photograph():
    """Those for selection are among the training ones, as is said; nothing else is there twice."""
    photographs = load_photographs()
    assert not set(TRAIN) & set(CALIBRATION)
    assert not (set(TRAIN) | set(CALIBRATION)) & set(TEST)
    assert set(SELECTION) < set(TRAIN)
    split = photographs.train, photographs.selection, photographs.calibration, photographs.test
    assert [len(part) for part in split] == [11, 2, 2, 3]
    assert apart(photographs.selection, photographs.calibration, photographs.test)
    assert apart(photographs.train, photographs.calibration, photographs.test)
    for photograph in (*photographs.train, *photographs.calibration, *photographs.test):
        assert photograph.shape[0] == 3
        assert min(photograph.shape[1:]) >= 128
        assert photograph.dtype == torch.uint8
        assert photograph.min() < photograph.max()
    for photograph in photographs.selection:  # grey ones would say little of colours
        assert not torch.equal(photograph[0], photograph[1])


def apart(*split):
    """No photograph is in two of these."""
    pixels = [image.numpy().tobytes() for part in split for image in part]
    return len(set(pixels)) == len(pixels)


def write_images(folder, count, size=(140, 300), suffix="png"):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(count):
        pixels = rng.integers(0, 255, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{k:02d}.{suffix}")
    return folder


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (3, (1, 0, 1, 1)),
        (4, (1, 1, 1, 1)),
        (5, (2, 1, 1, 1)),
        (9, (6, 1, 1, 1)),
        (12, (6, 2, 2, 2)),
    ],
)
def test_a_folder_is_split_by_file(tmp_path, count, sizes):
    photographs = load_photographs(write_images(tmp_path / "p", count))
    split = photographs.train, photographs.selection, photographs.calibration, photographs.test
    assert tuple(len(part) for part in split) == sizes
    assert apart(*split)
    assert sum(sizes) == count


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
    with pytest.raises(FileError, match=r"01\.png is damaged"):
        load_photographs(folder)


def test_nothing_is_downloaded(monkeypatch):
    def offline(*args, **kwargs):
        raise AssertionError("a photograph is fetched from the network")

    monkeypatch.setattr(socket.socket, "connect", offline)
    monkeypatch.setattr(socket, "getaddrinfo", offline)
    load_photographs()


@pytest.mark.parametrize("package", ["skimage", "sklearn"])
def test_a_missing_package_names_the_extra(monkeypatch, package):
    for name in [m for m in sys.modules if m.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SecateurError, match=rf"{package}(.|\n)*secateur\[photos\]"):
        load_photographs()


def test_the_right_image_of_the_stereo_pair_is_nowhere():
    """It shows what the left one shows."""
    from skimage import data

    left, right, _ = data.stereo_motorcycle()
    photographs = load_photographs()
    everything = (*photographs.train, *photographs.calibration, *photographs.test)
    images = [image.movedim(0, -1).numpy() for image in everything]
    assert any(np.array_equal(image, left) for image in images)
    assert not any(np.array_equal(image, right) for image in images)


@pytest.mark.parametrize("name", ["patches", "selection_patches", "test_patches", "batch"])
def test_a_count_of_zero_is_an_error(name):
    with pytest.raises(OptionError, match=f"{name} is 0"):
        denoising_task(**{name: 0})


def test_crops_that_do_not_fit_are_errors(tmp_path):
    folder = write_images(tmp_path / "p", 3, (200, 130))
    with pytest.raises(OptionError, match="patch is 63"):
        denoising_task(folder, patch=63)
    with pytest.raises(DataError, match="65×200 pixels are too few for crops of 66×66"):
        denoising_task(folder, patch=66)  # three photographs: calibration has half of one
    with pytest.raises(DataError, match="no test photograph has 256×256 pixels"):
        grid_crops(load_photographs(folder).test, 256, 4)
    task = denoising_task(folder, patches=3, selection_patches=3)
    assert [len(list(task.batches(split))) for split in ("calibration", "selection", "test")] == [
        1,
        1,
        1,
    ]


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


def flat(value):
    return torch.full((3, 200, 300), value)


def test_each_split_is_cut_from_its_own_photographs(caplog):
    """The clean crops tell by their value whence they are; no warning, for nothing is amiss."""
    photographs = Photographs(
        (flat(0.1),), (flat(0.2), flat(0.3)), (flat(0.6),), "made here", (flat(0.4), flat(0.5))
    )
    task = denoising_task(photographs, patches=20, selection_patches=20, varied_colours=False)
    wanted = {"calibration": {0.2, 0.3}, "selection": {0.4, 0.5}, "test": {0.6}}
    for split, values in wanted.items():
        found = {round(float(x), 4) for _, clean in getattr(task, split) for x in clean.unique()}
        assert found == values
    assert not caplog.records


def test_without_photographs_for_selection_halves_share_no_pixel_and_it_is_said(caplog):
    photograph = torch.cat([flat(0.2)[..., :150], flat(0.8)[..., 150:]], dim=2)
    photographs = Photographs((), (photograph,), (photograph,), source="two halves")
    task = denoising_task(photographs, patches=20, selection_patches=20, varied_colours=False)
    for split, value in ((task.calibration, 0.2), (task.selection, 0.8)):
        for _, clean in split:
            assert (clean - value).abs().max() < 1e-6
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "no photograph of two halves is for selection" in record.message
    unlabelled = torch.cat(list(task.unlabelled))
    assert unlabelled.mean() < 0.3  # of the left half alone


def test_grid_crops_do_not_overlap():
    image = torch.arange(3 * 256 * 384).reshape(1, 3, 256, 384).float()
    crops = grid_crops([image[0]], 128, 6)
    assert crops.shape == (6, 3, 128, 128)
    assert len(crops.unique()) == crops.numel()


def test_calibration_and_selection_are_in_varied_colours_and_the_test_is_not():
    """Grey photographs stay grey in the test, and become coloured where filters are judged."""
    grey = torch.rand(1, 160, 320, generator=torch.Generator().manual_seed(0)).expand(3, -1, -1)
    photographs = Photographs((grey,), (grey,), (grey,), source="made here")

    def spread(batches):
        clean = torch.cat([target for _, target in batches])
        return (clean.amax(1) - clean.amin(1)).mean().item()

    varied = denoising_task(photographs, patches=16, selection_patches=16)
    assert spread(varied.calibration) > 0.05
    assert spread(varied.selection) > 0.05
    assert spread(varied.test) == 0
    plain = denoising_task(photographs, patches=16, selection_patches=16, varied_colours=False)
    assert spread(plain.calibration) == 0
    assert spread(plain.selection) == 0


def test_varied_colours_keep_the_picture():
    """Each crop's brightness pattern is still there; values stay in range; the seed decides."""
    crops = torch.rand(32, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    one, two = (vary_colours(crops, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, vary_colours(crops, torch.Generator().manual_seed(6)))
    assert 0 <= one.min() < one.max() <= 1
    grey = crops.mean(1, keepdim=True).expand(-1, 3, -1, -1)  # no colour: only gains are left
    for before, after in zip(
        grey, vary_colours(grey, torch.Generator().manual_seed(2)), strict=True
    ):
        for channel in after:
            unclipped = channel < 1
            gain = channel[unclipped] / before[0][unclipped]
            assert torch.allclose(gain, gain.mean().expand_as(gain), atol=1e-5)
