"""Matrices: MatrixMarket's ``.mtx`` and NumPy's or SciPy's ``.npz``; the energy is ``x'Qx``.

Every entry of the matrix counts once: a pair contributes ``(q_ij + q_ji)·x_i·x_j``.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from secateur.errors import FileError
from secateur.files.content import (
    MOST_VARIABLES,
    UNREADABLE,
    Content,
    believed,
    count_of,
    lines,
    number_of,
    remarks,
    size_of,
    truncated,
    wrong,
)
from secateur.files.entries import Entry, entry, joined, rows, triples

_REMEDY = "it must be a real square matrix: coordinate or array, general or symmetric"
_NPZ = "save it by numpy.savez(file, Q=matrix) or scipy.sparse.save_npz(file, matrix)"
MOST_DENSE = 1 << 32
"""Bytes that the arrays of a ``.npz`` may have."""


def read_mtx(path: Path, data: bytes) -> Content:
    """A MatrixMarket matrix; a symmetric one lists one triangle, a general one all entries."""
    found = list(lines(path, data))
    words = found[0][1].lower().split() if found else []
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"]:
        raise wrong(path, 1, "not '%%MatrixMarket matrix layout field symmetry'", _REMEDY)
    layout, field, symmetry = words[2:]
    if layout not in ("coordinate", "array") or field not in ("real", "integer", "double"):
        raise wrong(path, 1, f"the matrix is {layout[:40]}, {field[:40]}", _REMEDY)
    if symmetry not in ("general", "symmetric"):
        raise wrong(path, 1, f"the matrix is {symmetry[:40]}", _REMEDY)
    comments = [line[1:].strip() for _, line in found[1:] if line.startswith("%")]
    body = [(number, line) for number, line in found[1:] if not line.startswith("%")]
    if not body:
        raise truncated(path, "it has no line with its size")
    number, line = body[0]
    sizes = line.split()
    if len(sizes) != (3 if layout == "coordinate" else 2) or sizes[0] != sizes[1]:
        raise wrong(path, number, f"{line[:40]!r} is not the size of a square matrix", _REMEDY)
    n = size_of(path, number, sizes[0], data)
    symmetric = symmetry == "symmetric"
    if layout == "coordinate":
        entries = [entry(path, number, line) for number, line in body[1:]]
        wanted = count_of(path, number, sizes[2])
    else:
        values = [number_of(path, number, line) for number, line in body[1:]]
        wanted = n * (n + 1) // 2 if symmetric else n * n
        at = ((i, j) for j in range(n) for i in range(j if symmetric else 0, n))
        entries = [(0, i + 1, j + 1, q) for q, (i, j) in zip(values, at, strict=False)]
    found_entries = len(body) - 1
    if found_entries != wanted:
        raise truncated(path, f"its header says {wanted} entries, and it has {found_entries}")
    bqm = _summed(path, entries, n, 1, 2.0 if symmetric else 1.0)
    notes, told = remarks(comments)
    return Content(bqm, notes=notes, warnings=told)


def write_mtx(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """An upper triangle, as a general matrix."""
    diagonal, pairs = rows(bqm, first=1, zeros=False)
    n = bqm.num_variables
    head = ["%%MatrixMarket matrix coordinate real general", f"{n} {n} {len(diagonal + pairs)}"]
    return joined([*head, *diagonal, *pairs])


def _summed(
    path: Path, entries: list[Entry], n: int, first: int, factor: float
) -> dimod.BinaryQuadraticModel:
    """The model of ``x'Qx``; an entry that is listed twice is an error, two triangles add up."""
    seen: set[tuple[int, int]] = set()
    for number, i, j, _ in entries:
        key = (max(i, j), min(i, j)) if factor != 1.0 else (i, j)
        if not (first <= i < n + first and first <= j < n + first):
            raise wrong(path, number, f"the entry {i} {j} is outside of {first} to {n - 1 + first}")
        if key in seen:
            raise wrong(path, number, f"the entry {i} {j} is listed twice", "list each once")
        seen.add(key)
    index = np.array([(i, j) for _, i, j, _ in entries], dtype=np.intp).reshape(-1, 2) - first
    values = np.array([q for *_, q in entries], dtype=np.float64)
    return _form(index[:, 0], index[:, 1], values, n, first, factor)


def _form(
    row: NDArray[Any], col: NDArray[Any], values: NDArray[Any], n: int, first: int, factor: float
) -> dimod.BinaryQuadraticModel:
    linear = np.zeros(n)
    on = row == col
    linear[row[on]] = values[on]
    off = ~on & (values != 0.0)
    with np.errstate(over="ignore"):  # read_file refuses what is infinite
        couplings = factor * values[off]
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear,
        (row[off], col[off], couplings),
        0.0,
        dimod.BINARY,
        variable_order=list(range(first, n + first)),
    )


def read_npz(path: Path, data: bytes) -> Content:
    """One dense matrix, or a sparse one of SciPy; nothing is unpickled."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(item.file_size for item in archive.infolist())
        if size > min(MOST_DENSE, 1000 * len(data) + (1 << 24)):
            raise ValueError(f"it unpacks to {size} bytes")
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        row, col, values, n = _parts(path, arrays, len(data))
    except UNREADABLE as error:
        raise FileError(
            f"{path} is no .npz file with a matrix: {error or type(error).__name__}", remedy=_NPZ
        ) from error
    return Content(_form(row, col, values, n, 0, 1.0))


def _parts(
    path: Path, arrays: dict[str, NDArray[Any]], held: int
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], int]:
    if "format" not in arrays:
        if len(arrays) != 1:
            raise ValueError(f"it has the arrays {', '.join(sorted(arrays)[:8])}, and not one")
        (matrix,) = arrays.values()
        _check(matrix, matrix.shape)
        row, col = np.nonzero(matrix)
        return row, col, matrix[row, col].astype(np.float64), len(matrix)
    shape = tuple(int(k) for k in arrays["shape"].ravel())
    _check(arrays["data"], shape)
    believed(path, 0, shape[0], held)
    kind = arrays["format"].item()
    kind = kind.decode("ascii") if isinstance(kind, bytes) else str(kind)
    from scipy import sparse

    data = arrays["data"].astype(np.float64)  # sums of small integers would wrap around
    if kind == "coo":
        made = sparse.coo_array((data, (arrays["row"], arrays["col"])), shape=shape)
    elif kind in ("csr", "csc"):
        build = sparse.csr_array if kind == "csr" else sparse.csc_array
        made = build((data, arrays["indices"], arrays["indptr"]), shape=shape)
        made.check_format(full_check=True)
        made = made.tocoo()
    else:
        raise ValueError(f"the sparse format is {kind!r}, and coo, csr and csc are read")
    made = made.tocsr()  # entries that are listed twice add up, as they do in SciPy
    made.sum_duplicates()
    made = made.tocoo()
    return made.row, made.col, made.data, shape[0]


def _check(values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.dtype.kind not in "biuf":
        raise ValueError(f"its entries are {values.dtype}")
    if len(shape) != 2 or shape[0] != shape[1] or not 0 <= shape[0] <= MOST_VARIABLES:
        raise ValueError(f"its shape is {shape}")


def write_npz(bqm: dimod.BinaryQuadraticModel) -> bytes:
    """An upper triangle, as a sparse matrix of SciPy."""
    from scipy import sparse

    linear, pairs = triples(bqm)
    at = [(i, i, q) for i, q in enumerate(linear) if q] + pairs
    row, col, values = ([one[k] for one in at] for k in range(3))
    n = len(linear)
    matrix = sparse.coo_array((np.array(values, dtype=np.float64), (row, col)), shape=(n, n))
    file = io.BytesIO()
    sparse.save_npz(file, matrix.tocsr())
    return file.getvalue()
