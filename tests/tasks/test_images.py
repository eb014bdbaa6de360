"""Image files of every mode: right, or refused by name; never white, black or huge in silence."""

from __future__ import annotations

import os
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile

from secateur.errors import DataError, FileError
from secateur.tasks.images import MOST_PIXELS, as_colours, pixel_tensor, read_image
from secateur.tasks.photographs import load_photographs, random_crops

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, (6, 9), dtype=np.uint8)
GREY16 = RNG.integers(0, 65536, (6, 9), dtype=np.uint16)


def read(tmp_path, image, suffix="png", **how):
    path = tmp_path / f"picture.{suffix}"
    image.save(path, **how)
    return as_colours(pixel_tensor(read_image(path))).numpy()


def three(grey, most):
    return np.repeat(grey[None] / most, 3, axis=0)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "ppm", "webp"])
def test_colours_of_8_bits_are_over_255(tmp_path, suffix):
    how = {"lossless": True} if suffix == "webp" else {}
    got = read(tmp_path, Image.fromarray(COLOURS), suffix, **how)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, np.moveaxis(COLOURS, -1, 0) / 255, atol=1e-7)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_grey_of_1_and_8_bits(tmp_path, suffix):
    np.testing.assert_allclose(
        read(tmp_path, Image.fromarray(GREY), suffix), three(GREY, 255), atol=1e-7
    )
    bits = GREY > 127
    np.testing.assert_array_equal(read(tmp_path, Image.fromarray(bits), suffix), three(bits, 1))


@pytest.mark.parametrize("suffix", ["png", "tif", "ppm"])
def test_grey_of_16_bits_is_over_65535(tmp_path, suffix):
    """Read as 8 bits, all above 255 was white."""
    if suffix == "ppm":
        path = tmp_path / "picture.ppm"
        path.write_bytes(b"P5 9 6 65535\n" + GREY16.astype(">u2").tobytes())
        got = as_colours(pixel_tensor(read_image(path))).numpy()
    else:
        got = read(tmp_path, Image.fromarray(GREY16), suffix)
    np.testing.assert_allclose(got, three(GREY16, 65535), atol=1e-7)


def png(colour_type, depth, rows, size=(9, 6)):
    """A PNG file by its specification, for what Pillow does not write."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def test_colours_of_16_bits_keep_their_upper_8(tmp_path):
    deep = RNG.integers(0, 65536, (6, 9, 3), dtype=np.uint16)
    path = tmp_path / "picture.png"
    path.write_bytes(png(2, 16, [row.astype(">u2").tobytes() for row in deep]))
    got = as_colours(pixel_tensor(read_image(path))).numpy()
    np.testing.assert_allclose(got, np.moveaxis(deep, -1, 0) / 65535, atol=1 / 255)


def test_a_palette_is_looked_up(tmp_path):
    few = Image.fromarray(COLOURS).quantize(8)
    want = np.moveaxis(np.asarray(few.convert("RGB")), -1, 0) / 255
    np.testing.assert_allclose(read(tmp_path, few), want, atol=1e-7)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_is_dropped_only_where_nothing_is_transparent(tmp_path, mode):
    image = Image.fromarray(COLOURS).convert(mode)
    want = np.moveaxis(np.asarray(image.convert("RGB")), -1, 0) / 255
    np.testing.assert_allclose(read(tmp_path, image), want, atol=1e-7)
    image.putalpha(Image.fromarray(np.where(GREY > 250, 254, 255).astype(np.uint8)))
    with pytest.raises(DataError, match="transparent"):
        read(tmp_path, image)


def test_a_transparent_colour_is_seen(tmp_path):
    image = Image.fromarray(COLOURS)
    assert read(tmp_path, image, transparency=(300, 0, 0)).shape == (3, 6, 9)
    with pytest.raises(DataError, match="transparent"):
        read(tmp_path, image, transparency=tuple(COLOURS[0, 0].tolist()))
    few = Image.fromarray(COLOURS).quantize(8)
    with pytest.raises(DataError, match="transparent"):
        read(tmp_path, few, transparency=few.getpixel((0, 0)))


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (Image.fromarray(GREY.astype(np.float32)), "floating-point"),
        (Image.fromarray(GREY.astype(np.int32)), "32-bit"),
        (Image.fromarray(COLOURS).convert("CMYK"), "CMYK"),
        (Image.fromarray(COLOURS).convert("LAB"), "LAB"),
    ],
)
def test_what_has_no_one_meaning_is_refused_by_name(tmp_path, image, why):
    with pytest.raises(DataError, match=why) as caught:
        read(tmp_path, image, "tif")
    assert "picture.tif" in str(caught.value)
    assert "sRGB" in caught.value.remedy


def test_grey_of_16_bits_where_white_is_0_is_refused(tmp_path):
    """Pillow would give its negative."""
    with pytest.raises(DataError, match="white is 0"):
        read(tmp_path, Image.fromarray(GREY16), "tif", tiffinfo={262: 0})


def test_several_pictures_are_refused(tmp_path):
    pages = [Image.fromarray(COLOURS), Image.fromarray(COLOURS[::-1].copy())]
    for suffix in ("tif", "png", "webp"):
        with pytest.raises(DataError, match="holds 2 pictures"):
            read(tmp_path, pages[0], suffix, save_all=True, append_images=pages[1:])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_the_orientation_of_exif_is_honoured(tmp_path, orientation, suffix):
    stored = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: p.swapaxes(0, 1)[::-1, ::-1],
        8: lambda p: np.rot90(p, -1),
    }[orientation](COLOURS)
    exif = Image.Exif()
    exif[0x0112] = orientation
    how = {"lossless": True} if suffix == "webp" else {}
    got = read(tmp_path, Image.fromarray(np.ascontiguousarray(stored)), suffix, exif=exif, **how)
    np.testing.assert_allclose(got, np.moveaxis(COLOURS, -1, 0) / 255, atol=1e-7)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "ppm"])
def test_a_bomb_is_refused_by_its_header(tmp_path, monkeypatch, suffix):
    """13 000 × 13 000 pixels: nothing is decoded, and Pillow's own limit is not needed."""
    path = tmp_path / f"bomb.{suffix}"
    if suffix == "png":
        path.write_bytes(png(0, 1, [bytes(1625)] * 13000, (13000, 13000)))
    elif suffix == "ppm":
        path.write_bytes(b"P6 13000 13000 255\n")
    else:
        Image.new("1", (13000, 13000)).save(
            path, **({} if suffix == "bmp" else {"compression": "tiff_deflate"})
        )
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(DataError, match="too large: 13000×13000"):
        read_image(path)
    assert MOST_PIXELS < 13000**2


def test_other_sizes_that_a_header_claims(tmp_path):
    for width, height in ((1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (0, 5)):
        path = tmp_path / "claims.png"
        path.write_bytes(png(2, 8, [], (width, height)))
        with pytest.raises((DataError, FileError)):
            read_image(path)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "ppm", "webp", "jpg"])
def test_a_truncated_file_is_named(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    whole = path.read_bytes()
    for part in (0, 3, 20, len(whole) // 2):
        path.write_bytes(whole[:part])
        with pytest.raises(FileError, match=rf"cut\.{suffix} is damaged"):
            read_image(path)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name in ("pipe.png", "folder.png", "nowhere.png", "a\0b.png", "x" * 300 + ".png"):
        with pytest.raises(FileError):
            read_image(tmp_path / name)


def test_what_is_behind_a_suffix_is_not_run(tmp_path):
    """A PostScript file named .png would be handed to another program."""
    path = tmp_path / "script.png"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n")
    with pytest.raises(FileError, match="cannot be read as an image"):
        read_image(path)


def test_photographs_are_held_as_they_were_stored(tmp_path):
    """A quarter of what they are as floats; crops of them are what crops of floats would be."""
    deep = RNG.integers(0, 65536, (150, 160), dtype=np.uint16)
    for k in range(2):
        Image.fromarray(RNG.integers(0, 256, (150, 160, 3), dtype=np.uint8)).save(
            tmp_path / f"{k}.png"
        )
    Image.fromarray(deep).save(tmp_path / "2.png")
    photographs = load_photographs(tmp_path)
    held = (*photographs.train, *photographs.calibration, *photographs.test)
    assert [p.dtype for p in held] == [torch.uint8, torch.uint8, torch.uint16]
    assert sum(p.nbytes for p in held) == 3 * 150 * 160 * (1 + 1 + 2)
    crops = random_crops(held, 8, 16, torch.Generator().manual_seed(3))
    floats = random_crops([as_colours(p) for p in held], 8, 16, torch.Generator().manual_seed(3))
    assert crops.dtype == torch.float32
    assert torch.equal(crops, floats)
    bundled = load_photographs()
    assert {p.dtype for p in (*bundled.train, *bundled.calibration, *bundled.test)} == {torch.uint8}
