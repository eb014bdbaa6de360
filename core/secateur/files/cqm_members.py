"""Every index inside a ``.cqm`` checked, before dimod takes them.

dimod's own reader trusts them: one wrong byte crashes the process (seen with dimod 0.12.23). The
format is documented in ``ConstrainedQuadraticModel.to_file``; version 2 is read.
"""

from __future__ import annotations

import json
import struct
import zipfile
from typing import Any

import numpy as np

_MAGIC, _EXPRESSION = b"DIMODCQM", b"DIMODEXPR"
_PAIR = np.dtype([("u", "<i4"), ("v", "<i4"), ("bias", "<f8")])
_INFO = np.dtype([("vartype", "i1"), ("lower", "<f8"), ("upper", "<f8")])


def check_members(data: bytes, archive: zipfile.ZipFile) -> None:
    """Check the header and all members.

    Raises:
        ValueError: what is wrong.
    """
    header, _ = _header(data, _MAGIC)
    n = _size(header["num_variables"])
    info = _section(archive.read("varinfo"), 0, b"VTYP", 4)[0]
    kinds = np.frombuffer(_first(info, n * _INFO.itemsize), dtype=_INFO)["vartype"]
    if ((kinds < 0) | (kinds > 3)).any():
        raise ValueError("a variable is of no kind")
    for name in archive.namelist():
        if name == "objective" or (name.startswith("constraints/") and name.endswith("/lhs")):
            _check_expression(archive.read(name), n, name)
        elif name.endswith(("/rhs", "/weight")) and len(archive.read(name)) != 8:
            raise ValueError(f"{name[:80]} is no number")
    if "variable_labels.json" in archive.namelist():
        labels = json.loads(archive.read("variable_labels.json"))
        if not isinstance(labels, list) or len(labels) != n:
            raise ValueError(f"it has {n} variables and other labels")


def _check_expression(data: bytes, n: int, name: str) -> None:
    header, place = _header(data, _EXPRESSION)
    variables, pairs = (_size(v) for v in header["shape"])
    if (header["dtype"], header["itype"]) != ("float64", "int32"):
        raise ValueError(f"{name[:80]} is of other numbers than float64 and int32")
    part, place = _section(data, place, b"INDX", 4)
    index = np.frombuffer(_first(part, 4 * variables), dtype="<i4")
    if ((index < 0) | (index >= n)).any() or len(np.unique(index)) < variables:
        raise ValueError(f"{name[:80]} names a variable that is none, or one twice")
    part, place = _section(data, place, b"OFFS", 4)
    _first(part, 8)
    part, place = _section(data, place, b"LINB", 4)
    _first(part, 8 * variables)
    part, place = _section(data, place, b"QUAD", 8)
    terms = np.frombuffer(_first(part, _PAIR.itemsize * pairs), dtype=_PAIR)
    for end in ("u", "v"):
        if ((terms[end] < 0) | (terms[end] >= variables)).any():
            raise ValueError(f"{name[:80]} has a product of a variable that is none")


def _header(data: bytes, magic: bytes) -> tuple[dict[str, Any], int]:
    if not data.startswith(magic):
        raise ValueError(f"a part does not start with {magic.decode()}")
    start = len(magic)
    if len(data) < start + 6:
        raise ValueError(f"it ends after {len(data)} bytes")
    if data[start] != 2:
        raise ValueError(f"it is of version {data[start]}, and 2 is known")
    (length,) = struct.unpack_from("<I", data, start + 2)
    found = json.loads(_first(data[start + 6 :], length))
    if not isinstance(found, dict):
        raise ValueError("a header is no object")
    return found, start + 6 + length


def _section(data: bytes, place: int, magic: bytes, width: int) -> tuple[bytes, int]:
    if data[place : place + 4] != magic or len(data) < place + 4 + width:
        raise ValueError(f"the part {magic.decode()} is missing")
    length = int.from_bytes(data[place + 4 : place + 4 + width], "little")
    start = place + 4 + width
    return _first(data[start:], length), start + length


def _first(data: bytes, length: int) -> bytes:
    if length > len(data):
        raise ValueError(f"a part has {len(data)} bytes, and needs at least {length}")
    return data[:length]


def _size(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"a size is {value!r}")
    return value
