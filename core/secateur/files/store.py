"""QUBO files: dimod's own format and the plain formats of this field, read and written.

======== ============================================ ======= =======
suffix   format                                       read    written
======== ============================================ ======= =======
.bqm     dimod's binary format (``bqm.to_file()``)    yes     yes
.coo     coordinate list (``dimod.serialization.coo``) yes    yes
.qubo    Qbsolv                                       yes     yes
.sparse  Biq Mac                                      yes     no
.qs      QOBLIB                                       yes     no
.json    BiqBin                                       yes     no
.lp      LP, with a quadratic objective               yes     no
======== ============================================ ======= =======

Next to a file that is written lies ``<file>.json`` with its sha256 and its provenance; where it is
there, loading checks the hash. Nothing is unpickled, and nothing is overwritten.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dimod
import numpy as np

from secateur.errors import FileError
from secateur.files import formats, formats_lp
from secateur.files.formats_bqm import read_bqm, write_bqm
from secateur.plainfile import MOST_TEXT, check_new, read_plain

Provenance = Mapping[str, Any]

_READERS: Mapping[str, Callable[[Path, bytes], formats.Content]] = {
    ".bqm": read_bqm,
    ".coo": formats.read_coo,
    ".qubo": formats.read_qbsolv,
    ".sparse": formats.read_biqmac,
    ".qs": formats.read_qoblib,
    ".json": formats.read_biqbin,
    ".lp": formats_lp.read_lp,
}
_WRITERS: Mapping[str, Callable[[dimod.BinaryQuadraticModel], bytes]] = {
    ".bqm": write_bqm,
    ".coo": formats.write_coo,
    ".qubo": formats.write_qbsolv,
}
_MARK = "secateur QUBO file"


@dataclass(frozen=True, eq=False)
class QuboFile:
    """What a file holds.

    Arguments:
        path: of the file.
        bqm: the QUBO, binary, over the labels of the file.
        ones: the wanted count, if the file states one (LP).
        sha256: of the file.
        provenance: where it came from, as it was saved; empty if nothing is known.
    """

    path: Path
    bqm: dimod.BinaryQuadraticModel
    ones: int | None
    sha256: str
    provenance: Provenance = field(default_factory=dict)


def read_file(path: str | Path) -> QuboFile:
    """Read a QUBO file; its suffix says the format.

    Raises:
        FileError: missing, truncated, corrupt, of an unknown format, not what was saved, or with
            more in it than a QUBO and a count.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise FileError(
            f"{path}: the suffix {path.suffix!r} says no format",
            remedy=f"use one of {', '.join(_READERS)}",
        )
    data = read_plain(path)
    digest = hashlib.sha256(data).hexdigest()
    provenance = _read_sidecar(path, digest)
    content = reader(path, data)
    _check_finite(path, content.bqm)
    return QuboFile(path, content.bqm, content.ones, digest, {**content.notes, **provenance})


def load_bqm(path: str | Path) -> dimod.BinaryQuadraticModel:
    """The QUBO of a file, as a binary model over the file's labels.

    Raises:
        FileError: as ``read_file``; or the file also states a count.
    """
    file = read_file(path)
    if file.ones is not None:
        raise FileError(
            f"{path} holds a QUBO and a count of {file.ones}", remedy="read both with read_file"
        )
    return file.bqm


def save_bqm(
    bqm: dimod.BinaryQuadraticModel, path: str | Path, provenance: Provenance | None = None
) -> str:
    """Write a QUBO to a new file, and ``<file>.json`` with sha256 and provenance next to it.

    Both are written whole or not at all.

    Arguments:
        bqm: of either vartype; spins become binary.
        path: .bqm keeps everything; .coo and .qubo number the variables and keep labels and offset
            in comments, which other readers ignore.
        provenance: JSON-safe: the network, the objective, its options, versions.

    Returns:
        The sha256 of the file.

    Raises:
        FileError: it exists, cannot be written, its suffix is not one of those, or a bias is not
            finite.
    """
    path = Path(path)
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise FileError(
            f"{path}: the suffix {path.suffix!r} says no format that can be written",
            remedy=f"use one of {', '.join(_WRITERS)}",
        )
    sidecar = _sidecar(path)
    for file in (path, sidecar):
        check_new(file)
    binary = bqm if bqm.vartype is dimod.BINARY else bqm.change_vartype(dimod.BINARY, inplace=False)
    _check_finite(path, binary)
    labels = list(binary.variables)
    try:
        # dimod writes a set as a list, which would come back as a tuple
        if [formats.as_label(label) for label in json.loads(json.dumps(labels))] != labels:
            raise ValueError("a label is another one as JSON")
        data = writer(binary)
        digest = hashlib.sha256(data).hexdigest()
        about = {
            "about": _MARK,
            "file": path.name,
            "sha256": digest,
            "variables": int(binary.num_variables),
            "couplings": int(binary.num_interactions),
            "provenance": dict(provenance or {}),
        }
        text = json.dumps(about, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise FileError(
            f"{path} cannot be written: a label or the provenance is not plain data ({error})",
            remedy="use strings, numbers and tuples as labels, and JSON data as provenance",
        ) from error
    # the sidecar first: a file that is there is complete, and has its provenance
    _write_whole(sidecar, text.encode())
    try:
        _write_whole(path, data)
    except BaseException:
        sidecar.unlink(missing_ok=True)
        raise
    return digest


def _check_finite(path: Path, bqm: dimod.BinaryQuadraticModel) -> None:
    vectors = bqm.to_numpy_vectors()
    for values in (vectors.linear_biases, vectors.quadratic.biases, vectors.offset):
        if not np.isfinite(values).all():
            raise FileError(
                f"{path}: a bias or the offset is NaN or infinite",
                remedy="look at what it was made from",
            )


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _read_sidecar(path: Path, digest: str) -> Provenance:
    sidecar = _sidecar(path)
    if not sidecar.is_file():
        return {}
    remedy = f"write {path.name} again, or remove {sidecar.name} to load it without provenance"
    try:
        about = json.loads(read_plain(sidecar, most=MOST_TEXT))
    except (FileError, ValueError, RecursionError) as error:
        raise FileError(f"{sidecar} is corrupt: {error}", remedy=remedy) from error
    if not isinstance(about, dict) or about.get("about") != _MARK:
        return {}  # somebody else's file
    if about.get("sha256") != digest:
        raise FileError(
            f"{path} is not the file that was saved: its sha256 is {digest[:12]}…, and "
            f"{sidecar.name} says {str(about.get('sha256'))[:12]}…",
            remedy=remedy,
        )
    provenance = about.get("provenance")
    return provenance if isinstance(provenance, dict) else {}


def _write_whole(path: Path, data: bytes) -> None:
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            temporary = Path(file.name)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise FileError(
            f"{path} cannot be written: {error.strerror or error}",
            remedy="check that the folder exists, can be written to and has space",
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
