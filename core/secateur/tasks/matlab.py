"""One array of bytes from a MATLAB file, read strictly.

Only what SIDD's validation blocks are made of is understood: level 5, one array of ``uint8``,
compressed or not. A general reader believes what a file says of its own sizes, and a broken file
can end the process inside it; here every size is held against the bytes that are there.

Format: MathWorks, "MAT-File Format" (R2024b), "Level 5 MAT-File Format".
"""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secateur.errors import FileError

MOST_BYTES = 2**30
"""Of the array; the validation blocks are a quarter of it."""

_HEADER = 128
_INT8, _UINT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 2, 5, 6, 14, 15
_UINT8_CLASS = 9
_MOST_AROUND = 4096
"""Bytes that dimensions, name and tags may take."""


class _Damaged(Exception):
    """What is wrong with a file."""


def read_bytes_array(path: Path, name: str) -> NDArray[np.uint8]:
    """The array of ``uint8`` of this name.

    Raises:
        FileError: missing, damaged, or not one array of this name and type.
    """
    try:
        if not path.is_file():
            raise _Damaged("it is no file")
        if path.stat().st_size > MOST_BYTES + _MOST_AROUND:
            raise _Damaged(f"it has more than {MOST_BYTES} bytes")
        return _read(path.read_bytes(), name)
    except (_Damaged, OSError, zlib.error, struct.error, UnicodeDecodeError) as error:
        raise FileError(
            f"{path} is damaged, or not as SIDD distributes it: {error}", remedy="fetch it again"
        ) from error


def _read(data: bytes, name: str) -> NDArray[np.uint8]:
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if len(data) < _HEADER + 8 or order is None:
        raise _Damaged("it does not begin as a MATLAB file")
    version = struct.unpack(f"{order}H", data[124:126])[0]
    if version != 0x0100:
        raise _Damaged(f"it is of MATLAB's version {version:#06x}, not 0x0100 (level 5)")
    kind, size = struct.unpack(f"{order}II", data[_HEADER : _HEADER + 8])
    body = memoryview(data)[_HEADER + 8 :]
    if len(body) < size:
        raise _Damaged(f"it is truncated: {len(body)} bytes of {size}")
    if kind == _COMPRESSED:
        inflate = zlib.decompressobj()
        most = MOST_BYTES + _MOST_AROUND
        plain = inflate.decompress(body[:size], most)
        if not inflate.eof:
            raise _Damaged(f"what is compressed is truncated, or of more than {most} bytes")
        if len(plain) < 8:
            raise _Damaged("what is compressed is too short")
        kind, size = struct.unpack(f"{order}II", plain[:8])
        body = memoryview(plain)[8:]
        if len(body) < size:
            raise _Damaged(f"it is truncated: {len(body)} bytes of {size}")
    if kind != _MATRIX:
        raise _Damaged(f"its first element is of type {kind}, no array")
    return _matrix(body[:size], order, name)


def _matrix(body: memoryview, order: str, name: str) -> NDArray[np.uint8]:
    flags, body = _element(body, order, _UINT32, 8)
    sizes, body = _element(body, order, _INT32, 4 * 32)
    called, body = _element(body, order, _INT8, 64)
    is_class = struct.unpack(f"{order}I", flags[:4])[0] if len(flags) == 8 else 0
    found = bytes(called).decode("ascii")
    if found != name:
        raise _Damaged(f"it does not hold {name} but {found!r}")
    if is_class & 0xFF != _UINT8_CLASS or is_class & 0x0800:  # complex
        raise _Damaged(f"{name} is no array of uint8")
    if len(sizes) % 4 or len(sizes) < 8:
        raise _Damaged(f"{name} has {len(sizes)} bytes of dimensions")
    shape = struct.unpack(f"{order}{len(sizes) // 4}i", sizes)
    if min(shape) < 0 or math.prod(shape) > MOST_BYTES:
        raise _Damaged(f"{name} is of shape {shape}")
    values, _ = _element(body, order, _UINT8, MOST_BYTES)
    if len(values) != math.prod(shape):
        raise _Damaged(f"{name} is of shape {shape} and has {len(values)} values")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape, order="F")


def _element(body: memoryview, order: str, kind: int, most: int) -> tuple[memoryview, memoryview]:
    """The data of the next element, which must be of a type, and what follows it."""
    if len(body) < 8:
        raise _Damaged("it is truncated")
    first = struct.unpack(f"{order}I", body[:4])[0]
    if first >> 16:  # small: at most four bytes, in the tag itself
        found, size, start, end = first & 0xFFFF, first >> 16, 4, 8
        if size > 4:
            raise _Damaged(f"a small element claims {size} bytes")
    else:
        found, size, start = first, struct.unpack(f"{order}I", body[4:8])[0], 8
        end = start + (size + 7) // 8 * 8
    if found != kind:
        raise _Damaged(f"an element is of type {found}, not {kind}")
    if size > most or start + size > len(body):
        raise _Damaged(f"an element claims {size} bytes")
    return body[start : start + size], body[end:]
