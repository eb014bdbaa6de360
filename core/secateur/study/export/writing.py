"""New files and folders that are there wholly or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from secateur.errors import FileError
from secateur.plainfile import usual_rights


def write_new(path: Path, content: bytes) -> Path:
    """Write a file that must not exist; it appears under its name when it is whole.

    Raises:
        FileError: it exists, or cannot be written.
    """
    with _told(path):
        _refuse_existing(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(prefix=f".{path.name[:40]}-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            usual_rights(draft)
            os.link(draft, path)  # refused where the name was taken meanwhile
        finally:
            os.unlink(draft)  # noqa: PTH108
    return path


def write_folder(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write a folder that must not exist, with files by their names below it.

    Raises:
        FileError: it exists, or cannot be written.
    """
    with _told(folder):
        _refuse_existing(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}-", dir=folder.parent))
        try:
            for name, content in files.items():
                place = draft / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            usual_rights(draft)
            draft.rename(folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    return folder


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise FileError(
            f"{path} cannot be written: {why}", remedy="choose another place"
        ) from error


def _refuse_existing(path: Path) -> None:
    if os.path.lexists(path):  # a link to nowhere is in the way too
        raise FileError(
            f"{path} exists already", remedy="choose another name, or remove it yourself"
        )
