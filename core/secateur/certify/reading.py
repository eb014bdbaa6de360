"""The parts of a certificate as values: what is wrong with them is an error that says where."""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from secateur.errors import CertificateError
from secateur.plainfile import read_plain

_MOST = 10**300  # above any number of a problem; keeps Python's own limits out of the way
MOST_TIMES, SLACK = 200, 1 << 24
"""A file that unpacks to more than this times its size, and 16 MiB, is refused."""


def fail(where: str, message: str) -> NoReturn:
    """Stop at the first thing that is wrong."""
    raise CertificateError(message, where=where or "certificate")


def approximate(value: Fraction) -> float:
    """For people: a fraction beyond all floats is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def read_json(path: Path) -> Any:
    """The JSON of a file, unpacked where its name ends in .gz.

    Raises:
        FileError: it cannot be read.
        CertificateError: it is no strict JSON, or unpacks to far more than it should.
    """
    content = read_plain(path)
    try:
        if path.suffix.lower() == ".gz":
            unpack = zlib.decompressobj(wbits=31)
            most = MOST_TIMES * len(content) + SLACK
            content = unpack.decompress(content, most)
            if not unpack.eof or unpack.unused_data:
                fail("file", f"it is cut off, or has more than one part or {most} bytes in it")
        return json.loads(
            content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError, zlib.error) as error:
        fail("file", f"no certificate: {error}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key twice among {', '.join(key for key, _ in pairs)[:80]}")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def fields(data: Any, where: str, names: str) -> Mapping[str, Any]:
    """A mapping with exactly these keys."""
    if not isinstance(data, Mapping):
        fail(where, f"a {type(data).__name__} instead of an object")
    wanted = set(names.split())
    for key in [*(wanted - set(data)), *(set(data) - wanted)]:
        fail(where, f"{'no' if key in wanted else 'an unknown'} key {str(key)[:40]!r}")
    return data


def items(data: Any, where: str, length: int | None = None) -> list[Any]:
    """A list, of this length where one is given."""
    if not isinstance(data, (list, tuple)) or (length is not None and len(data) != length):
        fail(where, "no list" if length is None else f"no list of {length}")
    return list(data)


def text(data: Any, where: str) -> str:
    """A string."""
    if not isinstance(data, str):
        fail(where, f"a {type(data).__name__} is no text")
    return data


def truth(data: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(data, bool):
        fail(where, f"a {type(data).__name__} is neither true nor false")
    return data


def whole(data: Any, where: str, least: int = 0, below: int | None = None) -> int:
    """A whole number, ``least <= data < below``."""
    if isinstance(data, bool) or not isinstance(data, int) or abs(data) > _MOST:
        fail(where, f"a {type(data).__name__} that is no whole number, or one of 300 digits")
    if data < least or (below is not None and data >= below):
        fail(where, f"{data} is not from {least} {'up' if below is None else f'to {below - 1}'}")
    return data


def number(data: Any, where: str) -> Fraction:
    """A finite number, as exactly the fraction that it is."""
    if isinstance(data, float) and not math.isfinite(data):
        fail(where, f"{data} is not finite")
    if not isinstance(data, float):
        whole(data, where, -_MOST)
    return Fraction(data)


def positions(data: Any, where: str, below: int) -> list[int]:
    """Different whole numbers, each below ``below``."""
    found = [whole(x, where, 0, below) for x in items(data, where)]
    if len(set(found)) < len(found):
        fail(where, "a number twice")
    return found


def pairs_of(data: Any, where: str, below: int) -> list[tuple[int, Any]]:
    """Entries ``[position, value]``, no position twice."""
    found = [tuple(items(entry, where, 2)) for entry in items(data, where)]
    positions([i for i, _ in found], where, below)
    return found


def array(data: Any, where: str, kind: str, width: int) -> NDArray[np.float64]:
    """Finite little-endian floats in base64, as rows of ``width``."""
    try:
        content = base64.b64decode(text(data, where), validate=True)
    except (binascii.Error, ValueError) as error:
        fail(where, f"no base64: {error}")
    size = np.dtype(kind).itemsize * width
    if len(content) % size:
        fail(where, f"{len(content)} bytes are no rows of {size}")
    rows = np.frombuffer(content, kind).astype(np.float64).reshape(-1, width)
    if not np.isfinite(rows).all():
        fail(where, "a number that is not finite")
    return rows
