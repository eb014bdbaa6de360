"""What a reader finds, and what all readers of text share: lines, numbers, labels, errors."""

from __future__ import annotations

import json
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import dimod

from secateur.errors import FileError
from secateur.problem.constraints import Constraint

MOST_VARIABLES = 1_000_000
"""A header that says more is taken for corrupt, before memory is asked for."""
FEW = 10_000
"""So many variables are believed of any file; more, only as many as it has bytes."""
MOST_COMMENTS = 4096
"""Characters of comments that the provenance keeps."""

MAXIMISED = {"sense": "maximised in the file; the energies here are of the negated objective"}
Sense = Literal["minimise", "maximise"]
UNREADABLE = (
    ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, EOFError,
    RuntimeError, SyntaxError, MemoryError, struct.error, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What the readers of other libraries raise on a file that is damaged or forged, whose sizes may be
anything; RecursionError and NotImplementedError are among the RuntimeErrors."""


@dataclass(frozen=True, eq=False)
class Content:
    """What a reader found.

    Arguments:
        bqm: binary, to be minimised.
        constraints: what the file demands besides.
        notes: what of the file's own remarks belongs into the provenance.
        warnings: what a user must be told.
        sense: what the file or its format says of the objective; None: nothing.
    """

    bqm: dimod.BinaryQuadraticModel
    constraints: tuple[Constraint, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    sense: Sense | None = None


def decoded(path: Path, data: bytes) -> str:
    """The text of a file; a byte order mark is passed over."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path} is no text (byte {error.start})", remedy="check that its suffix is right"
        ) from error


def lines(path: Path, data: bytes) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1; a byte order mark is passed over."""
    for number, line in enumerate(decoded(path, data).split("\n"), start=1):
        stripped = line.strip()
        if stripped:
            yield number, stripped


def wrong(
    path: Path,
    number: int,
    what: str,
    remedy: str = "check the file, and that its suffix is right",
) -> FileError:
    """What is wrong in a line; line 0 for a file without lines."""
    where = f"{path}, line {number}" if number else str(path)
    return FileError(f"{where}: {what}", remedy=remedy)


def truncated(path: Path, what: str) -> FileError:
    """A file that ends too early, or says what it does not keep."""
    return FileError(f"{path} is truncated or corrupt: {what}", remedy="fetch or write it again")


def number_of(path: Path, number: int, text: str) -> float:
    """A finite number of a line."""
    try:
        value = float(text.replace("_", "?"))  # Python alone reads 1_0
    except ValueError:
        raise wrong(path, number, f"{text[:40]!r} is not a number") from None
    if not math.isfinite(value):
        raise wrong(path, number, f"{text[:40]!r} is not finite")
    return value


def count_of(path: Path, number: int, text: str) -> int:
    """A count of a line."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 12:
        raise wrong(path, number, f"{text[:40]!r} is not a count")
    return int(text)


def size_of(path: Path, number: int, text: str, data: bytes) -> int:
    """A number of variables, believed as far as the file can hold them."""
    return believed(path, number, count_of(path, number, text), len(data))


def believed(path: Path, number: int, size: int, held: int) -> int:
    """A number of variables that a file of ``held`` bytes may state.

    Raises:
        FileError: it is more than is read, or than such a file can say anything of.
    """
    if size > MOST_VARIABLES:
        raise wrong(path, number, f"{size} variables; at most {MOST_VARIABLES} are read")
    if size > max(FEW, held):
        raise wrong(
            path,
            number,
            f"{size} variables in a file of {held} bytes",
            "the header is corrupt, or the file is cut off: fetch or write it again",
        )
    return size


def as_label(value: Any) -> Hashable:
    """A label that went through JSON: lists were tuples.

    Raises:
        ValueError: a number that dimod cannot take as a label.
    """
    if isinstance(value, (int, float)) and not abs(value) < 2**53:
        raise ValueError(f"the label {value}")
    return tuple(as_label(v) for v in value) if isinstance(value, list) else value


def labels_of(path: Path, number: int, text: str) -> list[Hashable]:
    """Labels that a line gives as a JSON list."""
    try:
        given = json.loads(text)
        labels: list[Hashable] = [as_label(label) for label in given]
        unique = isinstance(given, list) and len(set(labels)) == len(labels)
    except (ValueError, TypeError, RecursionError):
        unique = False
    if not unique:
        raise wrong(path, number, "the labels are not a JSON list, or not plain, or repeated")
    return labels


_LABELS = re.compile(r"variables\s*[=:]\s*\[")
_SHIFT = re.compile(
    r"\W*(?P<what>objective\s*offset|offset|constant|scale|scaling)\b\s*[:=]?\s*"
    r"(?P<value>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*",
    re.IGNORECASE,
)


def remarks(comments: Sequence[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Comments as notes; and a warning of one that states an offset, a scale or labels.

    A remark is never data; but who reads it would miss it in the energies.
    """
    kept: list[str] = []
    room = MOST_COMMENTS
    told = []
    for comment in comments:
        if (found := _SHIFT.fullmatch(comment)) is not None:
            neutral = 1.0 if found["what"].lower().startswith("scal") else 0.0
            if float(found["value"]) != neutral:
                told.append(
                    f"the comment {comment[:60]!r} is a remark: the energies are without it"
                )
        elif _LABELS.match(comment):  # ours, before what is written here had a first line
            told.append(
                f"the comment {comment[:60]!r} is a remark: the variables are numbered, not named"
            )
        if comment and room >= len(comment):
            kept.append(comment)
            room -= len(comment)
        elif comment:
            room = 0
    more = sum(1 for comment in comments if comment) - len(kept)
    notes: dict[str, Any] = {"comments": kept} if kept else {}
    if more:
        notes["comments"] = [*kept, f"… and {more} more"]
    return notes, tuple(told)
