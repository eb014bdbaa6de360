"""The benchmark of SIDD from start to end, on a small tree in the layout of the data set."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from secateur.errors import DataError, FileError
from secateur.methods.resolved import resolve
from secateur.tasks.sidd import find_pairs
from tests.benchmarking import imported, run


def write_sidd(root: Path, scenes: int = 4) -> Path:
    """Smooth pictures in noise: there is something to denoise."""
    rng = np.random.default_rng(0)
    across, down = np.meshgrid(np.arange(96), np.arange(80))
    for scene in range(1, scenes + 1):
        folder = root / "Data" / f"{scene:04d}_{scene:03d}_S6_00100_00060_3200_L"
        folder.mkdir(parents=True)
        clean = np.stack([127 + 60 * np.sin((across + k * down) / 20 + scene) for k in range(3)], 2)
        noisy = clean + rng.normal(0, 10, clean.shape)
        for kind, pixels in (("GT", clean), ("NOISY", noisy)):
            picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            picture.save(folder / f"{scene:04d}_{kind}_SRGB_010.PNG")
    return root


SEARCH = "hybrid, tensor train of rank 4, compensated"


@pytest.fixture(scope="module")
def sidd(tmp_path_factory) -> Path:
    return write_sidd(tmp_path_factory.mktemp("sidd"))


@pytest.fixture(scope="module")
def made(tmp_path_factory, sidd) -> tuple[dict, str, Path]:
    """What it wrote, and its folder."""
    folder = tmp_path_factory.mktemp("made")
    given = ("--sidd", str(sidd), "--work", str(folder / "work"))
    return *run(folder, "sidd.py", *given), folder / "work"


def test_from_pictures_to_the_table(made):
    content, text, _ = made
    runs = content["runs"]
    for row in runs:  # ten convolutions of four filters, or eight of them
        filters = 32 if row["part"] == "refinement, 8 layers" else 40
        assert row["dense"]["channels"] == filters
        assert row["pruned"] == round(0.36 * filters)
        assert row["evaluations"] <= 3
    names: dict[str, list[str]] = {}
    for row in runs:
        names.setdefault(row["part"], []).append(row["name"])
    assert names == {
        "objectives": ["taylor", "hybrid", "auto"],
        "refinement, 8 layers": ["taylor", SEARCH],
        "refinement, all layers": ["taylor", SEARCH],
    }
    assert f"| {SEARCH} |" in text
    # the numbers of the table are those of the rows
    (taylor,) = [r for r in runs if r["name"] == "taylor" and r["part"] == "objectives"]
    (hybrid,) = [r for r in runs if r["name"] == "hybrid" and r["part"] == "objectives"]
    gain = hybrid["psnr_recovered"] - taylor["psnr_recovered"]
    assert f"{hybrid['psnr_recovered']:.2f} ({gain:+.2f} [" in text
    assert "nothing here is a number of arXiv" in text


def test_it_goes_on_where_it_stopped(tmp_path, sidd, made):
    """Killed while it wrote a row: that one is made again, and nothing else is."""
    content, _, work = made
    shutil.copytree(work, tmp_path / "work")
    file = tmp_path / "work" / "rows.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:-1]) + lines[-1][:40])
    given = ("--sidd", str(sidd), "--work", str(tmp_path / "work"))
    again, _ = run(tmp_path, "sidd.py", *given, "--resume")
    assert again["runs"][:-1] == content["runs"][:-1]
    for name in ("name", "part", "psnr", "psnr_compensated", "evaluations"):
        assert again["runs"][-1][name] == content["runs"][-1][name]
    assert file.read_text().splitlines(keepends=True)[:-1] == lines[:-1]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "exists already"),
        (("--resume", "--amount", "50%"), "is of other settings: amount"),
    ],
)
def test_rows_of_other_settings_are_not_mixed(tmp_path, sidd, made, more, said):
    given = ("--sidd", str(sidd), "--work", str(made[2]), *more)
    before = (made[2] / "rows.jsonl").read_bytes()
    with pytest.raises(SystemExit, match=said):
        run(tmp_path, "sidd.py", *given)
    assert (made[2] / "rows.jsonl").read_bytes() == before


def test_every_method_can_be_resolved():
    with imported("sidd_methods") as methods:
        made = (*methods.objectives(3), *methods.refinements(3), methods.greedy())
    assert len({method.name or method.objective for method in made}) == len(made) - 1
    for method in made:
        resolve(method)


def test_tiles_are_cut_once_and_both_halves_alike(tmp_path, sidd):
    with imported("sidd_tiles") as tiles:
        pairs = find_pairs(sidd)
        how = {"number": 2, "size": 24}
        files = tiles.cut_tiles(pairs, tmp_path / "tiles", **how)
        for pair, file in zip(pairs, files, strict=True):
            noisy, clean = (torch.from_numpy(part).float() for part in np.load(file))
            assert noisy.shape == (2, 3, 24, 24)
            assert 5 < float((noisy - clean).std()) < 15, pair
        # what is there stays; what is missing is as it was
        lost = files[1].read_bytes()
        files[1].unlink()
        kept = {file: file.stat().st_mtime_ns for file in files if file.exists()}
        tiles.cut_tiles(pairs, tmp_path / "tiles", **how)
        assert {file: file.stat().st_mtime_ns for file in kept} == kept
        assert files[1].read_bytes() == lost
        with pytest.raises(FileError, match="tiles of another size"):
            tiles.cut_tiles(pairs, tmp_path / "tiles", number=2, size=16)


def test_crops_are_aligned_and_the_generator_decides(tmp_path):
    """A tile that counts its pixels: where a crop is from can be read off."""
    counted = np.arange(8 * 8, dtype=np.uint8).reshape(8, 8)
    tile = np.broadcast_to(counted, (1, 3, 8, 8))
    np.save(tmp_path / "one.npy", np.stack([tile + 100, tile]))
    with imported("sidd_tiles") as tiles:
        made = tiles.Tiles((tmp_path / "one.npy",), 8, None)
        noisy, clean = made.draw(64, 4, torch.Generator().manual_seed(0))
        again, _ = made.draw(64, 4, torch.Generator().manual_seed(0))
        with pytest.raises(DataError, match="do not fit"):
            made.draw(1, 9, torch.Generator())
    assert torch.equal(noisy, again)
    assert noisy.shape == clean.shape == (64, 3, 4, 4)
    torch.testing.assert_close(noisy - clean, torch.full_like(noisy, 100 / 255))
    pixels = (255 * clean[:, 0]).round().int()
    steps = {
        (int(p[0, 1] - p[0, 0]), int(p[1, 0] - p[0, 0])) for p in pixels
    }  # across and down: all eight ways that a square can lie
    assert steps == {(a, b) for a in (1, -1) for b in (8, -8)} | {
        (b, a) for a in (1, -1) for b in (8, -8)
    }
    assert len({int(p.min()) for p in pixels}) > 10
