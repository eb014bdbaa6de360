"""A curve as a folder: result.json, curve.csv, curve.png, curve.svg."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from secateur.errors import FileError
from secateur.plainfile import usual_rights
from secateur.report.curve.figure import draw_curve
from secateur.report.curve.points import Curve
from secateur.report.curve.shown import csv_of
from secateur.report.output import Saved, cause, save_somewhere

logger = logging.getLogger("secateur")
RESULT, ROWS = "result.json", "curve.csv"
PICTURES = ("curve.png", "curve.svg")


def save_curve(
    curve: Curve, told: Mapping[str, Any], folder: Path | str, title: str
) -> Saved[None]:
    """Write a curve into a new folder, or somewhere else if that fails; the pictures last.

    A picture that cannot be drawn costs only the pictures, with a warning.

    Arguments:
        curve: with one point or more.
        told: the content of ``result.json``.
        folder: must not exist.
        title: of the picture.

    Raises:
        FileError: it can be written nowhere.
    """
    texts = {RESULT: json.dumps(told, indent=2) + "\n", ROWS: csv_of(curve)}
    saved = save_somewhere(lambda place: _write(texts, place), folder, folder=True, only=FileError)
    paths = [saved.path / name for name in PICTURES]
    try:
        draw_curve(curve, title, *paths)
    except Exception as error:
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        why = cause(error)
        if isinstance(error, ModuleNotFoundError) and error.name is not None:
            why = f'{error.name} is missing (pip install "secateur[figures]")'
        logger.warning("%s are not drawn: %s", " and ".join(PICTURES), why)
    return saved


def _write(texts: Mapping[str, str], place: Path) -> None:
    """The folder appears complete or not at all."""
    draft: Path | None = None
    try:
        _refuse_existing(place)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        for name, text in texts.items():
            (draft / name).write_text(text, encoding="utf-8")
        usual_rights(draft)
        _refuse_existing(place)  # an empty folder would be replaced without a word
        draft.rename(place)
        draft = None
    except OSError as error:
        raise FileError(
            f"{place} cannot be written: {cause(error)}",
            remedy="choose another folder, on a disk with space",
        ) from error
    finally:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)


def _refuse_existing(place: Path) -> None:
    if os.path.lexists(place):
        raise FileError(f"{place} exists already", remedy="choose another name, or remove it")
