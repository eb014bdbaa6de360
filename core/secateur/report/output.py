"""Outputs that are tried before the work, and results that end up somewhere in any case."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from secateur.errors import FileError, SecateurError

T = TypeVar("T")
ROOM = 1 << 20
"""Bytes that are written to try an output."""
MOST = 1000
"""Names that are tried in one folder."""


def try_output(path: Path | str | None) -> None:
    """Before any work: a new file or folder can be written here; nothing of the trial is left.

    Arguments:
        path: of what will be written; None: nothing will.

    Raises:
        FileError: it exists, its folder cannot be made or written to, or has no space.
    """
    if path is None:
        return
    path = Path(path)
    made: list[Path] = []
    try:
        if os.path.lexists(path):  # a link to nowhere is in the way too
            raise FileError(
                f"{path} exists already",
                remedy="choose another name, or remove it yourself",
            )
        os.lstat(path.parent / f".{path.name}-12345678")  # the draft's name may be too long
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from error
    try:
        _make_parents(path.parent, made)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
        try:
            with (draft / "try").open("wb") as file:
                file.write(bytes(ROOM))
                file.flush()
                os.fsync(file.fileno())
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except (OSError, ValueError) as error:
        raise _cannot(path, error) from error
    finally:
        for folder in reversed(made):
            folder.rmdir()


def _make_parents(folder: Path, made: list[Path]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for folder in reversed(missing):
        folder.mkdir()
        made.append(folder)


def _cannot(path: Path, error: BaseException) -> FileError:
    return FileError(
        f"{path} cannot be written: {cause(error)}",
        remedy="choose another output; its folder must be writable and have space",
    )


def cause(error: BaseException) -> str:
    """What an error says, in a line; of what cannot be written, why."""
    if isinstance(error, SecateurError):
        return error.message.rpartition(" cannot be written: ")[2]
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    said = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def places(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """Where something is written if it cannot be at ``path``; names that are free.

    A new sibling, the current folder, the home, the temporary folder.

    Arguments:
        path: where it should have been.
        folder: it is one, and its name has no ending.
    """
    stem, ending = path.name, ""
    if not folder:
        stem, ending = path.stem, path.suffix
        if ending == ".gz":
            stem, ending = Path(stem).stem, Path(stem).suffix + ending
    seen = set()
    for find in (lambda: path.parent, Path.cwd, Path.home, lambda: Path(tempfile.gettempdir())):
        try:
            where = find().absolute()
        except (OSError, RuntimeError):  # the current folder was removed, there is no home
            continue
        if where in seen:
            continue
        seen.add(where)
        for number in range(1, MOST + 1):
            place = (path.parent if where == path.parent.absolute() else where) / (
                f"{stem}-rescued-{number}{ending}"
            )
            try:
                free = not os.path.lexists(place)
            except (OSError, ValueError):
                break
            if free:
                yield place
                break


@dataclass(frozen=True, eq=False)
class Saved(Generic[T]):
    """Where something was written in the end.

    Arguments:
        path: the file or folder.
        value: what writing it gave.
        error: says why it is not where it should be; None: all is well.
    """

    path: Path
    value: T
    error: FileError | None = None


def save_somewhere(
    write: Callable[[Path], T],
    path: Path | str,
    *,
    folder: bool = False,
    only: type[Exception] = Exception,
) -> Saved[T]:
    """Write a file or folder; if that fails, somewhere else, and say where.

    Arguments:
        write: writes it to a path that does not exist, or raises and leaves nothing behind.
        path: where it should be.
        folder: it is one.
        only: what another place can help against.

    Raises:
        SecateurError: why it could not be written there; it can be written nowhere.
    """
    path = Path(path)
    try:
        return Saved(path, write(path))
    except only as error:
        for place in places(path, folder=folder):
            try:
                value = write(place)
            except only:
                continue
            return Saved(place, value, rescued(path, place, cause(error)))
        if isinstance(error, SecateurError):
            raise
        raise _cannot(path, error) from error


def rescued(path: Path, place: Path, why: str) -> FileError:
    """The error of a result that is somewhere else."""
    # that it exists already is said with its name
    said = why if str(path) in why else f"{path} cannot be written: {why}"
    return FileError(
        f"{said}; it was written to {place} instead",
        remedy=f"nothing is lost: move {place} to where you want it",
    )
