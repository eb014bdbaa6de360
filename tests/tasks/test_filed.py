"""Photographs beyond the budget stay in their files, and nothing else is different."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from secateur.errors import DataError, FileError
from secateur.tasks import filed
from secateur.tasks.denoising import denoising_task
from secateur.tasks.filed import Filed, halves, pixels_of, shelved
from secateur.tasks.photographs import grid_crops, load_photographs, random_crops

EACH = 3 * 140 * 301
"""Bytes of one of them."""


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(10):
        pixels = rng.integers(0, 255, (140, 301, 3), dtype=np.uint8)
        if k % 3 == 2:  # grey of 16 bits takes twice as much
            Image.fromarray(rng.integers(0, 65535, (140, 301), dtype=np.uint16)).save(
                tmp_path / f"{k}.png"
            )
        else:
            Image.fromarray(pixels).save(tmp_path / f"{k}.png")
    return tmp_path


@pytest.mark.parametrize("budget", [0, EACH - 1, EACH, 3 * EACH, 7 * EACH])
def test_no_more_is_held_than_the_budget(folder, monkeypatch, budget):
    whole = load_photographs(folder)
    monkeypatch.setattr(filed, "HELD", budget)
    some = load_photographs(folder)
    every = [*some.train, *some.selection, *some.calibration, *some.test]
    others = (*whole.train, *whole.selection, *whole.calibration, *whole.test)
    held = sum(one.nbytes for one in every if isinstance(one, Tensor))
    left = [one for one in every if isinstance(one, Filed)]
    assert held <= budget
    assert all(held + pixels_of(one).nbytes > budget for one in left)
    for one, other in zip(every, others, strict=True):
        assert isinstance(other, Tensor)
        assert one.shape == other.shape
        assert pixels_of(one).dtype == other.dtype
        assert torch.equal(pixels_of(one).int(), other.int())
        for part, half in zip(halves(one), other.tensor_split(2, dim=2), strict=True):
            assert part.shape == half.shape
            assert torch.equal(pixels_of(part).int(), half.int())


def test_crops_are_the_same_bit_for_bit(folder, monkeypatch):
    def crops(photographs):
        generator = torch.Generator().manual_seed(3)
        first = random_crops(photographs.train, 20, 16, generator)
        return first, random_crops(photographs.test, 5, 64, generator), grid_crops(
            photographs.test, 32, 7
        )  # fmt: skip

    def batches(task):
        return [
            tensor
            for split in (task.calibration, task.selection, task.test)
            for pair in split
            for tensor in pair
        ]

    small = {"patches": 6, "patch": 32, "selection_patches": 5, "test_patches": 3, "batch": 4}
    wanted = crops(load_photographs(folder)), batches(denoising_task(folder, **small))
    monkeypatch.setattr(filed, "HELD", 2 * EACH)
    found = crops(load_photographs(folder)), batches(denoising_task(folder, **small))
    for one, other in zip(wanted, found, strict=True):
        assert len(one) == len(other)
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_crops_read_a_photograph_once_and_hold_one_at_a_time(folder, monkeypatch):
    monkeypatch.setattr(filed, "HELD", 0)
    photographs = load_photographs(folder)
    alive: list[weakref.ref[Tensor]] = []
    most, read = 0, []
    real = filed.pixel_tensor

    def watched(pixels):
        nonlocal most
        gc.collect()
        tensor = real(pixels)
        alive.append(weakref.ref(tensor))
        read.append(tensor.shape)
        most = max(most, sum(one() is not None for one in alive))
        return tensor

    monkeypatch.setattr(filed, "pixel_tensor", watched)
    random_crops(photographs.train, 40, 16, torch.Generator().manual_seed(0))
    assert len(read) == len(photographs.train)
    assert most <= 2  # the one before, until the next is there
    grid_crops(photographs.test, 32, 7)
    assert len(read) == len(photographs.train) + len(photographs.test)
    gc.collect()
    assert not any(one() is not None for one in alive)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda path: path.unlink(), FileError, "0.png"),
        (lambda path: path.write_bytes(b"none"), FileError, "0.png"),
        (
            lambda path: Image.fromarray(np.zeros((200, 200, 3), np.uint8)).save(path),
            DataError,
            "it had 301×140 pixels, and has 200×200",
        ),
    ],
)
def test_a_file_that_is_another_by_now_is_told(folder, monkeypatch, change, error, said):
    monkeypatch.setattr(filed, "HELD", 0)
    first = load_photographs(folder).train[0]
    change(folder / "0.png")
    with pytest.raises(error, match=said):
        pixels_of(first)


def test_a_photograph_is_held_while_there_is_room(tmp_path):
    pixels = torch.zeros(3, 4, 5, dtype=torch.uint8)
    assert shelved(tmp_path, pixels, filed.HELD - pixels.nbytes) is pixels
    assert isinstance(shelved(tmp_path, pixels, filed.HELD - pixels.nbytes + 1), Filed)
