"""The note beside a file: its hash, and where it came from."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secateur.errors import FileError
from secateur.plainfile import MOST_TEXT, read_plain, usual_rights

Provenance = Mapping[str, Any]
MARK = "secateur QUBO file"


def sidecar_of(path: Path) -> Path:
    """The file beside a file."""
    return path.with_name(path.name + ".json")


def read_sidecar(path: Path, digest: str) -> Provenance:
    """The provenance of a file; empty where nothing, or somebody else's file, is there.

    Raises:
        FileError: it is corrupt, or belongs to other content.
    """
    sidecar = sidecar_of(path)
    if not sidecar.is_file():
        return {}
    remedy = f"write {path.name} again, or remove {sidecar.name} to load it without provenance"
    try:
        about = json.loads(read_plain(sidecar, most=MOST_TEXT))
    except (FileError, ValueError, RecursionError) as error:
        raise FileError(f"{sidecar} is corrupt: {error}", remedy=remedy) from error
    if not isinstance(about, dict) or about.get("about") != MARK:
        return {}  # somebody else's file
    if about.get("sha256") != digest:
        raise FileError(
            f"{path} is not the file that was saved: its sha256 is {digest[:12]}…, and "
            f"{sidecar.name} says {str(about.get('sha256'))[:12]}…",
            remedy=remedy,
        )
    provenance = about.get("provenance")
    return provenance if isinstance(provenance, dict) else {}


def write_both(path: Path, data: bytes, about: str) -> None:
    """A file and its sidecar, both whole or not at all."""
    sidecar = sidecar_of(path)
    # the sidecar first: a file that is there is complete, and has its provenance
    _write_whole(sidecar, about.encode())
    try:
        _write_whole(path, data)
    except BaseException:
        sidecar.unlink(missing_ok=True)
        raise


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
        usual_rights(temporary)
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
