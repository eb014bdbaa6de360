"""SIDD in small: trees written in the layout in which it is distributed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from secateur.errors import DataError, FileError, OptionError
from secateur.tasks.sidd import CLEAN_BLOCKS, NOISY_BLOCKS, find_pairs, sidd_task

SMALL = {"patches": 6, "patch": 16, "selection_patches": 4, "test_blocks": 3, "batch": 4}


def picture(value: int, size: tuple[int, int] = (80, 96)) -> Image.Image:
    return Image.fromarray(np.full((*size, 3), value, dtype=np.uint8))


def write_tree(root: Path, scenes: int = 4, *, prefix: bool = False, numbers=("010",)) -> Path:
    """Noisy pictures are 10 brighter than their clean ones, which tell the scene by their value."""
    for scene in range(1, scenes + 1):
        folder = root / "Data" / f"{scene:04d}_{scene:03d}_S6_00100_00060_3200_L"
        folder.mkdir(parents=True)
        front = f"{scene:04d}_" if prefix else ""
        for number in numbers:
            picture(20 * scene + 10).save(folder / f"{front}NOISY_SRGB_{number}.PNG")
            picture(20 * scene).save(folder / f"{front}GT_SRGB_{number}.PNG")
    return root


def write_blocks(root: Path, count: int = 5) -> None:
    noisy = np.zeros((count, 2, 32, 32, 3), dtype=np.uint8)
    noisy += np.arange(count, dtype=np.uint8)[:, None, None, None, None]
    savemat(root / NOISY_BLOCKS, {NOISY_BLOCKS[:-4]: noisy})
    savemat(root / CLEAN_BLOCKS, {CLEAN_BLOCKS[:-4]: noisy + 100})


@pytest.mark.parametrize(
    ("prefix", "numbers"), [(False, ("010",)), (True, ("010", "011")), (False, ("010", "011"))]
)
def test_both_naming_variants_are_read_in_pairs(tmp_path, prefix, numbers):
    pairs = find_pairs(write_tree(tmp_path, prefix=prefix, numbers=numbers))
    assert len(pairs) == 4 * len(numbers)
    for pair in pairs:
        assert pair.noisy.parent == pair.clean.parent
        assert pair.noisy.name.replace("NOISY", "GT") == pair.clean.name


@pytest.mark.parametrize("name", ["SIDD_Small_sRGB_Only", "SIDD_Medium_Srgb"])
def test_the_folder_above_is_enough(tmp_path, name):
    write_tree(tmp_path / name)
    assert len(find_pairs(tmp_path)) == 4


def values(batches) -> set[int]:
    return {round(255 * float(v)) for _, clean in batches for v in clean[:, 0, 0, 0]}


def test_scenes_are_split_and_crops_are_aligned(tmp_path):
    task = sidd_task(write_tree(tmp_path), **SMALL)
    assert values(task.calibration) == {20, 80}
    assert values(task.selection) == {40}
    assert values(task.test) == {60}
    assert sum(len(noisy) for noisy, _ in task.calibration) == 6
    for split in (task.calibration, task.selection, task.test):
        for noisy, clean in split:
            torch.testing.assert_close(noisy - clean, torch.full_like(noisy, 10 / 255))
    assert task.calibration[0][0].shape == (4, 3, 16, 16)
    assert task.test[0][0].shape == (3, 3, 64, 64)


def test_instances_of_one_scene_stay_in_one_split(tmp_path):
    """Phone and ISO change between instances; what is in the picture does not."""
    root = write_tree(tmp_path)
    for scene in range(1, 5):
        folder = root / "Data" / f"{scene + 100:04d}_{scene:03d}_GP_03200_00060_3200_N"
        folder.mkdir()
        picture(20 * scene + 110).save(folder / "NOISY_SRGB_010.PNG")
        picture(20 * scene + 100).save(folder / "GT_SRGB_010.PNG")
    task = sidd_task(root, **SMALL)
    assert values(task.calibration) == {20, 80, 120, 180}
    assert values(task.selection) == {40, 140}
    assert values(task.test) == {60, 160}


def test_unlabelled_crops_are_noisy_ones_of_the_calibration_scenes_read_once(tmp_path):
    root = write_tree(tmp_path)
    task = sidd_task(root, unlabelled=10, **SMALL)
    shutil.rmtree(root / "Data" / "0002_002_S6_00100_00060_3200_L")  # of the selection
    first, again = list(task.unlabelled), list(task.unlabelled)
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert {round(255 * float(v)) for batch in first for v in batch[:, 0, 0, 0]} == {30, 90}
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    assert sidd_task(write_tree(tmp_path / "other"), unlabelled=0, **SMALL).unlabelled is None
    with pytest.raises(OptionError, match="unlabelled is -1"):
        sidd_task(root, unlabelled=-1)


def test_fewer_crops_than_pictures_are_spread_over_the_scenes(tmp_path):
    root = write_tree(tmp_path, scenes=8)
    task = sidd_task(root, **{**SMALL, "patches": 2, "selection_patches": 1})
    assert values(task.calibration) == {80, 160}
    assert sum(len(noisy) for noisy, _ in task.selection) == 1


def test_the_validation_blocks_are_the_test(tmp_path):
    write_blocks(write_tree(tmp_path))
    task = sidd_task(tmp_path, **SMALL)
    noisy, clean = task.test[0]
    assert noisy.shape == (3, 3, 32, 32)
    assert [round(255 * float(v)) for v in noisy[:, 0, 0, 0]] == [0, 2, 4]
    torch.testing.assert_close(clean - noisy, torch.full_like(noisy, 100 / 255))
    assert values(task.calibration) == {20, 60, 80}


def test_a_seed_moves_calibration_only(tmp_path):
    root = write_tree(tmp_path)
    rng = np.random.default_rng(0)
    for path in root.rglob("*.PNG"):
        Image.fromarray(rng.integers(0, 255, (80, 96, 3), dtype=np.uint8)).save(path)
    one, same, other = (sidd_task(root, seed=seed, **SMALL) for seed in (1, 1, 2))
    assert torch.equal(one.calibration[0][0], same.calibration[0][0])
    assert not torch.equal(one.calibration[0][0], other.calibration[0][0])
    assert torch.equal(one.selection[0][0], other.selection[0][0])
    assert torch.equal(one.test[0][0], other.test[0][0])


def test_a_missing_tree_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(FileError) as caught:
        sidd_task(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere" / "SIDD_Medium_Srgb" / "Data") in str(caught.value)


def test_a_missing_partner_is_named(tmp_path):
    root = write_tree(tmp_path, prefix=True)
    lost = root / "Data" / "0003_003_S6_00100_00060_3200_L" / "0003_GT_SRGB_010.PNG"
    lost.unlink()
    with pytest.raises(FileError, match=r"0003_GT_SRGB_010\.PNG is missing"):
        sidd_task(root)


def test_an_empty_scene_is_named(tmp_path):
    root = write_tree(tmp_path)
    (root / "Data" / "0099_empty").mkdir()
    with pytest.raises(FileError, match="0099_empty has no"):
        sidd_task(root)


def test_a_truncated_picture_is_named(tmp_path):
    root = write_tree(tmp_path)
    rng = np.random.default_rng(0)
    path = root / "Data" / "0001_001_S6_00100_00060_3200_L" / "NOISY_SRGB_010.PNG"
    Image.fromarray(rng.integers(0, 255, (80, 96, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(FileError, match=r"NOISY_SRGB_010.PNG is damaged"):
        sidd_task(root, **SMALL)


def test_one_half_of_the_blocks_is_an_error(tmp_path):
    write_blocks(write_tree(tmp_path))
    (tmp_path / CLEAN_BLOCKS).unlink()
    with pytest.raises(FileError, match=f"{CLEAN_BLOCKS} is missing"):
        sidd_task(tmp_path)


def test_damaged_blocks_are_named(tmp_path):
    write_blocks(write_tree(tmp_path))
    file = tmp_path / NOISY_BLOCKS
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(FileError, match=f"{NOISY_BLOCKS} is damaged"):
        sidd_task(tmp_path, **SMALL)
    savemat(file, {"other": np.zeros(3)})
    with pytest.raises(FileError, match="does not hold ValidationNoisyBlocksSrgb"):
        sidd_task(tmp_path, **SMALL)


def test_pictures_that_do_not_fit_and_too_few_scenes_are_errors(tmp_path):
    root = write_tree(tmp_path, scenes=2)
    with pytest.raises(DataError, match=r"2 scenes \(001, 002\)"):
        sidd_task(root, **SMALL)
    write_blocks(root)
    picture(3, (70, 96)).save(root / "Data" / "0001_001_S6_00100_00060_3200_L" / "GT_SRGB_010.PNG")
    with pytest.raises(DataError, match="one size"):
        sidd_task(root, **SMALL)
