"""dimod's binary format, read with every index checked.

``BinaryQuadraticModel.from_file`` trusts the file: one wrong byte in an index crashes the process
(seen with dimod 0.12.23). The format is documented in ``BinaryQuadraticModel.to_file``; versions 1
and 2 are read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.errors import FileError
from secateur.files.content import Content, as_label

_MAGIC = b"DIMODBQM"
_TYPES = {"dtype": ("float32", "float64"), "itype": ("int32", "int64", "uint32", "uint64")}


class _Corrupt(ValueError):
    """What is wrong with the bytes."""


def write_bqm(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """The bytes of ``bqm.to_file()``."""
    with bqm.to_file() as file:
        return bytes(file.read())


def read_bqm(path: Path, data: bytes) -> Content:
    """A model from the bytes of ``bqm.to_file()``; spins become binary.

    Raises:
        FileError: truncated, corrupt, or another format.
    """
    if not data.startswith(_MAGIC):
        raise FileError(
            f"{path} is not a .bqm file: it does not start with {_MAGIC.decode()}",
            remedy="write it with save_bqm or dimod's to_file; rename it if it is another format",
        )
    try:
        return Content(_read(data))
    except (
        ValueError,
        LookupError,
        TypeError,
        struct.error,
        ArithmeticError,
        RecursionError,
    ) as error:
        what = str(error) if isinstance(error, _Corrupt) else f"{type(error).__name__}: {error}"
        raise FileError(
            f"{path} is truncated or corrupt: {what}", remedy="fetch or write it again"
        ) from error


def _read(data: bytes) -> dimod.BinaryQuadraticModel:
    if len(data) < 10:
        raise _Corrupt(f"it ends after {len(data)} bytes")
    major = data[8]
    if major not in (1, 2):
        raise _Corrupt(f"it is of version {major}, and 1 and 2 are known")
    (length,) = struct.unpack_from("<I", data, 10)
    header = json.loads(data[14 : 14 + length].decode("ascii"))
    n, pairs = (_size(v) for v in header["shape"])
    bias = np.dtype(_choice(header, "dtype"))
    at = np.dtype(_choice(header, "itype"))
    start = np.dtype(_choice(header, "ntype"))
    if header["vartype"] not in ("BINARY", "SPIN"):
        raise _Corrupt(f"the vartype is {header['vartype']!r}")
    place = 14 + length
    offset, place = _take(data, place, 1, bias)
    linear, place = _take(data, place, n, np.dtype([("first", start), ("bias", bias)]))
    quadratic, place = _take(data, place, 2 * pairs, np.dtype([("other", at), ("bias", bias)]))
    row, col, values = _pairs(linear["first"], quadratic, n, pairs)
    everything = np.concatenate([offset, linear["bias"], values])
    if not np.isfinite(everything).all():
        raise _Corrupt("a bias is NaN or infinite")
    labels = _labels(header["variables"], data, place, n, major)
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear["bias"].astype(np.float64),
        (row, col, values.astype(np.float64)),
        float(offset[0]) if len(offset) else 0.0,
        header["vartype"],
        variable_order=labels,
    )
    return bqm.change_vartype(dimod.BINARY, inplace=False)


def _size(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise _Corrupt(f"a size in the header is {value!r}")
    return value


def _choice(header: Any, name: str) -> str:
    value = header[name]
    if value not in _TYPES["dtype" if name == "dtype" else "itype"]:
        raise _Corrupt(f"the {name} is {value!r}")
    return str(value)


def _take(data: bytes, place: int, count: int, kind: np.dtype[Any]) -> tuple[Any, int]:
    after = place + count * kind.itemsize
    if after > len(data):
        raise _Corrupt(f"it ends after {len(data)} bytes, and needs at least {after}")
    return np.frombuffer(data, dtype=kind.newbyteorder("<"), count=count, offset=place), after


def _pairs(
    first: NDArray[Any], quadratic: NDArray[Any], n: int, pairs: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[Any]]:
    """Each pair once, from the neighbourhoods, where each is listed twice."""
    bounds = np.append(first.astype(np.int64), 2 * pairs)
    degrees = np.diff(bounds)
    other = quadratic["other"].astype(np.int64)
    if (n and bounds[0] != 0) or (degrees < 0).any() or (not n and pairs):
        raise _Corrupt("the neighbourhoods overlap")
    if ((other < 0) | (other >= n)).any():
        raise _Corrupt("a neighbour is no variable")
    own = np.repeat(np.arange(n), degrees)
    lower, upper = other < own, other > own
    if 2 * lower.sum() != len(other) or not _same(own, other, quadratic["bias"], lower, upper, n):
        raise _Corrupt("the couplings are not symmetric")
    return other[lower].astype(np.intp), own[lower].astype(np.intp), quadratic["bias"][lower]


def _same(
    own: NDArray[np.int64],
    other: NDArray[np.int64],
    bias: NDArray[Any],
    lower: NDArray[np.bool_],
    upper: NDArray[np.bool_],
    n: int,
) -> bool:
    """Whether both listings of the pairs agree, and no pair is there twice."""
    below, above = other[lower] * n + own[lower], own[upper] * n + other[upper]
    order, order2 = np.argsort(below), np.argsort(above)
    return (
        len(np.unique(below)) == len(below)
        and np.array_equal(below[order], above[order2])
        and np.array_equal(bias[lower][order], bias[upper][order2])
    )


def _labels(given: Any, data: bytes, place: int, n: int, major: int) -> list[Hashable]:
    if not given:
        return list(range(n))
    if major == 2:
        if data[place : place + 4] != b"VARS":
            raise _Corrupt("the labels are missing")
        (length,) = struct.unpack_from("<I", data, place + 4)
        if place + 8 + length > len(data):
            raise _Corrupt("the labels are cut off")
        given = json.loads(data[place + 8 : place + 8 + length].decode("ascii"))
    labels = [as_label(label) for label in given]
    if len(labels) != n or len(set(labels)) != n:
        raise _Corrupt(f"it has {n} variables and {len(set(labels))} labels")
    return labels
