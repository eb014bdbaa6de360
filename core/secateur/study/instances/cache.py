"""What is made once and kept in a folder beside the study: safe for several processes.

A file appears whole or not at all; who is to make it holds a lock that ends with its process.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from secateur.errors import FileError
from secateur.plainfile import usual_rights
from secateur.problem.model import Problem
from secateur.problem.toml import parse_constraints, to_toml
from secateur.study.instances.asked import problem_sha256


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """Only one process at a time is inside, of those that use a folder.

    Where a system has no such locks all are let in: what they make is the same.

    Arguments:
        folder: made if it is not there.
        name: of the lock.

    Raises:
        FileError: the folder cannot be written.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        _make(folder)
        yield
        return
    _make(folder)
    path = folder / f".{name}.lock"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears complete; one that is there is replaced.

    Raises:
        FileError: it cannot be written.
    """
    _make(path.parent)
    draft: str | None = None
    try:
        handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        usual_rights(draft)
        Path(draft).replace(path)
    except OSError as error:
        if draft is not None:
            Path(draft).unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def keep_problem(folder: Path, sha256: str, problem: Problem) -> None:
    """Keep a problem under its sha256, if it is not kept yet.

    Arguments:
        folder: of the cache.
        sha256: ``problem_sha256`` of it.
        problem: over labels that are texts.

    Raises:
        FileError: it cannot be written.
    """
    path = _problem_file(folder, sha256)
    if path.exists():
        return
    row, col, bias = problem.quadratic
    about = {
        "labels": list(problem.variables),
        "offset": problem.offset,
        "constraints": to_toml(problem.constraints, problem.variables),
    }
    made = io.BytesIO()
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    np.savez_compressed(made, linear=problem.linear, row=row, col=col, bias=bias, about=text)
    write_whole(path, made.getvalue())


def kept_problem(folder: Path, sha256: str) -> Problem | None:
    """A problem that was kept; None if it is not there, or is not the one that was kept."""
    path = _problem_file(folder, sha256)
    try:
        with np.load(path, allow_pickle=False) as held:
            about = json.loads(held["about"].tobytes())
            labels = about["labels"]
            problem = Problem.from_arrays(
                labels,
                held["linear"],
                (held["row"], held["col"], held["bias"]),
                about["offset"],
                parse_constraints(about["constraints"], labels),
            )
    except Exception:  # damaged in any way: it is made again
        return None
    return problem if problem_sha256(problem) == sha256 else None


def _problem_file(folder: Path, sha256: str) -> Path:
    return folder / "problems" / f"{sha256}.npz"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(path: Path, error: OSError) -> FileError:
    return FileError(
        f"{path} cannot be written: {error.strerror or error}",
        remedy="make its folder writable: a study keeps there what it measures of a network",
    )
