"""QUBO files: the formats of this field, read and written.

``registry.FORMATS`` is the table of them. Next to a file that is written lies ``<file>.json`` with
its sha256 and its provenance; where it is there, loading checks the hash. Nothing is unpickled, and
nothing is overwritten.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import dimod
import numpy as np

from secateur.errors import FileError, OptionError
from secateur.files.content import MAXIMISED, Content, as_label
from secateur.files.packed import inner, pack, unpack
from secateur.files.registry import WRITTEN, chosen, named, with_look
from secateur.files.sidecar import MARK, Provenance, read_sidecar, sidecar_of, write_both
from secateur.files.writing import Format, Writable, fitting
from secateur.plainfile import check_new, read_plain
from secateur.problem.constraints import Cardinality, Constraint

logger = logging.getLogger("secateur")

_PROVEN = ("bqm", "coo", "qubo")
"""What is written in these is what is read, for every model; others are read back to see it."""


@dataclass(frozen=True, eq=False)
class QuboFile:
    """What a file holds.

    Arguments:
        path: of the file.
        bqm: the QUBO, binary, to be minimised, over the labels of the file.
        ones: the wanted count, if the file demands one of all variables.
        sha256: of the file.
        provenance: what the file says of itself, and where it came from, as it was saved.
        constraints: all that the file demands, the count among them.
        warnings: what was taken otherwise than one may think.
        maximised: the file's own objective is minus the energy.
        format: the name of its format.
    """

    path: Path
    bqm: dimod.BinaryQuadraticModel
    ones: int | None
    sha256: str
    provenance: Provenance = field(default_factory=dict)
    constraints: tuple[Constraint, ...] = ()
    warnings: tuple[str, ...] = ()
    maximised: bool = False
    format: str = ""


@dataclass(frozen=True, eq=False)
class Converted:
    """What was written from what.

    Arguments:
        source: as it was read.
        path: of the new file.
        sha256: of the new file.
        format: its format.
    """

    source: QuboFile
    path: Path
    sha256: str
    format: str


def read_file(path: str | Path, *, format: str | None = None, maximise: bool = False) -> QuboFile:
    """Read a QUBO file, also one that is packed by gzip, xz or bzip2.

    Its suffix says the format; where that says nothing, its content.

    Arguments:
        path: of the file.
        format: the name of its format, "mqlib"; None: as said.
        maximise: its objective is to be maximised, and is negated.

    Raises:
        FileError: missing, truncated, corrupt, of an unknown format, not what was saved, or with
            more in it than a QUBO and constraints.
        OptionError: no such format, or the file says itself what is to be done.
    """
    path = Path(path)
    wanted = None if format is None else named(format)
    packed = read_plain(path)
    digest = hashlib.sha256(packed).hexdigest()
    provenance = read_sidecar(path, digest)
    data = unpack(path, packed)
    reader = chosen(inner(path), data) if wanted is None else wanted
    try:
        content = reader.read(path, data)
    except FileError as error:
        raise with_look(error, reader, data) from error.__cause__
    if maximise:
        content = _negated(path, content)
    _check_finite(path, content.bqm)
    for warning in content.warnings:
        logger.warning("%s: %s", path, warning)
    return QuboFile(
        path,
        content.bqm,
        _ones(content.constraints),
        digest,
        {**content.notes, **provenance},
        content.constraints,
        content.warnings,
        content.sense == "maximise",
        reader.name,
    )


def _negated(path: Path, content: Content) -> Content:
    if content.sense is not None:
        raise OptionError(
            f"{path} says itself that its objective is {content.sense}d",
            remedy="leave maximise out",
        )
    bqm = content.bqm.copy()
    bqm.scale(-1.0)
    said = {"sense": MAXIMISED["sense"].replace("in the file", "as asked")}
    notes = {**content.notes, **said}
    return Content(bqm, content.constraints, notes, content.warnings, "maximise")


def _ones(constraints: Iterable[Constraint]) -> int | None:
    for constraint in constraints:
        if isinstance(constraint, Cardinality) and constraint.kind == "count":
            return constraint.lower
    return None


def load_bqm(path: str | Path) -> dimod.BinaryQuadraticModel:
    """The QUBO of a file, as a binary model over the file's labels.

    Arguments:
        path: of the file.

    Raises:
        FileError: as ``read_file``; or the file also demands something.
    """
    file = read_file(path)
    if file.ones is not None and len(file.constraints) == 1:
        raise FileError(
            f"{path} holds a QUBO and a count of {file.ones}", remedy="read both with read_file"
        )
    if file.constraints:
        raise FileError(
            f"{path} holds a QUBO and {len(file.constraints)} constraints",
            remedy="read both with read_file",
        )
    return file.bqm


def save_bqm(
    bqm: dimod.BinaryQuadraticModel, path: str | Path, provenance: Provenance | None = None
) -> str:
    """Write a QUBO to a new file; as ``write_file`` without constraints.

    Arguments:
        bqm: binary or of spins.
        path: of the new file; its suffix says the format.
        provenance: JSON-safe, for the file beside it.

    Raises:
        FileError: as ``write_file``.
    """
    return write_file(bqm, path, provenance=provenance)


def write_file(
    bqm: dimod.BinaryQuadraticModel,
    path: str | Path,
    *,
    constraints: Iterable[Constraint] = (),
    provenance: Provenance | None = None,
    format: str | None = None,
    numbered: bool = False,
) -> str:
    """Write a QUBO to a new file, and ``<file>.json`` with sha256 and provenance next to it.

    Both are written whole or not at all, packed where the suffix ends in .gz, .xz or .bz2.

    Arguments:
        bqm: of either vartype; spins become binary.
        path: its suffix says the format. .bqm keeps everything; .coo and .qubo number the
            variables and keep labels and offset in comments, which other readers ignore.
        constraints: demanded besides; .lp, .mps and .cqm hold them.
        provenance: JSON-safe: the network, the objective, its options, versions.
        format: the name of the format; None: the suffix says it.
        numbered: labels that the format cannot hold become numbers, and stay in the provenance.

    Returns:
        The sha256 of the file.

    Raises:
        FileError: it exists, cannot be written, no such format is written, the format cannot hold
            what is to be written, or a bias is not finite.
    """
    path = Path(path)
    target = _target(path, format)
    for file in (path, sidecar_of(path)):
        check_new(file)
    binary = bqm if bqm.vartype is dimod.BINARY else bqm.change_vartype(dimod.BINARY, inplace=False)
    _check_finite(path, binary)
    whole = Writable(binary, tuple(constraints))
    labels = list(binary.variables)
    said = dict(provenance or {})
    try:
        # dimod writes a set as a list, which would come back as a tuple
        if [as_label(label) for label in json.loads(json.dumps(labels))] != labels:
            raise ValueError("a label is another one as JSON")
        problem = fitting(path, whole, target, numbered=numbered)
        if list(problem.bqm.variables) != labels:
            said["labels"] = labels
        data = _exactly(path, target, problem)
        packed = pack(path, data)
        digest = hashlib.sha256(packed).hexdigest()
        about = {
            "about": MARK,
            "file": path.name,
            "sha256": digest,
            "variables": int(binary.num_variables),
            "couplings": int(binary.num_interactions),
            "provenance": said,
        }
        text = json.dumps(about, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise FileError(
            f"{path} cannot be written: a label or the provenance is not plain data ({error})",
            remedy="use strings, numbers and tuples as labels, and JSON data as provenance",
        ) from error
    write_both(path, packed, text)
    return digest


def convert(
    source: str | Path,
    target: str | Path,
    *,
    format: str | None = None,
    to: str | None = None,
    maximise: bool = False,
    numbered: bool = False,
) -> Converted:
    """Read a file and write it in another format; what is lost is refused or told.

    Arguments:
        source: as for ``read_file``.
        target: as for ``write_file``.
        format: of the source; None: found.
        to: the format of the target; None: its suffix says it.
        maximise: the source's objective is to be maximised: it is negated.
        numbered: as for ``write_file``.

    Raises:
        FileError: as ``read_file`` and ``write_file``.
    """
    _target(Path(target), to)
    check_new(Path(target))
    file = read_file(source, format=format, maximise=maximise)
    came = {"converted from": {"file": file.path.name, "sha256": file.sha256}}
    digest = write_file(
        file.bqm,
        target,
        constraints=file.constraints,
        provenance={**file.provenance, **came},
        format=to,
        numbered=numbered,
    )
    return Converted(file, Path(target), digest, _target(Path(target), to).name)


def _target(path: Path, format: str | None) -> Format:
    found = WRITTEN.get(inner(path).suffix.lower()) if format is None else named(format)
    if found is None:
        raise FileError(
            f"{path}: the suffix {inner(path).suffix!r} says no format that can be written",
            remedy=f"use one of {', '.join(WRITTEN)}",
        )
    if found.write is None:
        raise FileError(
            f"{path}: {found.title} is only read", remedy=f"use one of {', '.join(WRITTEN)}"
        )
    return found


def _exactly(path: Path, target: Format, problem: Writable) -> bytes:
    """The bytes of a file that reads back to the same, or an error."""
    assert target.write is not None
    data = target.write(problem)
    if target.name in _PROVEN:
        return data
    again = target.read(path, data)
    bqm = again.bqm
    if again.sense == "maximise" and target.name != "max-cut":
        bqm = bqm.copy()
        bqm.scale(-1.0)
    if bqm != problem.bqm or len(again.constraints) < len(problem.constraints):
        raise FileError(
            f"{path}: {target.title} cannot hold this problem to the last bit",
            remedy="write .bqm or .cqm",
        )
    return data


def _check_finite(path: Path, bqm: dimod.BinaryQuadraticModel) -> None:
    vectors = bqm.to_numpy_vectors()
    for values in (vectors.linear_biases, vectors.quadratic.biases, vectors.offset):
        if not np.isfinite(values).all():
            raise FileError(
                f"{path}: a bias or the offset is NaN or infinite",
                remedy="look at what it was made from",
            )
