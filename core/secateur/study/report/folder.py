"""The folder of a report: written beside its place, moved there when whole.

A folder that a report made is replaced by the next one. ``MANIFEST`` in it says what was written;
anything else in it, or a file that was changed since, is somebody's, and nothing is touched.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from secateur.errors import FileError
from secateur.plainfile import usual_rights

MANIFEST = ".secateur-report.json"
"""Names and SHA-256 of the files of a report, relative to it."""
SHOWN = 3
"""Names of foreign files that an error tells."""


def check_place(folder: Path) -> None:
    """Nothing that is not a report's own stands where a report is to be written.

    Raises:
        FileError: a file, or a folder with anything in it that a report did not write.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise FileError(
            f"{folder} exists already, and is no folder",
            remedy="choose another folder (--output), or remove it yourself",
        )
    try:
        foreign = _foreign(folder)
    except OSError as error:
        raise _cannot(folder, error) from error
    if foreign:
        names = ", ".join(foreign[:SHOWN]) + (", …" if len(foreign) > SHOWN else "")
        raise FileError(
            f"{folder} holds what no report wrote, or what was changed since: {names}",
            remedy="choose another folder (--output), or move these files elsewhere",
        )


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder to write into; it takes the place of ``folder`` when the block ends well.

    Arguments:
        folder: that does not exist, is empty, or was made by a report and is unchanged.

    Raises:
        FileError: as ``check_place``, or it cannot be written; what was there is left as it was.
    """
    check_place(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise _cannot(folder, error) from error
    try:
        yield draft
        (draft / MANIFEST).write_text(json.dumps(_hashes(draft), indent=1, sort_keys=True) + "\n")
        usual_rights(draft)
        check_place(folder)  # somebody may have written there in the meantime
        _swap(draft, folder)
    except OSError as error:
        raise _cannot(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _swap(draft: Path, folder: Path) -> None:
    before = None
    if folder.exists():
        before = Path(tempfile.mkdtemp(prefix=f".{folder.name}-before-", dir=folder.parent))
        folder.rename(before / "report")
    try:
        draft.rename(folder)
    except OSError:
        if before is not None:
            with suppress(OSError):
                (before / "report").rename(folder)
        raise
    finally:
        if before is not None and folder.exists():
            shutil.rmtree(before, ignore_errors=True)


def _foreign(folder: Path) -> list[str]:
    """What a report did not write, or not so; an empty folder has none."""
    try:
        known = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, ValueError):
        known = {}
    if not isinstance(known, dict):
        known = {}
    found = _hashes(folder)
    return sorted(name for name, digest in found.items() if known.get(name) != digest)


def _hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file but the manifest; a link is no file of ours."""
    made = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            made[name] = "a link"
        elif path.is_file() and name != MANIFEST:
            made[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return made


def _cannot(folder: Path, error: OSError) -> FileError:
    return FileError(
        f"{folder} cannot be written: {error.strerror or error}",
        remedy="choose another folder (--output); its parent must be writable and have space",
    )
