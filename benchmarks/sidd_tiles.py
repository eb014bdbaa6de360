"""Crops of SIDD to train on: cut once from its large pictures, then read at random.

A picture of SIDD has 10 to 16 million pixels and takes a good part of a second to decode: a step
that drew from the pictures themselves would spend most of its time on that. Each pair gives so many
tiles, in one file of its own: what was cut stays when the cutting is stopped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from secateur.errors import DataError, FileError
from secateur.progress import track
from secateur.tasks import Task
from secateur.tasks.images import as_colours
from secateur.tasks.sidd import Pair, read_pair

ABOUT = "tiles.json"


@dataclass(frozen=True, eq=False)
class Tiles:
    """What ``secateur.zoo.train`` learns from: noisy and clean, cut at the same places.

    Arguments:
        files: one a pair, shape ``(2, tiles, 3, size, size)`` of bytes, noisy first.
        size: side of a tile in pixels.
        measured: the task that is looked at while it trains.
    """

    files: tuple[Path, ...]
    size: int
    measured: Task

    @property
    def source(self) -> str:
        return f"SIDD, {len(self.files)} pairs of pictures"

    def task(self) -> Task:
        return self.measured

    def draw(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Crops of random tiles at random places, flipped and turned, both halves alike."""
        if size > self.size:
            raise DataError(
                f"crops of {size} pixels do not fit tiles of {self.size}",
                remedy="cut larger tiles, or train on smaller crops",
            )

        def below(most: int) -> int:
            return int(torch.randint(0, most, (), generator=generator))

        crops = []
        for _ in range(count):
            tiles = _opened(self.files[below(len(self.files))])
            which, top, left = below(tiles.shape[1]), *(below(self.size - size + 1) for _ in "hw")
            crop = np.array(tiles[:, which, :, top : top + size, left : left + size])
            pair = torch.from_numpy(crop).rot90(below(4), (2, 3))
            crops.append(pair.flip(3) if below(2) else pair)
        noisy, clean = as_colours(torch.stack(crops, 1))
        return noisy, clean


@cache
def _opened(file: Path) -> np.ndarray:
    return np.load(file, mmap_mode="r")


def cut_tiles(
    pairs: list[Pair], folder: Path, *, number: int, size: int, seed: int = 0
) -> tuple[Path, ...]:
    """Cut every pair's tiles that are not there yet; the names of all files.

    Raises:
        FileError: the folder holds tiles of other pairs or sizes.
        DataError: a picture is smaller than a tile, or has 16 bits a colour.
    """
    names = [f"{pair.instance}-{pair.noisy.stem[-3:]}.npy" for pair in pairs]
    about = {"number": number, "size": size, "seed": seed, "files": names}
    _same(folder / ABOUT, about)
    files = tuple(folder / name for name in names)
    with track("cutting SIDD", len(files)) as bar:
        for k, (pair, file) in enumerate(zip(pairs, files, strict=True)):
            if not file.exists():
                generator = torch.Generator().manual_seed(seed * 1_000_003 + k)
                draft = file.with_name(f".{file.name}.part")
                with draft.open("wb") as stream:
                    np.save(stream, _cut(pair, number, size, generator).numpy())
                draft.replace(file)
            bar.advance()
    return files


def _cut(pair: Pair, number: int, size: int, generator: torch.Generator) -> Tensor:
    pictures = read_pair(pair, size)
    if any(picture.dtype != torch.uint8 for picture in pictures):
        raise DataError(
            f"{pair.noisy} or its partner has no 8 bits a colour",
            remedy="take the sRGB pictures of SIDD as they are distributed",
        )
    tiles = torch.empty(2, number, 3, size, size, dtype=torch.uint8)
    for k in range(number):
        top, left = (
            int(torch.randint(0, side - size + 1, (), generator=generator))
            for side in pictures[0].shape[1:]
        )
        for half, picture in zip(tiles, pictures, strict=True):
            half[k] = picture[:, top : top + size, left : left + size]
    return tiles


def _same(file: Path, about: dict[str, Any]) -> None:
    """The folder is new, or of the same tiles."""
    if file.exists():
        before = json.loads(file.read_text())
        changed = [name for name, value in about.items() if before.get(name) != value]
        if changed:
            raise FileError(
                f"{file.parent} holds tiles of another {', '.join(changed)}",
                remedy="give another folder, or the options that it was made with",
            )
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(about) + "\n")
