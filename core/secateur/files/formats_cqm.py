"""dimod's binary format of a constrained quadratic model."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import dimod

from secateur.errors import ConstraintError, FileError
from secateur.files.content import UNREADABLE, Content
from secateur.files.cqm_members import check_members
from secateur.files.writing import Writable
from secateur.problem.cqm import from_cqm, to_cqm

_MAGIC = b"DIMODCQM"
MOST_TIMES, SLACK = 1000, 1 << 24


def read_cqm(path: Path, data: bytes) -> Content:
    """A model from the bytes of ``cqm.to_file()``; every index is checked before.

    Raises:
        FileError: truncated, corrupt, or with variables or constraints that are not taken.
    """
    if not data.startswith(_MAGIC):
        raise FileError(
            f"{path} is not a .cqm file: it does not start with {_MAGIC.decode()}",
            remedy="write it with dimod's to_file; rename it if it is another format",
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(item.file_size for item in archive.infolist())
            if size > MOST_TIMES * len(data) + SLACK:
                raise ValueError(f"it unpacks to {size} bytes")
            broken = archive.testzip()
            if broken is not None:
                raise ValueError(f"{broken[:80]} is corrupt")
            check_members(data, archive)
        model = dimod.ConstrainedQuadraticModel.from_file(io.BytesIO(data))
    except UNREADABLE as error:
        raise FileError(
            f"{path} is truncated or corrupt: {error or type(error).__name__}",
            remedy="fetch or write it again",
        ) from error
    try:
        bqm, constraints = from_cqm(model)
    except ConstraintError as error:
        raise FileError(f"{path}: {error.message}", remedy=error.remedy) from error
    return Content(bqm, constraints)


def write_cqm(problem: Writable) -> bytes:
    """The bytes of ``cqm.to_file()``.

    Raises:
        FileError: a constraint that such a model cannot say.
    """
    try:
        model = to_cqm(problem.bqm, problem.constraints)
    except ConstraintError as error:
        raise FileError(error.message, remedy=error.remedy) from error
    with model.to_file() as file:
        return bytes(file.read())
