"""Files that users name: read only if they are plain files, and refused by what they are.

A device never ends, a pipe is waited for, a name with NUL is a ``ValueError`` deep inside; each is
told here, before anything is read.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from secateur.errors import FileError

MOST_BYTES = 2**32
"""A larger file is not read into memory."""
MOST_TEXT = 2**28
"""Of JSON and TOML, which takes many times its size when it is parsed."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def check_plain(path: Path, *, most: int = MOST_BYTES) -> None:
    """It is a plain file that can be read, and not larger than it may be.

    Raises:
        FileError: it is not, and why.
    """
    try:
        found = path.stat()
        kind = _KINDS.get(stat.S_IFMT(found.st_mode))
        if kind is None and not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, ValueError) as error:
        raise cannot_read(path, error) from error
    if kind is not None:
        raise FileError(f"{path} is {kind}, no file", remedy="give a plain file")
    if found.st_size > most:
        raise FileError(
            f"{path} has {found.st_size / 2**30:.3g} GiB, and at most {most / 2**30:.3g} are read",
            remedy="check that it is the right file",
        )


def read_plain(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file.

    Raises:
        FileError: as ``check_plain``, or it cannot be read after all.
    """
    check_plain(path, most=most)
    try:
        return path.read_bytes()
    except (OSError, ValueError, MemoryError) as error:
        raise cannot_read(path, error) from error


def cannot_read(path: Path, error: BaseException) -> FileError:
    """Why a file cannot be read."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        remedy = "check the path"
        if isinstance(error, NotADirectoryError):
            file = next((one for one in path.parents if one.is_file()), path.parent)
            remedy = f"check the path: {_shown(file)} is a file, and a folder is wanted"
        return FileError(f"{_shown(path)} does not exist", remedy=remedy)
    return FileError(
        f"{_shown(path)} cannot be read: {_why(error)}",
        remedy="check the path and its permissions",
    )


def check_new(path: Path, *, remedy: str = "choose another name, or remove it yourself") -> None:
    """Nothing is there yet, and the name is one that a file can have.

    Raises:
        FileError: something is there, or the name cannot be used.
    """
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise FileError(
            f"{_shown(path)} cannot be written: {_why(error)}", remedy="choose another name"
        ) from error
    raise FileError(f"{path} exists already", remedy=remedy)


def _why(error: BaseException) -> str:
    return (error.strerror if isinstance(error, OSError) else str(error)) or type(error).__name__


def _shown(path: Path) -> str:
    """A path that can be shown: its beginning and end, where it is too long."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:120]} … {text[-40:]}"


def usual_rights(path: Path | str) -> None:
    """Give a draft the rights that any new file or folder has here.

    What ``tempfile`` and safetensors make is its owner's alone, and would stay so under its name:
    a colleague could read half of a folder.

    Arguments:
        path: of a file or a folder.
    """
    mask = os.umask(0)
    os.umask(mask)
    path = Path(path)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)
