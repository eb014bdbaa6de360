"""Files packed by gzip, xz or bzip2: told by their first bytes, unpacked up to a bound."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from secateur.errors import FileError

SUFFIXES = (".gz", ".xz", ".bz2")
MOST_TIMES, SLACK = 200, 1 << 24
"""A file that unpacks to more than this times its size, and 16 MiB, is refused."""
MEMORY = 1 << 28
"""Of the unpacking itself; `xz -9` takes a quarter of it."""

_UNPACKERS: dict[bytes, tuple[str, Callable[[], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda: zlib.decompressobj(wbits=31)),
    b"\xfd7zXZ\0": ("xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY)),
    b"BZh": ("bzip2", bz2.BZ2Decompressor),
}
_PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


def inner(path: Path) -> Path:
    """The path without the suffix of a packer."""
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def pack(path: Path, data: bytes) -> bytes:
    """The bytes of a file, packed as its suffix says; the same bytes every time."""
    packer = _PACKERS.get(path.suffix.lower())
    return data if packer is None else packer(data)


def unpack(path: Path, data: bytes) -> bytes:
    """The bytes inside, whatever the suffix.

    Raises:
        FileError: cut off, corrupt, or it unpacks to far more than it should.
    """
    for magic, (name, make) in _UNPACKERS.items():
        if data.startswith(magic):
            return _unpacked(path, data, name, make)
    if path.suffix.lower() in SUFFIXES:
        raise FileError(
            f"{path} is not packed, as its suffix {path.suffix!r} says",
            remedy="take the suffix off, or fetch it again",
        )
    return data


def _unpacked(path: Path, data: bytes, name: str, make: Callable[[], Any]) -> bytes:
    most = MOST_TIMES * len(data) + SLACK
    parts: list[bytes] = []
    left, rest = most, data
    try:
        while rest.strip(b"\0"):  # several streams one after the other are one file
            stream = make()
            part = stream.decompress(rest, left + 1)
            parts.append(part)
            left -= len(part)
            if left < 0:
                raise FileError(
                    f"{path} unpacks to more than {most} bytes, from {len(data)}",
                    remedy="if it is sound, unpack it yourself and give the file inside",
                )
            if not stream.eof:
                raise EOFError("it is cut off")
            rest = stream.unused_data
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise FileError(
            f"{path} cannot be unpacked by {name}: {error}", remedy="fetch or write it again"
        ) from error
    except MemoryError as error:
        raise FileError(
            f"{path} takes more memory to unpack than {MEMORY} bytes",
            remedy="unpack it yourself and give the file inside",
        ) from error
    return b"".join(parts)
